"""ICMPv6 in words: short labels, and what tcpdump prints of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from whodunet.evidence.packets import NEIGHBOUR_ADVERTISEMENT, NEIGHBOUR_SOLICITATION, Flow, Icmp, Ip

_UNREACHABLE, _TOO_BIG, _TIME_EXCEEDED = 1, 2, 3  # Source: RFC 4443, section 3
_ECHO = (128, 129)  # Source: RFC 4443, section 4
_SCOPE, _PORT = 2, 4  # codes of what is unreachable
_HEADER_BYTES: Final = 40  # Source: RFC 8200, section 3
_TRANSPORTS: Final = {6: "tcp", 17: "udp"}

# Source: RFC 4443, section 3.1
_CODES: Final = {
    0: "no route",
    1: "admin prohibited",
    2: "beyond scope",
    3: "address unreachable",
    4: "port unreachable",
    5: "source address failed policy",
    6: "route rejected",
}
_TYPES: Final = {
    2: "packet too big",
    3: "time exceeded",
    4: "parameter problem",
    128: "echo request",
    129: "echo reply",
    133: "router solicitation",
    134: "router advertisement",
    137: "redirect",
}
# Source: tcpdump 4.99's print-icmp6.c, its blanks included
_TCPDUMP_TYPES: Final = {
    **_TYPES,
    1: "destination unreachable",
    3: "time exceeded in-transit",
    NEIGHBOUR_SOLICITATION: "neighbor solicitation",
    NEIGHBOUR_ADVERTISEMENT: "neighbor advertisement",
    143: "multicast listener report v2",
}
_TCPDUMP_CODES: Final = {
    0: "unreachable route",
    1: " unreachable prohibited",
    2: "beyond scope",
    3: "unreachable address",
    4: "unreachable port,",
}


def icmpv6_label(icmp: Icmp) -> str:
    """A few words, as of ICMP and ARP: "ICMPv6 1/4 port unreachable", "NDP who has fd00:8::1"."""
    if icmp.type == NEIGHBOUR_SOLICITATION:
        return f"NDP who has {icmp.target}"
    if icmp.type == NEIGHBOUR_ADVERTISEMENT:
        return f"NDP {icmp.target} is here"
    if icmp.type == _UNREACHABLE:
        return f"ICMPv6 {icmp.type}/{icmp.code} {_CODES.get(icmp.code, '')}".rstrip()
    return f"ICMPv6 {_TYPES.get(icmp.type, f'{icmp.type}/{icmp.code}')}"


def tcpdump_icmpv6(icmp: Icmp, ip: Ip) -> str:
    """What tcpdump prints after the addresses."""
    return ", ".join(["ICMP6", *_facts(icmp, ip), f"length {max(0, ip.length - _HEADER_BYTES)}"])


def _facts(icmp: Icmp, ip: Ip) -> Iterator[str]:
    said = _TCPDUMP_TYPES.get(icmp.type, f"unknown icmp6 type ({icmp.type})")
    if icmp.type == _TIME_EXCEEDED and icmp.code == 0 and icmp.quoted is not None:
        yield f"{said} for {_destination(icmp.quoted, ip)[0]}"
        return
    yield said
    if icmp.type == _UNREACHABLE:
        yield _unreachable(icmp, ip)
    elif icmp.type == _TOO_BIG:
        yield f"mtu {icmp.next_hop_mtu}"
    elif icmp.type in _ECHO:
        yield f"id {icmp.identifier}"
        yield f"seq {icmp.sequence}"
    elif icmp.type == NEIGHBOUR_SOLICITATION:
        yield f"who has {icmp.target}"
    elif icmp.type == NEIGHBOUR_ADVERTISEMENT:
        yield f"tgt is {icmp.target}"


def _unreachable(icmp: Icmp, ip: Ip) -> str:
    said = _TCPDUMP_CODES.get(icmp.code)
    if said is None:
        return f"unknown unreach code ({icmp.code})"
    if icmp.quoted is None:
        return said
    address, port = _destination(icmp.quoted, ip)
    transport = _TRANSPORTS.get(icmp.quoted.protocol)
    if icmp.code == _PORT and transport is not None:
        return f"{said} {address} {transport} port {port}"
    return f"{said} {address}" + (f", source address {ip.destination}" if icmp.code == _SCOPE else "")


def _destination(quoted: Flow, ip: Ip) -> tuple[str, int]:
    """Where the packet was to go that an error is about; the error is for whoever sent it."""
    one, other = quoted.ends
    return other if one[0] == ip.destination else one
