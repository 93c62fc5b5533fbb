"""An answer is paired with what its sender had received, by the numbers in both."""

from __future__ import annotations

from types import ModuleType

import pytest

from whodunet.evidence.answers import acknowledges, answered, unanswered
from whodunet.evidence.packets import CapturedPacket, Dns, Flow, Icmp, Ip, Udp
from whodunet.evidence.trails import Trail, trails_of

GET = b"GET / HTTP/1.0\r\n\r\n"


def honest_reset(case: ModuleType) -> list[CapturedPacket]:
    """The server resets because of the client's data; its RST meets the client's ACK of the server's banner."""
    return [
        *case.seen(case.tcp("S", seq=1000, ip_id=1), 0, *case.WHOLE_WAY),
        *case.seen(case.tcp("S.", answer=True, seq=7000, ack=1001, ip_id=0), 21, *case.WHOLE_WAY_BACK),
        *case.seen(case.tcp("P.", seq=1001, ack=7001, ip_id=2, payload=GET), 42, *case.WHOLE_WAY),
        *case.seen(
            case.tcp("P.", answer=True, seq=7001, ack=1001, ip_id=3, payload=b"SSH-2.0-x"), 62, *case.WHOLE_WAY_BACK
        ),
        *case.seen(case.tcp("R.", answer=True, seq=7010, ack=1001 + len(GET), ip_id=4), 84, *case.WHOLE_WAY_BACK[:-1]),
        *case.seen(case.tcp(".", seq=1001 + len(GET), ack=7010, ip_id=5), 103, *case.WHOLE_WAY[:2]),
        *case.seen(case.tcp("R.", answer=True, seq=7010, ack=1001 + len(GET), ip_id=4), 107, case.WHOLE_WAY_BACK[-1]),
    ]


def answered_by(case: ModuleType, packets: list[CapturedPacket], kind: str) -> Trail | None:
    trails = trails_of(packets, case.topology())
    answer = next(trail for trail in trails if kind in trail.kinds)
    return answered(answer, trails, case.topology())


def test_a_reset_answers_the_data_that_its_sender_had_and_not_an_ack_that_it_met_on_the_way(case: ModuleType) -> None:
    found = answered_by(case, honest_reset(case), "RST")

    assert found is not None
    assert found.first.tcp is not None
    assert found.first.tcp.payload == GET


def test_a_reset_without_ack_answers_the_segment_whose_acknowledgement_number_it_bears(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp(".", seq=1001, ack=7001, ip_id=1), 10, *case.WHOLE_WAY),
        *case.seen(case.tcp(".", seq=1001, ack=7002, ip_id=2), 11, *case.WHOLE_WAY),
        *case.seen(case.tcp("R", answer=True, seq=7001, ip_id=0), 40, *case.WHOLE_WAY_BACK),
    ]

    found = answered_by(case, packets, "RST")

    assert found is not None
    assert found.first.ip is not None
    assert found.first.ip.id == 1


def test_of_two_copies_the_one_that_came_to_the_answers_sender_was_answered(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S", ip_id=1), 0, *case.WHOLE_WAY),
        *case.seen(case.tcp("S", ip_id=2), 1000, *case.TO_FIREWALL),  # sent again, dropped by the firewall
        *case.seen(case.tcp("S.", answer=True, seq=7000, ack=1001, ip_id=0), 1001, *case.WHOLE_WAY_BACK),
    ]

    found = answered_by(case, packets, "SYN-ACK")

    assert found is not None
    assert found.first.time_ns == case.T0


def test_a_packet_of_the_same_sender_is_never_what_is_answered(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("P.", answer=True, seq=7001, ack=1001, payload=b"SSH-2.0-x"), 0, *case.WHOLE_WAY_BACK),
        *case.seen(case.tcp("R.", answer=True, seq=7010, ack=1001, ip_id=0), 1, *case.WHOLE_WAY_BACK),
    ]

    assert answered_by(case, packets, "RST") is None


def test_an_icmp_error_answers_the_packet_of_the_flow_that_it_quotes(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S", port=50001), 0, *case.WHOLE_WAY[:4]),
        *case.seen(case.tcp("S"), 1, *case.WHOLE_WAY[:4]),
        *case.seen(case.admin_prohibited(), 2, *case.WHOLE_WAY_BACK[2:]),
    ]

    found = answered_by(case, packets, "ICMP admin prohibited")

    assert found is not None
    assert found.first.flow == Flow.between(6, (case.CLIENT, 50000), (case.INSTANCE, 22))


def test_dns_and_pings_are_paired_by_their_own_numbers(case: ModuleType) -> None:
    def question(number: int) -> dict[str, object]:
        return {
            "ip": Ip(case.CLIENT, case.INSTANCE, 64, number, 17, 60),
            "udp": Udp(9, 53),
            "dns": Dns(number, False, 0, "a"),
        }

    def echo(kind: int, sequence: int) -> dict[str, object]:
        ends = (case.CLIENT, case.INSTANCE) if kind == 8 else (case.INSTANCE, case.CLIENT)
        return {"ip": Ip(*ends, 64, sequence, 1, 84), "icmp": Icmp(kind, 0, 77, sequence)}

    said = {"ip": Ip(case.INSTANCE, case.CLIENT, 64, 0, 17, 60), "udp": Udp(53, 9), "dns": Dns(1, True, 0, "a")}
    names = [p for number in (1, 2) for p in case.seen(question(number), number, *case.WHOLE_WAY)]
    pings = [p for number in (1, 2) for p in case.seen(echo(8, number), number, *case.WHOLE_WAY)]

    name = answered_by(case, [*names, *case.seen(said, 40, *case.WHOLE_WAY_BACK)], "DNS answer")
    ping = answered_by(case, [*pings, *case.seen(echo(0, 1), 40, *case.WHOLE_WAY_BACK)], "ICMP echo reply")

    assert name is not None
    assert name.first.dns == Dns(1, False, 0, "a")
    assert ping is not None
    assert ping.first.icmp == Icmp(8, 0, 77, 1)


@pytest.mark.parametrize(("seq", "ack", "holds"), [(0, 1001, True), (1, 1001, False), (0, 1002, False)])
def test_a_reset_of_no_connection_has_number_zero_and_acknowledges_the_syn(
    case: ModuleType, seq: int, ack: int, holds: bool
) -> None:
    (syn,) = case.seen(case.tcp("S", seq=1000), 0, "client-eth0 out")
    (rst,) = case.seen(case.tcp("R.", answer=True, seq=seq, ack=ack), 1, "client-eth0 in")

    assert acknowledges(rst, syn) is holds


def test_data_is_unanswered_until_an_acknowledgement_covers_it_around_the_end_of_the_numbers(case: ModuleType) -> None:
    (sent,) = trails_of(case.seen(case.tcp("P.", seq=2**32 - 2, payload=b"abcd"), 0, *case.WHOLE_WAY), case.topology())
    acks = [next(case.seen(case.tcp(".", answer=True, ack=ack), 1, "client-eth0 in")) for ack in (2**32 - 1, 2)]

    assert unanswered([sent], acks[:1]) is sent
    assert unanswered([sent], acks) is None
