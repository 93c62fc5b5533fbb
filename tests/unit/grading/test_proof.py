"""A citation counts when the vantage saw the packet, and it is the culprit's doing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.unit import case
from tests.unit.grading.graded import DESTINATION_REFUSES, FIREWALL, NOTHING, said, way
from whodunet.diagnosis.verdict import Party
from whodunet.evidence.packets import CapturedPacket
from whodunet.evidence.provenance import provenances
from whodunet.grading.proof import Proof, prove
from whodunet.grading.submission import CitedEvidence, CitedPacket
from whodunet.grading.truth import CaseTruth

RST = {
    "direction": "in",
    "ip": {"source": case.INSTANCE, "destination": case.CLIENT, "ttl": 64},
    "tcp": {"source_port": 22, "destination_port": 50000, "flags": "R.", "ack": 1001},
}
SYN = {
    "direction": "out",
    "ip": {"source": case.CLIENT, "destination": case.INSTANCE},
    "tcp": {"source_port": 50000, "destination_port": 22, "flags": "S"},
}


def reset() -> list[CapturedPacket]:
    """The firewall answers the client's SYN in the instance's name."""
    return case.reference_packets()[:4]


def proof(
    *cited: dict[str, Any], truth: CaseTruth = FIREWALL, packets: Sequence[CapturedPacket] | None = None
) -> Proof:
    evidence = CitedEvidence(packets=tuple(CitedPacket.model_validate(each) for each in cited))
    seen = reset() if packets is None else packets
    whole = way(case.topology())
    return prove(said(Party.FIRST_HOP, evidence=(evidence,)), seen, provenances(seen, whole.topology), whole, truth)


def test_the_forged_reset_proves_who_sent_it() -> None:
    assert proof(RST) == Proof(cited=1, found=1, telling=1)
    assert proof(RST).holds


def test_the_same_packet_proves_nothing_against_another() -> None:
    assert proof(RST, truth=DESTINATION_REFUSES) == Proof(cited=1, found=1, telling=0)
    assert not proof(RST, truth=DESTINATION_REFUSES).holds


def test_the_packet_that_the_culprit_kept_tells_as_well() -> None:
    assert proof(SYN) == Proof(cited=1, found=1, telling=1)


def test_a_packet_that_differs_in_anything_that_is_stated_was_not_seen() -> None:
    ip = {"source": case.INSTANCE, "destination": case.CLIENT, "ttl": 58}
    assert proof({**RST, "ip": ip}) == Proof(cited=1, found=0, telling=0)
    assert proof({**RST, "icmp": {"type": 3, "code": 13}}) == Proof(cited=1, found=0, telling=0)
    assert proof({**RST, "direction": "out"}) == Proof(cited=1, found=0, telling=0)


def test_one_citation_that_is_made_up_spoils_the_proof() -> None:
    made_up = {"ip": {"source": case.INSTANCE, "destination": case.CLIENT, "ttl": 1}}
    assert proof(RST, made_up) == Proof(cited=2, found=1, telling=1)
    assert not proof(RST, made_up).holds


def test_what_the_vantage_did_not_see_cannot_be_cited() -> None:
    elsewhere = list(case.seen(case.tcp("S"), 10, "r1-eth0 in", "r1-eth1 out ttl 63"))
    assert proof(SYN, packets=elsewhere) == Proof(cited=1, found=0, telling=0)


def test_a_packet_without_ip_is_told_by_its_time() -> None:
    question = next(case.seen({"ip": None}, 5, "client-eth0 out"))
    assert proof({"time_ns": question.time_ns + 1000}, packets=[question]).found == 1
    assert proof({"time_ns": question.time_ns + 10 * case.MS}, packets=[question]).found == 0


def test_where_nothing_is_wrong_what_the_destination_sent_shows_it() -> None:
    packets = case.reference_packets()[4:]
    answer = {"direction": "in", "ip": {"source": case.INSTANCE, "destination": case.CLIENT}}
    assert proof(answer, truth=NOTHING, packets=packets).holds
    assert not proof(RST, truth=NOTHING).holds
