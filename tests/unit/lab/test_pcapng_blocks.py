"""A copy of a capture that is still written holds whole blocks alone."""

from __future__ import annotations

import io

import pytest

from whodunet.lab.pcapng_blocks import whole_blocks
from whodunet.lab.recorder import enhanced_packet, interface_description, section_header

BLOCKS = [section_header(), interface_description("client-eth0"), enhanced_packet(0, 1, b"x" * 61, is_outgoing=True)]


def test_every_block_of_a_whole_file_is_copied() -> None:
    assert list(whole_blocks(io.BytesIO(b"".join(BLOCKS)))) == BLOCKS


@pytest.mark.parametrize("missing_bytes", [1, 4, len(BLOCKS[-1]) - 8, len(BLOCKS[-1]) - 4, len(BLOCKS[-1])])
def test_a_block_that_is_being_written_is_left_out(missing_bytes: int) -> None:
    assert list(whole_blocks(io.BytesIO(b"".join(BLOCKS)[:-missing_bytes]))) == BLOCKS[:-1]
