"""Packets are told apart, put to the probe that caused them, and followed from hop to hop."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from types import ModuleType

import pytest

from whodunet.evidence.exchanges import Exchanges
from whodunet.evidence.observation import Observation
from whodunet.evidence.packets import Arp, CapturedPacket, Dns, Flow, Icmp, Ip, Tcp, Udp, kinds
from whodunet.evidence.topology import Topology
from whodunet.evidence.trails import (
    answer_margin_ns,
    in_order,
    trails_of,
    trails_of_probe,
    unread_of,
    unsettled_since_ns,
)


def packets_of(
    observation: Observation, packets: Iterable[CapturedPacket], topology: Topology, rtt_ms: float | None = None
) -> tuple[CapturedPacket, ...]:
    return in_order(trails_of_probe(observation, Exchanges(packets), topology, rtt_ms))


def bare(**headers: object) -> CapturedPacket:
    return CapturedPacket("client-eth0", 1, "out", "aa", "bb", 60, **headers)  # type: ignore[arg-type]


def test_a_flow_is_the_same_whoever_speaks() -> None:
    there = bare(ip=Ip("a", "b", 64, 1, 6, 40), tcp=Tcp(5, 22, "S", 1, 0, 0))
    back = bare(ip=Ip("b", "a", 64, 1, 6, 40), tcp=Tcp(22, 5, "S.", 1, 2, 0))

    assert there.flow == back.flow == Flow.between(6, ("b", 22), ("a", 5))


def test_a_packet_is_followed_over_all_points_while_its_ttl_falls(case: ModuleType) -> None:
    packets = list(case.seen(case.tcp("S"), 0, *case.WHOLE_WAY))
    random.Random(1).shuffle(packets)

    (trail,) = trails_of(packets, case.topology())

    assert trail.points == case.POINTS
    assert (trail.first.point, trail.last.point) == ("client-eth0", "instance-eth0")
    assert trail.last.ip is not None
    assert trail.last.ip.ttl == 63


def test_a_retransmission_is_a_trail_of_its_own(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S", ip_id=1), 0, *case.TO_FIREWALL),
        *case.seen(case.tcp("S", ip_id=2), 1000, *case.TO_FIREWALL),
    ]

    assert [trail.points for trail in trails_of(packets, case.topology())] == [("client-eth0", "fw-eth0")] * 2


def test_equal_packets_are_told_apart_by_where_they_are_when_two_are_under_way(case: ModuleType) -> None:
    same = case.tcp("R.", answer=True, ip_id=0)
    first = list(case.seen(same, 0, *case.WHOLE_WAY_BACK[:3])) + list(case.seen(same, 20, *case.WHOLE_WAY_BACK[3:]))
    second = list(case.seen(same, 5, *case.WHOLE_WAY_BACK[:2]))  # dropped by the router

    trails = trails_of([*first, *second], case.topology())

    assert [len(trail.points) for trail in trails] == [6, 2]


def test_an_equal_packet_that_is_sent_again_does_not_lengthen_the_way_of_one_that_was_lost(case: ModuleType) -> None:
    same = case.tcp("R.", answer=True, ip_id=0)
    packets = [*case.seen(same, 0, *case.WHOLE_WAY_BACK[:3]), *case.seen(same, 1000, *case.WHOLE_WAY_BACK)]

    assert [len(trail.points) for trail in trails_of(packets, case.topology())] == [3, 6]


def test_an_equal_packet_that_is_sent_again_does_not_continue_a_trail_that_ended(case: ModuleType) -> None:
    same = case.tcp("R.", answer=True, ip_id=0)
    packets = [*case.seen(same, 0, *case.FROM_FIREWALL), *case.seen(same, 1000, *case.FROM_FIREWALL)]

    assert [len(trail.points) for trail in trails_of(packets, case.topology())] == [2, 2]


def test_a_probe_has_the_packets_of_the_flows_that_began_while_it_ran(case: ModuleType) -> None:
    own = packets_of(case.observation(), case.reference_packets(), case.topology())

    assert {kind for packet in own for kind in kinds(packet)} == {"SYN", "RST"}
    assert {packet.ports for packet in own if packet.ip and packet.ip.source == case.CLIENT} == {(50000, 22)}


def test_a_late_retransmission_of_an_earlier_probe_is_not_taken_for_the_next_ones(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S", ip_id=1), 10, *case.TO_FIREWALL),
        *case.seen(case.tcp("S", ip_id=2), 1010, *case.TO_FIREWALL),
        *case.seen(case.tcp("S", ip_id=3, port=50001), 1020, *case.TO_FIREWALL),
    ]

    own = packets_of(case.observation(start_ms=1000, end_ms=1100), packets, case.topology())

    assert {packet.ip.id for packet in own if packet.ip} == {3}


def test_ports_that_are_used_again_are_another_flow_when_the_connection_is_a_new_one(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S", ip_id=1, seq=1000), 10, *case.TO_FIREWALL),
        *case.seen(case.tcp("S", ip_id=2, seq=7777), 1010, *case.TO_FIREWALL),
    ]

    own = packets_of(case.observation(start_ms=1000, end_ms=1100), packets, case.topology())

    assert {packet.ip.id for packet in own if packet.ip} == {2}


def datagram(case: ModuleType, *, answer: bool = False, ip_id: int = 0, dns: Dns | None = None) -> dict[str, object]:
    """A datagram from the client's port 5555 to the instance's port 53, or its answer."""
    ends = (case.INSTANCE, case.CLIENT) if answer else (case.CLIENT, case.INSTANCE)
    return {"ip": Ip(*ends, 64, ip_id, 17, 60), "udp": Udp(*((53, 5555) if answer else (5555, 53)), 32), "dns": dns}


def ids_of(packets: tuple[CapturedPacket, ...]) -> set[int]:
    return {packet.ip.id for packet in packets if packet.ip}


def test_a_datagram_from_a_port_that_is_used_again_belongs_to_the_probe_that_sent_it(case: ModuleType) -> None:
    packets = [
        *case.seen(datagram(case, ip_id=1), 10, *case.WHOLE_WAY),
        *case.seen(datagram(case, ip_id=2, answer=True), 50, *case.WHOLE_WAY_BACK),
        *case.seen(datagram(case, ip_id=3), 1010, *case.WHOLE_WAY),
        *case.seen(datagram(case, ip_id=4, answer=True), 1050, *case.WHOLE_WAY_BACK),
    ]
    first, second = (case.observation(start_ms=at, end_ms=at + 100) for at in (0, 1000))

    assert ids_of(packets_of(first, packets, case.topology())) == {1, 2}
    assert ids_of(packets_of(second, packets, case.topology())) == {3, 4}


def test_the_same_datagram_sent_again_later_is_the_later_probes(case: ModuleType) -> None:
    packets = [packet for at in (10, 1010) for packet in case.seen(datagram(case), at, *case.WHOLE_WAY)]

    packets += case.seen(datagram(case, answer=True), 1050, *case.WHOLE_WAY_BACK)

    own = packets_of(case.observation(start_ms=1000, end_ms=1100), packets, case.topology())

    assert [packet.point for packet in own] == [*case.POINTS, *reversed(case.POINTS)]


@pytest.mark.parametrize("question_of_its_own", [True, False])
def test_a_late_answer_to_an_earlier_probes_question_is_not_the_next_ones(
    case: ModuleType, question_of_its_own: bool
) -> None:
    one, other = (Dns(number, False, 0, "a.test") for number in (1, 2))
    packets = [
        *case.seen(datagram(case, ip_id=1, dns=one), 10, *case.WHOLE_WAY),
        *(case.seen(datagram(case, ip_id=2, dns=other), 1010, *case.WHOLE_WAY) if question_of_its_own else ()),
        *case.seen(datagram(case, ip_id=3, answer=True, dns=replace(one, is_answer=True)), 1020, *case.WHOLE_WAY_BACK),
    ]

    own = packets_of(case.observation(start_ms=1000, end_ms=1100), packets, case.topology())

    assert ids_of(own) == ({2} if question_of_its_own else set())


def test_what_is_late_of_one_connection_is_not_the_next_ones_on_the_same_ports(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S", seq=1000, ip_id=1), 10, *case.WHOLE_WAY),
        *case.seen(case.tcp("S.", answer=True, seq=7000, ack=1001, ip_id=2), 20, *case.WHOLE_WAY_BACK),
        *case.seen(case.tcp("S", seq=900_000, ip_id=3), 1010, *case.WHOLE_WAY),
        *case.seen(case.tcp("F.", answer=True, seq=7001, ack=1002, ip_id=4), 1020, *case.WHOLE_WAY_BACK),
        *case.seen(case.tcp("R", answer=True, seq=7002, ip_id=5), 1021, *case.WHOLE_WAY_BACK),
        *case.seen(case.tcp("S.", answer=True, seq=50_000, ack=900_001, ip_id=6), 1030, *case.WHOLE_WAY_BACK),
        *case.seen(case.tcp("R", answer=True, seq=50_001, ip_id=7), 1040, *case.WHOLE_WAY_BACK),
    ]

    own = packets_of(case.observation(start_ms=1000, end_ms=1100), packets, case.topology())

    assert ids_of(own) == {3, 6, 7}


def test_a_packet_on_its_way_when_the_next_probe_starts_stays_its_own_probes(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S", ip_id=1), 99, *case.WHOLE_WAY[:3]),
        *case.seen(case.tcp("S", ip_id=1), 119, *case.WHOLE_WAY[3:]),
        *case.seen(case.tcp("S", ip_id=2, seq=9000), 101, *case.WHOLE_WAY),
    ]
    first, second = (case.observation(start_ms=at, end_ms=at + 99.5) for at in (0, 100))

    assert [p.point for p in packets_of(first, packets, case.topology())] == list(case.POINTS)
    assert ids_of(packets_of(second, packets, case.topology())) == {2}


def test_the_fragments_of_a_datagram_go_with_the_one_that_has_its_ports(case: ModuleType) -> None:
    def fragment(ip_id: int, offset: int) -> dict[str, object]:
        part = Ip(case.CLIENT, case.INSTANCE, 64, ip_id, 17, 1500, False, offset, offset == 0)
        return {"ip": part, "udp": Udp(5555, 53, 2000) if offset == 0 else None}

    packets = [
        *case.seen(fragment(1, 0), 10, *case.TO_FIREWALL),
        *case.seen(fragment(1, 1480), 10.1, *case.TO_FIREWALL),
        *case.seen(fragment(2, 1480), 11, *case.TO_FIREWALL),  # of a datagram whose beginning nobody saw
    ]

    own = packets_of(case.observation(), packets, case.topology())

    assert [(p.ip.id, p.ip.fragment_offset) for p in own if p.ip] == [(1, 0), (1, 0), (1, 1480), (1, 1480)]


def test_pings_are_told_apart_by_when_they_were_sent_though_they_share_an_identifier(case: ModuleType) -> None:
    def echo(kind: int, sequence: int) -> dict[str, object]:
        ends = (case.CLIENT, case.INSTANCE) if kind == 8 else (case.INSTANCE, case.CLIENT)
        return {"ip": Ip(*ends, 64, sequence, 1, 84), "icmp": Icmp(kind, 0, 77, sequence)}

    packets = [
        *case.seen(echo(8, 1), 90, *case.WHOLE_WAY),
        *case.seen(echo(8, 9), 1010, *case.WHOLE_WAY),
        *case.seen(echo(0, 1), 1020, *case.WHOLE_WAY_BACK),
        *case.seen(echo(0, 9), 1050, *case.WHOLE_WAY_BACK),
    ]

    own = packets_of(case.observation(start_ms=1000, end_ms=1100), packets, case.topology())

    assert {packet.icmp.sequence for packet in own if packet.icmp} == {9}


def test_what_was_not_understood_may_be_the_probes_in_whose_time_it_came(case: ModuleType) -> None:
    def unread(at_ms: int, **headers: object) -> CapturedPacket:
        return replace(bare(unread="IP"), time_ns=case.T0 + at_ms * case.MS, **headers)  # type: ignore[arg-type]

    broken_dns = [replace(p, unread="DNS") for p in case.seen(datagram(case), 10, *case.TO_FIREWALL)]
    of_another = [replace(p, unread="DNS") for p in case.seen(datagram(case), -500, *case.TO_FIREWALL)]
    packets = [*of_another, *broken_dns, unread(-1), unread(50), unread(101), unread(500)]
    observation = case.observation()

    own = packets_of(observation, packets, case.topology(), 41)

    assert list(own) == broken_dns
    assert unread_of(observation, Exchanges(packets), own, case.topology(), 41) == (*broken_dns, *packets[-3:-1])


def test_what_may_be_under_way_at_the_end_of_a_phase_was_seen_a_round_trip_before_it(case: ModuleType) -> None:
    phase = replace(case.run().phases[0], settled_ns=case.T0 + 200 * case.MS)

    assert unsettled_since_ns(phase, case.topology()) == case.T0 + 159 * case.MS  # 41 ms before


def test_an_answer_still_under_way_at_the_end_belongs_to_the_probe_and_the_next_flow_does_not(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S"), 99, *case.WHOLE_WAY),
        *case.seen(case.tcp("S.", answer=True), 139, *case.WHOLE_WAY_BACK),
        *case.seen(case.tcp("S", port=50001), 120, *case.WHOLE_WAY),
        *case.seen(case.tcp("S.", answer=True, ip_id=9), 300, *case.WHOLE_WAY_BACK),
    ]

    own = packets_of(case.observation(end_ms=100), packets, case.topology(), 41)

    assert len(own) == 12
    assert all(packet.flow == own[0].flow for packet in own)


def test_the_margin_is_two_measured_round_trips_or_the_nominal_ones(case: ModuleType) -> None:
    assert answer_margin_ns(case.topology(), 41) == 82_000_000
    assert answer_margin_ns(case.topology()) == 80_000_000


def test_an_icmp_error_goes_with_the_flow_that_it_quotes(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S"), 10, *case.WHOLE_WAY),
        *case.seen(case.admin_prohibited(), 50, "client-eth0 in"),
        *case.seen(case.admin_prohibited(port=49999), 51, "client-eth0 in"),
    ]

    own = packets_of(case.observation(), packets, case.topology())

    assert sum(packet.icmp is not None for packet in own) == 1


@pytest.mark.parametrize(("at_ms", "count"), [(-1, 0), (50, 1), (150, 0)])
def test_an_icmp_error_about_what_has_no_ports_belongs_to_the_probe_in_whose_time_it_came(
    case: ModuleType, at_ms: int, count: int
) -> None:
    error = {"ip": Ip("10.8.0.1", case.CLIENT, 64, 7, 1, 56), "icmp": Icmp(3, 2)}  # about a tunnel, or SCTP

    own = packets_of(case.observation(), case.seen(error, at_ms, "client-eth0 in"), case.topology())

    assert len(own) == count


def test_arp_belongs_to_the_probe_during_which_it_was_asked(case: ModuleType) -> None:
    question = Arp(1, case.CLIENT, "aa", "10.8.0.1")
    packets = [
        CapturedPacket("client-eth0", case.T0 + at_ms * case.MS, "out", "aa", "ff", 42, arp=question)
        for at_ms in (-1, 50, 150)
    ]

    assert len(packets_of(case.observation(), packets, case.topology())) == 1
