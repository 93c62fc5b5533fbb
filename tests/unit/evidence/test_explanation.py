"""Each symptom is explained by the packet that caused it, or by the one that never came."""

from __future__ import annotations

from types import ModuleType

import pytest

from whodunet.evidence.explanation import Explanation
from whodunet.evidence.packets import CapturedPacket, Dns, Ip, Udp, kinds
from whodunet.evidence.symptom import Symptom


def explained(case: ModuleType, packets: list[CapturedPacket], symptom: Symptom) -> Explanation:
    explanation = case.left(packets, symptom=symptom).explanation
    assert isinstance(explanation, Explanation)
    return explanation


def connection(case: ModuleType) -> list[CapturedPacket]:
    """A connection that stands, with a line that the client has sent and the instance acknowledged."""
    return [
        *case.seen(case.tcp("S", seq=1000), 0, *case.WHOLE_WAY),
        *case.seen(case.tcp("S.", answer=True, seq=7000, ack=1001, ip_id=0), 21, *case.WHOLE_WAY_BACK),
        *case.seen(case.tcp("P.", seq=1001, ack=7001, ip_id=3, payload=b"hello\n"), 42, *case.WHOLE_WAY),
        *case.seen(case.tcp(".", answer=True, seq=7001, ack=1007, ip_id=4), 63, *case.WHOLE_WAY_BACK),
    ]


def test_a_refusal_is_explained_by_the_rst_and_the_syn_that_it_answers(case: ModuleType) -> None:
    found = explained(case, case.reference_packets()[:4], Symptom.REFUSED)

    assert found.answer is not None
    assert (found.asked.point, found.answer.point) == ("client-eth0", "client-eth0")
    assert (kinds(found.asked), kinds(found.answer)) == (frozenset({"SYN"}), frozenset({"RST"}))
    assert found.handshake is None


def test_a_reset_is_set_beside_the_handshake_of_the_same_connection(case: ModuleType) -> None:
    rst = case.seen(case.tcp("R.", answer=True, seq=7001, ack=1007, ip_id=9), 84, *case.FROM_FIREWALL)

    found = explained(case, [*connection(case), *rst], Symptom.RESET)

    assert found.answer is not None
    assert "RST" in kinds(found.answer)
    assert found.handshake is not None
    assert "SYN-ACK" in kinds(found.handshake)


@pytest.mark.parametrize(("first", "closer"), [("instance", "instance"), ("client", "client")])
def test_a_close_names_who_sent_the_connections_first_fin(case: ModuleType, first: str, closer: str) -> None:
    theirs, ours = case.tcp("F.", answer=True, seq=7001, ack=1007, ip_id=8), case.tcp("F.", seq=1007, ack=7001, ip_id=8)
    at_ms = (100, 150) if first == "instance" else (150, 100)
    packets = [*connection(case), *case.seen(theirs, at_ms[0], *case.WHOLE_WAY_BACK)]
    packets += case.seen(ours, at_ms[1], *case.WHOLE_WAY)

    assert explained(case, packets, Symptom.CLOSED).closer == closer


def test_a_time_out_is_explained_by_the_packet_that_did_not_arrive(case: ModuleType) -> None:
    found = explained(case, list(case.seen(case.tcp("S"), 0, *case.TO_FIREWALL)), Symptom.TIMED_OUT)

    assert found.answer is None
    assert found.missing is not None
    assert found.missing.last.point == "fw-eth0"


def test_a_stall_after_what_was_acknowledged_is_explained_by_what_was_lost_on_its_way_to_the_host(
    case: ModuleType,
) -> None:
    lost = case.tcp("P.", answer=True, seq=7001, ack=1007, ip_id=5, payload=b"x" * 9)

    found = explained(case, [*connection(case), *case.seen(lost, 64, *case.WHOLE_WAY_BACK[:2])], Symptom.STALLED)

    assert (found.answer, found.is_acknowledged, found.is_ended_here) == (None, True, False)
    assert found.missing is not None
    assert found.missing.last.point == "r1-eth1"


def test_what_a_proxy_took_over_did_arrive_and_its_lost_answer_explains_the_stall(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S"), 0, *case.TO_FIREWALL),
        *case.seen(case.tcp("S.", answer=True, seq=7000, ack=1001, ip_id=0), 1, *case.FROM_FIREWALL),
        *case.seen(case.tcp("P.", seq=1001, ack=7001, ip_id=3, payload=b"hello\n"), 2, *case.TO_FIREWALL),
        *case.seen(case.tcp("P.", answer=True, seq=7001, ack=1001, ip_id=5, payload=b"x"), 3, "fw-eth0 out"),
    ]

    found = explained(case, packets, Symptom.STALLED)

    assert found.missing is not None
    assert found.missing.last.direction == "out"


def test_only_the_last_connection_of_the_host_explains(case: ModuleType) -> None:
    later = case.seen(case.tcp("S", port=50009), 500, *case.TO_FIREWALL)

    found = explained(case, [*connection(case), *later], Symptom.TIMED_OUT)

    assert found.asked.ports == (50009, 22)


def test_a_host_that_only_asked_for_a_name_has_no_exchange_that_explains(case: ModuleType) -> None:
    query = {
        "ip": Ip(case.CLIENT, case.INSTANCE, 64, 1, 17, 60),
        "udp": Udp(5555, 53, 32),
        "dns": Dns(1, False, 0, "a"),
    }

    assert case.left(case.seen(query, 0, *case.WHOLE_WAY), symptom=Symptom.NO_RESOLVER).explanation is None
