"""Each rule reads its observation, and is wrong where it says that it is."""

from __future__ import annotations

import pytest

from tests.unit.diagnosis.network import GATEWAY, HOPS, icmp, rst, syn_ack
from tests.unit.diagnosis.packets import conversation, incoming, outgoing
from whodunet.diagnosis import signals
from whodunet.diagnosis.probes import ShotResult
from whodunet.diagnosis.signals import (
    Signal,
    Trace,
    continues_ids,
    copies_ttl,
    hops_by_ttl,
    icmp_meaning,
    is_injected_beside,
    is_too_soon,
    repeated_syn_acks,
    reset_claim,
    sequence_gap,
    unacknowledged_bytes,
)

EVERY = [value for value in vars(signals).values() if isinstance(value, Signal)]


@pytest.mark.parametrize("signal", EVERY, ids=lambda signal: signal.name)
def test_every_rule_has_a_source_and_says_when_it_is_wrong(signal: Signal) -> None:
    assert signal.source
    assert signal.wrong_when


@pytest.mark.parametrize(("ttl", "hops"), [(64, 1), (58, 7), (128, 1), (121, 8), (255, 1), (247, 9), (1, 64)])
def test_a_return_ttl_tells_hops_from_the_next_number_that_systems_begin_with(ttl: int, hops: int) -> None:
    assert hops_by_ttl(rst(2.0, ttl)) == hops


def test_the_return_ttl_is_wrong_about_who_begins_with_another_number() -> None:
    next_door_with_a_ttl_of_its_own = rst(2.0, 58)

    assert hops_by_ttl(next_door_with_a_ttl_of_its_own) == HOPS


def test_a_ttl_that_was_not_seen_tells_nothing() -> None:
    assert hops_by_ttl(rst(2.0, None)) is None


def test_a_rst_sooner_than_half_the_round_trip_was_never_at_the_destination() -> None:
    assert is_too_soon(2.0, 45.0)
    assert not is_too_soon(44.0, 45.0)


def test_the_round_trip_is_wrong_where_its_baseline_was_measured_on_a_slow_moment() -> None:
    honest_answer_ms, baseline_while_congested_ms = 45.0, 120.0

    assert is_too_soon(honest_answer_ms, baseline_while_congested_ms)


def test_without_a_baseline_no_answer_is_too_soon() -> None:
    assert not is_too_soon(0.1, None)


@pytest.mark.parametrize(
    ("sender", "kind", "code", "meaning"),
    [
        (GATEWAY, 3, 3, "port unreachable"),
        (GATEWAY, 3, 13, "prohibited"),
        (GATEWAY, 3, 0, "no route"),
        (GATEWAY, 3, 1, "host unreachable"),
        (GATEWAY, 3, 4, "too big"),
        (GATEWAY, 11, 0, "time exceeded"),
        ("fd00::1", 1, 4, "port unreachable"),
        ("fd00::1", 1, 1, "prohibited"),
        ("fd00::1", 1, 0, "no route"),
        ("fd00::1", 2, 0, "too big"),
        ("fd00::1", 3, 0, "time exceeded"),
    ],
)
def test_an_icmp_error_means_the_same_in_both_families(sender: str, kind: int, code: int, meaning: str) -> None:
    assert icmp_meaning(icmp(sender, kind, code)) == meaning


def test_a_trace_tells_the_last_router_and_the_lowest_ttl_that_is_answered() -> None:
    trace = Trace(
        {
            1: ShotResult((icmp(GATEWAY, 11, 0),), left=True),
            2: ShotResult((icmp("100.64.2.1", 11, 0),), left=True),
            3: ShotResult((rst(2.0, 64),), left=True),
            4: ShotResult((), left=True),
        }
    )

    assert trace.last_router == 2
    assert trace.lowest == 3
    assert trace.hop_of("100.64.2.1") == 2


def test_the_lowest_ttl_is_the_same_for_a_box_behind_one_check_and_one_before_the_next() -> None:
    behind_the_check_of_hop_2 = Trace({2: ShotResult((), None), 3: ShotResult((rst(5.0, None),), None)})
    before_the_check_of_hop_3 = Trace({2: ShotResult((), None), 3: ShotResult((rst(5.0, None),), None)})

    assert behind_the_check_of_hop_2.lowest == before_the_check_of_hop_3.lowest == 3


def test_a_router_that_is_passed_again_is_a_loop_and_one_that_answers_twice_in_a_row_is_none() -> None:
    there, back = ShotResult((icmp("100.64.2.1", 11, 0),), None), ShotResult((icmp("100.64.3.1", 11, 0),), None)

    assert Trace({2: there, 3: back, 4: there, 5: back}).loops == ("100.64.2.1", "100.64.3.1")
    assert Trace({2: there, 3: there}).loops == ()


def test_a_ttl_that_follows_what_it_answers_is_copied_and_one_that_stays_is_not() -> None:
    assert copies_ttl([(2, 1), (3, 2), (64, 63)])
    assert not copies_ttl([(2, 64), (3, 64), (64, 64)])
    assert not copies_ttl([(64, 63)])  # one is no line


def test_a_rst_and_a_syn_ack_for_one_syn_are_two_senders() -> None:
    assert is_injected_beside([rst(2.0, 64), syn_ack()])
    assert not is_injected_beside([rst(2.0, 64), rst(3.0, 64)])


def test_a_rst_of_the_spoken_socket_continues_its_ip_ids_and_one_of_no_socket_is_zero() -> None:
    talk = [incoming(1, "S.", ip_id=0), incoming(3, "P.", ip_id=45187, payload=b"SSH-2.0-x\r\n")]
    own, foreign = incoming(5, "R.", ip_id=45188), incoming(5, "R", ip_id=0)

    assert continues_ids([*talk, own], own) is True
    assert continues_ids([*talk, foreign], foreign) is False


def test_ip_ids_tell_nothing_of_an_end_that_always_sends_zero() -> None:
    talk = [incoming(1, "S.", ip_id=0), incoming(3, "P.", ip_id=0, payload=b"x")]
    last = incoming(5, "R.", ip_id=0)

    assert continues_ids([*talk, last], last) is None


def test_what_begins_behind_missing_bytes_shows_that_the_other_end_speaks() -> None:
    packets = [*conversation(), incoming(9, "P.", seq=1101, payload=b"later")]

    assert sequence_gap(packets)


def test_a_gap_that_is_filled_later_was_only_out_of_order() -> None:
    late = [incoming(9, "P.", seq=1101, payload=b"later"), incoming(10, "P.", seq=1001, payload=b"x" * 100)]

    assert not sequence_gap([*conversation(), *late])


def test_a_syn_ack_behind_the_ack_of_the_first_is_one_that_was_not_taken() -> None:
    assert repeated_syn_acks([*conversation(), incoming(1000, "S.", seq=1000)])
    assert not repeated_syn_acks(conversation())


def test_bytes_that_were_sent_and_never_acknowledged_are_counted() -> None:
    said = outgoing(5, "P.", seq=501, payload=b"hello")

    assert unacknowledged_bytes([*conversation(), said]) == 5
    assert unacknowledged_bytes([*conversation(), said, incoming(9, ".", ack=506)]) == 0


def test_a_diagnostic_payload_is_read_as_what_its_sender_claims() -> None:
    signed = incoming(2, "R.", payload=b"\x33\xaa\x00\x09" + bytes(4))
    claim = reset_claim(signed)

    assert claim is not None
    assert claim.reason == "not authorised"


@pytest.mark.parametrize(
    "payload", [b"\x33\xaa\x00\x00" + bytes(4), b"\x33\xaa\x00\x09", b"\x34\xaa\x00\x09" + bytes(4), b""]
)
def test_a_malformed_diagnostic_payload_is_ignored(payload: bytes) -> None:
    assert reset_claim(incoming(2, "R.", payload=payload)) is None


def test_a_claim_of_a_vendors_own_reason_names_the_vendor() -> None:
    claim = reset_claim(incoming(2, "R.", payload=b"\x33\xaa\x00\x09" + (32473).to_bytes(4, "big")))

    assert claim is not None
    assert claim.reason == "reason 9 of enterprise 32473"
