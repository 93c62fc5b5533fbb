"""The ladder: a column a node, a row a packet, an arrow as far as the packet came."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from whodunet.core.packets import CapturedPacket
from whodunet.core.topology import Topology
from whodunet.core.trails import Trail, node_with, sender_of, trails_of
from whodunet.view.style import DROPPED, Style
from whodunet.view.wording import Isns, label

TIME_WIDTH, TTL_WIDTH, NARROWEST, WIDEST = 10, 8, 5, 13
MOST_ROWS = 30


@dataclass(frozen=True)
class Row:
    """A packet, and when the same was sent again and met the same fate."""

    trail: Trail
    again_ns: tuple[int, ...]


def render_ladder(
    packets: Sequence[CapturedPacket],
    topology: Topology,
    *,
    destination: str | None = None,
    style: Style | None = None,
    most_rows: int = MOST_ROWS,
) -> str:
    """The packets of one probe over the nodes of their path, up to the destination even when nothing reached it.

    Args:
        packets: of one probe, from all capture points.
        destination: the node that the probe meant; without it, the one that has the first packet's destination address.
        style: width in columns, characters, colour.
        most_rows: packets drawn; the rest is counted in a last line.
    """
    style = style or Style()
    trails = trails_of(packets, topology)
    if not trails:
        return "no packet was seen at any capture point"
    rows = _folded(trails)
    nodes = _columns(trails, destination, topology)
    isns = Isns(packets)
    labels = [_label(row.trail, isns, topology) for row in rows[:most_rows]]
    canvas = _Canvas(nodes, max(map(len, labels)), topology, style)
    lines = [canvas.header()]
    for row, text in zip(rows[:most_rows], labels, strict=True):
        lines += canvas.row(row, text, _opening(trails).first.time_ns)
    if len(rows) > most_rows:
        lines.append(f"{'':{TIME_WIDTH}}… and {len(rows) - most_rows} more")
    return "\n".join(style.plain(line.rstrip()) for line in lines)


def _opening(trails: Sequence[Trail]) -> Trail:
    """The packet that the probe is about, from which time is counted: not the ARP or the DNS before it."""
    return next((trail for trail in trails if trail.first.ip is not None and trail.first.dns is None), trails[0])


def _folded(trails: Sequence[Trail]) -> list[Row]:
    """Equal packets on an equal way become one row; the IP id, which every retransmission has anew, does not count."""
    same: dict[tuple[object, ...], list[Trail]] = {}
    for trail in trails:
        same.setdefault((_content(trail.first), trail.points), []).append(trail)
    return [Row(group[0], tuple(trail.first.time_ns for trail in group[1:])) for group in same.values()]


def _content(packet: CapturedPacket) -> tuple[object, ...]:
    icmp = packet.icmp and (packet.icmp.type, packet.icmp.code, packet.icmp.identifier, packet.icmp.quoted)
    ip = packet.ip and (packet.ip.source, packet.ip.destination, packet.ip.ttl)
    return ip, packet.tcp, packet.udp, icmp, packet.arp, packet.dns


def _columns(trails: Sequence[Trail], destination: str | None, topology: Topology) -> list[str]:
    """The nodes that the packets touched and those from there to the destination, in the topology's own order."""
    touched = {topology.interfaces[p.point].node for t in trails for p in t.sightings if p.point in topology.interfaces}
    first = _opening(trails)
    goal = destination or (node_with(first.first.ip.destination, topology) if first.first.ip else None)
    if goal is not None and goal not in touched and first.last.point in topology.interfaces:
        touched |= set(_path(topology.interfaces[first.last.point].node, goal, topology))
    order = list(dict.fromkeys(interface.node for interface in topology.interfaces.values()))
    return [node for node in order if node in touched]


def _path(start: str, goal: str, topology: Topology) -> list[str]:
    """The nodes of a shortest way; empty when there is none."""
    came_from: dict[str, str] = {start: start}
    queue = deque([start])
    while queue and goal not in came_from:
        node = queue.popleft()
        for neighbour in _neighbours(node, topology):
            if neighbour not in came_from:
                came_from[neighbour] = node
                queue.append(neighbour)
    path = [goal] if goal in came_from else []
    while path and path[-1] != start:
        path.append(came_from[path[-1]])
    return path


def _neighbours(node: str, topology: Topology) -> list[str]:
    ends = [link.ends for link in topology.links] + [link.ends[::-1] for link in topology.links]
    return [topology.interfaces[b].node for a, b in ends if topology.interfaces[a].node == node]


def _label(trail: Trail, isns: Isns, topology: Topology) -> str:
    """What the packet is; "as NODE" when it bears the address of a node that did not send it."""
    text = label(trail.first, isns)
    named = sender_of(trail.first, topology)
    begins = topology.interfaces.get(trail.first.point)
    if named is not None and begins is not None and named != begins.node:
        return f"{text} as {named}"
    return text


class _Canvas:
    """Where everything goes in a line."""

    def __init__(self, nodes: Sequence[str], label_width: int, topology: Topology, style: Style) -> None:
        self._nodes, self._topology, self._style = list(nodes), topology, style
        self._label_width = min(
            max(len("packet"), label_width), max(12, style.width - TIME_WIDTH - TTL_WIDTH - NARROWEST * len(nodes))
        )
        room = style.width - TIME_WIDTH - self._label_width - 2 - TTL_WIDTH
        self._step = max(NARROWEST, min(WIDEST, room // max(1, len(nodes))))

    def header(self) -> str:
        names = "".join(f"{abbreviated(node, self._step - 1):<{self._step}}" for node in self._nodes)
        return self._style.paint(
            f"{'ms':>{TIME_WIDTH - 2}}  {'packet':<{self._label_width}}  {'ttl':<{TTL_WIDTH}}{names}", "bold"
        )

    def row(self, row: Row, text: str, zero_ns: int) -> list[str]:
        time = f"{(row.trail.first.time_ns - zero_ns) / 1e6:z{TIME_WIDTH - 2}.1f}  "
        left = f"{time}{_cut(text, self._label_width):<{self._label_width}}  {_ttls(row.trail):<{TTL_WIDTH}}"
        lines = [left + self._arrow(row.trail)]
        if row.again_ns:
            since = _seconds([again - row.trail.first.time_ns for again in row.again_ns])
            lines.append(f"{'':{TIME_WIDTH}}{self._style.paint(f'again after {since}: same fate', 'dim')}")
        return lines

    def _arrow(self, trail: Trail) -> str:
        lane = ["│" if place % self._step == 0 else " " for place in range(self._step * len(self._nodes))]
        places = [self._place(packet) for packet in trail.sightings if self._place(packet) is not None]
        visited = [place for place in places if place is not None]
        if not visited:
            return "".join(lane)
        start, end = visited[0], visited[-1]
        end, mark = (end, None) if self._arrived(trail) else self._end_of_drop(trail, start, end)
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

    def _arrived(self, trail: Trail) -> bool:
        """True at the destination, and for what has none in the topology, as a broadcast, which ends anywhere."""
        last = trail.last
        goal = node_with(last.ip.destination if last.ip else last.arp.target if last.arp else None, self._topology)
        interface = self._topology.interfaces.get(last.point)
        return goal is None or interface is None or interface.node == goal

    def _end_of_drop(self, trail: Trail, start: int, end: int) -> tuple[int, str]:
        """In the node that took the packet in and did not let it out, or beside the one that sent it into the cable."""
        if trail.last.direction == "in":
            return end, DROPPED
        onward = self._onward(trail, start, end)
        return max(0, min(end + onward * (self._step // 2), self._step * len(self._nodes) - 1)), DROPPED

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
