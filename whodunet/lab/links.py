"""Links: veth pairs, and shaped ones by netem where the kernel has it, by a process of the lab where not.

Whatever shapes a link sits between its two capture points: a packet is seen at one when it is sent, lost or not, and at
the other when it arrives. The kernel shows captures what an interface sends only after the interface's qdisc, so netem
is not on the ends themselves:

    end, a host's veth - its middle == netem, both ways == the other's middle - end, a veth of a host or switch
    end, a host's TAP ========= `link_emulator`, one for all links of a lab ========= end, a TAP of a host or switch

Middles are in the sandbox's namespace, which no host sees; what one receives, the other sends.
Source: tc-netem(8), tc-mirred(8), tc-u32(8); Linux, dev_queue_xmit_nit in net/core/dev.c.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from whodunet.errors import CannotRun
from whodunet.evidence.topology import Link
from whodunet.lab import link_emulator
from whodunet.lab.link_emulator import Shape
from whodunet.lab.linux import TUN
from whodunet.lab.processes import Daemon, check, run, start_spare
from whodunet.lab.spare import Spare

_UNNOTICEABLE: Final = "10gbit"  # at which a long packet takes a microsecond


@dataclass(frozen=True)
class End:
    """One end of a cable: its interface, hardware address, and a descriptor of the network namespace it lies in."""

    interface: str
    mac: str
    namespace: int | None  # None: the sandbox's own namespace, where the switches are
    middle: str  # what the interface is called that netem makes its counterpart, in the sandbox's own namespace


@dataclass(frozen=True)
class Cable:
    """A link as Mininet made it, with what the topology says of it."""

    link: Link
    ends: tuple[End, End]

    @property
    def name(self) -> str:
        """Its ends' names, as records and messages call it."""
        return " - ".join(self.link.ends)


def open_refusal(device: str) -> str | None:
    """Why a device cannot be opened, in the kernel's words; None where it can."""
    try:
        os.close(os.open(device, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return error.strerror or str(error)
    return None


def require_tun() -> None:
    """TAP and TUN interfaces can be made.

    Raises:
        CannotRun: where /dev/net/tun cannot be opened.
    """
    if refusal := open_refusal(TUN):
        refused = f"{TUN}, which delayed links and tunnels need, cannot be opened: {refusal}"
        raise CannotRun(f"{refused}; `whodunet doctor` says what fixes it")


def netem_refusal() -> str | None:
    """Why this kernel does not shape links itself, in its own words; None where it does."""
    refusal = _refusal("qdisc add dev lo root netem delay 1ms")
    if refusal is None:
        refusal = _refusal(*_redirection("lo", "lo", "arp"))  # which the loopback interface never carries
        run(["tc", "-force", "-batch", "-"], 10, "qdisc del dev lo root\nqdisc del dev lo ingress\n")
    return refusal


def _refusal(*lines: str) -> str | None:
    trial = run(["tc", "-batch", "-"], 10, _batch(lines))
    if trial.exit_status == 0:
        return None
    said = trial.stderr.strip().splitlines()
    return said[0] if said else f"tc exited with {trial.exit_status}"


def has_no_netem(refusal: str) -> bool:
    """True where the kernel refuses because netem is no part of it, which is no reason to worry about."""
    return "qdisc kind is unknown" in refusal


def veth_commands(cable: Cable, has_netem: bool) -> list[str]:
    """Lines for `ip -batch` in the sandbox's namespace that make the cable's ends, where these are veths."""
    if _is_taps(cable, has_netem):
        return []
    ends = [f"name {end.interface} address {end.mac}{_in_namespace(end)}" for end in cable.ends]
    if not cable.link.is_shaped:
        return [f"link add {ends[0]} type veth peer {ends[1]}"]
    middles = [end.middle for end in cable.ends]
    pairs = [f"link add {end} type veth peer name {middle}" for end, middle in zip(ends, middles, strict=True)]
    return [*pairs, *(f"link set dev {middle} up" for middle in middles)]


def tap_commands(cables: Sequence[Cable], has_netem: bool, namespace: int | None) -> list[str]:
    """Lines for `ip -batch` in a node's namespace that make its ends of the cables that a process shapes.

    Each is made where it lies: the kernel takes 20 ms to move one to another namespace. Measured on Linux 6.18.
    """
    ends = [end for cable in cables if _is_taps(cable, has_netem) for end in cable.ends if end.namespace == namespace]
    return [line for end in ends for line in _tap(end)]


def _is_taps(cable: Cable, has_netem: bool) -> bool:
    return cable.link.is_shaped and not has_netem


def _tap(end: End) -> list[str]:
    return [f"tuntap add dev {end.interface} mode tap", f"link set dev {end.interface} address {end.mac}"]


def _in_namespace(end: End) -> str:
    return "" if end.namespace is None else f" netns /proc/self/fd/{end.namespace}"


def shape(cables: Sequence[Cable], has_netem: bool, emulator: Spare) -> Daemon | None:
    """Has the cables delay, lose and slow packets; returns the process that does, where one is needed.

    It writes a line once it does.

    Args:
        emulator: becomes that process, or is dismissed.
    """
    shaped = [cable for cable in cables if cable.link.is_shaped]
    if not has_netem and shaped:
        return _emulate(shaped, emulator)
    emulator.dismiss()
    for cable in shaped:
        _join_middles(cable)
    return None


def _emulate(cables: Sequence[Cable], emulator: Spare) -> Daemon:
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    namespaces = sorted({own, *(end.namespace for cable in cables for end in cable.ends if end.namespace is not None)})

    def place(end: End) -> tuple[str, int]:
        return end.interface, namespaces.index(own if end.namespace is None else end.namespace)

    order = link_emulator.order_for(
        [(_shape_of(cable.link), place(cable.ends[0]), place(cable.ends[1])) for cable in cables]
    )
    try:
        return Daemon(link_emulator.NAME, start_spare(emulator, order, namespaces), is_asked=True)
    finally:
        os.close(own)


def _shape_of(link: Link) -> Shape:
    return Shape(link.delay_ms, link.jitter_ms, link.loss_pct, link.rate_mbit)


def _join_middles(cable: Cable) -> None:
    """An undelayed link in place of a delayed one would make every timing wrong: what the kernel refuses is told."""
    lines = middle_commands(cable, f"netem {' '.join(netem_options(cable.link))}")
    try:
        check(["tc", "-batch", "-"], _batch(lines))
    except CannotRun as error:
        raise CannotRun(f"the kernel refused to shape the link {cable.name}: {error}") from error


def middle_commands(cable: Cable, qdisc: str) -> list[str]:
    """Lines for `tc -batch` in the sandbox's namespace that join a cable's middles, with a qdisc each way."""
    one, other = (end.middle for end in cable.ends)
    shaping = [f"qdisc add dev {middle} root {qdisc}" for middle in (one, other)]
    return [*shaping, *_redirection(one, other), *_redirection(other, one)]


def _redirection(source: str, target: str, protocol: str = "all") -> list[str]:
    """Whatever of a protocol one interface receives, another sends, and nobody else sees it."""
    rule = f"protocol {protocol} u32 match u32 0 0 action mirred egress redirect dev {target}"
    return [f"qdisc add dev {source} ingress", f"filter add dev {source} parent ffff: {rule}"]


def _batch(lines: Sequence[str]) -> str:
    return "\n".join([*lines, ""])


def netem_options(link: Link) -> list[str]:
    """The link's properties as tc-netem(8) takes them."""
    options = ["delay", f"{link.delay_ms}ms", *([f"{link.jitter_ms}ms"] if link.jitter_ms else [])]
    options += ["loss", f"{link.loss_pct}%"] if link.loss_pct else []
    # With a rate, netem keeps packets in order whatever their jitter, as a real link does, and without one it does not.
    # Source: Linux, netem_enqueue
    rate = f"{link.rate_mbit}mbit" if link.rate_mbit else _UNNOTICEABLE if link.jitter_ms else None
    return options + (["rate", rate] if rate else [])


def describe(cables: Sequence[Cable], has_netem: bool) -> dict[str, str]:
    """What each shaped cable does and by which means, for the run's record."""
    means = "netem" if has_netem else link_emulator.NAME
    shaped = [cable for cable in cables if cable.link.is_shaped]
    return {cable.name: f"{means} {' '.join(_words(cable.link))}" for cable in shaped}


def _words(link: Link) -> list[str]:
    words = [f"{link.delay_ms:g} ms"] if link.delay_ms else []
    words += [f"± {link.jitter_ms:g} ms"] if link.jitter_ms else []
    words += [f"{link.loss_pct:g} % lost"] if link.loss_pct else []
    return words + ([f"{link.rate_mbit:g} Mbit/s"] if link.rate_mbit else [])
