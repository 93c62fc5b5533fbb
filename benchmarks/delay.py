"""Emulated delay against nominal: of each delayed link, each way, and of the whole path, both ways.

A link's delay is the time of one packet from the capture point at its one end to that at the other: kernel time stamps
of one clock. The path's is what `ping` says on the client. What the path has above the sum of its links is the hops'.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Final

from benchmarks.figures import Cell, Table, Target, percentile
from benchmarks.labs import lab_of
from whodunet.evidence.packets import CapturedPacket, Direction
from whodunet.evidence.topology import Link
from whodunet.lab.pcap_reader import read_capture
from whodunet.lab.sandboxed import SandboxedLab

_PINGS: Final = 50
_WAYS: Final = {"vpn": "by the VPN", "home": "by the home line"}
_MOST_OFF_MS: Final = 1.0


def measure(runs: int) -> Table:
    """Pings the baseline's far end by each way out of the client, `runs` times 50 echos."""
    with lab_of("healthy") as lab:
        client, far_end = lab.topology.baseline
        paths = {way: ping(lab, client, far_end, way, runs) for way in _WAYS}
        means = lab.status().links
        with lab.capture() as capture:
            packets = list(read_capture(capture.path))
    shaped = [link for link in lab.topology.links if link.delay_ms]
    rows, targets = judge_links(packets, shaped)
    nominal = 2 * path_ms(shaped, client)
    rows += [[f"round trip {_WAYS[way]}", *_figures(times, nominal)] for way, times in paths.items()]
    return Table(
        "Emulated delay, milliseconds",
        ("link or path", "nominal", "median", "off", "off, %", "5 %", "95 %", "packets"),
        rows,
        targets,
        notes=sorted(f"{name}: {what}" for name, what in means.items()),
    )


def judge_links(packets: Sequence[CapturedPacket], shaped: Sequence[Link]) -> tuple[list[Sequence[Cell]], list[Target]]:
    """A row of figures for each link and way, and what each has to be near to."""
    rows: list[Sequence[Cell]] = []
    targets = []
    for link in shaped:
        for sender, receiver in (link.ends, link.ends[::-1]):
            way, times = f"{sender} > {receiver}", one_way_ms(packets, sender, receiver)
            off_ms = abs(statistics.median(times) - link.delay_ms) if times else float("inf")
            rows.append([way, *_figures(times, link.delay_ms)])
            targets.append(Target(f"{way}, milliseconds off its nominal", off_ms, _MOST_OFF_MS))
    return rows, targets


def ping(lab: SandboxedLab, client: str, far_end: str, way: str, runs: int) -> list[float]:
    """Round trips in milliseconds by one of the client's ways out."""
    lab.set_uplink(client, way)
    lab.execute(client, f"ping -n -c 2 -i 0.2 -W 2 {far_end}")  # finds ARP caches empty
    times = []
    for _ in range(runs):
        said = lab.execute(client, f"ping -n -c {_PINGS} -i 0.1 -W 2 {far_end}").stdout
        times += [float(part.removeprefix("time=")) for part in said.split() if part.startswith("time=")]
    return times


def path_ms(shaped: Sequence[Link], client: str) -> float:
    """Nominal delay of the way by the VPN, one way; the topology makes both ways equally long."""
    by_home = ("client-eth1", "home-gw-eth1")
    assert client == "client"
    return sum(link.delay_ms for link in shaped if not set(link.ends) & set(by_home))


def one_way_ms(packets: Iterable[CapturedPacket], sender: str, receiver: str) -> list[float]:
    """Milliseconds that each ICMP echo message took from where one end of a link sent it to where the other got it."""
    sent: dict[tuple[int, int, int], int] = {}
    received: dict[tuple[int, int, int], int] = {}
    ends: dict[tuple[str, Direction], dict[tuple[int, int, int], int]] = {
        (sender, "out"): sent,
        (receiver, "in"): received,
    }
    for packet in packets:
        seen = ends.get((packet.point, packet.direction))
        if seen is not None and packet.icmp is not None and packet.is_echo:
            seen[packet.icmp.type, packet.icmp.identifier, packet.icmp.sequence] = packet.time_ns
    return [(time_ns - sent[echo]) / 1e6 for echo, time_ns in received.items() if echo in sent]


def _figures(times: Sequence[float], nominal: float) -> list[float | None]:
    if not times:
        return [nominal, None, None, None, None, None, 0]
    off = statistics.median(times) - nominal
    spread = percentile(times, 0.05), percentile(times, 0.95)
    return [nominal, nominal + off, off, 100 * off / nominal, *spread, len(times)]
