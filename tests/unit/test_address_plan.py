"""Plans of addresses: as stated, or drawn so that neither networks of one plan nor neighbouring seeds share any."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whodunet.address_plan import ANYWHERE, STRIPES, AddressPlan, Network, routes
from whodunet.variation import HIGHEST_SEED, Draws

SEEDS = st.integers(0, HIGHEST_SEED)
BLOCKS = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fd00::/8")))
STATED = (
    ("office", "10.8.0.0/16", "fd00:8::/48"),
    ("lab", "10.9.0.0/16", "fd00:9::/48"),
    ("home", "192.168.1.0/24", "fd00:192::/64"),
    ("guests", "172.16.0.0/16", "fd00:172::/56"),
    ("cable", "100.64.0.0/30", "fd00:64::/127"),
)


def networks(seed: int | None) -> list[Network]:
    plan = AddressPlan(Draws(seed))
    return [plan.network(*each) for each in STATED]


def test_without_a_seed_networks_are_those_that_are_stated() -> None:
    assert [network.cidrs for network in networks(None)] == [each[1:] for each in STATED]


@settings(deadline=None)
@given(SEEDS)
def test_drawn_networks_are_private_of_the_stated_size_and_apart(seed: int) -> None:
    drawn = networks(seed)
    for network, (_, *stated) in zip(drawn, STATED, strict=True):
        for cidr, original in zip(network.cidrs, stated, strict=True):
            assert ip_network(cidr).prefixlen == ip_network(original).prefixlen
            assert sum(ip_address(cidr.partition("/")[0]) in block for block in BLOCKS) == 1
    assert not any(one.overlaps(other) for one in drawn for other in drawn if one is not other)


@settings(deadline=None)
@given(SEEDS, st.integers(1, STRIPES - 1))
def test_seeds_that_are_close_share_no_address(seed: int, distance: int) -> None:
    """Not even one that is a part of the other's larger network."""
    other = (seed + distance) % (HIGHEST_SEED + 1)
    assert not any(one.overlaps(another) for one in networks(seed) for another in networks(other))


def test_a_network_that_nobody_may_use_is_refused() -> None:
    with pytest.raises(ValueError, match=r"wan, 198\.51\.100\.0/24, is in none of 10\.0\.0\.0/8, "):
        AddressPlan(Draws(1)).network("wan", "198.51.100.0/24", "fd00::/64")


def test_networks_that_overlap_as_stated_are_refused() -> None:
    plan = AddressPlan(Draws(None))
    plan.network("one", "10.0.0.0/8", "fd00::/48")
    with pytest.raises(ValueError, match=r"other, 10\.1\.0\.0/16 and fd00:1::/48, overlaps another one"):
        plan.network("other", "10.1.0.0/16", "fd00:1::/48")


def test_a_block_that_is_used_up_is_told() -> None:
    plan = AddressPlan(Draws(5))
    for number in range(16):
        plan.network(f"n{number}", "10.8.0.0/16", "fd00:8::/48")
    with pytest.raises(ValueError, match=r"no network is left for one more in 10\.0\.0\.0/8"):
        plan.network("one more", "10.8.0.0/16", "fd00:8::/48")


@settings(deadline=None)
@given(SEEDS)
def test_no_two_hosts_or_subnets_of_a_plan_are_the_same(seed: int) -> None:
    plan = AddressPlan(Draws(seed))
    office = plan.network(*STATED[0])
    subnets = [plan.subnet(f"floor {number}", office, number) for number in range(9)]
    hosts = [plan.host(f"host {number}", subnets[0], 10) for number in range(9)]
    assert len(set(subnets)) == len(set(hosts)) == 9
    assert office.subnet(0) not in subnets
    assert all(host.ipv4.ip in subnets[0].ipv4 and host.ipv6.ip in subnets[0].ipv6 for host in hosts)


def test_numbers_look_the_same_in_both_families() -> None:
    subnet = Network.of("10.8.0.0/16", "fd00:8::/48").subnet(12)
    assert subnet.cidrs == ("10.8.12.0/24", "fd00:8:0:12::/64")
    assert subnet.host(53).with_lengths == ("10.8.12.53/24", "fd00:8:0:12::53/64")
    assert subnet.host(53).bare == ("10.8.12.53", "fd00:8:0:12::53")


def test_a_route_to_anywhere_is_the_default_route() -> None:
    home = Network.of("192.168.1.0/24", "fd00:192::/64")
    assert list(routes(home.host(1), ANYWHERE, home)) == [
        "default via 192.168.1.1",
        "default via fd00:192::1",
        "192.168.1.0/24 via 192.168.1.1",
        "fd00:192::/64 via fd00:192::1",
    ]
