"""What is sent is what a system would send, with checksums that hold."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest

from whodunet.openflow.wire import TCP, internet_checksum, parse_tcp, pseudo_header
from whodunet.probing.segments import echo_request, syn

ENDS = {"ipv4": ("10.8.0.10", "10.0.1.10"), "ipv6": ("fd00:8::10", "fd00:10::10")}


@pytest.mark.parametrize("ends", ENDS.values(), ids=ENDS)
def test_a_syn_is_one_that_any_system_takes(ends: tuple[str, str]) -> None:
    segment = syn(*ends, (50000, 22), 4_000_000_000)

    pseudo = pseudo_header(ip_address(ends[0]), ip_address(ends[1]), TCP, len(segment))
    assert internet_checksum(pseudo + segment) == 0
    read = parse_tcp(segment)
    assert (read.source_port, read.destination_port, read.sequence) == (50000, 22, 4_000_000_000)
    assert read.flags == 0x02
    assert read.options[:4] == struct.pack("!BBH", 2, 4, 1460)


def test_a_syn_with_ecn_offers_it_as_rfc_3168_says() -> None:
    assert parse_tcp(syn(*ENDS["ipv4"], (1, 2), 3, without_ecn=False)).flags == 0x02 | 0x40 | 0x80


def test_a_ping_of_ipv4_has_a_checksum_and_one_of_ipv6_leaves_it_to_the_kernel() -> None:
    assert internet_checksum(echo_request("ipv4", 7, 9, 100)) == 0
    assert len(echo_request("ipv4", 7, 9, 100)) == 108
    assert echo_request("ipv6", 7, 9, 0) == struct.pack("!BBHHH", 128, 0, 0, 7, 9)
