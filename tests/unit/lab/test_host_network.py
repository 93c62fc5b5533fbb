"""The network that a host is given: addresses, routes and settings of both families."""

from __future__ import annotations

import pytest

from whodunet.lab.host_network import HostNetwork, network_of
from whodunet.lab_topo import HostSettings, Uplink

ADDRESSES = {"gw-eth0": ("10.8.0.1/24", "fd00:8::1/64", "fe80::1/64"), "gw-eth1": ("100.64.0.1/30",)}


def configured(settings: HostSettings) -> HostNetwork:
    return network_of(settings, ADDRESSES, 128, ["tuntap add dev gw-eth1 mode tap"])


def test_devices_come_first_then_addresses_then_links_and_what_needs_them() -> None:
    lines = configured({"routes": ("default via 100.64.0.2", "fd00:9::/48 via fd00:8::2")}).ip_batch
    assert lines[0] == "tuntap add dev gw-eth1 mode tap"
    in_order = [
        "link set dev gw-eth0 addrgenmode none",
        "address add 10.8.0.1/24 dev gw-eth0",
        "link set dev gw-eth0 up",
        "route add multicast ff00::/8 dev gw-eth0 table local metric 1024",
        "route replace default via 100.64.0.2",
        "route replace fd00:9::/48 via fd00:8::2",
    ]
    assert [line for line in lines if line in in_order] == in_order


def test_addresses_of_ipv6_are_in_use_at_once_and_each_interface_hears_groups() -> None:
    lines = configured({}).ip_batch
    assert {line for line in lines if "nodad" in line} == {
        "address add fd00:8::1/64 dev gw-eth0 nodad",
        "address add fe80::1/64 dev gw-eth0 nodad",
    }
    groups = [line.split() for line in lines if "ff00::/8" in line]
    assert len(groups) == len({words[-1] for words in groups}) == 2, "two of one metric would be one"


def test_rules_of_ipv6_are_told_apart_because_ip_does_not() -> None:
    rules = ("from 10.0.0.0/16 iif gw-eth0 blackhole", "from fd00:10::/48 iif gw-eth0 blackhole")
    request = configured({"rules": rules})
    assert [line for line in request.ip_batch if line.startswith("rule")] == [f"rule add {rules[0]}"]
    assert request.ip6_batch == [f"rule add {rules[1]}"]


@pytest.mark.parametrize(("forwards", "value"), [(True, "1"), (False, "0")])
def test_a_router_forwards_both_families_and_a_host_neither(forwards: bool, value: str) -> None:
    settings = configured({"forwards": forwards}).settings
    assert (settings["ipv4/ip_forward"], settings["ipv6/conf/all/forwarding"]) == (value, value)


def test_what_it_sends_has_the_same_ttl_in_both_families() -> None:
    settings = configured({}).settings
    assert (settings["ipv4/ip_default_ttl"], settings["ipv6/conf/default/hop_limit"]) == ("128", "128")
    assert (settings["ipv4/icmp_ratelimit"], settings["ipv6/icmp/ratelimit"]) == ("0", "0")


def test_the_first_uplink_is_the_default_route_of_both_families() -> None:
    uplinks = {
        "vpn": Uplink("gw-eth0", gateway=("10.8.0.2", "fd00:8::2"), resolver=()),
        "home": Uplink("gw-eth1", gateway=("100.64.0.2",), resolver=()),
    }
    lines = configured({"uplinks": uplinks}).ip_batch
    assert [line for line in lines if "default" in line] == [
        "route replace default via 10.8.0.2",
        "route replace default via fd00:8::2",
    ]
