"""What a topology's form does not show: names that have to exist and to be different, addresses, and what cables do.

A topology is somebody's file or is kept in a record, which somebody may have edited. All that reads it later trusts it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_interface, ip_network
from typing import Final

from whodunet.cases.references import References
from whodunet.errors import InvalidInput, Problem
from whodunet.evidence.topology import Interface, Link, Node, Topology
from whodunet.spelling import did_you_mean

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")  # what scenarios can refer to, and Linux and shells take as it is
_LABEL: Final = re.compile(r"[A-Za-z0-9_-]*")
_LONGEST_INTERFACE: Final = 15  # characters. Source: linux/if.h, IFNAMSIZ
_HIGHEST_TTL, _HIGHEST_PORT = 255, 0xFFFF


def require_sound(topology: Topology, place: str) -> Topology:
    """The topology, if a network can be as it says.

    Args:
        place: where it is from, as messages name it.

    Raises:
        InvalidInput: with every problem, placed as "PLACE: interfaces.client-eth0".
    """
    problems = list(_structural_problems(topology)) or list(_ambiguous_names(topology))
    if problems:
        raise InvalidInput(*(Problem(f"{place}: {each.place}", each.wrong, each.fix) for each in problems))
    return topology


def _structural_problems(topology: Topology) -> Iterator[Problem]:
    for name, node in topology.nodes.items():
        yield from _of_node(topology, name, node)
    for name, interface in topology.interfaces.items():
        yield from _of_interface(topology, name, interface)
    yield from _labels_given_twice(topology)
    yield from _addresses_given_twice(topology)
    for number, link in enumerate(topology.links):
        yield from _of_link(topology, f"links.{number}", link)
    for number, tunnel in enumerate(topology.tunnels):
        yield from _of_ends(topology, f"tunnels.{number}", tunnel.ends)
    for end, count in Counter(end for ends in topology.joined for end in ends).items():
        if count > 1:
            yield Problem(f"interfaces.{end}", f"is an end of {count} cables", "give each cable an end of its own")
    yield from _of_baseline(topology)
    yield from _names_of_no_node(topology)
    for name, cidrs in topology.networks.items():
        yield from _of_network(name, cidrs)


def _of_node(topology: Topology, name: str, node: Node) -> Iterator[Problem]:
    place = f"nodes.{name}"
    if not _NAME.fullmatch(name) or node.name != name:
        yield Problem(place, f"is named {node.name!r}", "use letters, digits, - and _, a letter first")
    if node.is_switch and name not in topology.policies:
        yield Problem(place, "is a switch without a policy", "give it one")
    if not 1 <= node.initial_ttl <= _HIGHEST_TTL:
        yield Problem(f"{place}.initial_ttl", f"is {node.initial_ttl}", f"use 1 to {_HIGHEST_TTL}")
    for port, number in node.ports.items():
        if not 1 <= number <= _HIGHEST_PORT:
            yield Problem(f"{place}.ports.{port}", f"is {number}", f"use 1 to {_HIGHEST_PORT}")


def _of_interface(topology: Topology, name: str, interface: Interface) -> Iterator[Problem]:
    place = f"interfaces.{name}"
    if interface.node not in topology.nodes:
        fix = did_you_mean(interface.node, topology.nodes)
        yield Problem(place, f"is of {interface.node}, which is not a node", fix)
    kind = "tun" if name in topology.tunnel_ends else "eth"
    if interface.name != name or not re.fullmatch(rf"{re.escape(interface.node)}-{kind}\d+", name, re.ASCII):
        yield Problem(place, f"is named {interface.name!r}", f"name it {interface.node}-{kind}0, -{kind}1 ...")
    if len(name) > _LONGEST_INTERFACE:
        wrong = f"has {len(name)} characters, and Linux takes {_LONGEST_INTERFACE}"
        yield Problem(place, wrong, "give its node a name of at most ten")
    if not _LABEL.fullmatch(interface.label):
        yield Problem(f"{place}.label", f"is {interface.label!r}", "use letters, digits, - and _")
    yield from _of_addresses(f"{place}.addresses", interface)


def _of_addresses(place: str, interface: Interface) -> Iterator[Problem]:
    versions = []
    for address in interface.addresses:
        try:
            versions.append(ip_interface(address).version)
        except ValueError:
            yield Problem(place, f"{address!r} is no address", 'write it like "10.0.0.1/24"')
    if len(versions) != len(set(versions)):
        yield Problem(place, "has two of one family", "give it one of each family at most")


def _labels_given_twice(topology: Topology) -> Iterator[Problem]:
    first: dict[tuple[str, str], Interface] = {}
    for interface in topology.interfaces.values():
        other = first.setdefault((interface.node, interface.label), interface)
        if interface.label and other is not interface:
            wrong = f"is {interface.label}, as is that of {other.name}"
            fix = "give each interface of a node a label of its own"
            yield Problem(f"interfaces.{interface.name}.label", wrong, fix)


def _addresses_given_twice(topology: Topology) -> Iterator[Problem]:
    """Of two nodes: nobody could tell from a packet which of them sent it."""
    first: dict[str, Interface] = {}
    for interface in topology.interfaces.values():
        for address in interface.addresses:
            known = first.setdefault(address.partition("/")[0], interface)
            if known.node != interface.node:
                wrong = f"{address} is also an address of {known.name}"
                yield Problem(f"interfaces.{interface.name}.addresses", wrong, "give each node addresses of its own")


def _of_ends(topology: Topology, place: str, ends: tuple[str, str]) -> Iterator[Problem]:
    for end in ends:
        if end not in topology.interfaces:
            yield Problem(place, f"ends at {end}, which is not an interface", did_you_mean(end, topology.interfaces))


def _of_link(topology: Topology, place: str, link: Link) -> Iterator[Problem]:
    yield from _of_ends(topology, place, link.ends)
    for what, value, highest in (
        ("delay_ms", link.delay_ms, None),
        ("jitter_ms", link.jitter_ms, None),
        ("loss_pct", link.loss_pct, 100),
        ("rate_mbit", link.rate_mbit or 0, None),
    ):
        if value < 0 or (highest is not None and value > highest):
            allowed = "0 or more" if highest is None else f"0 to {highest}"
            yield Problem(f"{place}.{what}", f"is {value:g}", f"use {allowed}")


def _of_baseline(topology: Topology) -> Iterator[Problem]:
    host, far_end = topology.baseline
    node = topology.nodes.get(host)
    if node is None or node.is_switch:
        hosts = [name for name, each in topology.nodes.items() if not each.is_switch]
        yield Problem("baseline", f"begins at {host}, which is not a host", did_you_mean(host, hosts))
    having = {
        address.partition("/")[0]: each.node for each in topology.interfaces.values() for address in each.addresses
    }
    if having.get(far_end) in (None, host):
        wrong = f"ends at {far_end}, which is an address of no other node"
        yield Problem("baseline", wrong, "name a node, or an interface as NODE.LABEL")


def _names_of_no_node(topology: Topology) -> Iterator[Problem]:
    for what, names in (
        ("uplinks", topology.uplinks),
        ("services", topology.services),
        ("furnishings", topology.furnishings),
        ("policies", topology.policies),
    ):
        for name in names:
            node = topology.nodes.get(name)
            if node is None or node.is_switch != (what == "policies"):
                fits = [each.name for each in topology.nodes.values() if each.is_switch == (what == "policies")]
                kind = "switch" if what == "policies" else "host"
                yield Problem(f"{what}.{name}", f"is of no {kind}", did_you_mean(name, fits))


def _of_network(name: str, cidrs: tuple[str, ...]) -> Iterator[Problem]:
    versions = []
    for cidr in cidrs:
        try:
            versions.append(ip_network(cidr).version)
        except ValueError as error:
            yield Problem(f"networks.{name}", f"{cidr!r} is no network: {error}", 'write it like "10.0.0.0/24"')
    if len(versions) != len(set(versions)):
        yield Problem(f"networks.{name}", "has two of one family", "give it one of each family at most")


def _ambiguous_names(topology: Topology) -> Iterator[Problem]:
    for name, values in References(topology).ambiguous.items():
        wrong = f"{{{name}}} stands for {' and '.join(map(str, values))}"
        yield Problem(name, wrong, "rename a node, a network, a label or a property")
