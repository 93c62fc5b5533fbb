"""Facts that packets alone tell: who sent one, how far away, how soon, and whether it arrived."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest

from whodunet.evidence.facts import (
    AnswerGap,
    distance,
    has_arrived,
    named_sender,
    spoofed_sender,
    taken_over,
    true_sender,
)
from whodunet.evidence.packets import Arp
from whodunet.evidence.trails import Trail, trails_of


def trail(case: ModuleType, headers: dict[str, object], *places: str) -> Trail:
    (only,) = trails_of(case.seen(headers, 0, *places), case.topology())
    return only


def test_a_forged_packet_names_another_as_its_sender_than_the_node_where_it_first_appeared(case: ModuleType) -> None:
    forged = trail(case, case.tcp("R.", answer=True), *case.FROM_FIREWALL)

    assert true_sender(forged, case.topology()) == "fw"
    assert named_sender(forged.first, case.topology()) == "instance"
    assert spoofed_sender(forged, case.topology()) == "instance"


def test_an_honest_packet_is_not_spoofed(case: ModuleType) -> None:
    honest = trail(case, case.tcp("S.", answer=True), *case.WHOLE_WAY_BACK)

    assert true_sender(honest, case.topology()) == "instance"
    assert spoofed_sender(honest, case.topology()) is None


def test_an_icmp_error_with_the_address_of_a_router_is_not_spoofed_whoever_sent_it(case: ModuleType) -> None:
    """A switch has no address of its own."""
    error = trail(case, case.admin_prohibited(), *case.FROM_FIREWALL)

    assert named_sender(error.first, case.topology()) == "r1"
    assert spoofed_sender(error, case.topology()) is None


def test_an_icmp_error_in_the_name_of_an_end_of_the_conversation_is_spoofed(case: ModuleType) -> None:
    headers = case.admin_prohibited()
    headers["ip"] = replace(headers["ip"], source=case.INSTANCE)

    assert spoofed_sender(trail(case, headers, *case.FROM_FIREWALL), case.topology()) == "instance"


def test_a_capture_point_outside_the_topology_names_no_sender(case: ModuleType) -> None:
    strange = trail(case, case.tcp("S"), "tun0 out")

    assert true_sender(strange, case.topology()) is None
    assert spoofed_sender(strange, case.topology()) is None


@pytest.mark.parametrize(
    ("ttl", "initial", "hops"),
    [
        (64, 64, 1),
        (58, 64, 7),
        (65, 128, 64),
        (128, 128, 1),
        (121, 128, 8),
        (129, 255, 127),
        (255, 255, 1),
        (1, 64, 64),
    ],
)
def test_a_ttl_tells_how_many_routers_passed_a_packet_on(ttl: int, initial: int, hops: int) -> None:
    far = distance(ttl)

    assert (far.initial_ttl, far.hops, far.routers) == (initial, hops, hops - 1)


@pytest.mark.parametrize(
    ("took_ms", "is_too_soon", "is_too_late"),
    [
        (2, True, False),
        (20.4, True, False),
        (20.6, False, False),
        (41, False, False),
        (81, False, False),
        (83, False, True),
    ],
)
def test_an_answer_is_too_soon_below_half_a_round_trip_and_too_late_above_two(
    case: ModuleType, took_ms: float, is_too_soon: bool, is_too_late: bool
) -> None:
    asked, *_ = case.seen(case.tcp("S"), 10, "client-eth0 out")
    answer, *_ = case.seen(case.tcp("R.", answer=True), 10 + took_ms, "client-eth0 in")
    gap = AnswerGap(asked, answer, 41)

    assert gap.took_ms == pytest.approx(took_ms)
    assert gap.share == pytest.approx(took_ms / 41)
    assert (gap.is_too_soon, gap.is_too_late) == (is_too_soon, is_too_late)


def test_without_a_baseline_no_answer_is_too_soon_or_too_late(case: ModuleType) -> None:
    asked, answer = case.seen(case.tcp("S"), 10, "client-eth0 out", "client-eth0 in")
    gap = AnswerGap(asked, answer, None)

    assert (gap.share, gap.is_too_soon, gap.is_too_late) == (None, False, False)


def test_a_packet_has_arrived_at_the_node_with_its_destination(case: ModuleType) -> None:
    assert has_arrived(trail(case, case.tcp("S"), *case.WHOLE_WAY), case.topology())
    assert not has_arrived(trail(case, case.tcp("S"), *case.TO_FIREWALL), case.topology())


def test_a_packet_that_was_flooded_has_arrived_when_one_of_its_copies_has(case: ModuleType) -> None:
    question = {"ip": None, "arp": Arp(1, "10.8.0.1", "aa", case.CLIENT)}
    flooded = list(case.seen(question, 0, "r1-eth0 out", "fw-eth1 in", "fw-eth0 out", "client-eth0 in"))
    elsewhere = replace(flooded[-1], point="instance-eth0", time_ns=flooded[-1].time_ns + 1)

    (only,) = trails_of([*flooded, elsewhere], case.topology())

    assert only.last.point == "instance-eth0"
    assert has_arrived(only, case.topology())


def test_what_comes_to_a_node_that_said_syn_ack_in_its_destinations_name_is_taken_over(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S"), 0, *case.TO_FIREWALL),
        *case.seen(case.tcp("S.", answer=True, seq=7000, ack=1001), 1, *case.FROM_FIREWALL),
        *case.seen(case.tcp("S", port=50001), 2, *case.TO_FIREWALL),
    ]
    syn, syn_ack, other = trails_of(packets, case.topology())

    assert taken_over((syn, syn_ack, other), case.topology()) == {syn}
