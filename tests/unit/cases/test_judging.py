"""A claim holds only when the run bears it out; what was not measured is neither held nor broken."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from whodunet.cases.claims import SymptomsChange, claims_of
from whodunet.cases.evidence_fields.after import After
from whodunet.cases.judging import Judgement, judge
from whodunet.evidence.capture_summary import CaptureSummary
from whodunet.evidence.observation import Phase
from whodunet.evidence.packets import CapturedPacket
from whodunet.evidence.probe_evidence import evidence_of
from whodunet.evidence.topology import Interface

CHANGE = SymptomsChange().id


def judged(case: ModuleType, *evidence: Any, packets: Any = None, **fields: Any) -> dict[str, Judgement]:
    scenario = case.scenario(*evidence)
    judgements = case.recording(scenario, case.run(**fields), packets).judgements
    assert tuple(judgement.claim for judgement in judgements) == claims_of(scenario)
    return {judgement.claim.id: judgement for judgement in judgements}


def of_evidence(case: ModuleType, packets: Any = None, run: Any = None, **claim: Any) -> Judgement:
    return judged(case, case.claim(**claim), packets=packets, **(run or {}))["faulty/evidence/1"]


def test_the_reference_case_holds(case: ModuleType) -> None:
    assert {judgement.outcome for judgement in judged(case, *case.REFERENCE_EVIDENCE).values()} == {"held"}


def test_a_claim_about_the_wrong_place_breaks_and_says_what_was_seen(case: ModuleType) -> None:
    broken = of_evidence(case, packet="RST", first_seen_at="instance-eth0")

    assert broken.outcome == "broken"
    assert broken.expected == "first seen at instance-eth0"
    assert broken.seen == "first seen at fw-eth0 (ttl 64, 2.0 ms after the SYN)"


@pytest.mark.parametrize(
    ("claim", "seen"),
    [
        ({"packet": "SYN", "seen_at": ("instance-eth0",)}, "last seen at fw-eth0 (ttl 64)"),
        ({"packet": "SYN", "not_seen_at": ("fw-eth0",)}, "seen at fw-eth0 (ttl 64)"),
        ({"packet": "SYN", "last_seen_at": "r1-eth0"}, "last seen at fw-eth0 (ttl 64)"),
        ({"packet": "SYN", "some_last_seen_at": "client-eth0"}, "none ends there"),
        ({"packet": "SYN-ACK", "first_seen_at": "instance-eth0"}, "seen nowhere"),
        ({"packet": "RST", "ttl": {"client-eth0": 58}}, "TTL 64 at client-eth0"),
        ({"packet": "SYN", "at_least": {"client-eth0": 3}}, "seen 1 times at client-eth0"),
        ({"packet": "RST", "sender": "r1", "seen_at": ("client-eth0",)}, "seen nowhere"),
        (
            {"packet": "RST", "after": After(packet="SYN", at="client-eth0", above_rtt=0.9)},
            "2.0 ms after the SYN at client-eth0: 0.05 of the baseline round trip of 41.0 ms",
        ),
        ({"packet": "SYN", "acknowledges": "SYN"}, "seq 1000, ack 0 at client-eth0 (ttl 64)"),
    ],
)
def test_each_field_can_break(case: ModuleType, claim: dict[str, Any], seen: str) -> None:
    judgement = of_evidence(case, **claim)

    assert (judgement.outcome, judgement.seen) == ("broken", seen)


@pytest.mark.parametrize(
    "claim",
    [
        {"packet": "SYN", "seen_at": ("client-eth0", "fw-eth0")},
        {"packet": "SYN", "not_seen_at": ("fw-eth1", "instance-eth0")},
        {"packet": "RST", "sender": "instance", "seen_at": ("client-eth0",)},
        {"packet": "RST", "at_least": {"client-eth0": 1}},
        {"packet": "RST", "after": After(packet="SYN", at="client-eth0", below_rtt=0.1)},
        {"packet": "RST", "acknowledges": "SYN"},
    ],
)
def test_each_field_can_hold(case: ModuleType, claim: dict[str, Any]) -> None:
    assert of_evidence(case, **claim).outcome == "held"


def test_one_broken_field_breaks_the_claim_whatever_else_holds(case: ModuleType) -> None:
    broken = of_evidence(case, packet="SYN", seen_at=("client-eth0",), last_seen_at="r1-eth0")

    assert (broken.outcome, broken.expected) == ("broken", "last seen at r1-eth0")


def test_every_retransmission_has_to_share_the_fate_that_is_claimed(case: ModuleType) -> None:
    packets = [*case.reference_packets(), *case.seen(case.tcp("S", ip_id=2), 30, *case.WHOLE_WAY)]

    judgement = of_evidence(case, packets, packet="SYN", last_seen_at="fw-eth0")

    assert (judgement.outcome, judgement.seen) == (
        "broken",
        "last seen at instance-eth0 (ttl 63, 20.1 ms after the SYN)",
    )


def test_the_acknowledgement_number_has_to_be_the_syns_plus_one_around_the_end_of_the_numbers(case: ModuleType) -> None:
    def packets(ack: int) -> list[Any]:
        syn, rst = case.tcp("S", seq=2**32 - 1), case.tcp("R.", answer=True, seq=0, ack=ack)
        return [*case.seen(syn, 10, *case.TO_FIREWALL), *case.seen(rst, 12, *case.FROM_FIREWALL)]

    assert of_evidence(case, packets(0), packet="RST", acknowledges="SYN").outcome == "held"
    assert of_evidence(case, packets(1), packet="RST", acknowledges="SYN").outcome == "broken"


def test_times_are_judged_against_the_baseline_only_and_not_measured_without_one(case: ModuleType) -> None:
    wanted = After(packet="SYN", at="client-eth0", below_rtt=0.1)

    assert of_evidence(case, run={"baseline_rtt_ms": None}, packet="RST", after=wanted).outcome == "could-not-measure"
    assert of_evidence(case, run={"baseline_rtt_ms": 10.0}, packet="RST", after=wanted).outcome == "broken"


@pytest.mark.parametrize(
    ("bounds", "rtt_ms", "waited_ms", "outcome"),
    [
        ({"below_rtt": 0.1}, 10.0, {}, "broken"),  # not known: the times are believed
        ({"below_rtt": 0.1}, 10.0, {"probe": 0.9}, "broken"),  # the answer took 2 ms, and 1.1 ms at the least
        ({"below_rtt": 0.1}, 10.0, {"probe": 1.1}, "could-not-measure"),
        ({"below_rtt": 0.1}, 10.0, {"baseline": 9.0}, "broken"),  # a round trip that is shorter makes it no better
        ({"above_rtt": 0.1}, 22.0, {"baseline": 1.9}, "broken"),
        ({"above_rtt": 0.1}, 22.0, {"baseline": 2.1}, "could-not-measure"),
        ({"above_rtt": 0.1}, 22.0, {"probe": 99.0}, "broken"),  # waiting makes no answer early
        ({"below_rtt": 0.3}, 10.0, {"probe": 99.0, "baseline": 99.0}, "held"),
    ],
)
def test_a_time_that_waiting_for_a_processor_may_explain_could_not_be_measured(
    bounds: dict[str, float], rtt_ms: float, waited_ms: dict[str, float], outcome: str, case: ModuleType
) -> None:
    run = case.run(
        replace(case.observation(), waited_ms=waited_ms.get("probe")),
        baseline_rtt_ms=rtt_ms,
        baseline_waited_ms=waited_ms.get("baseline"),
    )
    claim = case.claim(packet="RST", after=After.model_validate({"packet": "SYN", "at": "client-eth0", **bounds}))
    judgements = case.recording(case.scenario(claim), run, case.reference_packets()).judgements
    judgement = next(each for each in judgements if each.claim.id == "faulty/evidence/1")
    assert judgement.outcome == outcome
    assert ("the machine was too busy" in judgement.seen) == (outcome == "could-not-measure")


RST_AFTER_SYN = After(packet="SYN", at="client-eth0", below_rtt=0.1)


def not_understood(case: ModuleType, point: str, layer: str, at_ms: float = 50) -> CapturedPacket:
    """A packet of the probe's time, whose nobody can tell."""
    time_ns = case.T0 + round(at_ms * case.MS)
    return CapturedPacket(point, time_ns, "in", "aa", "bb", 60, unread=layer)  # type: ignore[arg-type]


MISSED_AT = [
    ({"packet": "SYN-ACK", "seen_at": ("client-eth0",)}, "client-eth0"),
    ({"packet": "SYN", "not_seen_at": ("instance-eth0",)}, "instance-eth0"),
    ({"packet": "RST", "first_seen_at": "fw-eth0"}, "fw-eth1"),
    ({"packet": "RST", "first_seen_at": "fw-eth1"}, "fw-eth1"),
    ({"packet": "SYN-ACK", "first_seen_at": "client-eth0"}, "client-eth0"),
    ({"packet": "SYN", "last_seen_at": "fw-eth0"}, "fw-eth1"),
    ({"packet": "SYN", "last_seen_at": "fw-eth1"}, "fw-eth1"),
    ({"packet": "SYN", "ttl": {"fw-eth1": 64}}, "fw-eth1"),
    ({"packet": "SYN", "ttl": {"client-eth0": 64}}, "client-eth0"),
    ({"packet": "SYN", "at_least": {"client-eth0": 2}}, "client-eth0"),
    ({"packet": "RST", "after": RST_AFTER_SYN}, "client-eth0"),
    ({"packet": "RST", "after": RST_AFTER_SYN}, "fw-eth1"),
    ({"packet": "SYN-ACK", "acknowledges": "SYN"}, "fw-eth1"),
]


@pytest.mark.parametrize(("claim", "point"), MISSED_AT)
def test_what_the_recorder_may_have_missed_neither_holds_nor_breaks(
    case: ModuleType, claim: dict[str, Any], point: str
) -> None:
    judgement = of_evidence(case, run={"dropped": {point: 3}}, **claim)

    assert (judgement.outcome, judgement.seen) == ("could-not-measure", f"the recorder at {point} lost 3 packets")


@pytest.mark.parametrize(("claim", "point"), MISSED_AT)
def test_what_may_be_a_packet_that_was_not_understood_neither_holds_nor_breaks(
    case: ModuleType, claim: dict[str, Any], point: str
) -> None:
    packets = [*case.reference_packets(), not_understood(case, point, "TCP")]

    judgement = of_evidence(case, packets, **claim)

    assert (judgement.outcome, judgement.seen) == ("could-not-measure", f"packets were not understood: 1 at {point}")


@pytest.mark.parametrize(("dropped", "outcome"), [({"client-eth0": 1}, "could-not-measure"), ({}, "broken")])
def test_the_syn_that_a_reset_acknowledges_may_be_the_one_that_the_recorder_lost(
    case: ModuleType, dropped: dict[str, int], outcome: str
) -> None:
    without_syn = case.reference_packets()[2:]

    assert of_evidence(case, without_syn, {"dropped": dropped}, packet="RST", acknowledges="SYN").outcome == outcome


def test_that_some_end_at_a_point_holds_whatever_becomes_of_the_others(case: ModuleType) -> None:
    judgement = of_evidence(case, packet="SYN", some_last_seen_at="fw-eth0")

    assert judgement.outcome == "held"
    assert judgement.findings[0].seen == "1 of 1 last seen there"


@pytest.mark.parametrize("claim", [
    {"packet": "RST", "first_seen_at": "fw-eth0"},
    {"packet": "SYN", "last_seen_at": "fw-eth0"},
    {"packet": "RST", "acknowledges": "SYN"},
])  # fmt: skip
def test_a_claim_about_every_packet_is_touched_by_one_that_was_not_understood_anywhere(
    case: ModuleType, claim: dict[str, Any]
) -> None:
    packets = [*case.reference_packets(), not_understood(case, "r1-eth1", "IP")]

    assert of_evidence(case, packets, **claim).outcome == "could-not-measure"


@pytest.mark.parametrize(("layer", "at_ms"), [("DNS", 50), ("ARP", 50), ("ICMP", 50), ("TCP", -1), ("TCP", 900)])
def test_what_cannot_be_the_packet_that_is_claimed_touches_nothing(case: ModuleType, layer: str, at_ms: float) -> None:
    packets = [*case.reference_packets(), not_understood(case, "fw-eth1", layer, at_ms)]

    assert of_evidence(case, packets, packet="SYN", last_seen_at="fw-eth0").outcome == "held"


@pytest.mark.parametrize("claim", [
    {"packet": "SYN", "seen_at": ("client-eth0",)},
    {"packet": "SYN", "at_least": {"client-eth0": 1}},
    {"packet": "RST", "first_seen_at": "client-eth0"},
    {"packet": "SYN", "last_seen_at": "client-eth0"},
    {"packet": "RST", "ttl": {"client-eth0": 1}},
    {"packet": "SYN", "acknowledges": "SYN"},
    {"packet": "SYN", "not_seen_at": ("client-eth0",)},
])  # fmt: skip
def test_what_was_seen_stays_true_whatever_else_was_lost(case: ModuleType, claim: dict[str, Any]) -> None:
    undisturbed = of_evidence(case, **claim)

    judgement = of_evidence(case, run={"dropped": {"client-eth0": 3}}, **claim)

    assert (judgement.outcome, judgement.seen) == (undisturbed.outcome, undisturbed.seen)
    assert judgement.outcome != "could-not-measure"


@pytest.mark.parametrize("claim", [
    {"packet": "SYN", "last_seen_at": "fw-eth0"},
    {"packet": "SYN", "last_seen_at": "instance-eth0"},
    {"packet": "SYN", "not_seen_at": ("instance-eth0",)},
    {"packet": "SYN", "seen_at": ("instance-eth0",)},
    {"packet": "SYN", "ttl": {"instance-eth0": 63}},
    {"packet": "SYN", "at_least": {"instance-eth0": 1}},
])  # fmt: skip
def test_a_packet_that_was_on_its_way_when_recording_ended_neither_holds_nor_breaks(
    case: ModuleType, claim: dict[str, Any]
) -> None:
    judgement = of_evidence(case, run={"settled_ns": case.T0 + 30 * case.MS}, **claim)

    assert judgement.outcome == "could-not-measure"
    assert judgement.seen == "it was still on its way at fw-eth0 when recording ended"


def test_where_a_packet_began_is_known_while_it_is_on_its_way(case: ModuleType) -> None:
    settled = {"settled_ns": case.T0 + 30 * case.MS}

    assert of_evidence(case, run=settled, packet="SYN", first_seen_at="client-eth0").outcome == "held"
    assert of_evidence(case, run=settled, packet="SYN", first_seen_at="r1-eth1").outcome == "broken"


def test_a_packet_that_had_all_the_time_that_its_way_takes_was_dropped(case: ModuleType) -> None:
    settled = {"settled_ns": case.T0 + 52 * case.MS}

    assert of_evidence(case, run=settled, packet="SYN", last_seen_at="fw-eth0").outcome == "held"


def test_a_packet_that_arrived_is_settled_whenever_recording_ended(case: ModuleType) -> None:
    packets = [*case.seen(case.tcp("S"), 10, *case.WHOLE_WAY)]
    settled = {"settled_ns": case.T0 + 11 * case.MS}

    assert of_evidence(case, packets, settled, packet="SYN", last_seen_at="instance-eth0").outcome == "held"


@pytest.mark.parametrize("claim", [
    {"packet": "SYN", "seen_at": ("client-eth0",)},
    {"packet": "SYN", "not_seen_at": ("client-eth0",)},
    {"packet": "RST", "after": RST_AFTER_SYN},
])  # fmt: skip
def test_a_damaged_capture_and_a_stepped_clock_prove_nothing(case: ModuleType, claim: dict[str, Any]) -> None:
    stepped = CaptureSummary(clock_offset_ns=case.CLOCK_OFFSET_NS + 3_600 * 10**9)

    damaged = of_evidence(case, run={"damage": ("the capture breaks off",)}, **claim)
    unwitnessed = of_evidence(case, run={"capture": stepped}, **claim)

    assert (damaged.outcome, damaged.seen) == ("could-not-measure", "the capture breaks off")
    assert unwitnessed.outcome == "could-not-measure"
    assert unwitnessed.seen == "the clock was -3600.000 s off the recorder's while the probe ran"


def test_a_reset_is_timed_from_what_it_answers_and_not_from_what_crossed_it_on_the_way(case: ModuleType) -> None:
    """The server says its banner, gets garbage, and resets; its RST meets the client's ACK of the banner."""
    packets = [
        *case.seen(case.tcp("S"), 0, *case.WHOLE_WAY),
        *case.seen(case.tcp("P.", seq=1001, ack=7001, ip_id=2, payload=b"GET /"), 1, *case.WHOLE_WAY),
        *case.seen(case.tcp("P.", answer=True, seq=7001, ack=1001, ip_id=3, payload=b"SSH-2"), 2, *case.WHOLE_WAY_BACK),
        *case.seen(case.tcp("R.", answer=True, seq=7006, ack=1006, ip_id=4), 22, *case.WHOLE_WAY_BACK[:-1]),
        *case.seen(case.tcp(".", seq=1006, ack=7006, ip_id=5), 41, *case.TO_FIREWALL),
        *case.seen(case.tcp("R.", answer=True, seq=7006, ack=1006, ip_id=4), 42, case.WHOLE_WAY_BACK[-1]),
    ]

    judgement = of_evidence(case, packets, packet="RST", after=After(packet="data", at="client-eth0", below_rtt=0.3))

    assert judgement.outcome == "broken"
    assert judgement.seen == "41.0 ms after the data at client-eth0: 1.00 of the baseline round trip of 41.0 ms"


def test_an_answer_is_timed_from_a_named_sender_alone(case: ModuleType) -> None:
    by_client, by_router = (
        After(packet="SYN", at="client-eth0", sender=sender, below_rtt=0.1) for sender in ("client", "r1")
    )

    assert of_evidence(case, packet="RST", after=by_client).outcome == "held"
    assert of_evidence(case, packet="RST", after=by_router).seen == "answers no SYN at client-eth0"


@pytest.mark.parametrize("claim", [
    {"packet": "RST", "not_seen_at": ("instance-eth0",)},
    {"packet": "SYN", "last_seen_at": "fw-eth0"},
    {"packet": "SYN-ACK", "seen_at": ("client-eth0",)},
])  # fmt: skip
def test_a_program_that_is_not_there_proves_nothing_by_what_it_did_not_send(
    case: ModuleType, claim: dict[str, Any]
) -> None:
    absent = {"faulty": case.observation(status=127, stderr="bash: line 1: ssh: command not found\n")}

    judgement = of_evidence(case, run=absent, **claim)

    assert (judgement.outcome, judgement.seen) == ("could-not-measure", "ssh is not installed in the lab")


@pytest.mark.parametrize("claim", [
    {"packet": "SYN", "first_seen_at": "client-eth0"},
    {"packet": "SYN-ACK", "last_seen_at": "client-eth0"},
])  # fmt: skip
def test_another_interface_of_the_packets_own_host_need_not_be_a_witness(
    case: ModuleType, claim: dict[str, Any]
) -> None:
    """It comes from nowhere else and goes on nowhere, though the host's second interface saw nothing at all."""
    packets = [
        *case.seen(case.tcp("S"), 10, *case.WHOLE_WAY),
        *case.seen(case.tcp("S.", answer=True, seq=7000, ack=1001), 31, *case.WHOLE_WAY_BACK),
    ]
    topology = case.topology()
    second = {"client-eth1": Interface("client-eth1", "client", ("192.168.1.10/24",))}
    topology = replace(topology, interfaces={**topology.interfaces, **second})

    judgements = judge(case.scenario(case.claim(**claim)), case.run(), evidence_of(case.run(), packets, topology))

    assert {each.claim.id: each.outcome for each in judgements}["faulty/evidence/1"] == "held"


def test_a_judgement_holds_the_packets_that_decided_it(case: ModuleType) -> None:
    judgement = of_evidence(
        case,
        packet="RST",
        first_seen_at="fw-eth0",
        after=After(packet="SYN", at="client-eth0", below_rtt=0.1),
        not_seen_at=("instance-eth0",),
        ttl={"client-eth0": 63},
    )

    assert [(finding.outcome, [packet.point for packet in finding.packets]) for finding in judgement.findings] == [
        ("held", ["fw-eth0"]),
        ("held", ["client-eth0", "client-eth0"]),  # the SYN, and the RST that answered it
        ("held", []),
        ("broken", ["client-eth0"]),
    ]
    assert judgement.seen == "TTL 64 at client-eth0"


def test_losses_elsewhere_do_not_touch_an_absence(case: ModuleType) -> None:
    assert of_evidence(case, run={"dropped": {"r1-eth1": 3}}, packet="SYN", last_seen_at="fw-eth0").outcome == "held"


def test_a_capture_point_without_one_packet_in_the_whole_run_is_no_witness(case: ModuleType) -> None:
    faulty_phase_only = case.reference_packets()[:4]

    judgement = of_evidence(case, faulty_phase_only, packet="SYN", not_seen_at=("instance-eth0",))

    assert judgement.outcome == "could-not-measure"
    assert judgement.seen == "instance-eth0 recorded no packet in the whole run, so its silence proves nothing"


def test_a_scenario_whose_symptoms_stay_without_its_fault_is_broken(case: ModuleType) -> None:
    unchanged = case.observation(start_ms=20_000, end_ms=20_300)

    judgements = judged(case, packets=case.packets_refused_twice(), repaired=unchanged)

    assert judgements[CHANGE].outcome == "broken"
    assert judgements[CHANGE].seen == "ssh: refused in both phases"
    assert judgements["repaired/symptom/ssh"].outcome == "broken"


TIMED_OUT = "ssh: connect to host 10.0.1.10 port 22: Connection timed out\r\n"


@pytest.mark.parametrize(
    ("then", "outcomes"),
    [
        ((TIMED_OUT, 255), ("held", "held")),
        (("", 0), ("held", "broken")),
        (("ssh: connect to host 10.0.1.10 port 22: Connection refused\r\n", 255), ("broken", "held")),
    ],
)
def test_of_several_faults_the_removal_of_each_has_to_change_a_symptom(
    case: ModuleType, then: tuple[str, int], outcomes: tuple[str, str]
) -> None:
    whole = case.run(capture=None)
    words, status = then
    between = case.observation(stderr=words, status=status, start_ms=5_000, end_ms=5_100)
    phase = Phase("first removed", {"ssh": between}, ("no entry for tcp/22",), 41.0)
    run = replace(whole, phases=(whole.phases[0], phase, whole.phases[1]))
    judgements = {each.claim.id: each for each in case.recording(case.two_faults(), run, ()).judgements}
    assert (
        tuple(judgements[f"symptom changes when the {which} fault is taken out"].outcome for which in ("first", "last"))
        == outcomes
    )
    assert judgements["first removed/fault gone"].outcome == "held"
    assert judgements["faulty/fault in place"].outcome == "could-not-measure", "one proof, and two faults"


def test_another_symptom_breaks_with_the_programs_own_words(case: ModuleType) -> None:
    late = case.observation(stderr="ssh: connect to host 10.0.1.10 port 22: Connection timed out\r\n")

    judgement = judged(case, faulty=late)["faulty/symptom/ssh"]

    assert (judgement.outcome, judgement.expected) == ("broken", "refused")
    assert judgement.seen == (
        'timed out (exit status 255, 100 ms): "ssh: connect to host 10.0.1.10 port 22: Connection timed out"'
    )


def test_a_probe_that_could_not_be_measured_breaks_nothing_and_holds_nothing(case: ModuleType) -> None:
    judgements = judged(case, *case.REFERENCE_EVIDENCE, faulty=case.observation(failure="ssh is not installed"))

    about_ssh = [judgements[id_] for id_ in ("faulty/symptom/ssh", "faulty/evidence/1", CHANGE)]
    assert {judgement.outcome for judgement in about_ssh} == {"could-not-measure"}
    assert about_ssh[0].seen == about_ssh[1].seen == "ssh is not installed"


def test_words_that_the_packets_contradict_are_not_measured_and_never_held(case: ModuleType) -> None:
    other_way = [*case.seen(case.tcp("S"), 10, *case.WHOLE_WAY)]
    other_way += case.seen(case.tcp("S.", answer=True, seq=7000, ack=1001, ip_id=0), 51, *case.WHOLE_WAY_BACK)
    other_way += case.seen(case.tcp(".", seq=1001, ack=7001, ip_id=2), 52, *case.WHOLE_WAY)

    judgement = judged(case, packets=other_way)["faulty/symptom/ssh"]

    assert (judgement.outcome, judgement.expected) == ("could-not-measure", "refused")
    assert judgement.seen == "ssh says refused, but its connection stood"


def test_an_unknown_symptom_is_shown_with_the_line_that_no_rule_knows(case: ModuleType) -> None:
    new = case.observation(stderr="ssh: a message of the year 2040\r\nnot the last line of both\r\n", stdout="x\n")

    judgement = judged(case, packets=[], faulty=new)["faulty/symptom/ssh"]

    assert judgement.outcome == "broken"
    assert judgement.seen == 'unknown (exit status 255, 100 ms): no rule knows "not the last line of both"'


def test_of_several_programs_the_one_that_is_read_is_named(case: ModuleType) -> None:
    both = replace(case.observation(), command="ping -c 1 10.9.9.9; ssh 10.0.1.10 true")

    judgement = judged(case, faulty=both)["faulty/symptom/ssh"]

    assert judgement.outcome == "held"
    assert judgement.seen.startswith("refused, as ssh says (exit status 255, 100 ms): ")


def test_a_program_that_is_not_installed_is_named_and_proves_nothing(case: ModuleType) -> None:
    absent = case.observation(status=127, stderr="bash: line 1: ssh: command not found\n")

    judgement = judged(case, packets=[], faulty=absent)["faulty/symptom/ssh"]

    assert (judgement.outcome, judgement.seen) == ("could-not-measure", "ssh is not installed in the lab")


def test_a_recorder_that_lost_packets_at_the_client_contradicts_no_words(case: ModuleType) -> None:
    stands = [*case.seen(case.tcp("S"), 10, *case.WHOLE_WAY)]
    stands += case.seen(case.tcp("S.", answer=True, seq=7000, ack=1001, ip_id=0), 51, *case.WHOLE_WAY_BACK)

    judgement = judged(case, packets=stands, dropped={"client-eth0": 1})["faulty/symptom/ssh"]

    assert judgement.outcome == "held"


def test_a_text_that_is_missing_breaks_the_symptom(case: ModuleType) -> None:
    scenario = case.scenario(output="No route to host")

    judgements = {j.claim.id: j for j in case.recording(scenario).judgements}

    assert judgements["faulty/symptom/ssh"].outcome == "broken"
    assert judgements["faulty/symptom/ssh"].expected == 'refused and "No route to host" in the output'


def test_a_fault_that_was_not_seen_in_place_breaks_its_claim(case: ModuleType) -> None:
    judgement = judged(case, failure="no flow entry drops tcp/22")["faulty/fault in place"]

    assert (judgement.outcome, judgement.seen) == ("broken", "no flow entry drops tcp/22")


def test_a_scenario_without_a_fault_claims_none_and_its_unchanged_symptom_shows(case: ModuleType) -> None:
    scenario = case.scenario(faults=False)
    run = case.run(repaired=case.observation(start_ms=20_000, end_ms=20_300))

    judgements = {j.claim.id: j.outcome for j in case.recording(scenario, run, case.packets_refused_twice()).judgements}

    assert judgements == {"faulty/symptom/ssh": "held", "repaired/symptom/ssh": "broken", CHANGE: "broken"}
