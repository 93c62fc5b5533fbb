from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP, ICMPerror, IPerror, TCPerror
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_Redirect,
    ICMPv6PacketTooBig,
    ICMPv6ParamProblem,
    ICMPv6TimeExceeded,
    ICMPv6Unknown,
    IPerror6,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw, raw

from whodunet.openflow import wire


@dataclass(frozen=True)
class Family:
    """The addresses of one family, and scapy's header."""

    client: str
    server: str
    firewall: wire.IPAddress
    header: type[Packet]

    def frame(self, transport: Packet, **ip: object) -> bytes:
        """A frame from the client to the server."""
        return bytes(ethernet() / self.header(**{"src": self.client, "dst": self.server, **ip}) / transport)


IPV4 = Family("10.8.0.10", "10.0.1.10", IPv4Address("10.8.0.1"), IP)
IPV6 = Family("fd00:8::10", "fd00:1::10", IPv6Address("fd00:8::1"), IPv6)
CLIENT_MAC, SERVER_MAC = "02:00:00:00:00:0a", "02:00:00:00:00:14"
EXTENSION_HEADERS = [
    IPv6ExtHdrHopByHop(),
    IPv6ExtHdrDestOpt(),
    IPv6ExtHdrRouting(segleft=0),
    IPv6ExtHdrRouting(segleft=0, addresses=["fd00::1", "fd00::2"]),
    IPv6ExtHdrFragment(id=7),
    Raw(b"\x00\x04" + bytes(22)),  # an authentication header: its second byte counts four bytes each, and two more
]

flags_without_rst = st.integers(0, 255).filter(lambda flags: not flags & wire.RST)
sequence_numbers = st.integers(0, 0xFFFFFFFF)
families = st.sampled_from([IPV4, IPV6])


@pytest.fixture(params=[IPV4, IPV6], ids=["ipv4", "ipv6"])
def family(request: pytest.FixtureRequest) -> Family:
    """What a test says of one family holds for the other."""
    assert isinstance(request.param, Family)
    return request.param


def ethernet(destination: str = SERVER_MAC) -> Packet:
    """The header of a frame from the client."""
    return Ether(src=CLIENT_MAC, dst=destination)


def syn(**fields: object) -> Packet:
    """The segment that opens a connection to port 22."""
    return TCP(**{"sport": 40000, "dport": 22, "flags": "S", "seq": 1000, **fields})


def behind(headers: list[Packet], transport: Packet) -> bytes:
    """A frame with extension headers, each of which names the one behind it."""
    numbers = {IPv6ExtHdrHopByHop: 0, IPv6ExtHdrDestOpt: 60, IPv6ExtHdrRouting: 43, IPv6ExtHdrFragment: 44, Raw: 51}
    protocols = [*(numbers[type(header)] for header in headers), 6 if TCP in transport else 17]
    content = b"".join(
        bytes([following]) + raw(header)[1:] for header, following in zip(headers, protocols[1:], strict=True)
    )
    return bytes(
        ethernet() / IPv6(src=IPV6.client, dst=IPV6.server, nh=protocols[0]) / Raw(content + checked(transport))
    )


def checked(transport: Packet) -> bytes:
    """The bytes of a segment or datagram of the client's, with its checksum."""
    return bytes(raw(IPv6(src=IPV6.client, dst=IPV6.server) / transport)[40:])


def reset(segment: Packet, family: Family, ttl: int = 64) -> Packet:
    """What scapy reads in the RST forged for `segment`."""
    forged = wire.forge_reset(family.frame(segment), ttl)
    assert forged is not None
    return Ether(forged)


def icmp_error(original: bytes, family: Family, error: wire.IcmpError | None = None, ttl: int = 64) -> Packet | None:
    """What scapy reads in the ICMP error forged for `original`, None if there is none."""
    prohibited = wire.ADMIN_PROHIBITED if family is IPV4 else wire.ADMIN_PROHIBITED_V6
    forged = wire.forge_icmp_error(original, error or prohibited, family.firewall, ttl)
    return None if forged is None else Ether(forged)


def has_correct_checksums(packet: Packet) -> bool:
    """Whether scapy computes the same checksums."""
    again = packet.copy()
    for layer, field in ((IP, "chksum"), (TCP, "chksum"), (ICMP, "chksum"), (ICMPv6DestUnreach, "cksum")):
        if layer in again:
            again[layer].delfieldval(field)
    return bytes(again) == bytes(packet)


def test_a_syn_is_answered_in_the_name_of_its_destination(family: Family) -> None:
    answer = reset(syn(), family)
    assert (answer.src, answer.dst) == (SERVER_MAC, CLIENT_MAC)
    assert (answer.payload.src, answer.payload.dst) == (family.server, family.client)
    assert (answer[TCP].sport, answer[TCP].dport) == (22, 40000)


def test_the_reset_of_a_syn_has_sequence_number_0_and_acknowledges_the_syn(family: Family) -> None:
    answer = reset(syn(), family)[TCP]
    assert (answer.flags, answer.seq, answer.ack, answer.window) == ("RA", 0, 1001, 0)


def test_the_reset_looks_as_if_a_kernel_had_sent_it() -> None:
    answer = reset(syn(), IPV4)[IP]
    assert (answer.ttl, answer.id, answer.flags, answer.len) == (64, 0, "DF", 40)
    answer = reset(syn(), IPV6)[IPv6]
    assert (answer.hlim, answer.fl, answer.tc, answer.plen, answer.nh) == (64, 0, 0, 20, 6)


def test_what_is_forged_is_sent_with_the_ttl_that_is_asked_for() -> None:
    assert reset(syn(), IPV4, ttl=255)[IP].ttl == reset(syn(), IPV6, ttl=255)[IPv6].hlim == 255
    error, error_v6 = icmp_error(IPV4.frame(syn()), IPV4, ttl=128), icmp_error(IPV6.frame(syn()), IPV6, ttl=128)
    assert error is not None
    assert error_v6 is not None
    assert error[IP].ttl == error_v6[IPv6].hlim == 128


def test_the_reset_has_correct_checksums(family: Family) -> None:
    assert has_correct_checksums(reset(syn(), family))


def test_syn_fin_and_payload_are_acknowledged_each(family: Family) -> None:
    assert reset(syn(flags="SF") / Raw(b"early"), family)[TCP].ack == 1000 + 1 + 5 + 1
    assert reset(syn(flags="F"), family)[TCP].ack == 1000 + 1
    assert reset(syn(flags="P") / Raw(b"early"), family)[TCP].ack == 1000 + 5


def test_padding_of_a_short_frame_is_not_acknowledged(family: Family) -> None:
    forged = wire.forge_reset(family.frame(syn()) + bytes(6))
    assert forged is not None
    assert Ether(forged)[TCP].ack == 1001


def test_a_segment_with_ack_is_reset_at_the_sequence_number_that_its_sender_expects(family: Family) -> None:
    answer = reset(syn(flags="PA", ack=77) / Raw(b"mid-stream"), family)[TCP]
    assert (answer.flags, answer.seq, answer.ack) == ("R", 77, 0)


def test_the_acknowledgment_wraps_around(family: Family) -> None:
    assert reset(syn(seq=0xFFFFFFFF), family)[TCP].ack == 0


def test_an_802_1q_tag_is_kept(family: Family) -> None:
    header = family.header(src=family.client, dst=family.server)
    forged = wire.forge_reset(raw(ethernet() / Dot1Q(vlan=7, prio=3) / header / syn()))
    assert forged is not None
    answer = Ether(forged)
    assert (answer[Dot1Q].vlan, answer[Dot1Q].prio, answer[TCP].flags) == (7, 3, "RA")


def test_ip_and_tcp_options_are_read_past() -> None:
    options = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 0))]
    forged = wire.forge_reset(IPV4.frame(syn(options=options), options=[b"\x94\x04\x00\x00"]))
    assert forged is not None
    assert Ether(forged)[TCP].ack == 1001


@pytest.mark.parametrize("header", EXTENSION_HEADERS, ids=lambda header: header.name)
def test_an_extension_header_is_read_past(header: Packet) -> None:
    for headers in ([header], [IPv6ExtHdrHopByHop(), header], [header, IPv6ExtHdrDestOpt()]):
        forged = wire.forge_reset(behind(headers, syn()))
        assert forged is not None
        answer = Ether(forged)
        assert (answer[IPv6].nh, answer[TCP].ack) == (6, 1001)
        assert has_correct_checksums(answer)


def test_a_packet_that_a_routing_header_leads_on_is_not_reset_for_its_destination_is_another() -> None:
    on_its_way = behind([IPv6ExtHdrRouting(segleft=1, addresses=["fd00::1"])], syn())
    assert wire.forge_reset(on_its_way) is None
    assert icmp_error(on_its_way, IPV6) is not None


def test_a_packet_whose_protocol_is_hidden_is_not_reset() -> None:
    esp = bytes(ethernet() / IPv6(src=IPV6.client, dst=IPV6.server, nh=50) / Raw(raw(syn())))
    assert wire.forge_reset(esp) is None
    assert wire.parse_ip(wire.parse_ethernet(esp)).protocol == 50


@pytest.mark.parametrize("flags", ["R", "RA", "RS", "RF"])
def test_a_reset_is_never_answered(family: Family, flags: str) -> None:
    assert wire.forge_reset(family.frame(syn(flags=flags))) is None


UNANSWERABLE = {
    "the sender is a multicast group": IPV4.frame(syn(), src="224.0.0.5"),
    "the sender is the broadcast address": IPV4.frame(syn(), src="255.255.255.255"),
    "the sender has no address": IPV4.frame(syn(), src="0.0.0.0"),
    "the sender is a loopback address": IPV4.frame(syn(), src="127.0.0.1"),
    "the destination is a multicast group": IPV4.frame(syn(), dst="239.1.1.1"),
    "the destination is the broadcast address": IPV4.frame(syn(), dst="255.255.255.255"),
    "the frame is a broadcast": raw(ethernet("ff:ff:ff:ff:ff:ff") / IP(src=IPV4.client, dst=IPV4.server) / syn()),
    "the packet is a later fragment": IPV4.frame(syn(), frag=10),
    "the packet is ARP": raw(ethernet() / ARP()),
    "the IPv4 header is shorter than it says": IPV4.frame(syn())[:30],
    "the IP version is 5": IPV4.frame(syn(), version=5),
    "the header length is less than 20": IPV4.frame(syn(), ihl=4),
    "the total length is more than there is": IPV4.frame(syn(), len=400),
    "the total length is less than the header": IPV4.frame(syn(), len=19),
    "there is nothing": b"",
    "the sender is a multicast group of IPv6": IPV6.frame(syn(), src="ff02::5"),
    "the sender has no address of IPv6": IPV6.frame(syn(), src="::"),
    "the sender is the loopback address of IPv6": IPV6.frame(syn(), src="::1"),
    "the destination is a multicast group of IPv6": IPV6.frame(syn(), dst="ff05::1"),
    "the frame is a multicast": raw(ethernet("33:33:00:00:00:01") / IPv6(src=IPV6.client, dst=IPV6.server) / syn()),
    "the packet is a later fragment of IPv6": behind([IPv6ExtHdrFragment(offset=3, m=1)], syn()),
    "the IPv6 header is shorter than it is": IPV6.frame(syn())[: 14 + 39],
    "the IP version is 4": IPV6.frame(syn(), version=4),
    "the payload length is more than there is": IPV6.frame(syn(), plen=400),
    "an extension header is longer than the packet": behind([Raw(b"\0\xff" + bytes(6))], syn()),
    "an extension header is not there": bytes(ethernet() / IPv6(src=IPV6.client, dst=IPV6.server, nh=0)),
}


@pytest.mark.parametrize("unanswerable", UNANSWERABLE.values(), ids=UNANSWERABLE)
def test_nobody_is_answered_if(unanswerable: bytes) -> None:
    assert wire.forge_reset(unanswerable) is None
    assert icmp_error(unanswerable, IPV4) is None
    assert icmp_error(unanswerable, IPV6) is None


def test_a_first_fragment_is_not_reset_for_its_segment_may_go_on() -> None:
    assert wire.forge_reset(IPV4.frame(syn(), flags="MF")) is None
    assert wire.forge_reset(behind([IPv6ExtHdrFragment(m=1)], syn())) is None


def test_a_first_fragment_is_answered_with_an_icmp_error() -> None:
    assert icmp_error(IPV4.frame(syn(), flags="MF"), IPV4) is not None
    assert icmp_error(behind([IPv6ExtHdrFragment(m=1)], syn()), IPV6) is not None


def test_a_truncated_tcp_header_is_not_answered(family: Family) -> None:
    whole = family.frame(syn())
    assert all(wire.forge_reset(whole[:length]) is None for length in range(len(whole)))


def test_a_tcp_data_offset_past_the_end_is_not_answered(family: Family) -> None:
    assert wire.forge_reset(family.frame(syn(dataofs=15))) is None


def test_udp_is_not_reset(family: Family) -> None:
    assert wire.forge_reset(family.frame(UDP(dport=53))) is None


def test_an_icmp_error_comes_from_the_firewall_and_quotes_the_packet() -> None:
    answer = icmp_error(IPV4.frame(syn()), IPV4)
    assert answer is not None
    assert (answer[IP].src, answer[IP].dst, answer[IP].tos) == ("10.8.0.1", IPV4.client, 0xC0)
    assert (answer[ICMP].type, answer[ICMP].code) == (3, 13)
    assert (answer[IPerror].src, answer[IPerror].dst, answer[TCPerror].seq) == (IPV4.client, IPV4.server, 1000)
    assert has_correct_checksums(answer)


def test_an_icmpv6_error_comes_from_the_firewall_and_quotes_the_packet() -> None:
    answer = icmp_error(IPV6.frame(syn()), IPV6)
    assert answer is not None
    assert (answer[IPv6].src, answer[IPv6].dst, answer[IPv6].tc) == ("fd00:8::1", IPV6.client, 0)
    assert (answer[ICMPv6DestUnreach].type, answer[ICMPv6DestUnreach].code) == (1, 1)
    assert (answer[IPerror6].src, answer[IPerror6].dst, answer[TCPerror].seq) == (IPV6.client, IPV6.server, 1000)
    assert has_correct_checksums(answer)


def test_an_icmpv6_error_says_how_many_bytes_the_next_link_takes() -> None:
    answer = icmp_error(IPV6.frame(syn()), IPV6, wire.packet_too_big_v6(1400))
    assert answer is not None
    assert (answer[ICMPv6PacketTooBig].type, answer[ICMPv6PacketTooBig].code) == (2, 0)
    assert answer[ICMPv6PacketTooBig].mtu == 1400
    assert answer[IPerror6].dst == IPV6.server


@pytest.mark.parametrize(("family", "most"), [(IPV4, 576), (IPV6, 1280)], ids=["ipv4", "ipv6"])
def test_an_icmp_error_quotes_no_more_than_fits_any_link(family: Family, most: int) -> None:
    answer = icmp_error(family.frame(UDP(dport=53) / Raw(bytes(1400))), family)
    assert answer is not None
    assert len(answer.payload) == most
    assert has_correct_checksums(answer)


def test_an_icmp_error_quotes_all_that_fits(family: Family) -> None:
    original = family.frame(UDP(dport=53) / Raw(bytes(500)))
    answer = icmp_error(original, family)
    assert answer is not None
    assert raw(answer).endswith(original[14:])


def test_an_icmp_error_quotes_no_padding(family: Family) -> None:
    original = family.frame(UDP(dport=53))
    answer, padded = icmp_error(original, family), icmp_error(original + bytes(18), family)
    assert answer is not None
    assert padded is not None
    assert raw(answer) == raw(padded)


def test_an_icmp_error_is_about_a_packet_of_its_own_family() -> None:
    assert icmp_error(IPV6.frame(syn()), IPV4) is None
    assert icmp_error(IPV4.frame(syn()), IPV6) is None


@pytest.mark.parametrize("icmp_type", [3, 4, 5, 11, 12])
def test_an_icmp_error_is_never_answered_with_another_one(icmp_type: int) -> None:
    assert icmp_error(IPV4.frame(ICMP(type=icmp_type) / Raw(bytes(28))), IPV4) is None


@pytest.mark.parametrize(
    "error",
    [
        ICMPv6DestUnreach(),
        ICMPv6PacketTooBig(),
        ICMPv6TimeExceeded(),
        ICMPv6ParamProblem(),
        ICMPv6Unknown(type=100, msgbody=bytes(4)),
        ICMPv6Unknown(type=127, msgbody=bytes(4)),
        ICMPv6ND_Redirect(),
    ],
    ids=lambda error: f"type {error.type}",
)
def test_an_icmpv6_error_or_redirect_is_never_answered_with_an_error(error: Packet) -> None:
    assert icmp_error(IPV6.frame(error), IPV6) is None


def test_an_echo_request_may_be_answered_with_an_icmp_error() -> None:
    answer = icmp_error(IPV4.frame(ICMP(type=8)), IPV4, wire.HOST_PROHIBITED)
    assert answer is not None
    assert answer[ICMP].code == 10
    assert answer[ICMPerror].type == 8
    answer = icmp_error(IPV6.frame(ICMPv6EchoRequest()), IPV6, wire.NO_ROUTE_V6)
    assert answer is not None
    assert answer[ICMPv6DestUnreach].code == 0


def test_headers_are_read_field_by_field(family: Family) -> None:
    query = UDP(sport=5, dport=53) / Raw(b"query")
    ttl: dict[str, object] = {"ttl": 9} if family is IPV4 else {"hlim": 9}
    packet = wire.parse_ip(wire.parse_ethernet(family.frame(query, **ttl)))
    assert (str(packet.source), str(packet.destination)) == (family.client, family.server)
    assert (packet.protocol, packet.ttl, packet.fragment, packet.payload[8:]) == (17, 9, False, b"query")


def test_of_a_fragment_its_place_in_the_whole_is_read() -> None:
    last = wire.parse_ip(wire.parse_ethernet(IPV4.frame(Raw(b"end"), frag=10, id=7, proto=17)))
    assert (last.fragment, last.more_fragments, last.fragment_offset_bytes, last.identification) == (True, False, 80, 7)
    fragment = behind([IPv6ExtHdrFragment(offset=10, m=1, id=7)], UDP())
    middle = wire.parse_ip(wire.parse_ethernet(fragment))
    assert (middle.fragment, middle.more_fragments, middle.fragment_offset_bytes) == (True, True, 80)
    assert (middle.identification, middle.protocol) == (7, 17)


def test_behind_a_later_fragment_s_header_nothing_is_taken_for_a_header() -> None:
    fragment = behind([IPv6ExtHdrFragment(offset=10, m=1), IPv6ExtHdrDestOpt()], UDP())
    assert wire.parse_ip(wire.parse_ethernet(fragment)).protocol == 60


def frames_to_damage() -> Iterator[bytes]:
    """Frames of every kind that is read."""
    for family in (IPV4, IPV6):
        yield family.frame(syn())
    yield behind([IPv6ExtHdrHopByHop(), IPv6ExtHdrRouting(segleft=0), IPv6ExtHdrFragment(id=7)], syn())
    yield behind([Raw(b"\x00\x04" + bytes(22)), IPv6ExtHdrDestOpt()], syn())
    yield IPV6.frame(ICMPv6ND_NA(tgt=IPV6.server))
    yield IPV6.frame(ICMPv6EchoRequest())


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_called_unreadable(content: bytes) -> None:
    parsers = (wire.parse_ethernet, wire.parse_ipv4, wire.parse_ipv6, wire.parse_tcp, wire.parse_icmp)
    for parse in parsers:
        with suppress(wire.CannotRead):
            parse(content)


@given(st.sampled_from(list(frames_to_damage())), st.binary(max_size=200), st.integers(0, 120))
def test_a_frame_that_turns_into_noise_is_answered_or_not_but_never_raises(
    frame: bytes, noise: bytes, kept: int
) -> None:
    damaged = frame[:kept] + noise
    wire.forge_reset(damaged)
    icmp_error(damaged, IPV4)
    icmp_error(damaged, IPV6)


@given(st.sampled_from(list(frames_to_damage())), st.lists(st.tuples(st.integers(12, 120), st.integers(0, 255))))
def test_a_frame_with_other_bytes_is_read_within_its_end_or_called_unreadable(
    frame: bytes, changes: list[tuple[int, int]]
) -> None:
    damaged = bytearray(frame)
    for at, value in changes:
        damaged[at % len(damaged)] = value
    with suppress(wire.CannotRead):
        packet = wire.parse_ip(wire.parse_ethernet(bytes(damaged)))
        assert packet.wire in bytes(damaged)
        assert packet.wire.endswith(packet.payload)
        assert len(packet.wire) - len(packet.payload) >= 20


@given(st.lists(st.sampled_from(EXTENSION_HEADERS), max_size=6), st.binary(max_size=40))
def test_whatever_the_extension_headers_are_the_payload_behind_them_is_found(
    headers: list[Packet], content: bytes
) -> None:
    packet = wire.parse_ip(wire.parse_ethernet(behind(headers, UDP(dport=53) / Raw(content))))
    assert (packet.protocol, packet.payload[8:]) == (17, content)


@given(families, sequence_numbers, st.binary(max_size=50))
def test_a_socket_in_syn_sent_accepts_the_reset(family: Family, initial: int, early: bytes) -> None:
    # RFC 9293, section 3.10.7.3: SND.UNA < SEG.ACK =< SND.NXT, and then the RST bit.
    answer = reset(syn(seq=initial) / Raw(early), family)
    sent = 1 + len(early)
    assert answer[TCP].flags == "RA"
    assert 0 < (answer[TCP].ack - initial) % 2**32 <= sent
    assert has_correct_checksums(answer)


@given(families, sequence_numbers, sequence_numbers, flags_without_rst)
def test_a_forged_reset_is_not_answered_itself(family: Family, sequence: int, acknowledgment: int, flags: int) -> None:
    forged = wire.forge_reset(family.frame(syn(seq=sequence, ack=acknowledgment, flags=flags)))
    assert forged is not None
    assert wire.forge_reset(forged) is None


@given(families, st.binary(max_size=1400))
def test_a_forged_error_is_not_answered_itself_and_has_correct_checksums(family: Family, content: bytes) -> None:
    forged = icmp_error(family.frame(UDP(dport=53) / Raw(content)), family)
    assert forged is not None
    assert has_correct_checksums(forged)
    assert icmp_error(raw(forged), family) is None


@given(st.binary(max_size=301))
def test_content_with_its_checksum_sums_up_to_0(content: bytes) -> None:
    even = content + bytes(len(content) % 2)
    assert wire.internet_checksum(even + wire.internet_checksum(even).to_bytes(2, "big")) == 0


def test_a_reset_that_is_not_acceptable_acknowledges_nothing_that_was_sent(family: Family) -> None:
    opening = wire.forge_reset(family.frame(syn(seq=0xFFFFFFFF)), is_acceptable=False)
    established = wire.forge_reset(family.frame(syn(flags="A", ack=77)), is_acceptable=False)
    assert opening is not None
    assert established is not None
    assert Ether(opening)[TCP].flags == "RA"
    assert Ether(opening)[TCP].ack == 1 << 30
    assert Ether(established)[TCP].seq == 77 + (1 << 30)


def test_a_reset_onwards_is_the_next_that_the_destination_expects_of_the_sender(family: Family) -> None:
    frame = family.frame(syn(flags="PA", seq=1000, ack=77) / Raw(b"SSH-"))
    forged = wire.forge_reset_onwards(frame, ttl=9)
    assert forged is not None
    packet = Ether(forged)
    assert (packet.src, packet.dst) == (CLIENT_MAC, SERVER_MAC)
    assert (packet.payload.src, packet.payload.dst) == (family.client, family.server)
    assert (packet[TCP].sport, packet[TCP].dport, packet[TCP].flags) == (40000, 22, "R")
    assert packet[TCP].seq == 1004
    assert wire.parse_ip(wire.parse_ethernet(forged)).ttl == 9
    assert has_correct_checksums(packet)


def test_a_reset_is_not_sent_onwards_for_another(family: Family) -> None:
    assert wire.forge_reset_onwards(family.frame(syn(flags="R"))) is None
