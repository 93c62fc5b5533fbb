from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP, ICMPerror, IPerror, TCPerror
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw, raw

from whodunet.openflow import wire

CLIENT, SERVER, FIREWALL = "10.8.0.10", "10.0.1.10", IPv4Address("10.8.0.1")
CLIENT_MAC, SERVER_MAC = "02:00:00:00:00:0a", "02:00:00:00:00:14"

flags_without_rst = st.integers(0, 255).filter(lambda flags: not flags & wire.RST)
sequence_numbers = st.integers(0, 0xFFFFFFFF)


def frame(transport: Packet, **ip: object) -> bytes:
    """A frame from the client to the server."""
    return bytes(ethernet() / IP(**{"src": CLIENT, "dst": SERVER, **ip}) / transport)


def ethernet(destination: str = SERVER_MAC) -> Packet:
    """The header of a frame from the client."""
    return Ether(src=CLIENT_MAC, dst=destination)


def syn(**fields: object) -> Packet:
    """The segment that opens a connection to port 22."""
    return TCP(**{"sport": 40000, "dport": 22, "flags": "S", "seq": 1000, **fields})


def reset(segment: Packet) -> Packet:
    """What scapy reads in the RST forged for `segment`."""
    forged = wire.forge_reset(frame(segment))
    assert forged is not None
    return Ether(forged)


def icmp_error(original: bytes, code: int = wire.ADMIN_PROHIBITED) -> Packet | None:
    """What scapy reads in the ICMP error forged for `original`, None if there is none."""
    forged = wire.forge_icmp_error(original, wire.UNREACHABLE, code, FIREWALL)
    return None if forged is None else Ether(forged)


def has_correct_checksums(packet: Packet) -> bool:
    """Whether scapy computes the same checksums."""
    again = packet.copy()
    for layer in (IP, TCP, ICMP):
        if layer in again:
            del again[layer].chksum
    return bytes(again) == bytes(packet)


def test_a_syn_is_answered_in_the_name_of_its_destination() -> None:
    answer = reset(syn())
    assert (answer.src, answer.dst) == (SERVER_MAC, CLIENT_MAC)
    assert (answer[IP].src, answer[IP].dst) == (SERVER, CLIENT)
    assert (answer[TCP].sport, answer[TCP].dport) == (22, 40000)


def test_the_reset_of_a_syn_has_sequence_number_0_and_acknowledges_the_syn() -> None:
    answer = reset(syn())[TCP]
    assert (answer.flags, answer.seq, answer.ack, answer.window) == ("RA", 0, 1001, 0)


def test_the_reset_looks_as_if_a_kernel_had_sent_it() -> None:
    answer = reset(syn())[IP]
    assert (answer.ttl, answer.id, answer.flags, answer.len) == (64, 0, "DF", 40)


def test_the_reset_has_correct_checksums() -> None:
    assert has_correct_checksums(reset(syn()))


def test_syn_fin_and_payload_are_acknowledged_each() -> None:
    assert reset(syn(flags="SF") / Raw(b"early"))[TCP].ack == 1000 + 1 + 5 + 1
    assert reset(syn(flags="F"))[TCP].ack == 1000 + 1
    assert reset(syn(flags="P") / Raw(b"early"))[TCP].ack == 1000 + 5


def test_padding_of_a_short_frame_is_not_acknowledged() -> None:
    forged = wire.forge_reset(frame(syn()) + bytes(6))
    assert forged is not None
    assert Ether(forged)[TCP].ack == 1001


def test_a_segment_with_ack_is_reset_at_the_sequence_number_that_its_sender_expects() -> None:
    answer = reset(syn(flags="PA", ack=77) / Raw(b"mid-stream"))[TCP]
    assert (answer.flags, answer.seq, answer.ack) == ("R", 77, 0)


def test_the_acknowledgment_wraps_around() -> None:
    assert reset(syn(seq=0xFFFFFFFF))[TCP].ack == 0


def test_an_802_1q_tag_is_kept() -> None:
    tagged = raw(ethernet() / Dot1Q(vlan=7, prio=3) / IP(src=CLIENT, dst=SERVER) / syn())
    forged = wire.forge_reset(tagged)
    assert forged is not None
    answer = Ether(forged)
    assert (answer[Dot1Q].vlan, answer[Dot1Q].prio, answer[TCP].flags) == (7, 3, "RA")


def test_ip_and_tcp_options_are_read_past() -> None:
    options = [("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 0))]
    forged = wire.forge_reset(frame(syn(options=options), options=[b"\x94\x04\x00\x00"]))
    assert forged is not None
    assert Ether(forged)[TCP].ack == 1001


@pytest.mark.parametrize("flags", ["R", "RA", "RS", "RF"])
def test_a_reset_is_never_answered(flags: str) -> None:
    assert wire.forge_reset(frame(syn(flags=flags))) is None


NOT_ONE_HOST = {
    "the sender is a multicast group": frame(syn(), src="224.0.0.5"),
    "the sender is the broadcast address": frame(syn(), src="255.255.255.255"),
    "the sender has no address": frame(syn(), src="0.0.0.0"),
    "the sender is a loopback address": frame(syn(), src="127.0.0.1"),
    "the destination is a multicast group": frame(syn(), dst="239.1.1.1"),
    "the destination is the broadcast address": frame(syn(), dst="255.255.255.255"),
    "the frame is a broadcast": raw(ethernet("ff:ff:ff:ff:ff:ff") / IP(src=CLIENT, dst=SERVER) / syn()),
    "the packet is a later fragment": frame(syn(), frag=10),
    "the packet is IPv6": raw(ethernet() / IPv6(src="fd00::1", dst="fd00::2") / syn()),
    "the packet is ARP": raw(ethernet() / ARP()),
    "the IPv4 header is shorter than it says": frame(syn())[:30],
    "the IP version is 5": frame(syn(), version=5),
    "the header length is less than 20": frame(syn(), ihl=4),
    "the total length is more than there is": frame(syn(), len=400),
    "the total length is less than the header": frame(syn(), len=19),
    "there is nothing": b"",
}


@pytest.mark.parametrize("unanswerable", NOT_ONE_HOST.values(), ids=NOT_ONE_HOST)
def test_nobody_is_answered_if(unanswerable: bytes) -> None:
    assert wire.forge_reset(unanswerable) is None
    assert icmp_error(unanswerable) is None


def test_a_first_fragment_is_not_reset_for_its_segment_may_go_on() -> None:
    assert wire.forge_reset(frame(syn(), flags="MF")) is None


def test_a_truncated_tcp_header_is_not_answered() -> None:
    whole = frame(syn())
    assert all(wire.forge_reset(whole[:length]) is None for length in range(len(whole)))


def test_a_tcp_data_offset_past_the_end_is_not_answered() -> None:
    assert wire.forge_reset(frame(syn(dataofs=15))) is None


def test_udp_is_not_reset() -> None:
    assert wire.forge_reset(frame(UDP(dport=53))) is None


def test_an_icmp_error_comes_from_the_firewall_and_quotes_the_packet() -> None:
    answer = icmp_error(frame(syn()))
    assert answer is not None
    assert (answer[IP].src, answer[IP].dst, answer[IP].tos, answer[IP].ttl) == (str(FIREWALL), CLIENT, 0xC0, 64)
    assert (answer[ICMP].type, answer[ICMP].code) == (3, 13)
    assert (answer[IPerror].src, answer[IPerror].dst, answer[TCPerror].seq) == (CLIENT, SERVER, 1000)
    assert has_correct_checksums(answer)


def test_an_icmp_error_has_at_most_576_bytes() -> None:
    answer = icmp_error(frame(UDP(dport=53) / Raw(bytes(1400))))
    assert answer is not None
    assert answer[IP].len == 576
    assert has_correct_checksums(answer)


def test_an_icmp_error_quotes_no_padding() -> None:
    answer = icmp_error(frame(UDP(dport=53)) + bytes(18))
    assert answer is not None
    assert answer[IP].len == 20 + 8 + 28


@pytest.mark.parametrize("icmp_type", [3, 4, 5, 11, 12])
def test_an_icmp_error_is_never_answered_with_another_one(icmp_type: int) -> None:
    assert icmp_error(frame(ICMP(type=icmp_type) / Raw(bytes(28)))) is None


def test_an_echo_request_may_be_answered_with_an_icmp_error() -> None:
    answer = icmp_error(frame(ICMP(type=8)), wire.HOST_PROHIBITED)
    assert answer is not None
    assert answer[ICMP].code == 10
    assert answer[ICMPerror].type == 8


def test_headers_are_read_field_by_field() -> None:
    packet = wire.parse_ipv4(wire.parse_ethernet(frame(UDP(sport=5, dport=53) / Raw(b"query"), ttl=9, id=7)).payload)
    assert (str(packet.source), str(packet.destination)) == (CLIENT, SERVER)
    assert (packet.ttl, packet.identification, packet.fragment, packet.options) == (9, 7, False, b"")


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_called_malformed(content: bytes) -> None:
    for parse in (wire.parse_ethernet, wire.parse_ipv4, wire.parse_tcp, wire.parse_icmp):
        with suppress(wire.MalformedPacket):
            parse(content)


@given(st.binary(max_size=200), st.integers(0, 54))
def test_a_frame_that_turns_into_noise_is_answered_or_not_but_never_raises(noise: bytes, kept: int) -> None:
    damaged = frame(syn())[:kept] + noise
    wire.forge_reset(damaged)
    icmp_error(damaged)


@given(sequence_numbers, st.binary(max_size=50))
def test_a_socket_in_syn_sent_accepts_the_reset(initial: int, early: bytes) -> None:
    # RFC 9293, section 3.10.7.3: SND.UNA < SEG.ACK =< SND.NXT, and then the RST bit.
    answer = reset(syn(seq=initial) / Raw(early))[TCP]
    sent = 1 + len(early)
    assert answer.flags == "RA"
    assert 0 < (answer.ack - initial) % 2**32 <= sent
    assert has_correct_checksums(reset(syn(seq=initial) / Raw(early)))


@given(sequence_numbers, sequence_numbers, flags_without_rst)
def test_a_forged_reset_is_not_answered_itself(sequence: int, acknowledgment: int, flags: int) -> None:
    forged = wire.forge_reset(frame(syn(seq=sequence, ack=acknowledgment, flags=flags)))
    assert forged is not None
    assert wire.forge_reset(forged) is None


@given(st.binary(max_size=301))
def test_content_with_its_checksum_sums_up_to_0(content: bytes) -> None:
    even = content + bytes(len(content) % 2)
    assert wire.internet_checksum(even + wire.internet_checksum(even).to_bytes(2, "big")) == 0
