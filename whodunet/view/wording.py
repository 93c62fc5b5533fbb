"""Packets in words: the ladder's short labels and tcpdump's lines."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from whodunet.evidence.packets import CapturedPacket, Dns, Icmp, Tcp, kinds

SEQUENCE_SPACE = 2**32
RCODES = {0: "answer", 2: "SERVFAIL", 3: "NXDOMAIN", 5: "REFUSED"}  # Source: RFC 1035, section 4.1.1
ICMP_CODES = {0: "net unreachable", 1: "host unreachable", 3: "port unreachable", 4: "fragmentation needed"}


class Isns:
    """The initial sequence numbers of a capture's connections, so that numbers can be given relative to them."""

    def __init__(self, packets: Iterable[CapturedPacket]) -> None:
        self._isns: dict[tuple[object, ...], int] = {}
        for packet in packets:
            if packet.tcp is not None and "S" in packet.tcp.flags:
                self._isns.setdefault(_way(packet), packet.tcp.seq)

    def seq(self, packet: CapturedPacket) -> int:
        """The sequence number counted from its sender's SYN; as it is when that was not seen."""
        assert packet.tcp is not None
        return (packet.tcp.seq - self._isns.get(_way(packet), 0)) % SEQUENCE_SPACE

    def ack(self, packet: CapturedPacket) -> int:
        """The acknowledgement number counted from the other side's SYN; as it is when that was not seen."""
        assert packet.tcp is not None
        return (packet.tcp.ack - self._isns.get(_way_back(packet), 0)) % SEQUENCE_SPACE

    def knows_both(self, packet: CapturedPacket) -> bool:
        """True when the SYNs of both sides were seen."""
        return {_way(packet), _way_back(packet)} <= self._isns.keys()


def _way(packet: CapturedPacket) -> tuple[object, ...]:
    assert packet.ip is not None
    return (packet.ip.source, packet.ip.destination, packet.ports)


def _way_back(packet: CapturedPacket) -> tuple[object, ...]:
    assert packet.ip is not None
    return (packet.ip.destination, packet.ip.source, packet.ports and packet.ports[::-1])


def label(packet: CapturedPacket, isns: Isns) -> str:
    """A few words on what a packet is, numbers relative: "SYN", "RST seq 0 ack 1", "data 41 bytes", "ICMP 3/13"."""
    if packet.tcp is not None:
        return _tcp_label(packet, packet.tcp, isns)
    if packet.icmp is not None:
        return _icmp_label(packet, packet.icmp)
    if packet.dns is not None:
        return _dns_label(packet.dns)
    return _plain_label(packet)


def _plain_label(packet: CapturedPacket) -> str:
    if packet.arp is not None:
        return f"ARP who has {packet.arp.target}" if packet.arp.op == 1 else f"ARP {packet.arp.sender} is here"
    if packet.udp is not None:
        return f"UDP to port {packet.udp.destination_port}"
    if packet.ip is not None and packet.ip.fragment_offset:
        return f"fragment from byte {packet.ip.fragment_offset}"
    return "packet"


def _tcp_label(packet: CapturedPacket, tcp: Tcp, isns: Isns) -> str:
    found = kinds(packet)
    if "SYN" in found:
        return "SYN"
    if "SYN-ACK" in found:
        return f"SYN-ACK ack {isns.ack(packet)}"
    numbers = f"seq {isns.seq(packet)}" + (f" ack {isns.ack(packet)}" if "." in tcp.flags else "")
    if "RST" in found:
        return f"RST {numbers}"
    if "data" in found:
        return f"{'SSH banner' if 'SSH banner' in found else 'data'} {tcp.payload_bytes} bytes seq {isns.seq(packet)}"
    return f"FIN {numbers}" if "FIN" in found else f"ACK {isns.ack(packet)}"


def _icmp_label(packet: CapturedPacket, icmp: Icmp) -> str:
    found = kinds(packet)
    for kind in ("ICMP echo request", "ICMP echo reply", "ICMP time exceeded"):
        if kind in found:
            return kind
    numbers = f"ICMP {icmp.type}/{icmp.code}"
    if "ICMP admin prohibited" in found:
        return f"{numbers} admin prohibited"
    is_ipv4 = packet.ip is None or packet.ip.version == 4
    return f"{numbers} {ICMP_CODES.get(icmp.code, '') if is_ipv4 and icmp.type == 3 else ''}".strip()


def _dns_label(dns: Dns) -> str:
    """The name comes last, for it is what may be cut off."""
    said = RCODES.get(dns.rcode, f"error {dns.rcode}") if dns.is_answer else "query"
    return f"DNS {said} {dns.qname}"


def tcpdump_line(packet: CapturedPacket, isns: Isns) -> str:
    """The packet as tcpdump prints it, time in UTC: SYNs with their own sequence number, RSTs with the real ones."""
    moment = datetime.fromtimestamp(packet.time_ns // 10**9, UTC).strftime("%H:%M:%S")
    stamp = f"{moment}.{packet.time_ns // 1000 % 10**6:06d}"
    if packet.ip is None:
        return f"{stamp} {label(packet, isns)}"
    if packet.tcp is None or packet.ports is None:
        return f"{stamp} IP {packet.ip.source} > {packet.ip.destination}: {label(packet, isns)}"
    source, destination = (f"{packet.ip.source}.{packet.ports[0]}", f"{packet.ip.destination}.{packet.ports[1]}")
    return f"{stamp} IP {source} > {destination}: {_tcpdump_tcp(packet, packet.tcp, isns)}"


def _tcpdump_tcp(packet: CapturedPacket, tcp: Tcp, isns: Isns) -> str:
    """Source: tcpdump's print-tcp.c: numbers are absolute in a SYN, without ACK, and in the first segment with ACK."""
    opening = "S" in tcp.flags or "." not in tcp.flags or ("R" in tcp.flags and not isns.knows_both(packet))
    facts = [f"Flags [{tcp.flags}]"]
    if opening or tcp.payload_bytes or not {"F", "R"}.isdisjoint(tcp.flags):
        start = tcp.seq if opening else isns.seq(packet)
        facts.append(f"seq {start}" if not tcp.payload_bytes else f"seq {start}:{start + tcp.payload_bytes}")
    if "." in tcp.flags:
        facts.append(f"ack {tcp.ack if opening else isns.ack(packet)}")
    facts += [f"win {tcp.window}", f"length {tcp.payload_bytes}"]
    return ", ".join(facts)
