"""The procedure asks from near to far, and comes to what a network that is known calls for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.diagnosis.network import (
    CLIENT,
    DESTINATION,
    GATEWAY,
    HOP_MS,
    HOPS,
    ROUTERS,
    RTT_MS,
    WAY,
    World,
    for_port,
    icmp,
    rst,
    syn_ack,
)
from whodunet.diagnosis.probes import (
    Answer,
    Configuration,
    ConversationResult,
    Converse,
    NotLooked,
    Resolved,
    ServerAnswer,
    Shoot,
    ShotResult,
    WayOut,
)
from whodunet.diagnosis.question import Question
from whodunet.diagnosis.verdict import HopInterval, Party
from whodunet.evidence.symptom import Symptom

FIRST_HOPS_RST = rst(HOP_MS, 64)


def test_the_reference_case_names_the_first_hop_though_the_destination_says_nothing_at_all() -> None:
    verdict = World(box=for_port(22, FIRST_HOPS_RST), is_dead=True).diagnose()

    assert verdict.symptom is Symptom.REFUSED
    assert verdict.parties == {Party.FIRST_HOP}
    assert "egress-reset" in verdict.causes
    assert verdict.hops == HopInterval(1, 1)
    assert verdict.box == GATEWAY
    assert verdict.confidence == "medium"  # nothing came that only the destination can send
    assert f"1 hop away ({GATEWAY})" in verdict.summary
    assert any("Session Manager" in step or "start-session" in step for step in verdict.next_steps)


def test_with_an_answer_of_the_destinations_own_three_signals_make_the_first_hop_sure() -> None:
    verdict = World(box=for_port(22, FIRST_HOPS_RST)).diagnose()

    assert verdict.parties == {Party.FIRST_HOP}
    assert verdict.confidence == "high"
    assert {"return-ttl", "round-trip", "lowest-ttl"} <= {citation.signal for citation in verdict.evidence}


def test_a_closed_port_is_never_told_from_what_imitates_it() -> None:
    verdict = World(open_ports=frozenset({443})).diagnose()

    assert verdict.cause_class == "destination-refuses"
    assert {"service-not-listening", "host-firewall-reset", "last-hop-reset-imitated"} <= verdict.causes
    assert verdict.confidence == "medium"


def test_a_rst_with_the_destinations_ttl_is_given_away_by_the_lowest_ttl_that_draws_it() -> None:
    verdict = World(box=for_port(22, rst(HOP_MS, 65 - HOPS))).diagnose()

    assert verdict.causes == {"egress-reset-spoofed-ttl"}
    assert verdict.hops == HopInterval(1, 2)


def test_a_rst_with_the_ttl_of_what_it_answers_is_known_by_that() -> None:
    def copies(shot: Shoot, ttl: int) -> tuple[Answer, ...] | None:
        return (rst(HOP_MS, ttl - 1),) if shot.port == 22 and shot.kind == "syn" else None

    verdict = World(box=copies).diagnose()

    assert verdict.causes == {"egress-reset-copies-ttl"}


def test_a_box_that_acts_on_high_ttls_alone_is_known_by_a_destination_that_accepts_low_ones() -> None:
    def high_alone(shot: Shoot, ttl: int) -> tuple[Answer, ...] | None:
        return (FIRST_HOPS_RST,) if shot.port == 22 and shot.kind == "syn" and ttl > 20 else None

    verdict = World(box=high_alone).diagnose()

    assert verdict.causes == {"egress-ignores-short-ttl"}
    assert Party.FIRST_HOP in verdict.parties


def test_a_router_in_the_middle_is_found_by_the_lowest_ttl_and_its_own_ttl_back() -> None:
    verdict = World(box=for_port(22, rst(16.0, 64 - 2)), box_hop=3).diagnose()

    assert verdict.hops == HopInterval(3, 3)
    assert verdict.box == ROUTERS[2]
    assert verdict.causes == {"path-reset"}
    assert verdict.parties == {Party.PATH}


def test_a_forger_who_lets_the_question_pass_is_known_by_the_second_answer() -> None:
    verdict = World(box=for_port(22, FIRST_HOPS_RST, syn_ack())).diagnose()

    assert verdict.causes == {"injector-on-path"}


def test_an_icmp_error_is_its_senders_whatever_errno_the_program_shows() -> None:
    verdict = World(box=for_port(22, icmp(GATEWAY, 3, 3))).diagnose()

    assert verdict.symptom is Symptom.REFUSED
    assert verdict.causes == {"egress-icmp-refused"}
    assert verdict.box == GATEWAY


def test_an_icmp_error_of_the_destinations_own_is_its_packet_filter() -> None:
    verdict = World(box_hop=6, box=for_port(22, icmp(DESTINATION, 3, 13, RTT_MS, 65 - HOPS))).diagnose()

    assert verdict.parties == {Party.DESTINATION}
    assert "host-firewall-reject" in verdict.causes


def test_silence_behind_the_first_hop_is_placed_where_other_packets_go_on() -> None:
    verdict = World(box=for_port(22)).diagnose()

    assert verdict.symptom is Symptom.TIMED_OUT
    assert verdict.hops == HopInterval(1, 2)
    assert {"egress-drop", "path-drop"} <= verdict.causes


def test_silence_at_the_end_of_a_way_that_is_open_is_never_one_cause() -> None:
    verdict = World(is_dead=True).diagnose()

    assert {"security-group-empty", "instance-stopped", "host-firewall-drop"} <= verdict.causes
    assert verdict.cause_class == "destination-silent"
    assert verdict.confidence != "high"
    assert {Party.CLOUD_EDGE, Party.DESTINATION} <= verdict.parties


def test_an_answer_to_a_service_port_alone_gives_a_filter_without_memory_away() -> None:
    def drops_answers(shot: Shoot, ttl: int) -> tuple[Answer, ...] | None:
        is_program = shot.source_port is None or shot.source_port >= 1024
        return () if shot.kind == "syn" and shot.port == 22 and is_program and ttl >= HOPS else None

    verdict = World(box_hop=6, box=drops_answers).diagnose()

    assert "network-acl-ephemeral-ports" in verdict.causes
    assert verdict.parties == {Party.CLOUD_EDGE}


def test_rsts_that_acknowledge_nothing_are_what_makes_a_timeout() -> None:
    verdict = World(box=for_port(22, rst(HOP_MS, 64, acknowledges=False))).diagnose()

    assert verdict.symptom is Symptom.TIMED_OUT
    assert verdict.causes == {"reset-not-acceptable"}


def test_without_any_answer_of_the_destinations_own_refusals_of_all_ports_prove_nothing() -> None:
    def resets_all(shot: Shoot, ttl: int) -> tuple[Answer, ...] | None:
        return (rst(RTT_MS, 65 - HOPS),) if shot.kind == "syn" and ttl >= HOPS else ()

    verdict = World(box_hop=6, box=resets_all, routers_speak=False).diagnose()

    assert verdict.confidence == "low"
    assert {"host-firewall-reset", "path-reset"} <= verdict.causes


def test_a_host_that_works_is_nobodys_fault() -> None:
    verdict = World().diagnose()

    assert verdict.parties == {Party.NOBODY}
    assert verdict.next_steps == ()


@pytest.mark.parametrize(
    ("way", "cause"),
    [
        (WayOut("prohibit"), "local-route-prohibit"),
        (WayOut("blackhole"), "local-route-blackhole"),
        (WayOut("none"), "no-route"),
    ],
)
def test_a_route_that_leads_nowhere_ends_it_before_a_packet_is_sent(way: WayOut, cause: str) -> None:
    world = World(way=way)

    verdict = world.diagnose()

    assert verdict.causes == {cause}
    assert verdict.confidence == "high"
    assert not [probe for probe in world.asked if isinstance(probe, Shoot | Converse)]


def test_what_never_leaves_is_this_machines_own() -> None:
    def kept(shot: Shoot, result: ShotResult) -> ShotResult:
        is_target = shot.kind == "syn" and shot.port == 22
        return ShotResult((), left=False) if is_target else result

    verdict = World(adjust=kept, talk=ConversationResult("timed out", None)).diagnose()

    assert verdict.parties == {Party.THIS_MACHINE}
    assert verdict.causes == {"local-output-drop"}


def test_a_neighbour_that_nobody_is_ends_on_the_link() -> None:
    world = World(way=replace(WAY, neighbour="failed"), is_dead=True, routers_speak=False, box=lambda shot, ttl: ())

    verdict = world.diagnose()

    assert verdict.parties == {Party.LOCAL_NETWORK}
    assert "gateway-arp-silent" in verdict.causes


def test_a_name_that_does_not_exist_ends_it_before_anything_is_sent() -> None:
    nothing = Resolved((), "name-not-found", 3.0, servers=(ServerAnswer("10.9.0.53", "answered", 3),))
    world = World(resolved=nothing)

    verdict = world.diagnose(Question("nosuch.example", 22))

    assert verdict.symptom is Symptom.NAME_NOT_FOUND
    assert "name-does-not-exist" in verdict.causes
    assert not [probe for probe in world.asked if isinstance(probe, Shoot | Converse)]


def test_a_name_that_leads_to_this_machine_was_sinkholed() -> None:
    own = Resolved(("127.0.0.1",), None, 3.0, servers=(ServerAnswer("10.9.0.53", "answered", 0, ("127.0.0.1",)),))
    kept = ShotResult((), left=None)
    world = World(resolved=own, talk=ConversationResult("refused", None), adjust=lambda shot, result: kept)

    assert "name-sinkholed" in world.diagnose(Question("www.example", 22)).causes


def test_the_port_of_the_users_own_configuration_is_what_is_looked_at() -> None:
    world = World(configuration=Configuration(DESTINATION, 2222))

    world.diagnose()

    assert {probe.port for probe in world.asked if isinstance(probe, Converse)} == {2222}


@pytest.mark.parametrize(("symptom", "may_be_nobody"), [(None, True), (Symptom.CLOSED, False)])
def test_an_ssh_that_goes_by_a_command_of_its_own_is_not_judged_by_packets(
    symptom: Symptom | None, may_be_nobody: bool
) -> None:
    configuration = Configuration(DESTINATION, 22, proxy_command="nc -X connect %h %p")
    question = Question(DESTINATION, 22, symptom=symptom)

    verdict = World(configuration=configuration, open_ports=frozenset({22})).diagnose(question)

    assert verdict.causes == {"proxy-command-dead"}
    assert (Party.NOBODY in verdict.parties) is may_be_nobody
    assert verdict.confidence == "low"
    assert verdict.cost.packets_sent == 0


def test_what_could_not_be_looked_at_is_said_and_nothing_is_made_of_it() -> None:
    verdict = World(configuration=NotLooked("ssh is not installed")).diagnose()

    assert verdict.not_seen == ("ssh is not installed",)


def test_it_stays_below_a_hundred_packets_and_few_whole_handshakes() -> None:
    for world in (World(), World(is_dead=True), World(open_ports=frozenset()), World(box=for_port(22))):
        world.diagnose()
        assert len([probe for probe in world.asked if isinstance(probe, Shoot)]) <= 80
        assert len([probe for probe in world.asked if isinstance(probe, Converse)]) <= 2


def test_without_privilege_it_completes_fewer_than_ten_handshakes() -> None:
    world = World()
    world.diagnose(Question(DESTINATION, 22, is_privileged=False))

    accepted = [
        probe
        for probe in world.asked
        if isinstance(probe, Converse)
        or (isinstance(probe, Shoot) and probe.kind == "syn" and probe.port in world.open_ports
            and (probe.ttl or HOPS) >= HOPS)
    ]  # fmt: skip
    assert len(accepted) < 10


def test_a_verdict_tells_its_steps_in_order_and_ends_in_what_it_says() -> None:
    verdict = World(box=for_port(22, FIRST_HOPS_RST)).diagnose()

    assert verdict.steps[0].startswith(f"{DESTINATION} is an address")
    assert f"leave by tun0 by {GATEWAY}" in verdict.steps[1]
    assert verdict.steps[-1].startswith(f"So: {verdict.summary}")


def test_an_error_that_this_machine_sends_itself_is_its_own() -> None:
    verdict = World(box=for_port(22, icmp(CLIENT, 3, 3, 0.2))).diagnose()

    assert verdict.parties == {Party.THIS_MACHINE}
    assert verdict.causes == {"local-output-icmp-refused"}
