"""Packets of one connection as its client sees them, a line each: numbers begin at 500 here and at 1000 there."""

from __future__ import annotations

from tests.unit.diagnosis.network import CLIENT, DESTINATION, HOPS, RTT_MS
from whodunet.evidence.packets import CapturedPacket, Direction, Flow, Icmp, Ip, Tcp

MS, T0 = 1_000_000, 1_700_000_000_000_000_000
HERE, PORT = 50000, 22
CLIENTS_LINK, GATEWAYS_LINK = "02:00:00:00:00:01", "02:00:00:00:00:02"


def _packet(
    at_ms: float, direction: Direction, tcp: Tcp, ttl: int, ip_id: int, ends: tuple[str, str]
) -> CapturedPacket:
    links = (CLIENTS_LINK, GATEWAYS_LINK) if direction == "out" else (GATEWAYS_LINK, CLIENTS_LINK)
    length = 40 + tcp.payload_bytes
    header = Ip(*ends, ttl, ip_id, 6, length)
    return CapturedPacket("eth0", T0 + round(at_ms * MS), direction, *links, length + 14, header, tcp)


def outgoing(
    at_ms: float, flags: str, *, seq: int = 501, ack: int = 1001, payload: bytes = b"", ttl: int = 64,
    source_port: int = HERE, port: int = PORT, to: str = DESTINATION, size: int | None = None,
) -> CapturedPacket:  # fmt: skip
    tcp = Tcp(source_port, port, flags, seq, ack, 64240, payload, len(payload) if size is None else size)
    return _packet(at_ms, "out", tcp, ttl, 7, (CLIENT, to))


def incoming(
    at_ms: float, flags: str, *, seq: int = 1001, ack: int = 501, payload: bytes = b"", ttl: int = 65 - HOPS,
    ip_id: int = 0, window: int = 65160, source_port: int = HERE, port: int = PORT, sender: str = DESTINATION,
    size: int | None = None,
) -> CapturedPacket:  # fmt: skip
    tcp = Tcp(port, source_port, flags, seq, ack, window, payload, len(payload) if size is None else size)
    return _packet(at_ms, "in", tcp, ttl, ip_id, (sender, CLIENT))


def icmp_error(at_ms: float, sender: str, kind: int, code: int, *, ttl: int = 64, port: int = PORT) -> CapturedPacket:
    quoted = Flow.between(6, (CLIENT, HERE), (DESTINATION, port))
    header = Ip(sender, CLIENT, ttl, 1, 1, 56)
    stamp = T0 + round(at_ms * MS)
    return CapturedPacket(
        "eth0", stamp, "in", GATEWAYS_LINK, CLIENTS_LINK, 70, header, icmp=Icmp(kind, code, quoted=quoted)
    )


def ping(at_ms: float, sequence: int = 1) -> list[CapturedPacket]:
    """An echo request and the destination's reply."""
    asked = CapturedPacket(
        "eth0", T0 + round(at_ms * MS), "out", CLIENTS_LINK, GATEWAYS_LINK, 98,
        Ip(CLIENT, DESTINATION, 64, 1, 1, 84), icmp=Icmp(8, 0, 77, sequence),
    )  # fmt: skip
    told = CapturedPacket(
        "eth0", T0 + round((at_ms + RTT_MS) * MS), "in", GATEWAYS_LINK, CLIENTS_LINK, 98,
        Ip(DESTINATION, CLIENT, 65 - HOPS, 1, 1, 84), icmp=Icmp(0, 0, 77, sequence),
    )  # fmt: skip
    return [asked, told]


def syn(at_ms: float = 0, *, ttl: int = 64, source_port: int = HERE, port: int = PORT) -> CapturedPacket:
    return outgoing(at_ms, "S", seq=500, ack=0, ttl=ttl, source_port=source_port, port=port)


def conversation(begin_ms: float = 0, *, ttl: int = 65 - HOPS, rtt_ms: float = RTT_MS) -> list[CapturedPacket]:
    """A handshake, and nothing after it."""
    return [
        syn(begin_ms),
        incoming(begin_ms + rtt_ms, "S.", seq=1000, ttl=ttl),
        outgoing(begin_ms + rtt_ms + 0.1, "."),
    ]
