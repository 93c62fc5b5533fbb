"""The ladder shows how far each packet came."""

from __future__ import annotations

from types import ModuleType

import pytest

from whodunet.core.packets import Arp, CapturedPacket, Ip, Tcp
from whodunet.core.topology import Interface, Link, Node, Topology
from whodunet.view.ladder import abbreviated, render_ladder
from whodunet.view.style import DROPPED, UNSETTLED, Style


def faulty(case: ModuleType) -> list[CapturedPacket]:
    return [packet for packet in case.reference_packets() if packet.time_ns < case.T0 + 1000 * case.MS]


def test_the_reference_case_is_drawn_up_to_the_instance_that_saw_nothing(case: ModuleType) -> None:
    drawn = render_ladder(faulty(case), case.topology())

    assert drawn.replace(DROPPED, "X").splitlines() == [
        "     ms packet                      ttl    client       fw           r1           instance",
        "    0.0 SYN                         64     ●────────────X            │            │",
        "    2.0 RST seq 0 ack 1 as instance 64     ◀────────────●            │            │",
    ]


def test_time_and_destination_are_the_syns_when_arp_went_before(case: ModuleType) -> None:
    arp = case.seen({"ip": None, "arp": Arp(1, case.CLIENT, "aa", "10.8.0.1")}, 9.5, *case.TO_FIREWALL)

    lines = render_ladder([*arp, *faulty(case)], case.topology()).splitlines()

    assert lines[0].endswith("instance")
    assert [line[:8].strip() for line in lines] == ["ms", "-0.5", "0.0", "2.0"]


def test_a_packet_that_arrives_ends_in_an_arrow_with_both_ttls(case: ModuleType) -> None:
    (_, syn) = render_ladder(list(case.seen(case.tcp("S"), 0, *case.WHOLE_WAY)), case.topology()).splitlines()

    assert syn == "    0.0 SYN    64→63  ●────────────○────────────○────────────▶"


def test_a_packet_lost_in_the_cable_is_crossed_out_between_the_nodes(case: ModuleType) -> None:
    lost = list(case.seen(case.tcp("S"), 0, *case.WHOLE_WAY[:3]))

    (_, syn) = render_ladder(lost, case.topology()).replace(DROPPED, "X").splitlines()

    assert syn == "    0.0 SYN    64     ●────────────○─────X      │            │"


@pytest.mark.parametrize("places", [2, 3])
def test_a_packet_that_was_on_its_way_at_the_end_is_not_drawn_as_dropped(case: ModuleType, places: int) -> None:
    lost = list(case.seen(case.tcp("S"), 0, *case.WHOLE_WAY[:places]))

    dropped, unsettled = (
        render_ladder(lost, case.topology(), unsettled_since_ns=since_ns) for since_ns in (None, lost[-1].time_ns - 1)
    )

    assert unsettled == dropped.replace(DROPPED, UNSETTLED)
    assert UNSETTLED in unsettled


def test_a_retransmission_on_its_way_at_the_end_does_not_share_the_fate_of_one_that_was_dropped(
    case: ModuleType,
) -> None:
    packets = [
        packet
        for ip_id, at_ms in enumerate((0, 1000, 3000))
        for packet in case.seen(case.tcp("S", ip_id=ip_id), at_ms, *case.TO_FIREWALL)
    ]

    drawn = render_ladder(packets, case.topology(), unsettled_since_ns=case.T0 + 2000 * case.MS)

    assert [line.count(DROPPED) + 2 * line.count(UNSETTLED) for line in drawn.splitlines()[1:]] == [1, 0, 2]


def test_retransmissions_with_the_same_fate_are_one_row(case: ModuleType) -> None:
    packets = [
        packet
        for ip_id, at_ms in enumerate((0, 1000, 3000, 7500))
        for packet in case.seen(case.tcp("S", ip_id=ip_id), at_ms, *case.TO_FIREWALL)
    ]

    assert render_ladder(packets, case.topology()).splitlines()[2:] == ["        again after 1, 3, 7.5 s: same fate"]


def test_a_retransmission_that_comes_farther_has_a_row_of_its_own(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S", ip_id=1), 0, *case.TO_FIREWALL),
        *case.seen(case.tcp("S", ip_id=2), 1000, *case.WHOLE_WAY),
    ]

    assert len(render_ladder(packets, case.topology()).splitlines()) == 3


def test_numbers_are_relative_to_the_syns(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S", seq=1000), 0, *case.WHOLE_WAY),
        *case.seen(case.tcp("S.", answer=True, seq=7000, ack=1001), 41, *case.WHOLE_WAY_BACK),
        *case.seen(case.tcp("P.", seq=1001, ack=7001, ip_id=2, payload=b"SSH-2.0-x\r\n"), 42, *case.WHOLE_WAY),
        *case.seen(case.tcp("F.", seq=1012, ack=7001, ip_id=3), 43, *case.WHOLE_WAY),
    ]

    drawn = render_ladder(packets, case.topology())

    assert "SYN-ACK ack 1 " in drawn
    assert "SSH banner 11 bytes seq 1" in drawn
    assert "FIN seq 12 ack 1" in drawn


def test_ascii_is_ascii_and_as_wide(case: ModuleType) -> None:
    unicode, ascii_only = (
        render_ladder(faulty(case), case.topology(), style=Style(ascii_only=a)) for a in (False, True)
    )

    assert ascii_only.isascii()
    assert [len(line) for line in ascii_only.splitlines()] == [len(line) for line in unicode.splitlines()]


def test_colour_comes_only_when_asked_for(case: ModuleType) -> None:
    assert "\x1b" not in render_ladder(faulty(case), case.topology())
    assert "\x1b[31m" in render_ladder(faulty(case), case.topology(), style=Style(colour=True))


def test_without_packets_it_says_so(case: ModuleType) -> None:
    assert render_ladder([], case.topology()) == "no packet was seen at any capture point"


def test_more_packets_than_can_be_read_are_counted(case: ModuleType) -> None:
    packets = [packet for seq in range(9) for packet in case.seen(case.tcp(".", seq=seq), seq, *case.TO_FIREWALL)]

    assert render_ladder(packets, case.topology(), most_rows=4).splitlines()[-1].strip() == "… and 5 more"


def ten_nodes() -> tuple[Topology, list[CapturedPacket]]:
    """A chain of ten nodes with long names, and a SYN and a RST that cross all of it."""
    names = ["client", "vpn-gateway", "egress-firewall", *(f"transit-router{n}" for n in range(1, 5)), "cloud-edge"]
    names += ["security-group", "instance"]
    points = [(f"{name}-eth{side}", name) for name in names for side in (0, 1)][1:-1]
    address = {"client-eth1": "10.8.0.10/24", "instance-eth0": "10.0.1.10/24"}
    interfaces = {point: Interface(point, name, address.get(point)) for point, name in points}
    order = list(interfaces)
    links = tuple(Link((order[i], order[i + 1])) for i in range(0, len(order), 2))
    topology = Topology("ten", {n: Node(n, n) for n in names}, interfaces, links, ("client", "10.0.1.10"))
    syn = {"ip": Ip("10.8.0.10", "10.0.1.10", 64, 1, 6, 60), "tcp": Tcp(50000, 22, "S", 9, 0, 1)}
    rst = {"ip": Ip("10.0.1.10", "10.8.0.10", 64, 0, 6, 40), "tcp": Tcp(22, 50000, "R.", 0, 10, 0)}
    packets = [
        CapturedPacket(point, start + i, "in" if i % 2 else "out", "a", "b", 60, **headers)  # type: ignore[arg-type]
        for start, headers, way in ((1000, syn, order), (45_000_000, rst, order[::-1]))
        for i, point in enumerate(way)
    ]
    return topology, packets


@pytest.mark.parametrize("width", [80, 110, 120])
def test_a_path_of_ten_nodes_fits_with_every_name_in_full(width: int) -> None:
    topology, packets = ten_nodes()

    *header, syn, rst = render_ladder(packets, topology, style=Style(width=width)).splitlines()

    assert max(map(len, [*header, syn, rst])) <= width
    assert syn.count("○") == rst.count("○") == 8
    assert all(any(name in line for line in header) for name in topology.nodes)


def test_a_name_on_a_higher_line_is_led_down_to_its_lane() -> None:
    topology, packets = ten_nodes()

    high, *_, low, syn, _ = render_ladder(packets, topology, style=Style(width=80)).splitlines()

    assert high.index("client") == low.index("│") == syn.index("●")


def forked() -> tuple[Topology, list[CapturedPacket]]:
    """A client with two ways to the goal, the shorter not taken; its SYN ends in the first node of the longer."""
    ways = [("client", "fw"), ("fw", "gw"), ("gw", "edge"), ("client", "home"), ("home", "edge"), ("edge", "goal")]
    names = list(dict.fromkeys(name for way in ways for name in way))
    address = {"client-to-fw": "10.8.0.10/24", "goal-to-edge": "10.0.1.10/24"}
    points = [(f"{one}-to-{other}", one) for name in names for way in ways for one, other in (way, way[::-1])
              if one == name]  # fmt: skip
    interfaces = {point: Interface(point, name, address.get(point)) for point, name in points}
    links = tuple(Link((f"{one}-to-{other}", f"{other}-to-{one}")) for one, other in ways)
    topology = Topology("forked", {n: Node(n, n) for n in names}, interfaces, links, ("client", "10.0.1.10"))
    headers = {"ip": Ip("10.8.0.10", "10.0.1.10", 64, 1, 6, 60), "tcp": Tcp(50000, 22, "S", 9, 0, 1)}
    seen = [("client-to-fw", "out"), ("fw-to-client", "in")]
    return topology, [CapturedPacket(p, 1000 + i, d, "a", "b", 60, **headers) for i, (p, d) in enumerate(seen)]  # type: ignore[arg-type]


def test_the_columns_go_on_from_where_the_packet_was_lost() -> None:
    topology, packets = forked()

    header = render_ladder(packets, topology).splitlines()[0]

    assert header.split()[3:] == ["client", "fw", "gw", "edge", "goal"]


def test_arp_that_was_answered_is_left_out(case: ModuleType) -> None:
    asked = case.seen({"ip": None, "arp": Arp(1, case.CLIENT, "aa", "10.8.0.1")}, 9.5, *case.TO_FIREWALL)
    answered = case.seen({"ip": None, "arp": Arp(2, "10.8.0.1", "bb", case.CLIENT)}, 9.6, *case.FROM_FIREWALL)

    assert "ARP" not in render_ladder([*asked, *answered, *faulty(case)], case.topology())


def test_an_error_in_its_senders_own_name_is_no_forgery(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S"), 0, *case.TO_FIREWALL),
        *case.seen(case.admin_prohibited(), 1, *case.FROM_FIREWALL),
    ]

    assert " as " not in render_ladder(packets, case.topology())


def test_talk_that_arrived_is_one_row_and_what_was_lost_in_it_is_not(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S"), 0, *case.WHOLE_WAY),
        *(p for n in range(1, 9) for p in case.seen(case.tcp(".", seq=1000 + n, ip_id=n), n, *case.WHOLE_WAY)),
        *case.seen(case.tcp("P.", seq=1100, ip_id=20, payload=b"x" * 9), 20, *case.TO_FIREWALL),
    ]

    lines = render_ladder(packets, case.topology()).replace(DROPPED, "X").splitlines()

    assert lines[2] == "    1.0 … 8 packets of data and ACKs, all arrived"
    assert "data 9 bytes" in lines[3]
    assert "X" in lines[3]


def test_abbreviated_names_stay_distinct() -> None:
    assert abbreviated("transit-router1", 7) == "tra-ro1"
    assert abbreviated("transit-router2", 7) == "tra-ro2"
    assert abbreviated("client", 7) == "client"
