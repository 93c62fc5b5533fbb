"""Which datagram carried a packet is told where order, size and time allow of one alone, and else nothing."""

from __future__ import annotations

from collections.abc import Iterable

from tests.unit import tunnel
from tests.unit.case import seen, tcp
from whodunet.evidence.packets import CapturedPacket
from whodunet.evidence.trails import trails_of
from whodunet.evidence.tunnels import carriers

TOPOLOGY = tunnel.topology()


def pairs(packets: Iterable[CapturedPacket]) -> dict[float, int | None]:
    """For each packet that has a carrier, by when it was first seen, the number of the datagram."""
    found = carriers(trails_of(packets, TOPOLOGY), TOPOLOGY)
    return {
        tunnel.at_ms(inner.first): outer.first.openvpn.number for inner, outer in found.items() if outer.first.openvpn
    }


def test_a_packet_is_followed_from_one_end_of_the_tunnel_to_the_other_and_its_datagram_is_known() -> None:
    trails = trails_of(tunnel.syn_through(), TOPOLOGY)
    (inner, outer) = trails

    assert inner.points == ("client-tun0", "server-tun0", "server-eth1", "instance-eth0")
    assert carriers(trails, TOPOLOGY) == {inner: outer}
    assert outer.points == ("client-eth0", "home-eth0", "home-eth1", "server-eth0")


def test_a_sign_of_life_carries_nothing() -> None:
    assert pairs([*tunnel.alive(1, 0.1), *tunnel.syn_through(0.05), *tunnel.alive(9, 0.9)]) == {0.05: 7}


def test_packets_of_one_size_are_carried_in_their_order() -> None:
    packets = [
        *seen(tcp("S", port=50001), 0, "client-tun0 out"),
        *seen(tcp("S", port=50002), 0.1, "client-tun0 out"),
        *tunnel.datagram(40, 3, 0.2, *tunnel.WHOLE_OUTER),
        *tunnel.datagram(40, 4, 0.3, *tunnel.WHOLE_OUTER),
    ]
    assert pairs(packets) == {0: 3, 0.1: 4}


def test_of_a_packet_of_whose_size_no_datagram_left_nothing_is_told() -> None:
    packets = [*seen(tcp("S"), 0, "client-tun0 out"), *tunnel.datagram(400, 3, 0.2, *tunnel.WHOLE_OUTER)]
    assert pairs(packets) == {}


def test_a_datagram_that_left_before_the_packet_went_in_did_not_carry_it() -> None:
    packets = [*tunnel.datagram(40, 3, 0, *tunnel.WHOLE_OUTER), *seen(tcp("S"), 1, "client-tun0 out")]
    assert pairs(packets) == {}


def test_a_datagram_that_arrived_after_the_packet_came_out_did_not_carry_it() -> None:
    packets = [
        *seen(tcp("S"), 0, "client-tun0 out"),
        *seen(tcp("S"), 0.5, *tunnel.INSIDE),
        *tunnel.datagram(40, 3, 0.6, *tunnel.WHOLE_OUTER),
    ]
    assert pairs(packets) == {}


def test_what_comes_back_is_carried_by_the_server_s_datagrams() -> None:
    answer = tcp("S.", answer=True, ack=1001)
    packets = [
        *tunnel.syn_through(),
        *seen(answer, 5, "instance-eth0 out", "server-eth1 in", "server-tun0 out"),
        *tunnel.datagram(40, 1, 5.2, *tunnel.WHOLE_OUTER_BACK, answer=True),
        *seen(answer, 5.5, "client-tun0 in"),
    ]
    assert pairs(packets) == {0: 7, 5: 1}


def test_a_packet_that_was_never_sent_takes_no_other_s_datagram_and_keeps_none_from_its_own() -> None:
    never_sent = [
        *seen(tcp("S", port=50001), 0, "client-tun0 out"),
        *seen(tcp("P", port=50002, payload=bytes(700)), 990, "client-tun0 out"),
    ]
    assert pairs([*never_sent, *tunnel.syn_through(1000)]) == {1000: 7}
