"""Each symptom is explained by the packet that caused it."""

from __future__ import annotations

from types import ModuleType

import pytest

from tests.unit import tunnel
from whodunet.evidence.packets import Arp, CapturedPacket, Dns, Ip
from whodunet.evidence.probe_evidence import ProbeEvidence
from whodunet.evidence.symptoms import Symptom
from whodunet.view.models.brief import brief_of
from whodunet.view.models.reasons import reasons_of
from whodunet.view.words.probes import duration, in_brief, sentence


def explained(case: ModuleType, packets: list[CapturedPacket], symptom: Symptom) -> list[str]:
    evidence = case.left(packets, symptom=symptom)
    return list(map(sentence, reasons_of(evidence)))


def packets_in_brief(evidence: ProbeEvidence) -> str:
    """What is said of a probe's packets, without its symptom."""
    _, _, said = in_brief(brief_of("ssh", evidence)).partition("; ")
    return said


def connection(case: ModuleType) -> list[CapturedPacket]:
    """A connection that stands, and one line that the client has sent in it."""
    return [
        *case.seen(case.tcp("S", seq=1000), 0, *case.WHOLE_WAY),
        *case.seen(case.tcp("S.", answer=True, seq=7000, ack=1001, ip_id=0), 21, *case.WHOLE_WAY_BACK[:-1]),
        *case.seen(case.tcp("S.", answer=True, seq=7000, ack=1001, ip_id=0), 41, case.WHOLE_WAY_BACK[-1]),
        *case.seen(case.tcp(".", seq=1001, ack=7001, ip_id=2), 41.1, *case.WHOLE_WAY),
    ]


def line(case: ModuleType, at_ms: float, *places: str, ip_id: int = 3) -> list[CapturedPacket]:
    return list(case.seen(case.tcp("P.", seq=1001, ack=7001, ip_id=ip_id, payload=b"hello\n"), at_ms, *places))


def back(case: ModuleType, flags: str, at_ms: float, *, seq: int = 7001, ack: int = 1007) -> list[CapturedPacket]:
    """A packet from the instance that is 20 ms on its way."""
    packet = case.tcp(flags, answer=True, seq=seq, ack=ack, ip_id=9, ttl=64)
    *way, end = case.WHOLE_WAY_BACK
    return [*case.seen(packet, at_ms, *way), *case.seen(packet, at_ms + 20, end)]


def test_closed_is_explained_by_the_fin_and_who_sent_the_first(case: ModuleType) -> None:
    packets = [*connection(case), *line(case, 42, *case.WHOLE_WAY), *back(case, "F.", 63)]

    told = explained(case, packets, Symptom.CLOSED)

    assert told[0].startswith("FIN seq 1 ack 7 came 41.0 ms after the data 6 bytes seq 1;")
    assert told[0].endswith("as long as the whole path takes.")
    assert told[1] == "The first FIN of the connection was sent by instance: that side closed it."


def test_a_close_that_the_client_began_is_told_as_the_clients(case: ModuleType) -> None:
    fin = case.tcp("F.", seq=1001, ack=7001, ip_id=3)
    packets = [*connection(case), *case.seen(fin, 42, *case.WHOLE_WAY), *back(case, "F.", 63, ack=1002)]

    told = explained(case, packets, Symptom.CLOSED)

    assert told[0].startswith("FIN seq 1 ack 2 came 41.0 ms after the FIN seq 1 ack 1;")
    assert told[1] == "The first FIN of the connection was sent by client: that side closed it."


def test_what_a_program_was_content_with_is_explained_by_its_handshake_whatever_ended_it(case: ModuleType) -> None:
    packets = [
        *connection(case),
        *line(case, 42, *case.WHOLE_WAY),
        *back(case, "F.", 63),
        *back(case, "R", 64, seq=7002),
    ]

    assert explained(case, packets, Symptom.CONNECTED)[0].startswith("SYN-ACK ack 1 came 41.0 ms after the SYN;")


def test_unreachable_is_explained_by_the_icmp_error_whatever_came_before_it(case: ModuleType) -> None:
    error = case.seen(case.admin_prohibited(), 90, *case.FROM_FIREWALL)
    packets = [*connection(case), *line(case, 50, *case.TO_FIREWALL), *error]

    assert explained(case, packets, Symptom.UNREACHABLE)[0].startswith("ICMP 3/13 admin prohibited came 40.0 ms after")


def test_an_honest_reset_is_not_said_to_be_too_soon(case: ModuleType) -> None:
    ack = case.tcp(".", seq=1007, ack=7003, ip_id=4)  # meets the RST on its way
    packets = [
        *connection(case),
        *line(case, 42, *case.WHOLE_WAY),
        *case.seen(ack, 80, *case.TO_FIREWALL),
        *back(case, "R.", 63),
    ]

    told = explained(case, packets, Symptom.RESET)

    assert told[0].startswith("RST seq 1 ack 7 came 41.0 ms after the data 6 bytes seq 1;")
    assert not any("too soon" in sentence for sentence in told)


def test_a_reset_with_the_ttl_of_the_handshake_is_not_said_to_be_anothers(case: ModuleType) -> None:
    packets = [*connection(case), *line(case, 42, *case.WHOLE_WAY), *back(case, "R.", 63)]

    assert not any("same sender" in sentence for sentence in explained(case, packets, Symptom.RESET))


def test_of_resets_by_both_sides_the_one_that_came_explains(case: ModuleType) -> None:
    own = case.tcp("R", seq=1007, ip_id=8)
    packets = [
        *connection(case),
        *line(case, 42, *case.WHOLE_WAY),
        *case.seen(own, 50, *case.WHOLE_WAY),
        *back(case, "R.", 63),
    ]

    assert explained(case, packets, Symptom.RESET)[0].startswith("RST seq 1 ack 7 came 41.0 ms after the data")


def test_stalled_is_explained_by_the_last_data_that_got_no_answer_and_how_far_it_came(case: ModuleType) -> None:
    packets = [
        *connection(case),
        *line(case, 42, *case.WHOLE_WAY[:4]),
        *line(case, 300, *case.WHOLE_WAY[:4], ip_id=4),
    ]

    assert explained(case, packets, Symptom.STALLED) == [
        "No answer to the data 6 bytes seq 1 came back at client-eth0.",
        "It was last seen at r1-eth0.",
    ]
    assert packets_in_brief(case.left(packets, symptom=Symptom.STALLED)) == "its data 6 bytes was last seen at r1-eth0"


def test_stalled_is_explained_by_what_was_sent_to_the_client_and_lost(case: ModuleType) -> None:
    reply = case.tcp("P.", answer=True, seq=7001, ack=1007, ip_id=5, payload=b"x" * 9)
    packets = [
        *connection(case),
        *line(case, 42, *case.WHOLE_WAY),
        *back(case, ".", 63),
        *case.seen(reply, 64, *case.WHOLE_WAY_BACK[:2]),
    ]

    assert explained(case, packets, Symptom.STALLED) == [
        "The data 6 bytes seq 1 was acknowledged, and nothing more came to client-eth0.",
        "The data 9 bytes seq 1 that was sent there was last seen at r1-eth1.",
    ]


def test_stalled_without_anything_lost_says_that_nothing_came(case: ModuleType) -> None:
    assert explained(case, connection(case), Symptom.STALLED) == ["Nothing came after the ACK 1 at client-eth0."]
    assert packets_in_brief(case.left(connection(case), symptom=Symptom.STALLED)) == "nothing came after its ACK"


def test_what_is_lost_in_a_tunnel_is_told_with_where_its_datagram_was_last_seen(case: ModuleType) -> None:
    packets = [*case.seen(case.tcp("S"), 0, "client-tun0 out"), *tunnel.datagram(40, 3, 0.2, *tunnel.WHOLE_OUTER[:2])]

    left = case.left(packets, of=tunnel.topology(), symptom=Symptom.TIMED_OUT)

    assert [sentence(reason) for reason in reasons_of(left)][1] == (
        "It was last seen at client-tun0, and the tunnel's datagram that carried it at home-eth0."
    )


def test_what_came_out_of_a_tunnel_and_was_lost_beyond_is_told_without_it(case: ModuleType) -> None:
    packets = [packet for packet in tunnel.syn_through() if packet.point != "instance-eth0"]

    left = case.left(packets, of=tunnel.topology(), symptom=Symptom.TIMED_OUT)

    assert [sentence(reason) for reason in reasons_of(left)][1] == "It was last seen at server-eth1."


@pytest.mark.parametrize("symptom", [Symptom.TIMED_OUT, Symptom.UNKNOWN])
def test_timed_out_is_explained_by_the_place_where_the_packet_was_last_seen(case: ModuleType, symptom: Symptom) -> None:
    packets = list(case.seen(case.tcp("S"), 0, *case.TO_FIREWALL))

    assert explained(case, packets, symptom)[1] == "It was last seen at fw-eth0."


def test_timed_out_is_explained_by_the_answer_that_was_lost_on_its_way_back(case: ModuleType) -> None:
    answer = case.tcp("S.", answer=True, seq=7000, ack=1001)
    packets = [*case.seen(case.tcp("S"), 0, *case.WHOLE_WAY), *case.seen(answer, 21, *case.WHOLE_WAY_BACK[:3])]

    assert explained(case, packets, Symptom.TIMED_OUT) == [
        "No answer to the SYN came back at client-eth0.",
        "The SYN-ACK ack 1 that was sent there was last seen at r1-eth0.",
    ]


def test_a_stall_is_not_explained_by_what_was_forged_in_the_clients_name(case: ModuleType) -> None:
    """A box that has forgotten the connection drops the server's data and resets the server in the client's name."""
    data = case.tcp("P.", answer=True, seq=7001, ack=1001, ip_id=5, payload=b"x" * 9)
    packets = [
        *connection(case),
        *case.seen(data, 63, *case.WHOLE_WAY_BACK[:2]),
        *case.seen(case.tcp("R", seq=1001, ip_id=0), 63.5, *case.WHOLE_WAY[4:]),
    ]

    assert explained(case, packets, Symptom.STALLED)[1] == (
        "The data 9 bytes seq 1 that was sent there was last seen at r1-eth1."
    )


def test_a_stall_is_not_explained_by_how_the_program_gave_up(case: ModuleType) -> None:
    """Killed, it closes; that is answered, and nobody waited for it."""
    data = case.tcp("P.", answer=True, seq=7001, ack=1001, ip_id=5, payload=b"x" * 9)
    fin = case.tcp("F.", seq=1001, ack=7001, ip_id=6)
    packets = [
        *connection(case),
        *case.seen(data, 63, *case.WHOLE_WAY_BACK[:2]),
        *case.seen(fin, 300, *case.WHOLE_WAY),
        *back(case, ".", 321, ack=1002),
    ]

    assert explained(case, packets, Symptom.STALLED) == [
        "Nothing came after the ACK 1 at client-eth0, until the connection was ended from there.",
        "The data 9 bytes seq 1 that was sent there was last seen at r1-eth1.",
    ]


def test_data_that_was_acknowledged_is_not_said_to_have_got_no_answer(case: ModuleType) -> None:
    packets = [*connection(case), *line(case, 42, *case.WHOLE_WAY), *back(case, ".", 63)]

    assert explained(case, packets, Symptom.STALLED) == [
        "The data 6 bytes seq 1 was acknowledged, and nothing more came to client-eth0."
    ]


@pytest.mark.parametrize(("answers", "said"), [(0, "never"), (1, "once"), (2, "twice"), (3, "3 times")])
def test_answers_about_names_are_counted_as_messages_and_not_as_sightings(
    case: ModuleType, answers: int, said: str
) -> None:
    def message(number: int, is_answer: bool) -> dict[str, object]:
        ends = (case.INSTANCE, case.CLIENT) if is_answer else (case.CLIENT, case.INSTANCE)
        return {"ip": Ip(*ends, 64, number, 17, 60), "dns": Dns(number, is_answer, 0, "db.corp")}

    packets = [*case.seen(message(0, False), 0, *case.WHOLE_WAY)]
    for number in range(answers):
        packets += case.seen(message(number, True), 1 + number, *case.WHOLE_WAY_BACK)

    assert packets_in_brief(case.left(packets)) == f"DNS answered {said}"


def test_timed_out_is_explained_by_the_answer_that_came_and_that_the_host_filtered_itself(case: ModuleType) -> None:
    answer = case.tcp("S.", answer=True, seq=7000, ack=1001, ip_id=0)
    packets = [
        *case.seen(case.tcp("S"), 0, *case.WHOLE_WAY),
        *case.seen(answer, 21, *case.WHOLE_WAY_BACK[:-1]),
        *case.seen(answer, 41, case.WHOLE_WAY_BACK[-1]),
        *case.seen(case.tcp("R", seq=1001, ip_id=0), 41.1, *case.WHOLE_WAY),
    ]

    assert explained(case, packets, Symptom.TIMED_OUT)[0].startswith("SYN-ACK ack 1 came 41.0 ms after the SYN;")


def brief(case: ModuleType, packets: list[CapturedPacket]) -> str:
    return packets_in_brief(case.left(packets))


def test_a_probe_in_brief_is_its_answer_or_how_far_it_came(case: ModuleType) -> None:
    reference = [packet for packet in case.reference_packets() if packet.time_ns < case.T0 + 1000 * case.MS]

    assert brief(case, reference) == "RST after 2.0 ms, TTL 64"
    assert brief(case, reference[:2]) == "its SYN was last seen at fw-eth0"
    assert brief(case, []) == "no packet of its own was seen"


def test_of_a_probe_that_sent_nothing_but_arp_it_says_so(case: ModuleType) -> None:
    arp = case.seen({"ip": None, "arp": Arp(1, case.CLIENT, "aa", "10.8.0.1")}, 9.5, *case.TO_FIREWALL)

    assert brief(case, list(arp)) == "nothing but ARP left client"


def test_times_are_said_as_people_say_them() -> None:
    assert [duration(15.4), duration(999), duration(4014)] == ["15 ms", "999 ms", "4.0 s"]
