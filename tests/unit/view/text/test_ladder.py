"""The ladder shows how far each packet came."""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit import tunnel
from whodunet.evidence.observation import Observation
from whodunet.evidence.packets import Arp, CapturedPacket, Dns, Flow, Icmp, Ip, Tcp
from whodunet.evidence.probe_evidence import ProbeEvidence
from whodunet.evidence.symptoms import Symptom, SymptomReading
from whodunet.evidence.topology import Interface, Link, Node, Topology
from whodunet.evidence.trails import trails_of
from whodunet.view.models.ladder import ladder_of
from whodunet.view.text.columns import columns_of
from whodunet.view.text.ladder import render_ladder
from whodunet.view.text.lanes import DROPPED, UNSETTLED
from whodunet.view.text.style import Painted, Style


def ladder(
    packets: Iterable[CapturedPacket],
    topology: Topology,
    unsettled_since_ns: int | None = None,
    culprit: str | None = None,
    **options: Any,
) -> Painted:
    """The drawn ladder of a probe whose packets these are."""
    trails = trails_of(packets, topology)
    observation = Observation("ssh", "client", "ssh 10.0.1.10", 255, "", "", 0, 0)
    reading = SymptomReading(Symptom.REFUSED)
    evidence = ProbeEvidence(observation, reading, trails, topology, unsettled_since_ns=unsettled_since_ns)
    return render_ladder(ladder_of(evidence, culprit), **options)


def faulty(case: ModuleType) -> list[CapturedPacket]:
    return [packet for packet in case.reference_packets() if packet.time_ns < case.T0 + 1000 * case.MS]


def test_the_reference_case_is_drawn_up_to_the_instance_that_saw_nothing(case: ModuleType) -> None:
    drawn = ladder(faulty(case), case.topology(), culprit="fw")

    assert drawn.splitlines() == [
        "  ms packet                      ttl  client     fw         r1         instance",
        " 0.0 SYN                         64   ●──────────×          │          │",
        " 2.0 RST seq 0 ack 1 as instance 64   ◀──────────●          │          │",
        "                                                 ▲ the culprit",
        "● sent   ▶ arrived   × dropped",
        "as instance: its source address is instance's, but it was first seen elsewhere",
    ]


def test_time_and_destination_are_the_syns_when_arp_went_before(case: ModuleType) -> None:
    arp = case.seen({"ip": None, "arp": Arp(1, case.CLIENT, "aa", "10.8.0.1")}, 9.5, *case.TO_FIREWALL)

    lines = ladder([*arp, *faulty(case)], case.topology()).splitlines()

    assert lines[0].endswith("instance")
    assert [line[:4].strip() for line in lines[:4]] == ["ms", "-0.5", "0.0", "2.0"]


def test_a_packet_that_arrives_ends_in_an_arrow_with_both_ttls(case: ModuleType) -> None:
    _, syn, *legend = ladder(list(case.seen(case.tcp("S"), 0, *case.WHOLE_WAY)), case.topology()).splitlines()

    assert syn == " 0.0 SYN    64→63  ●────────────○────────────○────────────▶"
    assert legend == [
        "● sent   ○ passed   ▶ arrived",
        "64→63: TTL where first seen → where last seen",
    ]


def test_a_packet_lost_in_the_cable_is_crossed_out_between_the_nodes(case: ModuleType) -> None:
    lost = list(case.seen(case.tcp("S"), 0, *case.WHOLE_WAY[:3]))

    _, syn, legend = ladder(lost, case.topology(), culprit="fw").splitlines()[:3]

    assert syn == " 0.0 SYN    64   ●────────────○─────×      │            │"
    assert legend == "                              ▲ the culprit"


@pytest.mark.parametrize("link", ["fw - r1", "fw-eth1 - r1-eth0"])
def test_a_culprit_that_is_a_link_is_marked_between_its_ends(case: ModuleType, link: str) -> None:
    lost = list(case.seen(case.tcp("S"), 0, *case.WHOLE_WAY[:3]))

    _, syn, marked, *_ = ladder(lost, case.topology(), culprit=link).splitlines()

    assert syn.index("×") == marked.index("▲")


def test_a_culprit_at_the_right_edge_is_marked_within_the_width(case: ModuleType) -> None:
    arrived = list(case.seen(case.tcp("S"), 0, *case.WHOLE_WAY))

    _, syn, marked, *_ = ladder(arrived, case.topology(), culprit="instance", style=Style(width=60)).splitlines()

    assert marked.endswith("the culprit ▲")
    assert syn.index("▶") == marked.index("▲")


@pytest.mark.parametrize("places", [2, 3])
def test_a_packet_that_was_on_its_way_at_the_end_is_not_drawn_as_dropped(case: ModuleType, places: int) -> None:
    lost = list(case.seen(case.tcp("S"), 0, *case.WHOLE_WAY[:places]))

    dropped, unsettled = (
        ladder(lost, case.topology(), unsettled_since_ns=since_ns) for since_ns in (None, lost[-1].time_ns - 1)
    )

    assert DROPPED.character in dropped
    assert unsettled.splitlines()[:-1] == dropped.replace(DROPPED.character, UNSETTLED.character).splitlines()[:-1]
    assert unsettled.splitlines()[-1].endswith("? still on its way at the end")


def test_a_retransmission_on_its_way_at_the_end_does_not_share_the_fate_of_one_that_was_dropped(
    case: ModuleType,
) -> None:
    packets = [
        packet
        for ip_id, at_ms in enumerate((0, 1000, 3000))
        for packet in case.seen(case.tcp("S", ip_id=ip_id), at_ms, *case.TO_FIREWALL)
    ]

    drawn = ladder(packets, case.topology(), unsettled_since_ns=case.T0 + 2000 * case.MS)

    assert [
        line.count(DROPPED.character) + 2 * line.count(UNSETTLED.character) for line in drawn.splitlines()[1:-1]
    ] == [1, 0, 2]


def test_retransmissions_with_the_same_fate_are_one_row(case: ModuleType) -> None:
    packets = [
        packet
        for ip_id, at_ms in enumerate((0, 1000, 3000, 7500))
        for packet in case.seen(case.tcp("S", ip_id=ip_id), at_ms, *case.TO_FIREWALL)
    ]

    assert ladder(packets, case.topology()).splitlines()[2] == "     retransmitted at +1, +3, +7.5 s"


def test_what_nobody_waits_for_is_only_sent_again(case: ModuleType) -> None:
    packets = [
        packet
        for at_ms in (0, 4)
        for packet in case.seen(case.tcp("R.", answer=True, seq=0, ack=1001, ip_id=0), at_ms, *case.FROM_FIREWALL)
    ]

    assert "sent again at +0.004 s" in ladder(packets, case.topology())


def test_a_retransmission_that_comes_farther_has_a_row_of_its_own(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S", ip_id=1), 0, *case.TO_FIREWALL),
        *case.seen(case.tcp("S", ip_id=2), 1000, *case.WHOLE_WAY),
    ]

    assert [line.split()[1] for line in ladder(packets, case.topology()).splitlines()[1:3]] == ["SYN", "SYN"]


def test_numbers_are_relative_to_the_syns(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S", seq=1000), 0, *case.WHOLE_WAY),
        *case.seen(case.tcp("S.", answer=True, seq=7000, ack=1001), 41, *case.WHOLE_WAY_BACK),
        *case.seen(case.tcp("P.", seq=1001, ack=7001, ip_id=2, payload=b"SSH-2.0-x\r\n"), 42, *case.WHOLE_WAY),
        *case.seen(case.tcp("F.", seq=1012, ack=7001, ip_id=3), 43, *case.WHOLE_WAY),
    ]

    drawn = ladder(packets, case.topology())

    assert "SYN-ACK ack 1 " in drawn
    assert "SSH banner 11 bytes seq 1" in drawn
    assert "FIN seq 12 ack 1" in drawn


def test_ascii_is_ascii_and_as_wide(case: ModuleType) -> None:
    unicode, ascii_only = (ladder(faulty(case), case.topology(), style=Style(ascii_only=a)) for a in (False, True))

    assert ascii_only.isascii()
    assert [len(line) for line in ascii_only.splitlines()] == [len(line) for line in unicode.splitlines()]


def test_colour_comes_only_when_asked_for(case: ModuleType) -> None:
    assert "\x1b" not in ladder(faulty(case), case.topology())
    assert "\x1b[31m" in ladder(faulty(case), case.topology(), style=Style(colour=True))


def test_without_packets_it_says_so(case: ModuleType) -> None:
    assert ladder([], case.topology()) == "no packet was seen at any capture point"


def test_more_packets_than_can_be_read_are_counted(case: ModuleType) -> None:
    packets = [packet for seq in range(9) for packet in case.seen(case.tcp(".", seq=seq), seq, *case.TO_FIREWALL)]

    assert ladder(packets, case.topology(), most_rows=4).splitlines()[-2].strip() == "… and 5 more"


def chain(*names: str) -> tuple[Topology, list[CapturedPacket]]:
    """Nodes one after the other, and a SYN and a RST that cross all of them."""
    points = [(f"{name}-eth{side}", name) for name in names for side in (0, 1)][1:-1]
    address = {points[0][0]: "10.8.0.10/24", points[-1][0]: "10.0.1.10/24"}
    interfaces = {point: Interface(point, name, tuple(filter(None, [address.get(point)]))) for point, name in points}
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


LONG_NAMES = ("client", "vpn-gateway", "egress-firewall", *(f"transit-router{n}" for n in range(1, 7)), "cloud-edge")
LONG_PATH = (*LONG_NAMES, "vpc-router", "security-group", "instance")


@pytest.mark.parametrize("width", [80, 110, 120])
def test_a_path_of_thirteen_nodes_fits_with_every_name_in_full(width: int) -> None:
    topology, packets = chain(*LONG_PATH)

    drawn = ladder(packets, topology, style=Style(width=width), culprit="cloud-edge")

    syn, rst = (line for line in drawn.splitlines() if "SYN " in line or "RST " in line)
    assert max(map(len, drawn.splitlines())) <= width
    assert syn.count("○") == rst.count("○") == 11
    assert all(name in drawn for name in topology.nodes)


@pytest.mark.parametrize("path", [LONG_PATH, LONG_PATH[:2], LONG_PATH[:3], LONG_PATH[:4], LONG_PATH[:9]])
def test_every_name_ends_or_begins_at_its_lane_and_stands_in_no_others(path: tuple[str, ...]) -> None:
    topology, packets = chain(*path)

    lines = ladder(packets, topology, style=Style(width=80)).splitlines()

    [at] = [number for number, line in enumerate(lines) if " SYN " in line]
    lanes = [column for column, character in enumerate(lines[at]) if character in "●○▶"]
    for name, lane in zip(path, lanes, strict=True):
        [row] = [number for number, line in enumerate(lines[:at]) if name in line.split()]
        begin = lines[row].index(name)
        assert lane in (begin, begin + len(name) - 1)
        assert all(line[lane] == "│" for line in lines[row + 1 : at])


def test_where_no_more_lanes_fit_those_are_left_out_that_packets_only_pass() -> None:
    topology, packets = chain(*(f"router{n}" for n in range(60)))

    lines = ladder(packets, topology, style=Style(width=80), culprit="router30").splitlines()

    [rst] = [line for line in lines if "RST" in line]
    assert max(map(len, lines)) <= 80
    assert (rst.count("◀"), rst.count("●")) == (1, 1)
    assert any("▲" in line for line in lines)
    [told] = ["".join(lines).partition("No column for: ")[2]]
    assert rst.count("○") + 2 + len(told.split(",")) == 60


NAMES = st.lists(st.text("ab1-東\u0301", min_size=1, max_size=30), min_size=2, max_size=20, unique=True)


@given(NAMES, st.integers(40, 120), st.data())
def test_no_line_is_wider_than_the_style_whatever_the_path(names: list[str], width: int, data: st.DataObject) -> None:
    topology, packets = chain(*names)

    drawn = ladder(packets, topology, style=Style(width=width), culprit=data.draw(st.sampled_from(names)))

    assert max(map(columns_of, drawn.splitlines())) <= width


def test_wide_characters_and_combining_ones_keep_the_lanes_straight() -> None:
    topology, packets = chain("クライアント", "e\u0301gress-firewall", "東京-ルータ", "transit", "サーバー")

    lines = ladder(packets, topology, style=Style(width=80)).splitlines()

    lanes = {
        tuple(at for at, cell in enumerate(line) if cell in "│●○▶◀") for line in lines if " ttl" in line or "─" in line
    }
    assert len(lanes) == 1
    assert max(map(columns_of, lines)) <= 80


def forked() -> tuple[Topology, list[CapturedPacket]]:
    """A client with two ways to the goal, the shorter not taken; its SYN ends in the first node of the longer."""
    ways = [("client", "fw"), ("fw", "gw"), ("gw", "edge"), ("client", "home"), ("home", "edge"), ("edge", "goal")]
    names = list(dict.fromkeys(name for way in ways for name in way))
    address = {"client-to-fw": "10.8.0.10/24", "goal-to-edge": "10.0.1.10/24"}
    points = [(f"{one}-to-{other}", one) for name in names for way in ways for one, other in (way, way[::-1])
              if one == name]  # fmt: skip
    interfaces = {point: Interface(point, name, tuple(filter(None, [address.get(point)]))) for point, name in points}
    links = tuple(Link((f"{one}-to-{other}", f"{other}-to-{one}")) for one, other in ways)
    topology = Topology("forked", {n: Node(n, n) for n in names}, interfaces, links, ("client", "10.0.1.10"))
    headers = {"ip": Ip("10.8.0.10", "10.0.1.10", 64, 1, 6, 60), "tcp": Tcp(50000, 22, "S", 9, 0, 1)}
    seen = [("client-to-fw", "out"), ("fw-to-client", "in")]
    return topology, [CapturedPacket(p, 1000 + i, d, "a", "b", 60, **headers) for i, (p, d) in enumerate(seen)]  # type: ignore[arg-type]


def test_the_columns_go_on_from_where_the_packet_was_lost() -> None:
    topology, packets = forked()

    header = ladder(packets, topology).splitlines()[0]

    assert header.split()[3:] == ["client", "fw", "gw", "edge", "goal"]


def test_arp_that_was_answered_is_left_out(case: ModuleType) -> None:
    asked = case.seen({"ip": None, "arp": Arp(1, case.CLIENT, "aa", "10.8.0.1")}, 9.5, *case.TO_FIREWALL)
    answered = case.seen({"ip": None, "arp": Arp(2, "10.8.0.1", "bb", case.CLIENT)}, 9.6, *case.FROM_FIREWALL)

    assert "ARP" not in ladder([*asked, *answered, *faulty(case)], case.topology())


def test_an_error_in_its_senders_own_name_is_no_forgery(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S"), 0, *case.TO_FIREWALL),
        *case.seen(case.admin_prohibited(), 1, *case.FROM_FIREWALL),
    ]

    assert " as " not in ladder(packets, case.topology())


def test_talk_that_arrived_is_one_row_and_what_was_lost_in_it_is_not(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S"), 0, *case.WHOLE_WAY),
        *(p for n in range(1, 9) for p in case.seen(case.tcp(".", seq=1000 + n, ip_id=n), n, *case.WHOLE_WAY)),
        *case.seen(case.tcp("P.", seq=1100, ip_id=20, payload=b"x" * 9), 20, *case.TO_FIREWALL),
    ]

    lines = ladder(packets, case.topology()).splitlines()

    assert lines[2] == " 1.0 … 8 packets of data and ACKs, all arrived"
    assert "data 9 bytes" in lines[3]
    assert "×" in lines[3]


def test_control_characters_of_a_name_leave_the_lanes_where_they_are(case: ModuleType) -> None:
    asked = case.seen({"ip": case.tcp("S")["ip"], "dns": Dns(7, False, 0, "a\x1b[2J\r\n\u202e")}, 0, *case.TO_FIREWALL)

    lines = ladder([*asked, *faulty(case)], case.topology()).splitlines()

    assert lines[1].index("●") == lines[2].index("●")
    assert r" DNS query a\u001b[2J\u000d\u0… " in lines[1]


def test_packets_seen_at_unknown_points_alone_are_listed_without_lanes(case: ModuleType) -> None:
    drawn = ladder(list(case.seen(case.tcp("S"), 0, "tun0 out")), case.topology())

    assert "0.0 SYN" in drawn


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (Dns(7, False, 0, "db.corp"), "DNS query db.corp"),
        (Dns(7, True, 0, "db.corp"), "DNS answer db.corp"),
        (Dns(7, True, 3, "db.corp"), "DNS NXDOMAIN db.corp"),
        (Dns(7, True, 4, "db.corp"), "DNS error 4 db.corp"),
    ],
)
def test_of_a_dns_message_what_it_says_comes_before_the_name(case: ModuleType, message: Dns, words: str) -> None:
    packets = case.seen({"ip": case.tcp("S")["ip"], "dns": message}, 0, *case.TO_FIREWALL)

    assert f" {words} " in ladder(list(packets), case.topology())


def test_what_a_proxy_took_in_the_destinations_name_is_not_drawn_as_dropped(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S"), 0, *case.TO_FIREWALL),
        *case.seen(case.tcp("S.", answer=True, seq=7000, ack=1001, ip_id=9), 1, *case.FROM_FIREWALL),
        *case.seen(case.tcp("P.", seq=1001, ack=7001, ip_id=2, payload=b"hello"), 2, *case.TO_FIREWALL),
    ]

    drawn = ladder(packets, case.topology())

    assert "SYN-ACK ack 1 as instance" in drawn
    assert "▶" in drawn.splitlines()[1]
    assert "×" not in drawn


def test_time_is_counted_from_the_first_packet_that_is_no_error_about_a_name(case: ModuleType) -> None:
    quoted = Flow.between(17, (case.CLIENT, 5353), (case.INSTANCE, 53))
    asked = {"ip": Ip(case.CLIENT, case.INSTANCE, 64, 1, 17, 60), "dns": Dns(7, False, 0, "db.corp")}
    error = {"ip": Ip(case.INSTANCE, case.CLIENT, 64, 7, 1, 56), "icmp": Icmp(3, 3, quoted=quoted)}
    packets = [*case.seen(asked, 0, *case.WHOLE_WAY), *case.seen(error, 21, *case.WHOLE_WAY_BACK)]

    lines = ladder(packets, case.topology()).splitlines()

    assert [line.split()[0] for line in lines[1:3]] == ["0.0", "21.0"]


LONG_CLIENT, LONG_INSTANCE = (f"fd12:3456:789a:bcde:f012:3456:789a:bcd{digit}" for digit in "01")


def test_over_ipv6_the_column_of_ttls_is_that_of_hop_limits(case: ModuleType) -> None:
    lines = ladder(case.seen(case.tcp("S", version=6), 0, *case.WHOLE_WAY), case.topology()).splitlines()

    assert lines[0].split()[:3] == ["ms", "packet", "hlim"]
    assert " 0.0 SYN    64→63  ●────────────○────────────○────────────▶" in lines
    assert lines[-1] == "64→63: hop limit where first seen → where last seen"


def test_where_both_families_are_seen_the_column_has_the_name_that_is_known_for_both(case: ModuleType) -> None:
    packets = [packet for version in (4, 6) for packet in case.seen(case.tcp("S", version=version), 0, *case.WHOLE_WAY)]

    assert ladder(packets, case.topology()).split()[:3] == ["ms", "packet", "ttl"]


@pytest.mark.parametrize("width", [40, 80])
def test_an_address_of_ipv6_is_cut_so_that_the_lanes_fit(case: ModuleType, width: int) -> None:
    ip = Ip(LONG_CLIENT, "ff02::1:ff9a:bcd1", 255, 0, 58, 72, version=6)
    asked = case.seen({"ip": ip, "icmp": Icmp(135, 0, target=LONG_INSTANCE)}, 0, *case.TO_FIREWALL)

    lines = ladder([*asked, *case.seen(case.tcp("S", version=6), 1, *case.WHOLE_WAY)], case.topology(),
                   style=Style(width=width)).splitlines()  # fmt: skip

    assert max(map(len, lines)) <= width
    [solicited] = [line for line in lines if "●" in line and "SYN" not in line and "sent" not in line]
    assert " NDP who " in solicited
    assert "…" in solicited
    [syn] = [line for line in lines if " SYN " in line]
    assert solicited.index("●") == syn.index("●")


def test_where_a_packet_passes_encrypted_it_is_drawn_so(case: ModuleType) -> None:
    drawn = render_ladder(ladder_of(case.left(list(tunnel.syn_through()), of=tunnel.topology()))).splitlines()

    (row,) = (line for line in drawn if line.lstrip().startswith("0.0 SYN"))
    assert re.search(r"●─+◌─+○─+▶", row)
    assert any("◌ passed in a tunnel, encrypted" in line for line in drawn)
