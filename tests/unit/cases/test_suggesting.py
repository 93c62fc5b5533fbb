"""What is proposed holds in the run that it is proposed from, and says what the case is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType

import pytest

from whodunet.cases.scenario import EvidenceClaim, Scenario
from whodunet.cases.suggesting import suggested
from whodunet.evidence.packets import Arp, CapturedPacket


@pytest.fixture
def scenario(case: ModuleType) -> Scenario:
    """The small case, with no evidence yet."""
    found: Scenario = case.scenario()
    bare = {name: getattr(found.answer, name).model_copy(update={"evidence": ()}) for name in ("faulty", "repaired")}
    return found.model_copy(update={"answer": found.answer.model_copy(update=bare)})


def of_packet(claims: Sequence[EvidenceClaim], packet: str) -> dict[str, object]:
    [claim] = [claim for claim in claims if claim.packet == packet]
    return claim.model_dump(exclude_defaults=True)


def test_the_forged_refusal_is_told_by_where_it_begins_when_it_comes_and_what_it_answers(
    case: ModuleType, scenario: Scenario
) -> None:
    claims = suggested(case.recording(scenario))["faulty"]
    assert [claim.packet for claim in claims] == ["SYN", "RST"]
    assert of_packet(claims, "SYN")["last_seen_at"] == "fw-eth0"
    assert of_packet(claims, "RST") == {
        "probe": "ssh",
        "packet": "RST",
        "first_seen_at": "fw-eth0",
        "last_seen_at": "client-eth0",
        "after": {"packet": "SYN", "at": "client-eth0", "below_rtt": 0.5},
        "ttl": {"client-eth0": 64},
        "acknowledges": "SYN",
    }


def test_the_repaired_phase_has_claims_of_its_own(case: ModuleType, scenario: Scenario) -> None:
    claims = suggested(case.recording(scenario))["repaired"]
    assert of_packet(claims, "SYN")["last_seen_at"] == "instance-eth0"
    answer = of_packet(claims, "SYN-ACK")
    assert answer["first_seen_at"] == "instance-eth0"
    assert answer["ttl"] == {"client-eth0": 63}
    assert answer["after"] == {"packet": "SYN", "at": "client-eth0", "above_rtt": 0.9}


def test_what_is_proposed_holds_when_it_is_pasted(case: ModuleType, scenario: Scenario) -> None:
    told = suggested(case.recording(scenario))
    pasted: dict[str, object] = {
        phase: getattr(scenario.answer, phase).model_copy(update={"evidence": claims}) for phase, claims in told.items()
    }
    whole = scenario.model_copy(update={"answer": scenario.answer.model_copy(update=pasted)})
    judged = case.recording(whole).judgements
    outcomes = {each.claim.id: each.outcome for each in judged if "/evidence/" in each.claim.id}
    assert len(outcomes) == sum(map(len, told.values())) == 4
    assert set(outcomes.values()) == {"held"}


def test_nothing_is_proposed_of_another_hosts_conversations(case: ModuleType, scenario: Scenario) -> None:
    def of_others(packet: CapturedPacket) -> CapturedPacket:
        ip = packet.ip
        assert ip is not None
        source, destination = (each.replace(case.CLIENT, "172.16.0.1") for each in (ip.source, ip.destination))
        return replace(packet, ip=replace(ip, source=source, destination=destination))

    packets = [of_others(packet) for packet in case.reference_packets()]
    assert suggested(case.recording(scenario, packets=packets)) == {"faulty": (), "repaired": ()}


def test_what_the_recorder_may_have_lost_is_not_proposed(case: ModuleType, scenario: Scenario) -> None:
    run = case.run(dropped={"fw-eth1": 3})
    claims = suggested(case.recording(scenario, run))["faulty"]
    assert [claim for claim in claims if claim.model_dump().get("last_seen_at") == "fw-eth0"] == []
    assert of_packet(claims, "RST")["ttl"] == {"client-eth0": 64}


@pytest.mark.parametrize("is_answered", [True, False])
def test_a_neighbour_is_proposed_when_nobody_answered_for_it(
    case: ModuleType, scenario: Scenario, is_answered: bool
) -> None:
    asked = case.seen({"ip": None, "arp": Arp(1, case.CLIENT, "aa", "10.8.0.1")}, 5, *case.TO_FIREWALL)
    answered = case.seen({"ip": None, "arp": Arp(2, "10.8.0.1", "bb", case.CLIENT)}, 6, *case.FROM_FIREWALL)
    packets = [*asked, *(answered if is_answered else ()), *case.reference_packets()]
    claims = suggested(case.recording(scenario, packets=packets))["faulty"]
    assert [claim.packet for claim in claims] == [*([] if is_answered else ["neighbour request"]), "SYN", "RST"]


def test_a_phase_that_the_scenario_says_nothing_of_is_left_out(case: ModuleType, scenario: Scenario) -> None:
    answer = scenario.answer.model_copy(update={"repaired": None})
    told = suggested(case.recording(scenario.model_copy(update={"answer": answer})))
    assert list(told) == ["faulty"]
