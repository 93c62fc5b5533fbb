"""A claim carries what it claims; its name and its words are made in one place."""

from __future__ import annotations

from types import ModuleType

from whodunet.cases.claims import (
    EvidenceShown,
    FaultInPlace,
    SaysTheSame,
    SymptomsChange,
    SymptomShown,
    claims_of,
    evidence_told,
)


def test_claims_are_known_before_any_run_with_stable_ids_and_a_sentence_each(case: ModuleType) -> None:
    claims = claims_of(case.scenario(*case.REFERENCE_EVIDENCE))

    assert [(claim.id, claim.says) for claim in claims] == [
        ("faulty/fault in place", "the fault is seen in place"),
        ("faulty/symptom/ssh", 'ssh says refused and prints "Connection refused"'),
        (
            "faulty/evidence/1",
            "the SYN of ssh is seen at client-eth0, is last seen at fw-eth0, is not seen at instance-eth0",
        ),
        (
            "faulty/evidence/2",
            "the RST of ssh is first seen at fw-eth0, has TTL 64 at client-eth0, acknowledges the SYN",
        ),
        ("repaired/fault gone", "the fault is seen to be gone"),
        ("repaired/symptom/ssh", "ssh says connected"),
        (
            "symptom changes when the fault is taken out",
            "at least one probe shows another symptom once the fault is taken out",
        ),
    ]


def test_a_claim_carries_what_it_is_about(case: ModuleType) -> None:
    scenario = case.scenario(*case.REFERENCE_EVIDENCE)
    syn, rst = case.REFERENCE_EVIDENCE

    assert claims_of(scenario) == (
        FaultInPlace("faulty"),
        SymptomShown("faulty", "ssh", scenario.answer.faulty.symptoms["ssh"]),
        EvidenceShown("faulty", 1, syn),
        EvidenceShown("faulty", 2, rst),
        FaultInPlace("repaired"),
        SymptomShown("repaired", "ssh", scenario.answer.repaired.symptoms["ssh"]),
        SymptomsChange(),
    )


def test_a_claim_about_two_scenarios_names_the_other() -> None:
    assert SaysTheSame("ssh", "sshd-down").says == "ssh says the same as in sshd-down, for another cause"


def test_a_claim_that_says_nothing_of_its_packet_says_so(case: ModuleType) -> None:
    assert EvidenceShown("faulty", 1, case.claim(packet="SYN", sender="client")).says == (
        "the SYN of ssh in the name of client is named, without a claim about it"
    )


def test_what_was_measured_of_packets_that_nobody_saw_is_told_as_such(case: ModuleType) -> None:
    claim = case.claim(packet="SYN-ACK", not_seen_at=("fw-eth0", "client-eth0"))

    assert evidence_told(claim, case.left([])) == "No SYN-ACK of ssh was seen at fw-eth0 or client-eth0."


def test_places_are_told_as_one_and_all_else_behind_them(case: ModuleType) -> None:
    claim = case.claim(packet="RST", first_seen_at="fw-eth0", last_seen_at="client-eth0", ttl={"client-eth0": 64})

    assert evidence_told(claim, case.left(case.reference_packets()[:4])) == (
        "The RST of ssh was first seen at fw-eth0, in the name of instance and got as far as client-eth0 and no "
        "further; its TTL at client-eth0 was 64: no router passed it on."
    )
