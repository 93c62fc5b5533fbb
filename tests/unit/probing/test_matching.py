"""Which packet is a shot, and which answers which shot."""

from __future__ import annotations

from dataclasses import replace

from whodunet.diagnosis.probes import Shoot, ShotResult
from whodunet.evidence.packets import CapturedPacket, Direction, Flow, Icmp, Ip, Tcp, Udp
from whodunet.probing.matching import Fired, results_of

CLIENT, ROUTER, HOST = "10.8.0.10", "10.8.0.1", "10.0.1.10"
PORT = 50000
MS = 1_000_000


def heard(direction: Direction, at_ms: int, source: str, ttl: int = 64, point: str = "eth0") -> CapturedPacket:
    destination = HOST if source == CLIENT else CLIENT
    ip = Ip(source, destination, ttl, 7, 6, 40)
    return CapturedPacket(point, at_ms * MS, direction, "", "", 54, ip=ip)


def segment(
    flags: str, *, seq: int = 0, ack: int = 0, at_ms: int, point: str = "eth0", port: int = PORT
) -> CapturedPacket:
    """One of the client's where it is a bare SYN, else one that comes back."""
    if flags == "S":
        direction: Direction = "in" if point == "lo" else "out"
        return replace(heard(direction, at_ms, CLIENT, point=point), tcp=Tcp(port, 22, flags, seq, ack, 64240))
    return replace(heard("in", at_ms, HOST, point=point), tcp=Tcp(22, port, flags, seq, ack, 0))


def syn(seq: int, at_ms: int, port: int = PORT) -> Fired:
    return Fired(Shoot("syn", HOST, 22), at_ms * MS, port, seq)


def time_exceeded(number: int, at_ms: int) -> CapturedPacket:
    quoted = Flow.between(6, (CLIENT, PORT), (HOST, 22))
    return replace(heard("in", at_ms, ROUTER), icmp=Icmp(11, 0, quoted=quoted, quoted_number=number))


def kinds(result: ShotResult) -> list[str]:
    return [answer.kind for answer in result.answers]


def test_a_rst_answers_the_syn_that_it_acknowledges_whichever_was_sent_last() -> None:
    shots = [syn(100, 0), syn(98, 20)]
    packets = [segment("S", seq=100, at_ms=0), segment("S", seq=98, at_ms=20), segment("R.", ack=101, at_ms=25)]

    first, second = results_of(shots, packets)

    assert kinds(first) == ["rst"]
    assert kinds(second) == []
    assert first.answers[0].after_ms == 25
    assert first.answers[0].acknowledges is True


def test_a_rst_that_acknowledges_nothing_that_was_sent_answers_the_last_syn_before_it() -> None:
    shots = [syn(100, 0), syn(98, 20), syn(96, 40)]
    packets = [segment("R", seq=5, at_ms=25)]

    results = results_of(shots, packets)

    assert [kinds(result) for result in results] == [[], ["rst"], []]
    assert results[1].answers[0].acknowledges is False


def test_an_icmp_error_is_about_the_syn_whose_number_it_quotes() -> None:
    results = results_of([syn(100, 0), syn(98, 20)], [time_exceeded(98, 22), time_exceeded(100, 24)])

    assert [[answer.after_ms for answer in result.answers] for result in results] == [[24], [2]]
    assert results[0].answers[0].sender == ROUTER
    assert results[0].answers[0].icmp == (11, 0)


def test_a_syn_ack_that_is_sent_again_is_heard_as_often() -> None:
    packets = [segment("S.", seq=7, ack=101, at_ms=45), segment("S.", seq=7, ack=101, at_ms=1045)]

    (result,) = results_of([syn(100, 0)], packets)

    assert kinds(result) == ["syn-ack", "syn-ack"]


def test_time_counts_from_when_the_packet_left_not_from_when_it_was_to_be_sent() -> None:
    packets = [segment("S", seq=100, at_ms=90), segment("R.", ack=101, at_ms=93)]

    (result,) = results_of([syn(100, 0)], packets)

    assert result.answers[0].after_ms == 3


def test_a_syn_that_the_loopback_interface_alone_saw_has_not_left() -> None:
    here, gone = segment("S", seq=100, at_ms=0, point="lo"), segment("S", seq=100, at_ms=0)

    assert results_of([syn(100, 0)], [here])[0].left is False
    assert results_of([syn(100, 0)], [gone])[0].left is True
    assert results_of([syn(100, 0)], [here])[0].sent == here


def test_the_answer_to_a_syn_whose_port_this_machine_translated_is_known_by_the_port_outside() -> None:
    packets = [segment("S", seq=100, at_ms=0, port=61000), segment("R.", ack=101, at_ms=3, port=61000)]

    (result,) = results_of([syn(100, 0)], packets)

    assert kinds(result) == ["rst"]


def test_what_came_for_another_connection_answers_nothing() -> None:
    packets = [segment("R.", ack=101, at_ms=3, port=61000), segment(".", ack=101, at_ms=4)]

    assert kinds(results_of([syn(100, 0)], packets)[0]) == []


def test_what_came_before_it_was_sent_answers_nothing() -> None:
    assert kinds(results_of([syn(100, 50)], [segment("R", at_ms=10)])[0]) == []


def test_an_echo_reply_answers_the_request_of_its_number() -> None:
    shots = [Fired(Shoot("echo", HOST), 0, 9, number) for number in (1, 2)]
    ip = Ip(HOST, CLIENT, 60, 3, 1, 28)
    reply = CapturedPacket("eth0", 45 * MS, "in", "", "", 42, ip=ip, icmp=Icmp(0, 0, 9, 2))

    results = results_of(shots, [reply])

    assert [kinds(result) for result in results] == [[], ["echo-reply"]]
    assert results[1].answers[0].ttl == 60


def test_a_datagram_is_answered_by_what_comes_to_its_port_and_by_errors_about_it() -> None:
    shot = Fired(Shoot("datagram", HOST, 33434), 0, PORT)
    quoted = Flow.between(17, (CLIENT, PORT), (HOST, 33434))
    refused = replace(heard("in", 45, HOST), icmp=Icmp(3, 3, quoted=quoted))
    said = replace(heard("in", 46, HOST), udp=Udp(33434, PORT, 4))

    assert kinds(results_of([shot], [refused, said])[0]) == ["icmp-error", "datagram"]
