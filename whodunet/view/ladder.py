"""The ladder: a column a node, a row a packet, an arrow as far as the packet came."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from whodunet.evidence.facts import spoofed_sender
from whodunet.evidence.packets import CapturedPacket
from whodunet.evidence.probe_evidence import ProbeEvidence
from whodunet.evidence.topology import Topology
from whodunet.evidence.trails import Trail
from whodunet.view.columns import wrapped
from whodunet.view.lanes import ARRIVED, DROPPED, LEGEND, UNSETTLED, Arrow, Lanes, Line
from whodunet.view.style import Ink, Painted, Style, joined
from whodunet.view.wording import Isns, label

MOST_ROWS = 24
MOST_QUIET_ROWS = 2
MOST_TIMES = 8  # of retransmissions that are listed


@dataclass(frozen=True)
class Row:
    """A packet, and when the same was sent again and met the same fate; or several of which nothing is to be told."""

    trail: Trail
    again_ns: tuple[int, ...] = ()
    quiet: int = 0  # packets that this row stands for


def render_ladder(
    evidence: ProbeEvidence,
    *,
    destination: str | None = None,
    culprit: str | None = None,
    style: Style | None = None,
    most_rows: int = MOST_ROWS,
) -> Painted:
    """The packets of one probe over the nodes of their path, up to the destination even when nothing reached it.

    Args:
        evidence: what the probe left.
        destination: the node that the probe meant; without it, the one that has the first packet's destination address.
        culprit: the node, or the link ("a - b"), to mark.
        style: width in columns, characters, colour.
        most_rows: packets drawn; the rest is counted in a last line.
    """
    style, topology = style or Style(), evidence.topology
    trails = _telling(evidence.trails)
    if not trails:
        return style.paint("no packet was seen at any capture point")
    rows = list(_without_routine(_folded(trails, evidence), evidence))
    isns, zero_ns, marked = Isns(evidence.packets), opening(trails).first.time_ns, _nodes_of(culprit, topology)
    shown = rows[:most_rows]
    lines = [_line(row, isns, zero_ns, evidence, style) for row in shown]
    lanes = Lanes(_columns(trails, destination, topology), lines, style, marked)
    drawn = list(lanes.header())
    for row, line in zip(rows, lines, strict=False):
        drawn.append(lanes.row(line))
        drawn += lanes.remark(_sent_again(row)) if row.again_ns else ()
    if len(rows) > most_rows:
        drawn += lanes.remark(f"… and {len(rows) - most_rows} more")
    drawn += lanes.marked(marked, "the culprit")
    told = _legend([row.trail for row in rows[:most_rows] if not row.quiet], lines, lanes.left_out, topology)
    drawn += (style.paint(part, "dim") for each in told for part in wrapped(style.plain(each), style.width, "  "))
    return joined(drawn, "\n")


def opening(trails: Sequence[Trail]) -> Trail:
    """The packet that the probe is about, from which time is counted: not ARP, DNS or an ICMP error."""
    return next((trail for trail in trails if trail.first.flow is not None and trail.first.dns is None), trails[0])


def _telling(trails: Sequence[Trail]) -> Sequence[Trail]:
    """Without the ARP that was answered: it is part of every path, and tells nothing about this one."""
    replies = [trail.first.arp for trail in trails if trail.first.arp is not None and trail.first.arp.op == 2]
    settled = {(reply.sender, reply.target) for reply in replies}
    telling = [trail for trail in trails if not _is_settled(trail, settled)]
    return telling or trails


def _is_settled(trail: Trail, settled: Collection[tuple[str, str]]) -> bool:
    arp = trail.first.arp
    return arp is not None and ((arp.target, arp.sender) in settled or (arp.sender, arp.target) in settled)


def _folded(trails: Sequence[Trail], evidence: ProbeEvidence) -> list[Row]:
    """Equal packets on an equal way become one row; the IP id, which every retransmission has anew, does not count."""
    same: dict[tuple[object, ...], list[Trail]] = {}
    for trail in trails:
        is_open = evidence.fate(trail) == "unsettled"
        same.setdefault((_content(trail.first), trail.points, is_open), []).append(trail)
    return [Row(group[0], tuple(trail.first.time_ns for trail in group[1:])) for group in same.values()]


def _content(packet: CapturedPacket) -> tuple[object, ...]:
    icmp = packet.icmp and (packet.icmp.type, packet.icmp.code, packet.icmp.identifier, packet.icmp.quoted)
    ip = packet.ip and (packet.ip.source, packet.ip.destination, packet.ip.ttl)
    return ip, packet.tcp, packet.udp, icmp, packet.arp, packet.dns


def _without_routine(rows: Sequence[Row], evidence: ProbeEvidence) -> Iterator[Row]:
    """Long runs of data and ACKs that all arrived become one row, unless there is nothing else to show."""
    for is_routine, group in groupby(rows, lambda row: _is_routine(row.trail, evidence)):
        run = list(group)
        if is_routine and MOST_QUIET_ROWS < len(run) < len(rows):
            yield Row(run[0].trail, quiet=sum(1 + len(row.again_ns) for row in run))
        else:
            yield from run


def _is_routine(trail: Trail, evidence: ProbeEvidence) -> bool:
    tcp = trail.first.tcp
    is_talk = tcp is not None and set(tcp.flags) <= {"P", "."} and "SSH banner" not in trail.kinds
    return is_talk and evidence.has_arrived(trail)


def _columns(trails: Sequence[Trail], destination: str | None, topology: Topology) -> list[str]:
    """The nodes that the packets touched, and those that the first would have passed next, in the topology's order."""
    first = opening(trails)
    goal = destination or (topology.node_with(first.first.ip.destination) if first.first.ip else None)
    touched = {node for trail in trails for node in _nodes(trail, topology)}
    passed = _nodes(first, topology)
    if goal is not None and passed and goal not in passed:
        touched |= set(_path(passed[-1], goal, topology, avoid=passed[:-1]))
    order = list(dict.fromkeys(interface.node for interface in topology.interfaces.values()))
    return [node for node in order if node in touched]


def _nodes(trail: Trail, topology: Topology) -> list[str]:
    """The nodes at which a packet was seen, in its order."""
    known = topology.interfaces
    return [node for node, _ in groupby(known[point].node for point in trail.points if point in known)]


def _path(start: str, goal: str, topology: Topology, avoid: Collection[str]) -> list[str]:
    """The nodes of a shortest way that goes by none of some others; empty when there is none."""
    came_from: dict[str, str] = {start: start}
    queue = deque([start])
    while queue and goal not in came_from:
        node = queue.popleft()
        for neighbour in _neighbours(node, topology):
            if neighbour not in came_from and neighbour not in avoid:
                came_from[neighbour] = node
                queue.append(neighbour)
    path = [goal] if goal in came_from else []
    while path and path[-1] != start:
        path.append(came_from[path[-1]])
    return path


def _neighbours(node: str, topology: Topology) -> list[str]:
    ends = [link.ends for link in topology.links] + [link.ends[::-1] for link in topology.links]
    return [topology.interfaces[b].node for a, b in ends if topology.interfaces[a].node == node]


def _label(row: Row, isns: Isns, topology: Topology) -> str:
    if row.quiet:
        return f"… {row.quiet} packets of data and ACKs, all arrived"
    named = spoofed_sender(row.trail, topology)
    return label(row.trail.first, isns) + (f" as {named}" if named else "")


def _line(row: Row, isns: Isns, zero_ns: int, evidence: ProbeEvidence, style: Style) -> Line:
    trail, label_ = row.trail, style.plain(_label(row, isns, evidence.topology))
    time = f"{(trail.first.time_ns - zero_ns) / 1e6:z.1f}"
    if row.quiet:
        return Line(time, label_, ink="dim")
    ink: Ink | None = "yellow" if spoofed_sender(trail, evidence.topology) else None
    return Line(time, label_, style.plain(_ttls(trail)), _arrow(trail, evidence), ink)


def _arrow(trail: Trail, evidence: ProbeEvidence) -> Arrow:
    """How far a packet came; what a switch or host took in and did not let out ended there, all else in the cable."""
    nodes, fate = tuple(_nodes(trail, evidence.topology)), evidence.fate(trail)
    if fate == "arrived":
        return Arrow(nodes, ARRIVED)
    goal = evidence.topology.node_with(trail.last.ip.destination if trail.last.ip else None)
    mark = UNSETTLED if fate == "unsettled" else DROPPED
    return Arrow(nodes, mark, None if trail.last.direction == "in" else goal or "")


def _ttls(trail: Trail) -> str:
    if trail.first.ip is None or trail.last.ip is None:
        return ""
    first, last = trail.first.ip.ttl, trail.last.ip.ttl
    return f"{first}" if first == last else f"{first}→{last}"


def _sent_again(row: Row) -> str:
    """When: "retransmitted at +1, +3 s"; what its sender does not wait to have answered is only sent again."""
    first = row.trail.first
    awaits_ack = first.tcp is not None and (first.tcp.payload_bytes > 0 or not set("SF").isdisjoint(first.tcp.flags))
    is_retransmitted = awaits_ack or (first.dns is not None and not first.dns.is_answer)
    times = [_seconds(again_ns - first.time_ns) for again_ns in row.again_ns[:MOST_TIMES]]
    more = f" … ({len(row.again_ns)} times)" if len(row.again_ns) > MOST_TIMES else ""
    return f"{'retransmitted' if is_retransmitted else 'sent again'} at {', '.join(times)} s{more}"


def _seconds(gap_ns: int) -> str:
    """A time after another, in seconds: "+7.5", and "+0.004" where that is what there is to tell."""
    return f"+{gap_ns / 1e9:.{1 if gap_ns >= 1e8 else 3}f}".rstrip("0").rstrip(".")


def _nodes_of(culprit: str | None, topology: Topology) -> list[str]:
    """The node, or the two nodes of a link ("a - b", by its nodes or its interfaces)."""
    ends = culprit.split(" - ") if culprit else []
    return [topology.interfaces[end].node if end in topology.interfaces else end for end in ends]


def _legend(
    trails: Sequence[Trail], lines: Sequence[Line], left_out: Sequence[str], topology: Topology
) -> Iterator[str]:
    """What the signs of this ladder mean; a line each, which may be too long."""
    drawn = {mark for line in lines if line.arrow for mark in line.arrow.marks}
    if drawn:
        yield "   ".join(f"{mark.character} {mark.meaning}" for mark in LEGEND if mark in drawn)
    changed = next((ttls for ttls in map(_ttls, trails) if "→" in ttls), None)
    if changed is not None:
        yield f"{changed}: TTL where first seen → where last seen"
    for name in dict.fromkeys(filter(None, (spoofed_sender(trail, topology) for trail in trails))):
        yield f"as {name}: its source address is {name}'s, but it was first seen elsewhere"
    if left_out:
        yield f"No column for: {', '.join(left_out)}"
