"""What a probe left is computed once, with how far its record can be trusted."""

from __future__ import annotations

from types import ModuleType

import pytest

from whodunet.evidence.packets import kinds
from whodunet.evidence.probe_evidence import evidence_of, evidence_of_probe
from whodunet.evidence.symptoms import Symptom
from whodunet.evidence.trails import trails_of


def test_each_probe_of_each_phase_has_its_own_packets_and_symptom(case: ModuleType) -> None:
    evidence = evidence_of(case.run(), case.reference_packets(), case.topology())

    faulty, repaired = evidence["faulty"]["ssh"], evidence["repaired"]["ssh"]
    assert [sorted(trail.kinds) for trail in faulty.trails] == [["SYN"], ["RST"]]
    assert [sorted(trail.kinds) for trail in repaired.trails] == [["SYN"], ["SYN-ACK"]]
    assert [each.reading.symptom for each in (faulty, repaired)] == [Symptom.REFUSED, Symptom.CONNECTED]
    assert [packet.time_ns for packet in faulty.packets] == sorted(packet.time_ns for packet in faulty.packets)


def test_a_capture_that_is_no_witness_is_read_and_contradicts_no_words(case: ModuleType) -> None:
    worked = case.observation(status=0, stderr="")
    sound, torn = (
        evidence_of(case.run(worked, damage=damage), case.reference_packets(), case.topology())["faulty"]["ssh"]
        for damage in ((), ("torn",))
    )

    assert (sound.reading.symptom, torn.reading.symptom) == (Symptom.COULD_NOT_MEASURE, Symptom.CONNECTED)
    assert (sound.doubt, torn.doubt) == (None, "torn")
    assert len(torn.packets) == 4


def test_a_command_of_its_own_is_read_with_its_packets(case: ModuleType) -> None:
    failed = case.observation(stderr="")

    left = evidence_of_probe(failed, case.reference_packets(), case.topology())

    assert left.reading.symptom is Symptom.REFUSED
    assert left.doubt is None
    assert evidence_of_probe(failed, [], case.topology()).packets == ()


def test_a_packet_is_unsettled_when_recording_ended_before_it_could_have_arrived(case: ModuleType) -> None:
    (early,) = trails_of(case.seen(case.tcp("S"), 158, *case.TO_FIREWALL), case.topology())
    (late,) = trails_of(case.seen(case.tcp("S"), 160, *case.TO_FIREWALL), case.topology())
    (there,) = trails_of(case.seen(case.tcp("S"), 160, *case.WHOLE_WAY), case.topology())
    ended, endless = (case.left([], unsettled_since_ns=since) for since in (case.T0 + 159 * case.MS, None))

    assert [ended.fate(trail) for trail in (early, late, there)] == ["lost", "unsettled", "arrived"]
    assert endless.fate(late) == "lost"


def test_what_a_proxy_took_over_has_arrived_though_its_destination_never_saw_it(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S"), 0, *case.TO_FIREWALL),
        *case.seen(case.tcp("S.", answer=True, seq=7000, ack=1001), 1, *case.FROM_FIREWALL),
    ]
    left = case.left(packets, unsettled_since_ns=0)

    assert [left.fate(trail) for trail in left.trails] == ["arrived", "arrived"]
    assert left.on_its_way(left.trails) is None


def test_an_answers_gap_is_taken_from_what_it_answers_at_one_capture_point(case: ModuleType) -> None:
    left = case.left(case.reference_packets()[:4])

    (gap,) = left.gaps(left.of("RST"), left.of("SYN"), "fw-eth0")

    assert "SYN" in kinds(gap.asked)
    assert "RST" in kinds(gap.answer)
    assert gap.took_ms == pytest.approx(1.99)
    assert left.gaps(left.of("RST"), left.of("SYN"), "instance-eth0") == ()
    assert left.gaps(left.of("SYN"), left.of("RST"), "fw-eth0") == ()


def test_packets_are_chosen_by_kind_and_by_the_node_that_they_name_as_sender(case: ModuleType) -> None:
    left = case.left(case.reference_packets()[:4])

    assert [trail.first.point for trail in left.of("RST", "instance")] == ["fw-eth0"]
    assert left.of("RST", "fw") == ()
