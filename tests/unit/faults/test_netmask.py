"""A netmask that is too wide covers what it should reach by a router, and no more than it has to."""

from __future__ import annotations

from ipaddress import ip_interface, ip_network

import pytest

from tests.unit.faults.stand_in import TOPOLOGY, StandIn
from whodunet.faults.netmask import Netmask


def fault(covers: str, interface: str = "client-eth0") -> Netmask:
    return Netmask(node="client", interface=interface, covers=covers)


@pytest.mark.parametrize(
    ("covers", "wide"),
    [("10.0.1.10/32", "10.8.0.10/12"), ("10.9.0.0/16", "10.8.0.10/15"), ("10.0.0.0/8", "10.8.0.10/8")],
)
def test_the_prefix_is_the_longest_that_covers_the_other_network(covers: str, wide: str) -> None:
    network = StandIn()
    fault(covers).inject(network)
    assert wide in network.machines["client"].addresses["client-eth0"]
    assert ip_network(covers).subnet_of(ip_interface(wide).network)  # type: ignore[arg-type]


def test_the_address_of_the_other_family_stays() -> None:
    network = StandIn()
    fault("10.9.0.0/16").inject(network)
    assert "fd00:8::10/64" in network.machines["client"].addresses["client-eth0"]


@pytest.mark.parametrize("listed", [[], ["10.8.0.10/24"], ["10.9.0.10/12"]])
def test_an_address_with_its_own_prefix_is_not_proof(listed: list[str]) -> None:
    network = StandIn()
    network.machines["client"].addresses["client-eth0"] = listed
    assert fault("10.0.1.10/32").proof(network) is None


@pytest.mark.parametrize(
    ("covers", "interface", "key"),
    [("10.8.0.0/25", "client-eth0", "covers"), ("10.0.0.0/16", "vpn-gw-eth0", "interface")],
)
def test_what_it_covers_anyway_and_anothers_interface_are_refused(covers: str, interface: str, key: str) -> None:
    assert key in [misfit.key[0] for misfit in fault(covers, interface).misfits(TOPOLOGY)]
