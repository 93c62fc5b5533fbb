"""A claim carries what it claims; its name and its words are made in one place."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from whodunet.cases.claims import (
    EvidenceShown,
    FaultInPlace,
    SaysTheSame,
    SymptomsChange,
    SymptomShown,
    claims_of,
    evidence_told,
)
from whodunet.cases.evidence_fields.after import After
from whodunet.cases.judging import judge_evidence


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
            "the RST of ssh is first seen at fw-eth0, has TTL (hop limit) 64 at client-eth0, acknowledges the SYN",
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


def test_of_several_causes_each_state_is_claimed_and_each_removal_changes_a_symptom(case: ModuleType) -> None:
    scenario = case.two_faults()
    claims = claims_of(scenario)
    assert [claim.id for claim in claims] == [
        "faulty/fault in place",
        "faulty/symptom/ssh",
        "first removed/fault gone",
        "first removed/symptom/ssh",
        "repaired/fault gone",
        "repaired/symptom/ssh",
        "symptom changes when the first fault is taken out",
        "symptom changes when the last fault is taken out",
    ]
    assert claims[2].says == "the first fault is seen to be gone"


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


def test_evidence_of_time_is_the_soonest_answers(case: ModuleType) -> None:
    packets = [
        packet
        for port, answer_ms in ((50000, 30), (50001, 3))
        for packet in (
            *case.seen(case.tcp("S", port=port), port - 50000, *case.TO_FIREWALL),
            *case.seen(case.tcp("R.", answer=True, port=port, ack=1001), port - 50000 + answer_ms, *case.FROM_FIREWALL),
        )
    ]
    claim = case.claim(packet="RST", after=After(packet="SYN", at="client-eth0", below_rtt=0.1))

    sentence = evidence_told(claim, case.left(packets))

    assert (
        sentence
        == "The RST of ssh came 3.0 ms after the SYN, the soonest of 2, against a baseline round trip of 41.0 ms."
    )


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"at_least": {"client-eth0": 1}}, "The SYN of ssh was seen once at client-eth0."),
        ({"not_seen_at": ("r1-eth0", "r1-eth1")}, "The SYN of ssh was not seen at r1-eth0 or r1-eth1."),
        ({"ttl": {"client-eth0": 64}}, "The SYN of ssh had TTL 64 at client-eth0: no router passed it on."),
        (
            {"last_seen_at": "fw-eth0", "not_seen_at": ("r1-eth0",), "at_least": {"client-eth0": 1}},
            "The SYN of ssh got as far as fw-eth0 and no further; r1-eth0 saw nothing of it; client-eth0 saw it once.",
        ),
    ],
)
def test_evidence_is_a_sentence_whatever_the_claim_says_of_it(
    case: ModuleType, said: dict[str, Any], sentence: str
) -> None:
    evidence = case.left(case.seen(case.tcp("S"), 10, *case.TO_FIREWALL))

    assert evidence_told(case.claim(packet="SYN", **said), evidence) == sentence


def test_over_ipv6_a_ttl_is_called_hop_limit(case: ModuleType) -> None:
    evidence = case.left(case.seen(case.tcp("S", version=6), 10, *case.TO_FIREWALL))

    assert evidence_told(case.claim(packet="SYN", ttl={"client-eth0": 64}), evidence) == (
        "The SYN of ssh had hop limit 64 at client-eth0: no router passed it on."
    )


def test_over_ipv6_what_is_expected_and_seen_is_a_hop_limit(case: ModuleType) -> None:
    evidence = case.left(case.seen(case.tcp("S", version=6), 10, *case.TO_FIREWALL))
    claims = [case.claim(packet="SYN", ttl={"client-eth0": 63}), case.claim(packet="SYN", last_seen_at="client-eth0")]
    judged = [judge_evidence(claim, evidence)[0] for claim in claims]
    assert (judged[0].expected, judged[0].seen) == ("hop limit 63 at client-eth0", "hop limit 64 at client-eth0")
    assert judged[1].seen == "last seen at fw-eth0 (hop limit 64)"
