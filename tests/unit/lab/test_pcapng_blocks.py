"""A copy of a capture that is still written holds whole blocks alone."""

from __future__ import annotations

import io

import pytest

from whodunet.lab.pcapng_blocks import blocks_at, whole_blocks
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
