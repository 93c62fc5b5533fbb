"""TCP: how connections begin, end, and what they carry."""

from __future__ import annotations

from collections.abc import Callable

from whodunet.evidence.packet_kinds import Kind
from whodunet.evidence.packets import CapturedPacket, Tcp


def _kind(name: str, shows: Callable[[Tcp], bool]) -> Kind:
    def shows_in(packet: CapturedPacket) -> bool:
        return packet.tcp is not None and shows(packet.tcp)

    return Kind(name, ("TCP",), shows_in)


KINDS = (
    _kind("SYN", lambda tcp: "S" in tcp.flags and "." not in tcp.flags),
    _kind("SYN-ACK", lambda tcp: "S" in tcp.flags and "." in tcp.flags),
    _kind("RST", lambda tcp: "R" in tcp.flags),
    _kind("FIN", lambda tcp: "F" in tcp.flags),
    _kind("data", lambda tcp: tcp.payload_bytes > 0),
    _kind("SSH banner", lambda tcp: tcp.payload.startswith(b"SSH-")),  # Source: RFC 4253, section 4.2
)
