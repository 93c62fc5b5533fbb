"""Packets in words: short names, labels with numbers, and lines as tcpdump prints them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from whodunet.evidence.packets import CapturedPacket, Dns, Icmp, Tcp, kinds
from whodunet.view.models.numbering import NumberedPacket
from whodunet.view.words.icmpv6 import icmpv6_label, tcpdump_icmpv6

_RCODES: Final = {0: "answer", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}  # Source: RFC 1035, section 4.1.1
_ICMP_CODES: Final = {0: "net unreachable", 1: "host unreachable", 3: "port unreachable", 4: "fragmentation needed"}


def name(packet: CapturedPacket) -> str:
    """What a packet is, without TCP's numbers: "SYN", "RST", "data 41 bytes", "ICMP 3/13 admin prohibited"."""
    if packet.tcp is not None:
        return _segment_name(packet, packet.tcp)
    if packet.icmp is not None:
        return icmpv6_label(packet.icmp) if _is_ipv6(packet) else _icmp_label(packet, packet.icmp)
    if packet.dns is not None:
        return _dns_label(packet.dns)
    return _plain_label(packet)


def label(numbered: NumberedPacket) -> str:
    """A few words on what a packet is, with its numbers: "RST seq 0 ack 1", "data 41 bytes seq 1"."""
    numbers = _numbers(numbered, numbered.captured.tcp) if numbered.captured.tcp is not None else ""
    return f"{name(numbered.captured)} {numbers}".rstrip()


def _is_ipv6(packet: CapturedPacket) -> bool:
    return packet.ip is not None and packet.ip.version == 6


def _segment_name(packet: CapturedPacket, tcp: Tcp) -> str:
    found = kinds(packet)
    if "data" in found and found.isdisjoint({"SYN", "SYN-ACK", "RST"}):
        return f"{'SSH banner' if 'SSH banner' in found else 'data'} {tcp.payload_bytes} bytes"
    return next((kind for kind in ("SYN", "SYN-ACK", "RST", "FIN") if kind in found), "ACK")


def _numbers(numbered: NumberedPacket, tcp: Tcp) -> str:
    """Those that tell something: nothing of a SYN's, which begin with it."""
    found = kinds(numbered.captured)
    if "SYN" in found:
        return ""
    if "SYN-ACK" in found:
        return f"ack {numbered.ack}"
    if "RST" in found or ("FIN" in found and "data" not in found):
        return f"seq {numbered.seq}" + (f" ack {numbered.ack}" if "." in tcp.flags else "")
    return f"seq {numbered.seq}" if "data" in found else f"{numbered.ack}"


def _icmp_label(packet: CapturedPacket, icmp: Icmp) -> str:
    found = kinds(packet)
    for kind in ("ICMP echo request", "ICMP echo reply", "ICMP time exceeded"):
        if kind in found:
            return kind
    numbers = f"ICMP {icmp.type}/{icmp.code}"
    if "ICMP admin prohibited" in found:
        return f"{numbers} admin prohibited"
    return f"{numbers} {_ICMP_CODES.get(icmp.code, '') if icmp.type == 3 else ''}".strip()


def _dns_label(dns: Dns) -> str:
    """The name comes last, for it is what may be cut off."""
    said = _RCODES.get(dns.rcode, f"error {dns.rcode}") if dns.is_answer else "query"
    return f"DNS {said} {dns.qname}"


def _plain_label(packet: CapturedPacket) -> str:
    if packet.arp is not None:
        return f"ARP who has {packet.arp.target}" if packet.arp.op == 1 else f"ARP {packet.arp.sender} is here"
    if packet.udp is not None:
        return f"UDP to port {packet.udp.destination_port}"
    if packet.ip is not None and packet.ip.fragment_offset:
        return f"fragment from byte {packet.ip.fragment_offset}"
    return "packet"


def tcpdump_line(numbered: NumberedPacket) -> str:
    """The packet as tcpdump prints it, time in UTC: SYNs with their own sequence number, RSTs with the real ones."""
    packet = numbered.captured
    moment = datetime.fromtimestamp(packet.time_ns // 10**9, UTC).strftime("%H:%M:%S")
    stamp = f"{moment}.{packet.time_ns // 1000 % 10**6:06d}"
    if packet.ip is None:
        return f"{stamp} {label(numbered)}"
    protocol = "IP6" if packet.ip.version == 6 else "IP"
    if packet.tcp is not None and packet.ports is not None:
        source, destination = (f"{packet.ip.source}.{packet.ports[0]}", f"{packet.ip.destination}.{packet.ports[1]}")
        return f"{stamp} {protocol} {source} > {destination}: {_tcpdump_tcp(numbered, packet.tcp)}"
    said = tcpdump_icmpv6(packet.icmp, packet.ip) if packet.icmp is not None and _is_ipv6(packet) else label(numbered)
    return f"{stamp} {protocol} {packet.ip.source} > {packet.ip.destination}: {said}"


def _tcpdump_tcp(numbered: NumberedPacket, tcp: Tcp) -> str:
    """Source: tcpdump's print-tcp.c: numbers are absolute in a SYN, without ACK, and in the first segment with ACK."""
    opening = "S" in tcp.flags or "." not in tcp.flags or ("R" in tcp.flags and not numbered.knows_both_isns)
    facts = [f"Flags [{tcp.flags}]"]
    if opening or tcp.payload_bytes or not {"F", "R"}.isdisjoint(tcp.flags):
        start = tcp.seq if opening else numbered.seq
        facts.append(f"seq {start}" if not tcp.payload_bytes else f"seq {start}:{start + tcp.payload_bytes}")
    if "." in tcp.flags:
        facts.append(f"ack {tcp.ack if opening else numbered.ack}")
    facts += [f"win {tcp.window}", f"length {tcp.payload_bytes}"]
    return ", ".join(facts)
