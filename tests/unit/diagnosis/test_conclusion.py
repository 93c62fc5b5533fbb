"""How sure a conclusion is follows from how many signals say so, and from whether the destination was ever heard."""

from __future__ import annotations

import pytest

from tests.unit.diagnosis.network import CLIENT, DESTINATION, GATEWAY, icmp, ping
from whodunet.diagnosis.conclusion import Conclusion, confidence
from whodunet.diagnosis.probes import Shoot, ShotResult, WayOut
from whodunet.diagnosis.question import Question
from whodunet.diagnosis.runbook import next_steps
from whodunet.diagnosis.seen import Seen
from whodunet.diagnosis.signals import CLAIM, CONTROL, RETURN_TTL, ROUND_TRIP, Signal
from whodunet.diagnosis.suspects import suspects
from whodunet.diagnosis.verdict import Confidence, Party
from whodunet.evidence.symptom import Symptom


def seen(*, pings: bool = False, routers: bool = False) -> Seen:
    made = Seen(Question(DESTINATION, 22))
    made.way_out = WayOut("unicast", "tun0", CLIENT, GATEWAY)
    if pings:
        made.take([Shoot("echo", DESTINATION)], [ShotResult((ping(),), left=True)])
    if routers:
        made.take([Shoot("syn", DESTINATION, 22, ttl=1)], [ShotResult((icmp(GATEWAY, 11, 0),), left=True)])
    return made


def concluded(*signals: Signal, at_most: Confidence = "high", is_local: bool = False) -> Conclusion:
    evidence = tuple(signal.says("so") for signal in signals)
    who = suspects(Party.FIRST_HOP, "egress-reset")
    return Conclusion(Symptom.REFUSED, who, "It is so.", evidence, at_most=at_most, is_local=is_local)


@pytest.mark.parametrize(
    ("signals", "pings", "routers", "sure"),
    [
        ((RETURN_TTL, ROUND_TRIP), True, True, "high"),
        ((RETURN_TTL,), True, True, "medium"),
        ((RETURN_TTL, RETURN_TTL), True, True, "medium"),
        ((RETURN_TTL, CLAIM), True, True, "medium"),
        ((RETURN_TTL, CONTROL), True, True, "medium"),
        ((RETURN_TTL, ROUND_TRIP), False, True, "medium"),
        ((RETURN_TTL, ROUND_TRIP), False, False, "low"),
        ((CLAIM,), True, True, "low"),
    ],
    ids=[
        "two signals and the destination's word",
        "one signal",
        "one signal twice",
        "a claim is no signal",
        "a control is no signal",
        "no word of the destination's",
        "nor of any router's",
        "a claim alone",
    ],
)
def test_only_two_independent_signals_and_the_destinations_own_word_are_sure(
    signals: tuple[Signal, ...], pings: bool, routers: bool, sure: Confidence
) -> None:
    assert confidence(concluded(*signals), seen(pings=pings, routers=routers)) == sure


def test_a_class_of_causes_is_never_surer_than_it_may_be() -> None:
    assert confidence(concluded(RETURN_TTL, ROUND_TRIP, at_most="medium"), seen(pings=True)) == "medium"


def test_what_this_machine_says_of_itself_needs_nobodys_word() -> None:
    assert confidence(concluded(is_local=True), seen()) == "high"


def test_an_echo_from_the_next_hop_is_no_word_of_a_destination_on_another_network() -> None:
    made = seen()
    made.take([Shoot("echo", DESTINATION)], [ShotResult((ping(2.0, 64),), left=True)])

    assert made.baseline is None


def test_the_runbook_names_the_box_to_ask_about_and_the_way_without_open_ports() -> None:
    steps = next_steps(concluded(RETURN_TTL), seen(pings=True))

    assert any("tcpdump -ni tun0" in step for step in steps)
    assert any("aws ssm start-session" in step for step in steps)
    assert any("off the VPN" in step for step in steps)
    assert any("flow logs" in step for step in steps)


def test_nothing_is_to_be_done_where_nothing_is_wrong() -> None:
    healthy = Conclusion(Symptom.CONNECTED, suspects(Party.NOBODY), "It works.")

    assert next_steps(healthy, seen(pings=True)) == ()
