"""How long the egress firewall takes to answer a SYN with a forged RST, at 1, 100 and 500 SYN/s.

Measured from the lab's own capture, with the kernel's time stamps, at the firewall's interface towards the client: from
the SYN coming in to the RST that answers it going out. So the delayed link and the client have no part in it; the
switch, the way to the controller and back, and the policy have.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from benchmarks.figures import Table, percentile
from benchmarks.labs import lab_of
from whodunet.evidence.packets import CapturedPacket
from whodunet.lab.host_root import PYTHON
from whodunet.lab.pcap_reader import read_capture
from whodunet.lab.sandboxed import SandboxedLab

_POINT: Final = "egress-fw-eth1"
_TARGET: Final = ("10.0.1.10", 22)
_SECONDS: Final = {1: 10, 100: 5, 500: 4}  # how long each rate is kept up
_SOURCE: Final = Path(__file__).with_name("syn_source.py")


def measure(runs: int) -> Table:
    """Sends each rate `runs` times, to one lab."""
    rows: list[list[str | float | None]] = []
    dropped = 0
    with lab_of("vpn-egress-reset") as lab:
        lab.execute("client", f"nc -z -w 1 {_TARGET[0]} {_TARGET[1]}")  # the first finds ARP and caches empty
        seen = len(_packets(lab)[0])
        for rate, seconds in _SECONDS.items():
            sent_at = 0.0
            for _ in range(runs):
                sent_at = max(sent_at, _send(lab, rate, rate * seconds))
            packets, dropped = _packets(lab)
            rows.append([f"{rate} SYN/s", *_figures(packets[seen:]), rate * seconds * runs, sent_at - seconds])
            seen = len(packets)
    return Table(
        "Forged RST after SYN, milliseconds",
        ("rate", "median", "99 %", "most", "SYNs seen", "unanswered", "SYNs sent", "sender late, s"),
        rows,
        notes=(f"measured at {_POINT}; frames that the recorder had no room for: {dropped}",),
    )


def _send(lab: SandboxedLab, rate: int, count: int) -> float:
    """Has the client send SYNs; the seconds that it took, one interval more than between first and last."""
    command = f"{PYTHON} -I - {_TARGET[0]} {_TARGET[1]} {count} {rate}"
    done = lab.execute("client", command, _SOURCE.read_text(encoding="utf-8"))
    assert done.exit_status == 0, done.stderr
    return float(done.stdout) + 1 / rate


def _packets(lab: SandboxedLab) -> tuple[list[CapturedPacket], int]:
    """All packets at the point up to now, and how many the kernel had no room for, wherever."""
    with lab.capture() as capture:
        packets = read_capture(capture.path)
        return [packet for packet in packets if packet.point == _POINT], sum(capture.dropped.values())


def _figures(packets: Iterable[CapturedPacket]) -> list[float | None]:
    answered_ms, unanswered = answer_times(packets)
    if not answered_ms:
        return [None, None, None, unanswered, unanswered]
    median, most = statistics.median(answered_ms), max(answered_ms)
    return [median, percentile(answered_ms, 0.99), most, len(answered_ms) + unanswered, unanswered]


def answer_times(packets: Iterable[CapturedPacket]) -> tuple[list[float], int]:
    """Milliseconds from each SYN to the RST that answers it, and the number of SYNs without one."""
    waiting: dict[tuple[int, int], int] = {}
    answered_ms = []
    for packet in packets:
        if packet.tcp is None:
            continue
        if packet.tcp.flags == "S":
            waiting[packet.tcp.source_port, packet.tcp.seq] = packet.time_ns
        elif packet.tcp.flags == "R.":
            asked_ns = waiting.pop((packet.tcp.destination_port, (packet.tcp.ack - 1) % 2**32), None)
            answered_ms += [(packet.time_ns - asked_ns) / 1e6] if asked_ns is not None else []
    return answered_ms, len(waiting)
