"""Where each packet of a capture came from and where it ended, as all capture points together show it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_interface
from itertools import pairwise
from typing import Final, Literal, TypeAlias

from whodunet.evidence import facts
from whodunet.evidence.packets import CapturedPacket
from whodunet.evidence.topology import Topology
from whodunet.evidence.trails import Trail, trails_of

Ending = Literal["arrived", "taken over", "dropped", "unsettled", "on its link", "nowhere"]

# A node that passes a packet on does so at once; on a busy machine it waits for a processor first.
_LONGEST_TURN_NS: Final = 1_000_000_000

_BROADCAST: Final = "ff:ff:ff:ff:ff:ff"

_Journey: TypeAlias = list[Trail]  # of one packet: several where its addresses were changed, or where it came by again


@dataclass(frozen=True)
class Provenance:
    """Who really sent a packet, in whose name, and how it ended."""

    sender: str | None  # the node; None where it first appeared at no interface of the topology
    in_name_of: str | None  # of a spoofed packet the node whose address it bears; None: it is genuine
    # taken over: by a node that has the connection in its goal's name; on its link: it was for several, and no router
    # passes such on; nowhere: nobody has the address that it was for
    ending: Ending
    at: str | None  # the node that it reached; of one that was lost, the last that had it
    lost_on_the_way_to: str | None = None  # the node to which it had left `at`; None: it never left it
    translated_by: tuple[str, ...] = ()  # the nodes that changed its addresses, in its order


def provenances(
    packets: Sequence[CapturedPacket], topology: Topology, unsettled_since_ns: int | None = None
) -> tuple[Provenance | None, ...]:
    """Of each packet of a capture of every interface; None of a frame that is neither IP nor ARP.

    Args:
        unsettled_since_ns: what was last seen after that may still have been on its way when recording ended.
    """
    found: dict[int, Provenance] = {}

    def note(journey: _Journey, provenance: Provenance) -> None:
        found.update((id(sighting), provenance) for trail in journey for sighting in trail.sightings)

    trails = trails_of((packet for packet in packets if packet.ip and not _stays_on_link(packet)), topology)
    taken_over = facts.taken_over(trails, topology)
    for journey in _journeys(trails, topology):
        note(journey, _provenance(journey, topology, taken_over, unsettled_since_ns))
    # The same link-local addresses are on many links: what one of them saw is no other's.
    links = _links(topology)
    on_links: dict[frozenset[str], list[CapturedPacket]] = defaultdict(list)
    for packet in packets:
        if (packet.ip or packet.arp) and _stays_on_link(packet):
            on_links[links.get(packet.point, frozenset({packet.point}))].append(packet)
    for link, seen in on_links.items():
        for trail in trails_of(seen, topology):
            note([trail], _provenance_on_link(trail, link, topology))
    return tuple(found.get(id(packet)) for packet in packets)


def _stays_on_link(packet: CapturedPacket) -> bool:
    """True for what no router passes on. Source: RFC 4291, sections 2.5.6 and 2.7; RFC 1122, section 3.3.6."""
    if packet.ip is None or packet.neighbour is not None:
        return True
    ends = ip_address(packet.ip.source), ip_address(packet.ip.destination)
    return any(end.is_link_local or end.is_multicast or end.is_unspecified for end in ends) or (
        packet.link_destination == _BROADCAST
    )


def _links(topology: Topology) -> dict[str, frozenset[str]]:
    """Of each interface all those that hear what it broadcasts: by cables, and through switches."""
    links = {name: frozenset({name}) for name in topology.interfaces}
    switches: dict[str, list[str]] = defaultdict(list)
    for interface in topology.interfaces.values():
        if topology.nodes[interface.node].is_switch:
            switches[interface.node].append(interface.name)
    for joined in (*topology.joined, *switches.values()):
        whole = frozenset().union(*(links[name] for name in joined))
        links.update(dict.fromkeys(whole, whole))
    return links


def _provenance_on_link(trail: Trail, link: Collection[str], topology: Topology) -> Provenance:
    """Of what no router passes on; who has a link-local address is known on each link."""
    there = [interface for name in link if (interface := topology.interfaces.get(name))]
    owners = {
        str(ip_interface(address).ip): interface.node
        for interface in there
        for address in (*interface.addresses, interface.link_local)
        if address
    }
    sender, goal = facts.true_sender(trail, topology), owners.get(trail.last.destination or "")
    named = owners.get(trail.first.source or "")
    ending: Ending = "on its link"
    if goal is not None:
        ending = "arrived" if any(topology.node_at(point) == goal for point in trail.points) else "dropped"
    elif trail.last.neighbour is not None and trail.last.neighbour.is_request:
        ending = "nowhere"  # nobody there has the address that is asked for
    at = goal if ending == "arrived" else topology.node_at(trail.last.point)
    return Provenance(sender, named if named != sender else None, ending, at)


def _provenance(
    journey: _Journey, topology: Topology, taken_over: Collection[Trail], unsettled_since_ns: int | None
) -> Provenance:
    first, last = journey[0], journey[-1]
    goal, at = topology.node_with(last.last.destination), topology.node_at(last.last.point)
    beyond = None
    ending: Ending = "dropped"
    if goal is not None and facts.has_arrived(last, topology):
        ending, at = "arrived", goal
    elif last in taken_over:
        ending = "taken over"
    elif goal is None:
        ending = "nowhere"
    elif unsettled_since_ns is not None and last.last.time_ns > unsettled_since_ns:
        ending = "unsettled"
    elif last.last.direction == "out":
        beyond = next(iter(map(topology.node_at, facts.points_after(last.last, topology))), None)
    return Provenance(
        sender=facts.true_sender(first, topology),
        in_name_of=facts.spoofed_sender(first, topology),
        ending=ending,
        at=at,
        lost_on_the_way_to=beyond,
        translated_by=tuple(
            node
            for before, after in pairwise(journey)
            if _ends(before.last) != _ends(after.first) and (node := topology.node_at(after.first.point))
        ),
    )


def _journeys(trails: Sequence[Trail], topology: Topology) -> list[_Journey]:
    """The trails of each packet, in its order.

    A packet whose addresses a node changed, and one that a loop brought by again, are at that node on two trails: the
    one ends as it comes in, and the other begins as it goes out.
    """
    journeys: list[_Journey] = []
    waiting: dict[tuple[object, ...], list[_Journey]] = defaultdict(list)  # by node and content: what has come in
    for trail in trails:
        content = _content(trail.first)
        ended = waiting[topology.node_at(trail.first.point), content] if content is not None else []
        journey = next((each for each in reversed(ended) if _goes_on(each[-1], trail)), None)
        if journey is None:
            journeys.append(journey := [])
        else:
            ended.remove(journey)
        journey.append(trail)
        if content is not None and trail.last.direction == "in":
            waiting[topology.node_at(trail.last.point), content].append(journey)
    return journeys


def _goes_on(before: Trail, after: Trail) -> bool:
    waited_ns = after.first.time_ns - before.last.time_ns
    return after.first.direction == "out" and 0 <= waited_ns <= _LONGEST_TURN_NS


def _ends(packet: CapturedPacket) -> object:
    return (packet.ip.source, packet.ip.destination, packet.ports) if packet.ip is not None else None


def _content(packet: CapturedPacket) -> tuple[object, ...] | None:
    """What a change of addresses and ports leaves of a packet; None where that would not tell it from others."""
    ip, tcp, icmp = packet.ip, packet.tcp, packet.icmp
    if ip is None or not (ip.id or tcp or icmp or packet.dns or packet.openvpn):
        return None
    segment = replace(tcp, source_port=0, destination_port=0) if tcp is not None else None
    message = replace(icmp, identifier=0, quoted=None) if icmp is not None else None
    number = (ip.id, ip.fragment_offset, ip.length, ip.protocol)
    return (*number, segment, message, packet.udp and packet.udp.payload_bytes, packet.dns, packet.openvpn)
