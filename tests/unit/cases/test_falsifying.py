"""What a scenario claims can fail: it does without the fault, and when the decisive field of a packet is another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Final

import pytest
from pydantic import RootModel

from whodunet.cases.evidence_field import EvidenceField
from whodunet.cases.evidence_fields import claim_model, own
from whodunet.cases.falsifying import Unfalsified, unfalsified
from whodunet.cases.findings import Finding, Witness
from whodunet.cases.mutation import Mutation
from whodunet.evidence.packets import CapturedPacket
from whodunet.evidence.trails import trails_of

CLAIMS: Final[Mapping[str, Mapping[str, object]]] = {
    "seen_at": {"packet": "SYN", "seen_at": ("client-eth0", "fw-eth0")},
    "not_seen_at": {"packet": "SYN", "not_seen_at": ("r1-eth0", "instance-eth0")},
    "first_seen_at": {"packet": "RST", "first_seen_at": "fw-eth0"},
    "last_seen_at": {"packet": "SYN", "last_seen_at": "fw-eth0"},
    "some_last_seen_at": {"packet": "SYN", "some_last_seen_at": "fw-eth0"},
    "ttl": {"packet": "RST", "ttl": {"client-eth0": 64, "fw-eth0": 64}},
    "acknowledges": {"packet": "RST", "acknowledges": "SYN"},
    "at_least": {"packet": "SYN", "at_least": {"client-eth0": 1}},
    "after": {"packet": "RST", "after": {"packet": "SYN", "at": "client-eth0", "below_rtt": 0.5, "above_rtt": 0.01}},
}


class Anything(EvidenceField, RootModel[str]):
    """It holds whatever the packets are."""

    def words(self) -> Iterator[str]:
        """What it claims."""
        yield "is anything"

    def findings(self, witness: Witness) -> Iterator[Finding]:
        """What came of it."""
        yield Finding("held", "anything", "something")


def test_every_field_but_that_of_tunnels_is_tried_here() -> None:
    assert set(CLAIMS) == set(own()) - {"carried_as_far_as"}


@pytest.mark.parametrize("field", CLAIMS)
def test_each_mutation_of_a_field_breaks_it(case: ModuleType, field: str) -> None:
    assert unfalsified(case.recording(case.scenario(case.claim(**CLAIMS[field])))) == ()


NUMBER: Final = {field: 1 if field == "at_least" else 2 for field in CLAIMS}  # of what each of those can fail by


@pytest.mark.parametrize(("field", "number"), NUMBER.items())
def test_each_thing_that_a_field_says_is_mutated_by_itself(case: ModuleType, field: str, number: int) -> None:
    recording = case.recording(case.scenario(case.claim(**CLAIMS[field])))
    evidence = recording.evidence["faulty"]["ssh"]
    [said] = recording.scenario.answer.faulty.evidence[0].says
    mutations = list(said.mutations(Witness.of(str(CLAIMS[field]["packet"]), None, evidence), None))
    assert len({mutation.packets for mutation in mutations} - {evidence.packets}) == number


@pytest.mark.parametrize("packet", ["SYN-ACK", "ICMP unreachable", "FIN", "data"])
def test_what_is_nowhere_in_the_record_is_imitated_to_break_the_claim_that_it_is_not_seen(
    case: ModuleType, packet: str
) -> None:
    claim = case.claim(packet=packet, not_seen_at=("client-eth0",))
    faulty = [each for each in case.reference_packets() if each.time_ns < case.T0 + 1_000 * case.MS]
    recording = case.recording(case.scenario(claim), packets=faulty)
    assert unfalsified(recording) == ()


def test_a_claim_that_holds_whatever_the_packets_are_is_told(case: ModuleType) -> None:
    model = claim_model({"anything": Anything})
    claim = model.model_validate_json('{"probe": "ssh", "packet": "SYN", "anything": "yes"}')
    assert unfalsified(case.recording(case.scenario(claim))) == (
        Unfalsified("faulty/evidence/1", "no SYN anywhere", "held"),
    )


def test_a_claim_that_no_packet_can_break_is_told(case: ModuleType) -> None:
    model = claim_model({"anything": Anything})
    claim = model.model_validate_json('{"probe": "ssh", "packet": "FIN", "anything": "yes"}')
    [told] = unfalsified(case.recording(case.scenario(claim)))
    assert str(told) == "faulty/evidence/1: no packet of this record can break it with is anything"


def test_a_scenario_whose_claims_hold_without_its_fault_is_told(case: ModuleType) -> None:
    run = case.run(repaired=case.observation(start_ms=20_000, end_ms=20_300))
    recording = case.recording(case.scenario(*case.REFERENCE_EVIDENCE), run, case.packets_refused_twice())
    assert unfalsified(recording) == (Unfalsified("faulty", "its fault left out", "held"),)


def test_of_several_faults_each_is_left_out_by_itself(case: ModuleType) -> None:
    whole = case.run(capture=None)
    between = replace(whole.phases[0], name="first removed")
    run = replace(whole, phases=(whole.phases[0], between, whole.phases[1]))
    told = unfalsified(case.recording(case.two_faults(), run, ()))
    assert [each.claim for each in told] == ["faulty"]


def test_the_packets_of_others_stay_as_they_are(case: ModuleType) -> None:
    recording = case.recording(case.scenario(*case.REFERENCE_EVIDENCE))
    evidence = recording.evidence["faulty"]["ssh"]
    mutation = Mutation.none_at(Witness.of("RST", None, evidence), "client-eth0")

    def at_client(packets: tuple[CapturedPacket, ...]) -> list[str]:
        return [packet.tcp.flags for packet in packets if packet.point == "client-eth0" and packet.tcp]

    assert at_client(evidence.packets) == ["S", "R."]
    assert at_client(mutation.packets) == ["S"]
    assert len(trails_of(mutation.packets, recording.topology)) == 2
