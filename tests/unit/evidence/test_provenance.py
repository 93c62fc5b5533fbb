"""Who really sent each packet of a capture, and where it ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import ModuleType

import pytest

from whodunet.evidence.packets import ICMPV6, Arp, CapturedPacket, Icmp, Ip
from whodunet.evidence.provenance import Provenance, provenances


def of_each(case: ModuleType, packets: Iterable[CapturedPacket], **more: int) -> list[Provenance | None]:
    """Every provenance once, in the order of first sightings."""
    return list(dict.fromkeys(provenances(list(packets), case.topology(), **more)))


def test_a_genuine_packet_that_arrives_is_its_senders_at_every_interface(case: ModuleType) -> None:
    packets = list(case.seen(case.tcp("S"), 0, *case.WHOLE_WAY))
    assert provenances(packets, case.topology()) == (Provenance("client", None, "arrived", "instance"),) * len(packets)


def test_a_forged_packet_is_spoofed_by_the_node_where_it_first_appeared(case: ModuleType) -> None:
    forged = case.seen(case.tcp("R.", answer=True), 0, *case.FROM_FIREWALL)
    assert of_each(case, forged) == [Provenance("fw", "instance", "arrived", "client")]


def test_what_never_left_a_node_was_dropped_there(case: ModuleType) -> None:
    assert of_each(case, case.seen(case.tcp("S"), 0, *case.TO_FIREWALL)) == [
        Provenance("client", None, "dropped", "fw")
    ]


def test_what_left_a_node_and_came_nowhere_was_lost_between_two(case: ModuleType) -> None:
    assert of_each(case, case.seen(case.tcp("S"), 0, *case.TO_FIREWALL, "fw-eth1 out")) == [
        Provenance("client", None, "dropped", "fw", lost_on_the_way_to="r1")
    ]


def test_what_is_last_seen_as_recording_ends_is_not_called_dropped(case: ModuleType) -> None:
    packets = case.seen(case.tcp("S"), 0, *case.TO_FIREWALL)
    assert of_each(case, packets, unsettled_since_ns=case.T0) == [Provenance("client", None, "unsettled", "fw")]


def test_what_is_for_nobodys_address_ends_nowhere(case: ModuleType) -> None:
    headers = case.tcp("S")
    headers["ip"] = replace(headers["ip"], destination="10.0.1.99")
    assert of_each(case, case.seen(headers, 0, *case.WHOLE_WAY[:4])) == [Provenance("client", None, "nowhere", "r1")]


def test_what_a_proxy_answers_in_the_destinations_name_it_has_taken_over(case: ModuleType) -> None:
    syn = case.seen(case.tcp("S"), 0, *case.TO_FIREWALL)
    answer = case.seen(case.tcp("S.", answer=True, ack=1001), 2, *case.FROM_FIREWALL)
    assert of_each(case, [*syn, *answer]) == [
        Provenance("client", None, "taken over", "fw"),
        Provenance("fw", "instance", "arrived", "client"),
    ]


def test_a_packet_whose_addresses_a_router_changes_is_still_its_senders(case: ModuleType) -> None:
    before = case.tcp("S", ip_id=4711)
    after = case.tcp("S", ip_id=4711, port=1024)
    after["ip"] = replace(after["ip"], source="10.8.0.1", ttl=63)
    packets = [
        *case.seen(before, 0, *case.WHOLE_WAY[:4]),
        *case.seen(after, 0.1, "r1-eth1 out", "instance-eth0 in"),
    ]
    assert of_each(case, packets) == [Provenance("client", None, "arrived", "instance", translated_by=("r1",))]


def test_a_packet_that_a_loop_brings_by_again_is_still_its_senders(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S", ip_id=4711), 0, *case.WHOLE_WAY[:4]),
        *case.seen(case.tcp("S", ip_id=4711, ttl=62), 0.1, "r1-eth0 out", "fw-eth1 in"),
    ]
    assert of_each(case, packets) == [Provenance("client", None, "dropped", "fw")]


@pytest.mark.parametrize("after_ms", [0.1, 5000])
def test_an_equal_packet_that_goes_out_much_later_is_another(case: ModuleType, after_ms: float) -> None:
    packets = [
        *case.seen(case.tcp("S", ip_id=4711), 0, *case.WHOLE_WAY[:4]),
        *case.seen(case.tcp("S", ip_id=4711, port=1024), after_ms, "r1-eth1 out", "instance-eth0 in"),
    ]
    senders = [each.sender for each in of_each(case, packets) if each is not None]
    assert senders == (["client"] if after_ms < 1000 else ["client", "r1"])


def test_a_frame_that_is_neither_ip_nor_arp_is_followed_nowhere(case: ModuleType) -> None:
    frame = CapturedPacket("fw-eth0", case.T0, "in", "aa", "bb", 60, unread="Ethernet")
    assert provenances([frame], case.topology()) == (None,)


def test_at_an_interface_outside_the_topology_nobody_is_known_to_be_the_sender(case: ModuleType) -> None:
    [provenance] = of_each(case, case.seen(case.tcp("S"), 0, "tun9 out"))
    assert provenance is not None
    assert provenance.sender is None


def test_what_a_host_itself_took_is_not_taken_over(case: ModuleType) -> None:
    syn = case.seen(case.tcp("S"), 0, *case.WHOLE_WAY)
    answer = case.seen(case.tcp("S.", answer=True, ack=1001), 40, *case.WHOLE_WAY_BACK)
    assert [each.ending for each in of_each(case, [*syn, *answer]) if each] == ["arrived", "arrived"]


def asks(sender: str, target: str, *places: str, case: ModuleType) -> Iterable[CapturedPacket]:
    """A neighbour solicitation from a link-local address, at these places."""
    solicited = "ff02::1:ff00:10"
    headers = {"ip": Ip(sender, solicited, 255, 0, ICMPV6, 72, version=6), "icmp": Icmp(135, 0, target=target)}
    seen: Iterable[CapturedPacket] = case.seen(headers, 0, *places)
    return seen


def test_the_same_link_local_addresses_on_two_links_are_two_packets(case: ModuleType) -> None:
    """The router asks at both its ends for the address that the other end has."""
    packets = [
        *asks("fe80::1", "fe80::10", "r1-eth0 out", "fw-eth1 in", "fw-eth0 out", "client-eth0 in", case=case),
        *asks("fe80::1", "fe80::10", "r1-eth1 out", "instance-eth0 in", case=case),
    ]
    assert of_each(case, packets) == [
        Provenance("r1", None, "arrived", "client"),
        Provenance("r1", None, "arrived", "instance"),
    ]


def test_arp_for_an_address_that_nobody_on_the_link_has_ends_nowhere(case: ModuleType) -> None:
    for target, provenance in (
        ("10.8.0.1", Provenance("client", None, "arrived", "r1")),
        ("10.8.0.99", Provenance("client", None, "nowhere", "r1")),
    ):
        arp = Arp(1, case.CLIENT, "aa", target)
        sent = [CapturedPacket("client-eth0", case.T0, "out", "aa", "bb", 60, arp=arp)]
        heard = [
            CapturedPacket(point, case.T0 + number, "in", "aa", "bb", 60, arp=arp)
            for number, point in enumerate(("fw-eth0", "r1-eth0"), start=1)
        ]
        assert of_each(case, sent + heard) == [provenance]


def test_what_is_for_several_ends_on_its_link(case: ModuleType) -> None:
    headers = case.tcp("S")
    headers["ip"] = replace(headers["ip"], destination="224.0.0.251")
    assert of_each(case, case.seen(headers, 0, *case.TO_FIREWALL)) == [Provenance("client", None, "on its link", "fw")]
