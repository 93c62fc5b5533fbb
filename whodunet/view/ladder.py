"""The ladder: a column a node, a row a packet, an arrow as far as the packet came."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from whodunet.core.packets import CapturedPacket
from whodunet.core.topology import Topology
from whodunet.core.trails import Trail, arrived, is_unsettled, node_with, sender_of, trails_of
from whodunet.view.style import DROPPED, UNSETTLED, Style
from whodunet.view.wording import Isns, label

TIME_WIDTH, TTL_WIDTH, NARROWEST, WIDEST = 8, 7, 4, 13
NARROWEST_LABEL = 20
MOST_ROWS = 24
MOST_QUIET_ROWS = 2
MOST_HEADER_LINES = 6


@dataclass(frozen=True)
class Row:
    """A packet, and when the same was sent again and met the same fate; or several of which nothing is to be told."""

    trail: Trail
    again_ns: tuple[int, ...] = ()
    quiet: int = 0  # packets that this row stands for


def render_ladder(
    packets: Sequence[CapturedPacket],
    topology: Topology,
    *,
    destination: str | None = None,
    style: Style | None = None,
    most_rows: int = MOST_ROWS,
    unsettled_since_ns: int | None = None,
) -> str:
    """The packets of one probe over the nodes of their path, up to the destination even when nothing reached it.

    Args:
        packets: of one probe, from all capture points.
        destination: the node that the probe meant; without it, the one that has the first packet's destination address.
        style: width in columns, characters, colour.
        most_rows: packets drawn; the rest is counted in a last line.
        unsettled_since_ns: from when on a packet that did not arrive may still have been on its way; None: never.
    """
    style = style or Style()
    trails = _telling(trails_of(packets, topology))
    if not trails:
        return "no packet was seen at any capture point"
    rows = list(_without_routine(_folded(trails, topology, unsettled_since_ns), topology))
    isns = Isns(packets)
    texts = [_label(row, isns, topology) for row in rows[:most_rows]]
    widest = max((len(text) for row, text in zip(rows, texts, strict=False) if not row.quiet), default=0)
    canvas = _Canvas(_columns(trails, destination, topology), widest, topology, style, unsettled_since_ns)
    lines = canvas.header()
    for row, text in zip(rows[:most_rows], texts, strict=True):
        lines += canvas.row(row, text, opening(trails).first.time_ns)
    if len(rows) > most_rows:
        lines.append(f"{'':{TIME_WIDTH}}… and {len(rows) - most_rows} more")
    return "\n".join(style.plain(line.rstrip()) for line in lines)


def opening(trails: Sequence[Trail]) -> Trail:
    """The packet that the probe is about, from which time is counted: not the ARP or the DNS before it."""
    return next((trail for trail in trails if trail.first.ip is not None and trail.first.dns is None), trails[0])


def _telling(trails: Sequence[Trail]) -> Sequence[Trail]:
    """Without the ARP that was answered: it is part of every path, and tells nothing about this one."""
    replies = [trail.first.arp for trail in trails if trail.first.arp is not None and trail.first.arp.op == 2]
    settled = {(reply.sender, reply.target) for reply in replies}
    telling = [trail for trail in trails if not _is_settled(trail, settled)]
    return telling or trails


def _is_settled(trail: Trail, settled: Collection[tuple[str, str]]) -> bool:
    arp = trail.first.arp
    return arp is not None and ((arp.target, arp.sender) in settled or (arp.sender, arp.target) in settled)


def _folded(trails: Sequence[Trail], topology: Topology, unsettled_since_ns: int | None) -> list[Row]:
    """Equal packets on an equal way become one row; the IP id, which every retransmission has anew, does not count."""
    same: dict[tuple[object, ...], list[Trail]] = {}
    for trail in trails:
        is_open = is_unsettled(trail, unsettled_since_ns, topology)
        same.setdefault((_content(trail.first), trail.points, is_open), []).append(trail)
    return [Row(group[0], tuple(trail.first.time_ns for trail in group[1:])) for group in same.values()]


def _content(packet: CapturedPacket) -> tuple[object, ...]:
    icmp = packet.icmp and (packet.icmp.type, packet.icmp.code, packet.icmp.identifier, packet.icmp.quoted)
    ip = packet.ip and (packet.ip.source, packet.ip.destination, packet.ip.ttl)
    return ip, packet.tcp, packet.udp, icmp, packet.arp, packet.dns


def _without_routine(rows: Sequence[Row], topology: Topology) -> Iterator[Row]:
    """Long runs of data and ACKs that all arrived become one row, unless there is nothing else to show."""
    for is_routine, group in groupby(rows, lambda row: _is_routine(row.trail, topology)):
        run = list(group)
        if is_routine and MOST_QUIET_ROWS < len(run) < len(rows):
            yield Row(run[0].trail, quiet=sum(1 + len(row.again_ns) for row in run))
        else:
            yield from run


def _is_routine(trail: Trail, topology: Topology) -> bool:
    tcp = trail.first.tcp
    is_talk = tcp is not None and set(tcp.flags) <= {"P", "."} and "SSH banner" not in trail.kinds
    return is_talk and arrived(trail, topology)


def _columns(trails: Sequence[Trail], destination: str | None, topology: Topology) -> list[str]:
    """The nodes that the packets touched, and those that the first would have passed next, in the topology's order."""
    first = opening(trails)
    goal = destination or (node_with(first.first.ip.destination, topology) if first.first.ip else None)
    touched = {node for trail in trails for node in _nodes(trail, topology)}
    passed = _nodes(first, topology)
    if goal is not None and passed and goal not in passed:
        touched |= set(_path(passed[-1], goal, topology, avoid=passed[:-1]))
    order = list(dict.fromkeys(interface.node for interface in topology.interfaces.values()))
    return [node for node in order if node in touched]


def _nodes(trail: Trail, topology: Topology) -> list[str]:
    """The nodes at which a packet was seen, in its order."""
    known = topology.interfaces
    return list(dict.fromkeys(known[point].node for point in trail.points if point in known))


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
    named = forged_name(row.trail, topology)
    return label(row.trail.first, isns) + (f" as {named}" if named else "")


def forged_name(trail: Trail, topology: Topology) -> str | None:
    """The node whose address a packet bears that comes from another; None for a packet in its sender's own name.

    A switch has no address of its own and sends ICMP errors with its router's: forged is what bears the address of an
    end of the very conversation.
    """
    named = sender_of(trail.first, topology)
    begins = topology.interfaces.get(trail.first.point)
    if named is None or begins is None or named == begins.node:
        return None
    quoted = trail.first.icmp.quoted if trail.first.icmp else None
    ends = {node_with(address, topology) for address, _ in quoted.ends} if quoted else {named}
    return named if named in ends else None


class _Canvas:
    """Where everything goes in a line."""

    def __init__(
        self,
        nodes: Sequence[str],
        label_width: int,
        topology: Topology,
        style: Style,
        unsettled_since_ns: int | None,
    ) -> None:
        self._nodes, self._topology, self._style = list(nodes), topology, style
        self._unsettled_since_ns = unsettled_since_ns
        gaps = max(1, len(nodes) - 1)
        most = max(NARROWEST_LABEL, style.width - TIME_WIDTH - TTL_WIDTH - 2 - NARROWEST * gaps)
        self._label_width = min(max(len("packet"), label_width), most)
        self._left = TIME_WIDTH + self._label_width + 1 + TTL_WIDTH
        self._step = max(NARROWEST, min(WIDEST, (style.width - self._left - 1) // gaps))
        self._lanes = self._step * gaps + 1

    def header(self) -> list[str]:
        names = self._names()
        left = f"{'ms':>{TIME_WIDTH - 1}} {'packet':<{self._label_width}} {'ttl':<{TTL_WIDTH}}"
        lefts = [" " * self._left] * (len(names) - 1) + [left]
        return [self._style.paint((beside + line).rstrip(), "bold") for beside, line in zip(lefts, names, strict=True)]

    def _names(self) -> list[str]:
        """The nodes' names above their lanes, on as few lines as let each stand in full."""
        for count in range(1, MOST_HEADER_LINES + 1):
            lines = self._staggered(self._nodes, count)
            if lines is not None:
                return lines
        return self._staggered([abbreviated(node, self._step - 1) for node in self._nodes], 1) or []

    def _staggered(self, names: Sequence[str], count: int) -> list[str] | None:
        """The names on so many lines by turns, the first of each turn highest; None when two of a line would touch."""
        lines = [""] * count
        for number, name in enumerate(names):
            line = number % count
            at = max(0, min(number * self._step, self._style.width - self._left - len(name)))
            if lines[line] and at <= len(lines[line]):
                return None
            lines[line] = f"{lines[line]:<{at}}{name}"
        return [self._with_lanes(text, line, count) for line, text in enumerate(lines)]

    def _with_lanes(self, text: str, line: int, count: int) -> str:
        """Draws the lanes of the names on higher lines down through the gaps of this one."""
        cells = list(f"{text:<{self._lanes}}")
        for number in range(len(self._nodes)):
            place = number * self._step
            if number % count < line and not "".join(cells[max(0, place - 1) : place + 2]).strip():
                cells[place] = "│"
        return "".join(cells)

    def row(self, row: Row, text: str, zero_ns: int) -> list[str]:
        time = f"{(row.trail.first.time_ns - zero_ns) / 1e6:z{TIME_WIDTH - 1}.1f} "
        if row.quiet:
            return [time + self._style.paint(text, "dim")]
        left = f"{_cut(text, self._label_width):<{self._label_width}} "
        if forged_name(row.trail, self._topology):
            left = self._style.paint(left, "yellow")
        lines = [f"{time}{left}{_ttls(row.trail):<{TTL_WIDTH}}{self._arrow(row.trail)}"]
        if row.again_ns:
            since = _seconds([again - row.trail.first.time_ns for again in row.again_ns])
            lines.append(f"{'':{TIME_WIDTH}}{self._style.paint(f'again after {since}: same fate', 'dim')}")
        return lines

    def _arrow(self, trail: Trail) -> str:
        lane = ["│" if place % self._step == 0 else " " for place in range(self._lanes)]
        visited = [place for packet in trail.sightings if (place := self._place(packet)) is not None]
        if not visited:
            return "".join(lane)
        start, end = visited[0], visited[-1]
        end, mark = (end, None) if arrived(trail, self._topology) else self._end_of_drop(trail, start, end)
        for place in range(min(start, end), max(start, end) + 1):
            lane[place] = "─"
        for place in visited:
            lane[place] = "○"
        lane[start] = "●"
        lane[end] = mark or ("●" if end == start else "▶" if end > start else "◀")
        return self._painted(lane, end, mark)

    def _painted(self, lane: list[str], end: int, mark: str | None) -> str:
        if mark is not None:
            lane[end] = self._style.paint(mark, "red")
        return "".join(lane)

    def _place(self, packet: CapturedPacket) -> int | None:
        interface = self._topology.interfaces.get(packet.point)
        if interface is None or interface.node not in self._nodes:
            return None
        return self._nodes.index(interface.node) * self._step

    def _end_of_drop(self, trail: Trail, start: int, end: int) -> tuple[int, str]:
        """In the node that took the packet in and did not let it out, or beside the one that sent it into the cable.

        The same places mark a packet of which nobody knows whether it would have gone on.
        """
        mark = UNSETTLED if is_unsettled(trail, self._unsettled_since_ns, self._topology) else DROPPED
        if trail.last.direction == "in":
            return end, mark
        onward = self._onward(trail, start, end)
        return max(0, min(end + onward * (self._step // 2), self._lanes - 1)), mark

    def _onward(self, trail: Trail, start: int, end: int) -> int:
        goal = node_with(trail.last.ip.destination, self._topology) if trail.last.ip else None
        if goal in self._nodes:
            return 1 if self._nodes.index(goal) * self._step > end else -1
        return 1 if end >= start else -1


def _ttls(trail: Trail) -> str:
    if trail.first.ip is None or trail.last.ip is None:
        return ""
    first, last = trail.first.ip.ttl, trail.last.ip.ttl
    return f"{first}" if first == last else f"{first}→{last}"


def _seconds(gaps_ns: Sequence[int]) -> str:
    shown = [f"{gap / 1e9:.1f}".removesuffix(".0") for gap in gaps_ns[:8]]
    return ", ".join(shown) + (f" … ({len(gaps_ns)} times)" if len(gaps_ns) > 8 else "") + " s"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def abbreviated(name: str, width: int) -> str:
    """A node's name in so many columns: each part between hyphens shortened, numbers at their ends kept."""
    if len(name) <= width:
        return name
    parts = name.split("-")
    room = max(1, (width - len(parts) + 1) // len(parts))
    return "-".join(_shortened(part, room) for part in parts)[:width]


def _shortened(part: str, room: int) -> str:
    digits = re.search(r"\d*$", part)
    number = digits.group() if digits else ""
    return part if len(part) <= room else part[: max(1, room - len(number))] + number
