"""Copies of a capture: whole blocks alone, of some interfaces, and packets with comments or cut."""

from __future__ import annotations

import io
import struct

import pytest

from whodunet.lab import pcap_reader
from whodunet.lab.pcapng_blocks import blocks_at, cut_to, packets_rewritten, whole_blocks, with_comment
from whodunet.pcapng import enhanced_packet, interface_description, section_header

BLOCKS = [section_header(), interface_description("client-eth0"), enhanced_packet(0, 1, b"x" * 61, is_outgoing=True)]


def test_every_block_of_a_whole_file_is_copied() -> None:
    assert list(whole_blocks(io.BytesIO(b"".join(BLOCKS)))) == BLOCKS


@pytest.mark.parametrize("missing_bytes", [1, 4, len(BLOCKS[-1]) - 8, len(BLOCKS[-1]) - 4, len(BLOCKS[-1])])
def test_a_block_that_is_being_written_is_left_out(missing_bytes: int) -> None:
    assert list(whole_blocks(io.BytesIO(b"".join(BLOCKS)[:-missing_bytes]))) == BLOCKS[:-1]


def test_the_packets_of_some_interfaces_are_copied_alone_and_still_belong_to_them() -> None:
    names = ("client-eth0", "client-tun0", "instance-eth0")
    every = [section_header(), *map(interface_description, names)]
    packets = [enhanced_packet(number, number, bytes([number]) * 61, is_outgoing=True) for number in (2, 0, 1, 2)]

    kept = list(blocks_at({"client-eth0", "instance-eth0"}, [*every, *packets]))

    assert kept[:3] == [every[0], every[1], every[3]]
    assert kept[3:] == [
        enhanced_packet(number, time_ns, bytes([time_ns]) * 61, is_outgoing=True)
        for number, time_ns in ((1, 2), (0, 0), (1, 2))
    ]


def test_packets_are_rewritten_one_by_one_or_left_out_and_all_else_stays() -> None:
    packets = [enhanced_packet(0, number, b"frame", is_outgoing=True) for number in range(3)]

    kept = list(packets_rewritten([*BLOCKS[:2], *packets], lambda number, block: block * number if number else None))

    assert kept == [*BLOCKS[:2], packets[1], packets[2] * 2]


# A frame that is a multiple of four bytes long, and one that is padded.
@pytest.mark.parametrize("frame", [b"x" * 60, b"x" * 61])
@pytest.mark.parametrize("text", ["genuine", "gen\u00e9rico"])
def test_a_comment_stands_beside_the_frame_and_its_direction(frame: bytes, text: str) -> None:
    packet = enhanced_packet(0, 7, frame, is_outgoing=True)

    commented = with_comment(packet, text)

    before, after = (pcap_reader.read(b"".join([*BLOCKS[:2], each])) for each in (packet, commented))
    assert after.stopped is None
    assert list(after.packets) == list(before.packets)
    assert after.packets[0].direction == "out"
    assert text.encode() in commented


def test_a_packet_without_options_can_have_a_comment() -> None:
    packet = enhanced_packet(0, 7, b"x" * 60, is_outgoing=False)
    bare = packet[:4] + struct.pack("=I", 92) + packet[8:88] + struct.pack("=I", 92)

    read = pcap_reader.read(b"".join([*BLOCKS[:2], with_comment(bare, "genuine")]))

    assert (read.stopped, len(read.packets)) == (None, 1)


@pytest.mark.parametrize("most_bytes", [58, 60])
def test_a_packet_that_is_cut_keeps_its_length_on_the_wire_and_its_direction(most_bytes: int) -> None:
    whole = enhanced_packet(0, 7, b"x" * 61, is_outgoing=True)

    [cut] = pcap_reader.read(b"".join([*BLOCKS[:2], cut_to(whole, most_bytes)])).packets

    assert (cut.length, cut.direction) == (61, "out")
    assert len(cut_to(whole, most_bytes)) == len(whole) - 4
    assert cut_to(whole, 61) == whole
