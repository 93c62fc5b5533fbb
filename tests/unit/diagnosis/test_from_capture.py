"""A colleague's capture, which does not say who is who, says what a live diagnosis would say of the same packets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.unit.diagnosis.network import CLIENT, DESTINATION, GATEWAY, HOPS, RTT_MS
from tests.unit.diagnosis.packets import conversation, icmp_error, incoming, outgoing, ping, syn
from whodunet.diagnosis.from_capture import diagnose_capture, questions, vantage_of
from whodunet.diagnosis.question import Question
from whodunet.diagnosis.verdict import HopInterval, Party, Verdict
from whodunet.errors import InvalidInput
from whodunet.evidence.packets import CapturedPacket
from whodunet.evidence.symptom import Symptom

BANNER = b"SSH-2.0-OpenSSH_9.2\r\n"


def diagnosed(packets: Sequence[CapturedPacket]) -> Verdict:
    vantage = vantage_of(packets)
    return diagnose_capture(vantage, questions(vantage)[0])


def refused(at_ms: float = 0, after_ms: float = 2.0, ttl: int = 64) -> list[CapturedPacket]:
    return [syn(at_ms), incoming(at_ms + after_ms, "R.", seq=0, ttl=ttl, window=0)]


def test_a_rst_with_a_full_ttl_from_a_host_on_another_network_is_the_first_hops() -> None:
    verdict = diagnosed(refused())

    assert verdict.symptom is Symptom.REFUSED
    assert verdict.parties == {Party.FIRST_HOP}
    assert verdict.hops == HopInterval(1, 1)
    assert verdict.confidence == "low"  # one signal, and no answer that only the destination can give


def test_a_ping_in_the_same_capture_makes_it_sure() -> None:
    verdict = diagnosed([*ping(0), *refused(200)])

    assert verdict.parties == {Party.FIRST_HOP}
    assert verdict.confidence == "high"
    assert {"round-trip", "return-ttl"} <= {citation.signal for citation in verdict.evidence}
    assert all(citation.packets for citation in verdict.evidence)


def test_a_rst_as_far_away_as_the_ping_is_the_destinations_class() -> None:
    verdict = diagnosed([*ping(0), *refused(200, RTT_MS, 65 - HOPS)])

    assert verdict.cause_class == "destination-refuses"
    assert verdict.confidence == "medium"


def test_the_client_is_who_opens_connections_whatever_the_file_says_of_directions() -> None:
    unmarked = [replace(packet, direction="in") for packet in refused()]

    assert vantage_of(unmarked).client == {CLIENT}
    assert [packet.direction for packet in vantage_of(unmarked).packets] == ["out", "in"]


def test_a_capture_from_the_servers_side_is_refused_with_what_to_do() -> None:
    passed_routers = [replace(packet, ip=replace(packet.ip, ttl=57)) for packet in refused() if packet.ip is not None]

    with pytest.raises(InvalidInput, match=r"was not made on the client.*capture on the machine that opens"):
        vantage_of(passed_routers)


def test_a_capture_in_which_two_hosts_ask_alike_wants_to_be_told_who_the_client_is() -> None:
    other = replace(syn(5), link_source="02:00:00:00:00:09", ip=replace(syn().ip, source="10.8.0.11"))  # type: ignore[type-var]

    with pytest.raises(InvalidInput, match=r"does not show whether .* is the client; say which one it is"):
        vantage_of([syn(), other])


def test_an_address_that_is_not_in_the_capture_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"holds no packet from 192\.0\.2\.1"):
        vantage_of(refused(), ["192.0.2.1"])


def test_a_capture_of_answers_alone_shows_no_client() -> None:
    with pytest.raises(InvalidInput, match="shows nobody who opens a connection"):
        vantage_of([incoming(0, "P.", payload=b"x")])


def test_what_did_not_work_is_asked_about_before_what_did() -> None:
    works = [
        *conversation(),
        incoming(RTT_MS + 1, "P.", payload=BANNER),
        outgoing(RTT_MS + 2, "F.", ack=1001 + len(BANNER)),
    ]
    fails = [syn(500, source_port=50001, port=8080), incoming(502, "R.", ttl=64, source_port=50001, port=8080)]

    assert [question.port for question in questions(vantage_of([*works, *fails]))] == [8080, 22]


def test_a_syn_that_is_sent_again_and_never_answered_is_silence_that_has_many_causes() -> None:
    verdict = diagnosed([syn(0), syn(1000), syn(3000), *ping(5000)])

    assert verdict.symptom is Symptom.TIMED_OUT
    assert {"security-group-other-rules", "egress-drop", "host-firewall-drop"} <= verdict.causes
    assert verdict.confidence == "low"


def test_an_icmp_error_names_its_sender_and_the_hop_that_its_ttl_tells() -> None:
    verdict = diagnosed([syn(), icmp_error(2, GATEWAY, 3, 13)])

    assert verdict.box == GATEWAY
    assert verdict.hops == HopInterval(1, 1)
    assert "egress-admin-prohibited" in verdict.causes


def test_a_rst_sooner_than_a_round_trip_after_the_banner_with_another_ttl_is_no_servers() -> None:
    talk = [
        *conversation(),
        outgoing(46, "P.", payload=BANNER),
        incoming(48, "R.", ttl=64, ip_id=0),
        incoming(47 + RTT_MS, "P.", payload=BANNER, ip_id=700),
    ]

    verdict = diagnosed(talk)

    assert verdict.symptom is Symptom.RESET
    assert "banner-reset" in verdict.causes
    assert verdict.parties == {Party.FIRST_HOP}
    assert {"return-ttl", "round-trip", "several-answers"} <= {citation.signal for citation in verdict.evidence}


def test_a_rst_that_continues_the_connections_ip_ids_is_the_services_own() -> None:
    talk = [
        *conversation(),
        outgoing(46, "P.", payload=BANNER),
        incoming(46 + RTT_MS, ".", ack=501 + len(BANNER), ip_id=300),
        incoming(47 + RTT_MS, "R.", ip_id=301),
    ]

    verdict = diagnosed(talk)

    assert verdict.parties == {Party.SERVICE}
    assert "service-crashes" in verdict.causes


def test_an_answer_that_came_and_was_not_taken_was_kept_by_this_machines_filter() -> None:
    waiting = [syn(0), incoming(RTT_MS, "S.", seq=1000), syn(1000), incoming(1000 + RTT_MS, "S.", seq=1000), syn(3000)]

    verdict = diagnosed(waiting)

    assert verdict.parties == {Party.THIS_MACHINE}
    assert verdict.causes == {"local-input-drop"}


def test_a_window_that_never_opens_is_a_syn_proxys() -> None:
    accepted = [syn(), incoming(2, "S.", seq=1000, ttl=64, window=0), outgoing(2.1, ".")]

    verdict = diagnosed([*accepted, outgoing(4000, "F.")])

    assert "syn-proxy-before-silence" in verdict.causes


def test_words_that_are_acknowledged_and_not_answered_leave_the_service_and_a_box_behind_as_suspects() -> None:
    talk = [
        *conversation(),
        outgoing(46, "P.", payload=BANNER),
        incoming(92, ".", ack=501 + len(BANNER), ip_id=5),
        outgoing(5000, "F.", seq=501 + len(BANNER)),
    ]

    verdict = diagnosed(talk)

    assert verdict.symptom is Symptom.STALLED
    assert {"service-hung", "reset-toward-server-only"} <= verdict.causes


def test_large_segments_that_are_sent_again_while_small_ones_pass_vanish_for_their_size() -> None:
    talk = [
        *conversation(),
        outgoing(46, "P.", payload=BANNER),
        incoming(92, "P.", payload=BANNER, ack=501 + len(BANNER)),
        *(
            outgoing(at, ".", seq=501 + len(BANNER), payload=b"\0", size=1448, ack=1001 + len(BANNER))
            for at in (93, 400, 1000, 2200)
        ),
        outgoing(6000, "F.", seq=501 + len(BANNER) + 1448),
    ]

    assert "path-mtu-black-hole" in diagnosed(talk).causes


def test_another_protocols_greeting_is_read() -> None:
    talk = [
        *conversation(),
        outgoing(46, "P.", payload=BANNER),
        incoming(92, "P.", payload=b"HTTP/1.1 400 Bad Request\r\n"),
    ]

    verdict = diagnosed(talk)

    assert verdict.causes == {"other-protocol-on-port"}
    assert verdict.symptom is Symptom.PROTOCOL_ERROR


def test_a_question_about_what_never_left_says_so_and_is_not_sure() -> None:
    verdict = diagnose_capture(vantage_of(ping(0)), Question(DESTINATION, 22))

    assert Party.THIS_MACHINE in verdict.parties
    assert "local-output-drop" in verdict.causes
    assert verdict.confidence == "low"


def test_a_signed_rst_is_cited_as_a_claim_and_changes_nobodys_guilt() -> None:
    signed = incoming(2, "R.", seq=0, ttl=64, payload=b"\x33\xaa\x00\x0d" + bytes(4))

    verdict = diagnosed([syn(), signed])

    assert verdict.parties == {Party.FIRST_HOP}
    assert any("destination unreachable" in citation.says for citation in verdict.evidence)


def test_what_is_not_in_the_capture_is_said() -> None:
    assert any("short TTL" in each for each in diagnosed(refused()).not_seen)
