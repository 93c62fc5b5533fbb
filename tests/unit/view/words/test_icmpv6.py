"""ICMPv6 is told in tcpdump's words, and in the ladder's."""

from __future__ import annotations

import pytest

from whodunet.evidence.packets import CapturedPacket, Flow, Icmp, Ip
from whodunet.view.models.numbering import NumberedPacket
from whodunet.view.words.packets import label, name, tcpdump_line

CLIENT, ROUTER, INSTANCE = "fd00:8::10", "fd00:8::1", "fd00:1::10"
TCP_QUOTED = Flow.between(6, (CLIENT, 50000), (INSTANCE, 22))
UDP_QUOTED = Flow.between(17, (CLIENT, 50000), (INSTANCE, 53))
BACK_QUOTED = Flow.between(6, (INSTANCE, 22), (CLIENT, 50000))
PING_QUOTED = Flow.between(58, (CLIENT, 7), (INSTANCE, 7))


def icmpv6(icmp: Icmp, source: str = ROUTER, destination: str = CLIENT, payload_bytes: int = 68) -> NumberedPacket:
    ip = Ip(source, destination, 64, 0, 58, 40 + payload_bytes, version=6)
    packet = CapturedPacket("client-eth0", 1_700_000_000_010_000_000, "in", "aa", "bb", 0, ip=ip, icmp=icmp)
    return NumberedPacket(packet)


@pytest.mark.parametrize(
    ("packet", "printed"),
    [
        (icmpv6(Icmp(128, 0, 7, 1), CLIENT, INSTANCE, 64), "echo request, id 7, seq 1, length 64"),
        (icmpv6(Icmp(129, 0, 7, 1), INSTANCE, CLIENT, 64), "echo reply, id 7, seq 1, length 64"),
        (icmpv6(Icmp(135, 0, target=ROUTER), CLIENT, "ff02::1:ff00:1", 32),
         "neighbor solicitation, who has fd00:8::1, length 32"),
        (icmpv6(Icmp(136, 0, target=ROUTER), payload_bytes=32),
         "neighbor advertisement, tgt is fd00:8::1, length 32"),
        (icmpv6(Icmp(1, 0, quoted=TCP_QUOTED)), "destination unreachable, unreachable route fd00:1::10, length 68"),
        (icmpv6(Icmp(1, 1, quoted=TCP_QUOTED)),
         "destination unreachable,  unreachable prohibited fd00:1::10, length 68"),
        (icmpv6(Icmp(1, 1, quoted=PING_QUOTED), payload_bytes=56),
         "destination unreachable,  unreachable prohibited fd00:1::10, length 56"),
        (icmpv6(Icmp(1, 2, quoted=TCP_QUOTED)),
         "destination unreachable, beyond scope fd00:1::10, source address fd00:8::10, length 68"),
        (icmpv6(Icmp(1, 3, quoted=TCP_QUOTED)), "destination unreachable, unreachable address fd00:1::10, length 68"),
        (icmpv6(Icmp(1, 4, quoted=TCP_QUOTED)),
         "destination unreachable, unreachable port, fd00:1::10 tcp port 22, length 68"),
        (icmpv6(Icmp(1, 4, quoted=UDP_QUOTED), payload_bytes=57),
         "destination unreachable, unreachable port, fd00:1::10 udp port 53, length 57"),
        (icmpv6(Icmp(1, 5, quoted=TCP_QUOTED)), "destination unreachable, unknown unreach code (5), length 68"),
        (icmpv6(Icmp(2, 0, quoted=TCP_QUOTED, next_hop_mtu=1400)), "packet too big, mtu 1400, length 68"),
        (icmpv6(Icmp(3, 0, quoted=TCP_QUOTED)), "time exceeded in-transit for fd00:1::10, length 68"),
        (icmpv6(Icmp(3, 0, quoted=BACK_QUOTED), destination=INSTANCE),
         "time exceeded in-transit for fd00:8::10, length 68"),
        (icmpv6(Icmp(133, 0), CLIENT, "ff02::2", 8), "router solicitation, length 8"),
        (icmpv6(Icmp(200, 0)), "unknown icmp6 type (200), length 68"),
    ],
)  # fmt: skip
def test_a_line_is_what_tcpdump_prints(packet: NumberedPacket, printed: str) -> None:
    """Source: tcpdump 4.99.3, reading such packets; of a code that it does not know it goes on with the bytes."""
    ip = packet.captured.ip
    assert ip is not None
    assert tcpdump_line(packet) == f"22:13:20.010000 IP6 {ip.source} > {ip.destination}: ICMP6, {printed}"


@pytest.mark.parametrize(
    ("icmp", "words"),
    [
        (Icmp(128, 0, 7, 1), "ICMPv6 echo request"),
        (Icmp(129, 0, 7, 1), "ICMPv6 echo reply"),
        (Icmp(1, 0, quoted=TCP_QUOTED), "ICMPv6 1/0 no route"),
        (Icmp(1, 1, quoted=TCP_QUOTED), "ICMPv6 1/1 admin prohibited"),
        (Icmp(1, 3, quoted=TCP_QUOTED), "ICMPv6 1/3 address unreachable"),
        (Icmp(1, 4, quoted=TCP_QUOTED), "ICMPv6 1/4 port unreachable"),
        (Icmp(1, 9, quoted=TCP_QUOTED), "ICMPv6 1/9"),
        (Icmp(2, 0, quoted=TCP_QUOTED, next_hop_mtu=1400), "ICMPv6 packet too big"),
        (Icmp(3, 0, quoted=TCP_QUOTED), "ICMPv6 time exceeded"),
        (Icmp(135, 0, target=ROUTER), "NDP who has fd00:8::1"),
        (Icmp(136, 0, target=ROUTER), "NDP fd00:8::1 is here"),
        (Icmp(200, 3), "ICMPv6 200/3"),
    ],
)
def test_a_label_says_in_a_few_words_what_it_is(icmp: Icmp, words: str) -> None:
    assert label(icmpv6(icmp)) == name(icmpv6(icmp).captured) == words
