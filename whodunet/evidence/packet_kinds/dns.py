"""DNS, over UDP and TCP."""

from __future__ import annotations

from collections.abc import Callable

from whodunet.evidence.packet_kinds import Kind
from whodunet.evidence.packets import CapturedPacket, Dns

_NAME_ERROR = 3  # Source: RFC 1035, section 4.1.1, RCODE


def _kind(name: str, shows: Callable[[Dns], bool]) -> Kind:
    def shows_in(packet: CapturedPacket) -> bool:
        return packet.dns is not None and shows(packet.dns)

    return Kind(name, ("DNS",), shows_in)


KINDS = (
    _kind("DNS query", lambda dns: not dns.is_answer),
    _kind("DNS answer", lambda dns: dns.is_answer),
    _kind("DNS name error", lambda dns: dns.is_answer and dns.rcode == _NAME_ERROR),
)
