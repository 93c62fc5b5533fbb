"""What a probe's packets show at its own host is summed up connection by connection."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from tests.unit import tunnel
from whodunet.evidence.packets import CapturedPacket, Dns, Flow, Icmp, Ip, Udp
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.traffic import Connection, Traffic, traffic_of

OUT, BACK = "client-eth0 out", "client-eth0 in"


def seen(case: ModuleType, *packets: tuple[dict[str, Any], str]) -> Traffic:
    """What packets show, each a millisecond after the one before."""
    captured = [packet for ms, (headers, place) in enumerate(packets) for packet in case.seen(headers, ms, place)]
    found = traffic_of("client", captured, case.topology())
    assert found is not None
    return found


def opened(case: ModuleType, *more: tuple[dict[str, Any], str]) -> Traffic:
    """A connection that stands, and what followed."""
    syn_ack = case.tcp("S.", answer=True, seq=7000, ack=1001)
    return seen(case, (case.tcp("S"), OUT), (syn_ack, BACK), (case.tcp(".", seq=1001, ack=7001), OUT), *more)


def test_a_syn_without_an_answer_timed_out(case: ModuleType) -> None:
    traffic = seen(case, (case.tcp("S"), OUT), (case.tcp("S", ip_id=2), OUT))

    assert traffic == Traffic((Connection(),), sent=True)
    assert traffic.symptom is Symptom.TIMED_OUT


def test_a_rst_that_acknowledges_the_syn_refuses_and_another_does_not(case: ModuleType) -> None:
    refused = seen(case, (case.tcp("S"), OUT), (case.tcp("R.", answer=True, seq=0, ack=1001), BACK))
    ignored = seen(case, (case.tcp("S"), OUT), (case.tcp("R.", answer=True, seq=0, ack=999), BACK))

    assert refused.symptom is Symptom.REFUSED
    assert ignored.symptom is Symptom.TIMED_OUT


@pytest.mark.parametrize(
    ("code", "symptom"),
    [
        (3, Symptom.REFUSED),
        (13, Symptom.UNREACHABLE),
        (1, Symptom.UNREACHABLE),
        (4, Symptom.TIMED_OUT),  # "fragmentation needed" ends nothing
    ],
)
def test_an_icmp_error_answers_a_syn(case: ModuleType, code: int, symptom: Symptom) -> None:
    quoted = Flow.between(6, (case.CLIENT, 50000), (case.INSTANCE, 22))
    error = {"ip": Ip("10.8.0.1", case.CLIENT, 64, 7, 1, 56), "icmp": Icmp(3, code, quoted=quoted)}

    assert seen(case, (case.tcp("S"), OUT), (error, BACK)).symptom is symptom


@pytest.mark.parametrize(
    ("icmp", "symptom"),
    [
        ((1, 4), Symptom.REFUSED),
        ((1, 1), Symptom.UNREACHABLE),
        ((3, 0), Symptom.UNREACHABLE),
        ((2, 0), Symptom.TIMED_OUT),  # "packet too big" ends nothing
    ],
)
def test_over_ipv6_it_has_other_numbers(case: ModuleType, icmp: tuple[int, int], symptom: Symptom) -> None:
    syn = case.tcp("S") | {"ip": Ip("fd00:8::10", "fd00::10", 64, 0, 6, 60, version=6)}
    quoted = Flow.between(6, ("fd00:8::10", 50000), ("fd00::10", 22))
    error = {"ip": Ip("fd00:8::1", "fd00:8::10", 64, 0, 58, 100, version=6), "icmp": Icmp(*icmp, quoted=quoted)}

    assert seen(case, (syn, OUT), (error, BACK)).symptom is symptom


def test_how_neighbours_find_each_other_is_nothing_that_a_probe_sent(case: ModuleType) -> None:
    asks = {"ip": Ip("fd00::2", "ff02::1:ff00:1", 255, 0, 58, 72, version=6), "icmp": Icmp(135, 0, target="fd00::1")}

    assert seen(case, (asks, OUT)) == Traffic()


def test_a_connection_that_stands_and_gets_nothing_has_stalled(case: ModuleType) -> None:
    traffic = opened(case, (case.tcp("P.", seq=1001, ack=7001, payload=b"hello"), OUT))

    assert (traffic.stood, traffic.symptom) == (True, Symptom.STALLED)


def test_what_came_from_the_other_side_is_told_from_what_was_sent(case: ModuleType) -> None:
    banner = case.tcp("P.", answer=True, seq=7001, ack=1001, payload=b"SSH-2.0-x\r\n")

    assert opened(case, (banner, BACK)).connections == (Connection(stood=True, received_bytes=11),)


def test_it_counts_who_closes_first(case: ModuleType) -> None:
    theirs = (case.tcp("F.", answer=True, seq=7001, ack=1001), BACK)
    ours = (case.tcp("F.", seq=1001, ack=7001), OUT)

    assert opened(case, theirs, ours).symptom is Symptom.CLOSED
    assert not opened(case, ours, theirs).connections[0].closed


def test_a_rst_resets_unless_this_host_had_closed(case: ModuleType) -> None:
    rst = (case.tcp("R", answer=True, seq=7001), BACK)

    assert opened(case, rst).symptom is Symptom.RESET
    assert opened(case, (case.tcp("F.", seq=1001, ack=7001), OUT), rst).symptom is Symptom.STALLED


def test_ports_used_again_are_another_connection_and_the_last_one_speaks(case: ModuleType) -> None:
    again = opened(case, (case.tcp("S", seq=5000), OUT), (case.tcp("R.", answer=True, seq=0, ack=5001), BACK))

    assert [each.symptom for each in again.connections] == [Symptom.STALLED, Symptom.REFUSED]
    assert again.symptom is Symptom.REFUSED
    assert (again.stood, again.all_stood) == (True, False)


def dns(case: ModuleType, query: int, *, rcode: int | None = None) -> tuple[dict[str, Any], str]:
    """A query, or with a response code the answer to it."""
    ends = [(case.CLIENT, 40000), ("10.9.0.53", 53)]
    (source, sport), (destination, dport) = ends if rcode is None else reversed(ends)
    headers = {
        "ip": Ip(source, destination, 64, 1, 17, 60),
        "udp": Udp(sport, dport, 32),
        "dns": Dns(query, rcode is not None, rcode or 0, "h.example"),
    }
    return headers, OUT if rcode is None else BACK


@pytest.mark.parametrize(
    ("answers", "lookups", "symptom"),
    [
        ((None, None), (None, None), Symptom.NO_RESOLVER),
        ((3, 3), (3, 3), Symptom.NAME_NOT_FOUND),
        ((2, None), (2, None), Symptom.NO_RESOLVER),
        ((0, 2), (0, 2), None),
    ],
)
def test_names_are_told_by_the_answers_about_them(
    case: ModuleType, answers: tuple[int | None, ...], lookups: tuple[int | None, ...], symptom: Symptom | None
) -> None:
    asked = [dns(case, number) for number in range(len(answers))]
    repeated = [dns(case, 0)]
    answered = [dns(case, number, rcode=code) for number, code in enumerate(answers) if code is not None]

    traffic = seen(case, *asked, *repeated, *answered)

    assert (traffic.lookups, traffic.symptom) == (lookups, symptom)


def test_neither_a_lookup_nor_a_rst_answers_a_connection(case: ModuleType) -> None:
    looked_up = (dns(case, 1), dns(case, 1, rcode=0))
    refused = seen(case, *looked_up, (case.tcp("S"), OUT), (case.tcp("R.", answer=True, seq=0, ack=1001), BACK))

    assert (refused.sent, refused.answered) == (True, False)
    assert seen(case, *looked_up).answered


def test_only_the_probes_own_host_counts(case: ModuleType) -> None:
    elsewhere = list(case.seen(case.tcp("S"), 0, "r1-eth0 in"))

    assert traffic_of("client", elsewhere, case.topology()) == Traffic()


def test_a_record_that_is_not_whole_says_nothing(case: ModuleType) -> None:
    packets: list[CapturedPacket] = list(case.seen(case.tcp("S"), 0, OUT))

    assert traffic_of("client", packets, case.topology(), {"client-eth0"}) is None
    assert traffic_of("client", packets, case.topology(), {"r1-eth0"}) is not None


@pytest.mark.parametrize("host_says", [[], ["R"]])
def test_a_connection_whose_syn_ack_the_host_filters_itself_never_stands(
    case: ModuleType, host_says: list[str]
) -> None:
    """It is seen at the interface, again and again, and no program hears of it."""
    syn_ack = case.tcp("S.", answer=True, seq=7000, ack=1001)
    replies = [(case.tcp(flags, seq=1001), OUT) for flags in host_says]
    traffic = seen(
        case, (case.tcp("S"), OUT), (syn_ack, BACK), *replies, (case.tcp("S", ip_id=2), OUT), (syn_ack, BACK)
    )

    assert not traffic.stood
    assert traffic.symptom is Symptom.TIMED_OUT


def test_a_connection_from_outside_stands_once_this_host_has_said_yes(case: ModuleType) -> None:
    syn_ack = case.tcp("S.", answer=True, seq=7000, ack=1001)
    packets = [*case.seen(case.tcp("S"), 0, "instance-eth0 in"), *case.seen(syn_ack, 1, "instance-eth0 out")]
    traffic = traffic_of("instance", packets, case.topology())

    assert traffic is not None
    assert traffic.stood


def test_a_tunnel_s_own_datagrams_answer_nothing_that_goes_through_it(case: ModuleType) -> None:
    """A ping into a tunnel whose far end is alive, but that nobody answers."""
    echo = {"ip": Ip(case.CLIENT, case.INSTANCE, 64, 1, 1, 84), "icmp": Icmp(8, 0, 7, 1)}
    packets = [
        *case.seen(echo, 0, "client-tun0 out"),
        *tunnel.datagram(84, 3, 0.2, *tunnel.WHOLE_OUTER),
        *tunnel.datagram(16, 1, 5, *tunnel.WHOLE_OUTER_BACK, answer=True),
    ]
    traffic = traffic_of("client", packets, tunnel.topology())
    assert traffic is not None
    assert traffic.symptom is Symptom.TIMED_OUT
