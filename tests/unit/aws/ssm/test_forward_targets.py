from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whodunet.aws.ssm.forward_targets import forbidden

VPC = (IPv4Network("10.0.0.0/16"), IPv4Network("192.168.0.0/24"), IPv6Network("fd00:10::/56"))


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.169.253",
        "169.254.169.123",
        "169.254.1.1",
        "::ffff:169.254.169.254",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "fd00:ec2::253%eth0",
        "10.0.0.2",
        "::ffff:10.0.0.2",
        "10.0.255.255",
        "192.168.0.3",
        "fd00:10::2",
        "fd00:10::2%eth0",
        "fd00:10:0:ff:ffff:ffff:ffff:ffff",
        "no address",
        "",
    ],
)
def test_what_belongs_to_the_instance_or_the_vpc_itself_is_forbidden(address: str) -> None:
    assert forbidden(address, VPC)


@pytest.mark.parametrize(
    "address",
    ["10.0.0.4", "10.0.1.2", "192.168.0.254", "172.16.0.2", "127.0.0.1", "2001:db8::2", "fd00:10::4", "fd00:10:0:1::2"],
)
def test_other_hosts_are_allowed(address: str) -> None:
    assert not forbidden(address, VPC)


def test_without_a_vpc_the_instances_own_are_forbidden_still() -> None:
    assert forbidden("169.254.169.254", ())
    assert not forbidden("10.0.0.2", ())


@given(st.ip_addresses(v=4))
def test_no_address_is_allowed_in_one_spelling_and_forbidden_in_the_other(address: object) -> None:
    assert forbidden(str(address), VPC) == forbidden(f"::ffff:{address}", VPC)
