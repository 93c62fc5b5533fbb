"""The seam between what a middlebox decides and the framework that carries it out.

A policy is pure: it turns its configuration into flow entries, and the frames that those entries send to the
controller into frames to send back. Which OpenFlow library installs the one and sends the other is not its business.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import Any, Protocol, Self

from whodunet.errors import InvalidInput, Problem


@dataclass(frozen=True)
class Output:
    """Sends the packet out of an OpenFlow port (a number, or one of the reserved names below)."""

    port: int


CONTROLLER = 0xFFFFFFFD  # reserved port numbers. Source: OpenFlow 1.3.5, section 7.2.1
NORMAL = 0xFFFFFFFA


@dataclass(frozen=True)
class Track:
    """Sends the packet through connection tracking. Source: ovs-actions(7), `ct`."""

    zone: int  # 0 to 255, counted by each policy for itself: no two switches share a zone
    commit: bool = False
    table: int | None = None  # where the packet goes on, None: nowhere (a fork for commit only)
    mark: int | None = None  # ct_mark to set while committing


@dataclass(frozen=True)
class GotoTable:
    """Continues with the entries of a later table."""

    table: int


CT_NEW = 0x01  # bits of ct_state. Source: ovs-fields(7), "Connection Tracking State"
CT_ESTABLISHED = 0x02
CT_RELATED = 0x04
CT_INVALID = 0x10
CT_TRACKED = 0x20

LATER_FRAGMENT = (2, 2)  # value and mask of `ip_frag`. Source: ovs-fields(7), "IPv4/v6 Fragment Bitmask"

Action = Output | Track | GotoTable


@dataclass(frozen=True)
class FlowEntry:
    """One flow entry; no actions means drop.

    `match` has OpenFlow's OXM field names as keys (`eth_type`, `ipv4_src`, `tcp_dst`, `ct_state`, `tcp_flags_nxm` ...);
    a value is a number, a string as Ryu's OFPMatch takes it, or a (value, mask) pair.
    """

    priority: int
    match: Mapping[str, Any] = field(default_factory=dict)
    actions: tuple[Action, ...] = ()
    table: int = 0


@dataclass(frozen=True)
class PacketOut:
    """A frame that the controller sends out of a port of the switch that asked."""

    frame: bytes
    port: int


class Policy(Protocol):
    """What one file of `controllers/` provides as `POLICY`."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any], ports: Mapping[str, int], place: str) -> Self:
        """Reads a configuration (plain YAML/JSON types).

        Args:
            config: the policy as a scenario, a topology or a person states it.
            ports: OpenFlow port number of each interface of the switch, by interface name.
            place: where the configuration stands, for error messages.

        Raises:
            InvalidInput: with every problem found, each naming its key below `place` and the fix.
        """
        ...

    def flow_entries(self) -> tuple[FlowEntry, ...]:
        """All flow entries of this policy; the switch holds these and no others."""
        ...

    def answer(self, frame: bytes, in_port: int) -> tuple[PacketOut, ...]:
        """What to send for a frame that a flow entry sent to the controller; nothing for one that it cannot read."""
        ...


PortRange = tuple[int, int]  # first and last port, both included
ALL_PORTS: PortRange = (0, 0xFFFF)


def masked_ports(ranges: Iterable[PortRange]) -> Iterator[tuple[int, int]]:
    """The fewest (value, mask) pairs that together match exactly the ports of `ranges`, in ascending order."""
    for first, last in _merged(ranges):
        start = first
        while start <= last:
            size = start & -start or 1 << 16  # the largest aligned block that may start here
            while start + size - 1 > last:
                size >>= 1
            yield start, 0x10000 - size
            start += size


def _merged(ranges: Iterable[PortRange]) -> list[PortRange]:
    merged: list[PortRange] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


@dataclass
class Reading:
    """Collects what is wrong in a configuration while it is read, so that a person sees all of it at once.

    Each method takes a value and the path of its key, and gives what was meant, or None after noting a problem.
    """

    place: str
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, path: str, wrong: str, fix: str) -> None:
        """Notes a problem."""
        self.problems.append(Problem(f"{self.place}: {path}", wrong, fix))

    def finish(self) -> None:
        """Raises InvalidInput with the problems, if there are any."""
        if self.problems:
            raise InvalidInput(*self.problems)

    def mapping(self, value: object, path: str, known: Collection[str] | None = None) -> Mapping[str, Any]:
        """A mapping with text keys, all of them `known`; empty after a problem with the value itself."""
        if not isinstance(value, Mapping):
            self.refuse(path, f"{value!r} is not a mapping", "write `key: value` pairs")
            return {}
        for key in value:
            if not isinstance(key, str) or (known is not None and key not in known):
                self.refuse(_join(path, key), f"unknown key {key!r}", meant(str(key), known or ()))
        return {key: content for key, content in value.items() if isinstance(key, str)}

    def sequence(self, value: object, path: str) -> list[Any]:
        """A list; empty after a problem."""
        if isinstance(value, list):
            return value
        self.refuse(path, f"{value!r} is not a list", "write a list, `[]` for an empty one")
        return []

    def choice(self, value: object, path: str, choices: Collection[str]) -> str | None:
        """One of `choices`."""
        if isinstance(value, str) and value in choices:
            return value
        wrong = "missing" if value is None else f"{value!r} is not one of {', '.join(choices)}"
        self.refuse(path, wrong, meant(str(value), choices))
        return None

    def number(self, value: object, path: str, last: int) -> int | None:
        """A number from 0 to `last`."""
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= last:
            return value
        self.refuse(path, f"{value!r} is not a number from 0 to {last}", "write a number")
        return None

    def address(self, value: object, path: str) -> IPv4Address | None:
        """An IPv4 address."""
        try:
            return IPv4Address(value if isinstance(value, str) else "")
        except AddressValueError:
            self.refuse(path, f"{value!r} is not an IPv4 address", "write one as 10.0.0.1")
            return None

    def network(self, value: object, path: str) -> IPv4Network | None:
        """An IPv4 network in CIDR notation without host bits."""
        try:
            if not isinstance(value, str) or not re.fullmatch(r"[0-9.]+(/[0-9]+)?", value):
                raise AddressValueError
            network = IPv4Network(value, strict=False)
        except (AddressValueError, NetmaskValueError):
            self.refuse(path, f"{value!r} is not a network", "write one as 10.0.0.0/8")
            return None
        if "/" not in value:
            self.refuse(path, f"{value!r} has no prefix length", f"write {value}/32 for the one address")
            return None
        if network.network_address != IPv4Address(value.partition("/")[0]):
            self.refuse(path, f"{value!r} has host bits set", f"write {network}, or {value.partition('/')[0]}/32")
            return None
        return network

    def ports(self, value: object, path: str) -> tuple[PortRange, ...]:
        """Ports written as a number, as "first-last", or as a list of these; empty after a problem."""
        if isinstance(value, list) and value:
            return tuple(ports for index, item in enumerate(value) for ports in self.ports(item, f"{path}[{index}]"))
        found = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", str(value)) if isinstance(value, str | int) else None
        if not found or int(found[2] or found[1]) > 0xFFFF:
            self.refuse(path, f"{value!r} is not a port", 'write a number from 0 to 65535, or a range as "8000-8080"')
            return ()
        first, last = int(found[1]), int(found[2] or found[1])
        if first > last:
            self.refuse(path, f"the range {value!r} ends before it starts", f'write "{last}-{first}"')
            return ()
        return ((first, last),)


def meant(written: str, choices: Collection[str]) -> str:
    """The fix for a word that is not one of `choices`: the one that looks like it, else all of them."""
    close = get_close_matches(written, choices, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"write one of {', '.join(choices)}" if choices else "take it out"


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)
