"""A ladder holds how far each packet came and how it ended, and no way to draw it."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import Any

import pytest

from tests.unit import tunnel
from whodunet.evidence.packets import Arp, CapturedPacket, Icmp, Ip
from whodunet.view.models.ladder import Journey, Ladder, PacketRow, RoutineRow, ladder_of

LINK_LOCAL = "fe80::1"


def rows(case: ModuleType, packets: Iterable[CapturedPacket], **fields: Any) -> list[PacketRow]:
    every = ladder_of(case.left(packets, **fields)).rows
    assert all(isinstance(row, PacketRow) for row in every)
    return [row for row in every if isinstance(row, PacketRow)]


def faulty(case: ModuleType) -> list[CapturedPacket]:
    return [packet for packet in case.reference_packets() if packet.time_ns < case.T0 + 1000 * case.MS]


def test_the_columns_go_on_to_the_destination_that_nothing_reached(case: ModuleType) -> None:
    ladder = ladder_of(case.left(faulty(case)), "fw")

    assert ladder.nodes == ("client", "fw", "r1", "instance")
    assert ladder.culprit == ("fw",)


def test_each_packet_has_its_way_its_end_and_whose_name_it_bears(case: ModuleType) -> None:
    syn, rst = rows(case, faulty(case))

    assert syn.journey == Journey(("client", "fw"), "dropped", "instance", has_left=False)
    assert rst.journey == Journey(("fw", "client"), "arrived", "client", has_left=False)
    assert (syn.spoofed, rst.spoofed) == (None, "instance")
    assert (syn.time_ms, rst.time_ms) == (0.0, 2.0)
    assert (rst.packet.seq, rst.packet.ack) == (0, 1)


def test_what_was_lost_in_the_cable_has_left_the_last_node(case: ModuleType) -> None:
    [syn] = rows(case, case.seen(case.tcp("S"), 0, *case.WHOLE_WAY[:3]))

    assert syn.journey == Journey(("client", "fw"), "dropped", "instance", has_left=True)


def test_a_ttl_is_told_where_first_and_where_last_seen(case: ModuleType) -> None:
    [syn] = rows(case, case.seen(case.tcp("S"), 0, *case.WHOLE_WAY))

    assert (syn.first_ttl, syn.last_ttl, syn.journey.ending) == (64, 63, "arrived")


def test_what_a_proxy_took_in_the_destinations_name_is_taken_over(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S"), 0, *case.TO_FIREWALL),
        *case.seen(case.tcp("S.", answer=True, seq=7000, ack=1001, ip_id=9), 1, *case.FROM_FIREWALL),
    ]

    syn, _ = rows(case, packets)

    assert (syn.journey.ending, syn.journey.has_come) == ("taken over", True)


def test_what_was_on_its_way_at_the_end_is_unsettled(case: ModuleType) -> None:
    [syn] = rows(case, case.seen(case.tcp("S"), 0, *case.TO_FIREWALL), unsettled_since_ns=case.T0 - 1)

    assert (syn.journey.ending, syn.journey.has_come) == ("unsettled", False)


def test_retransmissions_with_the_same_fate_are_one_row_with_their_times(case: ModuleType) -> None:
    packets = [
        packet
        for ip_id, at_ms in enumerate((0, 1000, 3000))
        for packet in case.seen(case.tcp("S", ip_id=ip_id), at_ms, *case.TO_FIREWALL)
    ]

    [syn] = rows(case, packets)

    assert (syn.again_s, syn.is_retransmitted) == ((1.0, 3.0), True)


def test_routine_is_counted_and_what_was_lost_in_it_is_not_routine(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S"), 0, *case.WHOLE_WAY),
        *(p for n in range(1, 9) for p in case.seen(case.tcp(".", seq=1000 + n, ip_id=n), n, *case.WHOLE_WAY)),
        *case.seen(case.tcp("P.", seq=1100, ip_id=20, payload=b"x" * 9), 20, *case.TO_FIREWALL),
    ]

    _, routine, lost = ladder_of(case.left(packets)).rows

    assert routine == RoutineRow(1.0, 8)
    assert isinstance(lost, PacketRow)
    assert lost.journey.ending == "dropped"


@pytest.mark.parametrize("link", ["fw - r1", "fw-eth1 - r1-eth0"])
def test_a_culprit_that_is_a_link_is_its_two_nodes(case: ModuleType, link: str) -> None:
    assert ladder_of(case.left(faulty(case)), link).culprit == ("fw", "r1")


def test_no_packets_are_no_rows(case: ModuleType) -> None:
    assert ladder_of(case.left([])) == Ladder()


def solicitation(source: str) -> dict[str, Any]:
    return {
        "ip": Ip(source, "ff02::1:ff00:1", 255, 0, 58, 72, version=6),
        "icmp": Icmp(135, 0, target="fd00:8::1"),
    }


def advertisement(destination: str) -> dict[str, Any]:
    return {
        "ip": Ip("fd00:8::1", destination, 255, 0, 58, 72, version=6),
        "icmp": Icmp(136, 0, target="fd00:8::1"),
    }


@pytest.mark.parametrize("source", ["fd00:8::10", LINK_LOCAL])
def test_ndp_that_was_answered_is_left_out_and_silence_is_not(case: ModuleType, source: str) -> None:
    asked = list(case.seen(solicitation(source), -1, *case.TO_FIREWALL))
    answered = list(case.seen(advertisement(source), -0.5, *case.FROM_FIREWALL))
    syn = list(case.seen(case.tcp("S", version=6), 0, *case.TO_FIREWALL))

    assert [row.time_ms for row in rows(case, [*asked, *answered, *syn])] == [0.0]
    assert [row.time_ms for row in rows(case, [*asked, *syn])] == [-1.0, 0.0]


def test_arp_that_was_answered_is_left_out_and_time_is_counted_from_the_syn(case: ModuleType) -> None:
    asked = list(case.seen({"ip": None, "arp": Arp(1, case.CLIENT, "aa", "10.8.0.1")}, 9.5, *case.TO_FIREWALL))
    answered = list(case.seen({"ip": None, "arp": Arp(2, "10.8.0.1", "bb", case.CLIENT)}, 9.6, *case.FROM_FIREWALL))

    assert [row.time_ms for row in rows(case, [*asked, *answered, *faulty(case)])] == [0.0, 2.0]
    assert [row.time_ms for row in rows(case, [*asked, *faulty(case)])] == [-0.5, 0.0, 2.0]


def test_over_ipv6_forgery_and_way_are_told_alike(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S", version=6), 0, *case.TO_FIREWALL),
        *case.seen(case.tcp("R.", answer=True, seq=0, ack=1001, version=6), 2, *case.FROM_FIREWALL),
    ]

    v4 = ladder_of(case.left(faulty(case)), "fw")
    v6 = ladder_of(case.left(packets), "fw")

    assert (v6.nodes, v6.culprit) == (v4.nodes, v4.culprit)
    assert [row.journey for row in rows(case, packets)] == [row.journey for row in rows(case, faulty(case))]
    assert [row.spoofed for row in rows(case, packets)] == [None, "instance"]


def test_what_goes_through_a_tunnel_is_one_row_with_the_nodes_that_saw_it_encrypted(case: ModuleType) -> None:
    (syn,) = rows(case, [*tunnel.alive(1, 0.01), *tunnel.syn_through(1)], of=tunnel.topology())

    assert syn.journey == Journey(
        ("client", "home", "server", "instance"), "arrived", "instance", has_left=False, encrypted=frozenset({"home"})
    )


def test_what_is_lost_inside_a_tunnel_s_datagram_ends_where_that_is_last_seen(case: ModuleType) -> None:
    lost = [*case.seen(case.tcp("S"), 0, "client-tun0 out"), *tunnel.datagram(40, 3, 0.2, *tunnel.WHOLE_OUTER[:2])]

    (syn,) = rows(case, lost, of=tunnel.topology())

    assert syn.journey == Journey(
        ("client", "home"), "dropped", "instance", has_left=False, encrypted=frozenset({"home"})
    )


def test_a_tunnel_s_datagrams_are_shown_where_there_is_nothing_else(case: ModuleType) -> None:
    (shown,) = rows(case, tunnel.alive(1, 0), of=tunnel.topology())
    assert shown.packet.captured.openvpn is not None
