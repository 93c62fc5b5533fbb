"""What scenario files call things by: `{instance}` in a text, `egress-fw.inside` as a capture point, TTLs by sender.

A scenario says nothing that its topology decides, so that one file holds for every address plan and both families. In
any text a reference stands in braces, and a topology knows these:

- `{NODE}`: its address, in the family that probes go over; `{NODE.url}`: the same as a URL has it (IPv6 in brackets);
  `{NODE.cidr}`: the network of that one address;
- `{NODE.name}`, `{NODE.port.NAME}`, and `{NODE.PROPERTY}` for whatever else it is known by, such as an instance's id;
- `{NODE.LABEL}`: the name of the interface that is labelled so; `{NODE.LABEL.address}`, and `.url` and `.cidr` of it;
- `{NETWORK}`: its CIDR;
- `{family}`: ipv4 or ipv6; `{family.record}`: A or AAAA; `{family.option}`: -4 or -6; `{family.icmp}`: icmp or icmpv6.

Braces around anything else than words joined by dots are the shell's, awk's or JSON's own, and so are those behind `$`
(`${HOME}`) and `%` (curl's `%{http_code}`); `{{word}}` stands for the text `{word}`. A brace that nothing closes before
the name of a node or a network is a slip, and `{{instance` stands for the text `{instance`. One that nothing opens is
left alone: what stands before it says nothing of who closes what.
"""

from __future__ import annotations

import difflib
import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_interface
from typing import Final

from whodunet.evidence.topology import Family, Interface, Topology
from whodunet.spelling import did_you_mean

Value = str | int
_WORDS: Final = r"[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*"
BRACED: Final = re.compile(rf"\{{\{{(?P<literal>{_WORDS})\}}\}}|(?<![$%])\{{(?P<name>{_WORDS})\}}")
"""A reference in a text, or what stands for the text of one."""
_UNCLOSED: Final = rf"(?<![$%{{])\{{(?P<doubled>\{{)?(?P<unclosed>{_WORDS})(?![\w-])(?![^{{}}]*\}})"
_TOLD: Final = re.compile(f"{BRACED.pattern}|{_UNCLOSED}")
REFERENCE_PATTERN: Final = rf"^\{{{_WORDS}\}}$"
"""A text that is one reference, in the regular expressions of JSON Schema."""
_SIMILAR: Final = 0.65  # of 1: two letters of three, and more than an ending in common
_AS_SENT: Final = re.compile(r"as sent by (\S+)")
_FAMILIES: Final[Mapping[Family, Mapping[str, str]]] = {
    "ipv4": {"family": "ipv4", "family.record": "A", "family.option": "-4", "family.icmp": "icmp"},
    "ipv6": {"family": "ipv6", "family.record": "AAAA", "family.option": "-6", "family.icmp": "icmpv6"},
}


@dataclass(frozen=True)
class Misreference:
    """A reference to what the topology does not have."""

    wrong: str
    fix: str


class References:
    """All that the scenarios of one topology may refer to."""

    def __init__(self, topology: Topology, uplinks: Mapping[str, str] | None = None) -> None:
        """What a topology knows.

        Args:
            uplinks: host: the way out that the scenario has it use; the first of the topology where none is given.
                An uplink's interface is the one labelled like it.
        """
        self.topology = topology
        self._uplinks = uplinks or {}
        self.values: Mapping[str, Value] = dict(self._named())

    @property
    def ambiguous(self) -> Mapping[str, tuple[Value, ...]]:
        """Names that stand for more than one thing, and what they stand for."""
        meanings: dict[str, dict[Value, None]] = {}
        for name, value in self._named():
            meanings.setdefault(name, {})[value] = None
        return {name: tuple(values) for name, values in meanings.items() if len(values) > 1}

    def resolved(self, text: str) -> tuple[Value, tuple[Misreference, ...]]:
        """A text with what its references stand for, and what is wrong with those that stand for nothing.

        A text that is one reference and nothing else keeps the type of what that stands for: a port is a number.
        """
        wrong: dict[str, Misreference] = {}

        def value(found: re.Match[str]) -> Value:
            name, unclosed = found["name"], found["unclosed"]
            if unclosed is not None:
                if not found["doubled"] and self._is_of_the_topology(unclosed):
                    fix = f"write {{{unclosed}}}, or {{{{{unclosed} for the text"
                    wrong[found[0]] = Misreference(f"has {{{unclosed} without its closing brace", fix)
                return f"{{{unclosed}" if self._is_of_the_topology(unclosed) else found[0]
            if name is None:
                return f"{{{found['literal']}}}"
            if name in self.values:
                return self.values[name]
            if name not in wrong:
                wrong[name] = self._misreference(name)
            return found[0]

        whole = _TOLD.fullmatch(text)
        if whole is not None:
            return value(whole), tuple(wrong.values())
        return _TOLD.sub(lambda found: str(value(found)), text), tuple(wrong.values())

    def ttl_as_sent(self, said: str, point: str) -> int | Misreference:
        """The TTL (hop limit) that what a node sends has at a capture point, told as "as sent by NODE"."""
        relation = _AS_SENT.fullmatch(said)
        if relation is None:
            fix = f"write {said} without quotes" if said.isdecimal() else "write `as sent by NODE`, or a number"
            return Misreference(f"is {json.dumps(said)}", fix)
        sender = relation[1]
        node = self.topology.nodes.get(sender)
        if node is None:
            wrong = f"is as sent by {sender}, which is not a node of {self.topology.name}"
            return Misreference(wrong, did_you_mean(sender, self.topology.nodes))
        passed = 0 if point not in self.topology.interfaces else self._routers_between(sender, point)
        if passed is None:
            wrong = f"is as sent by {sender}, from which no way leads to {point}"
            return Misreference(wrong, "name a node on the path")
        return node.initial_ttl - passed

    def point_as_written(self, point: str) -> str:
        """A capture point as scenario files name it: by its label, if it has one."""
        return next((label for label, name in self.topology.labelled.items() if name == point), point)

    def ttl_as_written(self, ttl: int, point: str, sender: str | None) -> Value:
        """A TTL at a capture point as scenario files say it: by its sender, where what that one sends has it there."""
        said = f"as sent by {sender}"
        return said if self.ttl_as_sent(said, point) == ttl else ttl

    def _named(self) -> Iterator[tuple[str, Value]]:
        yield from _FAMILIES[self.topology.family].items()
        for name, cidrs in self.topology.networks.items():
            for cidr in cidrs:
                if _version(cidr) == self._version:
                    yield name, cidr
        for node in self.topology.nodes.values():
            yield from ((f"{node.name}.{key}", value) for key, value in node.properties.items())
            yield from ((f"{node.name}.port.{key}", port) for key, port in node.ports.items())
            yield f"{node.name}.name", node.name
            yield from self._addressed(node.name, node.name, self._own_interfaces(node.name))
        for label, name in self.topology.labelled.items():
            yield label, name
            yield from self._addressed(f"{label}.address", label, [self.topology.interfaces[name]])

    def _addressed(self, name: str, whole: str, interfaces: list[Interface]) -> Iterator[tuple[str, Value]]:
        """The address of what has exactly one, by a name; as a URL has it; and the network of it alone."""
        addresses = [address for each in interfaces if (address := each.address(self.topology.family))]
        if len(addresses) == 1:
            ip = ip_interface(addresses[0]).ip
            yield name, str(ip)
            yield f"{whole}.url", f"[{ip}]" if ip.version == 6 else str(ip)
            yield f"{whole}.cidr", f"{ip}/{ip.max_prefixlen}"

    def _own_interfaces(self, node: str) -> list[Interface]:
        """A node's interfaces; of a host with uplinks the one that it uses."""
        own = self._interfaces_of(node)
        ways = self.topology.uplinks.get(node)
        used = [each for each in own if ways and each.label == self._uplinks.get(node, ways[0])]
        return used or own

    def _interfaces_of(self, node: str) -> list[Interface]:
        return [each for each in self.topology.interfaces.values() if each.node == node]

    @property
    def _version(self) -> int:
        return 4 if self.topology.family == "ipv4" else 6

    def _misreference(self, name: str) -> Misreference:
        family, node = self.topology.family, self.topology.nodes.get(re.sub(r"\.(url|cidr)$", "", name))
        if node is not None:
            addressed = [
                each
                for each in self.topology.labelled
                if f"{each}.address" in self.values and _first(each) == node.name
            ]
            several = ", ".join(f"{{{each}.address}}" for each in addressed)
            wrong = f"refers to {{{name}}}, but {node.name} has {'several addresses' if several else 'no address'}"
            return Misreference(f"{wrong} in {family}", f"use one of: {several}" if several else "name a host")
        wrong = f"refers to {{{name}}}, which {self.topology.name} does not know"
        near = difflib.get_close_matches(name, self.values, n=1, cutoff=_SIMILAR)
        if near:
            return Misreference(wrong, f"did you mean {{{near[0]}}}? (plain text: {{{{{name}}}}})")
        beside = [f"{{{each}}}" for each in self.values if _first(each) == _first(name)]
        if beside:
            return Misreference(wrong, f"use one of: {', '.join(beside)}")
        known = f"its nodes are {', '.join(self.topology.nodes)}, its networks {', '.join(self.topology.networks)}"
        return Misreference(wrong, f"for plain text write {{{{{name}}}}}; {known}")

    def _is_of_the_topology(self, name: str) -> bool:
        return _first(name) in self.topology.nodes or name in self.topology.networks

    def _routers_between(self, sender: str, point: str) -> int | None:
        """How many routers pass on what a node sends before it is at a capture point, the shortest way; None: no way.

        At a router's interface it has the TTL with which it came in there, or with which it goes out there.
        """
        topology = self.topology
        nodes, cables = topology.nodes, _cables(topology)
        ahead = deque((each.name, 0) for each in self._own_interfaces(sender))
        sent: set[str] = set()
        while ahead:
            out, passed = ahead.popleft()
            if out in sent:
                continue
            sent.add(out)
            into = cables.get(out)
            if point in (out, into):
                return passed
            node = nodes[topology.interfaces[into].node] if into else None
            if node is None or into in topology.outer_ends or not (node.forwards or node.is_switch):
                continue
            beyond = [
                each.name for each in self._interfaces_of(node.name) if each.name not in (into, *topology.outer_ends)
            ]
            if node.forwards and node.lowers_ttl:
                ahead.extend((each, passed + 1) for each in beyond)
            else:  # a switch is as good as a cable
                ahead.extendleft((each, passed) for each in beyond)
        return None


def _cables(topology: Topology) -> Mapping[str, str]:
    return dict(topology.joined) | {other: one for one, other in topology.joined}


def _first(name: str) -> str:
    return name.partition(".")[0]


def _version(cidr: str) -> int:
    return ip_interface(cidr).version
