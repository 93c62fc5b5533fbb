"""Every topology of the project in the variations that seeds draw."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path
from typing import Final

import pytest

from whodunet.catalogue import Catalogue
from whodunet.errors import InvalidInput
from whodunet.evidence.topology import FAMILIES, Family, Interface, Topology
from whodunet.loading.library import Library, find_scenario, scenario_names
from whodunet.loading.scenario_file import NotOverFamily
from whodunet.variation import HIGHEST_SEED, Variation

TOPOLOGIES: Final = Library().topology_names()
REFERENCE: Final = [name for name in TOPOLOGIES if "egress-fw" in Library().topology(name).nodes]  # and built on it
SEEDS: Final = (*range(5), 4711, 2**31, HIGHEST_SEED - 1, HIGHEST_SEED)


@cache
def library(variation: Variation) -> Library:
    return Library(variation=variation)


def addresses(topology: Topology) -> set[str]:
    return {address.partition("/")[0] for each in topology.interfaces.values() for address in each.addresses}


@pytest.mark.parametrize("name", TOPOLOGIES)
@pytest.mark.parametrize(("one", "other"), [(seed, (seed + 1) % (HIGHEST_SEED + 1)) for seed in SEEDS])
def test_two_neighbouring_seeds_share_no_address(name: str, one: int, other: int) -> None:
    assert not addresses(library(Variation(one)).topology(name)) & addresses(library(Variation(other)).topology(name))


PRINT: Final = """
import sys
from whodunet.loading.library import Library, find_scenario
from whodunet.variation import Variation
for name in ("corporate_vpn", "session_manager"):
    library = Library(variation=Variation(7))
    print(library.topology(name), [library.topo(name).settings(node) for node in library.topo(name).nodes()])
    print(library.scenario(find_scenario("ssm-session")).answer, library.scenario(find_scenario("healthy")).question)
"""


def test_a_seed_gives_the_same_topology_and_the_same_truth_in_every_process() -> None:
    def seen(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", PRINT], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert seen("1") == seen("2")
    assert "seed=7" in seen("3")


@pytest.mark.parametrize("name", TOPOLOGIES)
@pytest.mark.parametrize("seed", [None, *SEEDS])
def test_interfaces_have_names_that_linux_takes_and_addresses_of_both_families(name: str, seed: int | None) -> None:
    topology = library(Variation(seed)).topology(name)
    for interface in topology.interfaces.values():
        assert len(interface.name) <= 15
        versions = [ip_interface(address).version for address in interface.addresses]
        assert versions == ([] if topology.nodes[interface.node].is_switch else [4, 6])
    assert len(addresses(topology)) == sum(len(each.addresses) for each in topology.interfaces.values())


def next_hops(seed: int | None, name: str, node: str, destination: str) -> Iterator[str]:
    """The gateways of a node's routes to an address, the most specific first."""
    settings = library(Variation(seed)).topo(name).settings(node)
    uplinks = settings.get("uplinks") or {}
    routes = [*settings["routes"], *(f"default via {each}" for way in [*uplinks.values()][:1] for each in way.gateway)]
    matching = []
    for route in routes:
        to, _, gateway = route.partition(" via ")
        version = ip_address(gateway or to.split()[-1].partition("/")[0]).version
        network = ip_network(("0.0.0.0/0" if version == 4 else "::/0") if to == "default" else to.split()[-1])
        if ip_address(destination) in network:
            matching.append((network.prefixlen, gateway))
    return (gateway for _, gateway in sorted(matching, reverse=True))


def leads_to(seed: int | None, name: str, topology: Topology, source: str, destination: str) -> str:
    """The node at which a packet ends that is routed as the topology says; with a reason where it is not its own."""
    owners = {own.partition("/")[0]: each for each in topology.interfaces.values() for own in each.addresses}
    here = source
    for _ in topology.nodes:
        own = [each for each in topology.interfaces.values() if each.node == here]
        if owners[destination].node == here or any(shares_a_network(each, destination) for each in own):
            return owners[destination].node
        gateway = next(next_hops(seed, name, here, destination), "")
        if not gateway or not any(shares_a_network(each, gateway) for each in own):
            return f"nowhere, at {here}"
        here = owners[gateway].node
    return f"round in circles, at {here}"


def shares_a_network(interface: Interface, address: str) -> bool:
    return any(ip_address(address) in ip_interface(own).network for own in interface.addresses)


@pytest.mark.parametrize("name", TOPOLOGIES)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", [None, *SEEDS])
def test_routes_lead_from_every_host_to_every_host_and_not_round_in_circles(
    name: str, family: Family, seed: int | None
) -> None:
    topology = library(Variation(seed, family)).topology(name)
    hosts = [node.name for node in topology.nodes.values() if not node.is_switch and not node.forwards]
    for source in hosts:
        for destination in hosts:
            own = [each.address(family) for each in topology.interfaces.values() if each.node == destination]
            ends = [leads_to(seed, name, topology, source, each.partition("/")[0]) for each in own if each]
            assert destination in ends  # one that has two sides may be called by either


@pytest.mark.parametrize("name", REFERENCE)
def test_a_seed_draws_what_it_is_said_to_draw_and_within_its_limits(name: str) -> None:
    for seed in range(60):
        topology = library(Variation(seed)).topology(name)
        delays_ms = {link.ends: link.delay_ms for link in topology.links}
        routers = [node for node in topology.nodes.values() if node.role == "transit"]
        near_ms = next(delay_ms for (one, _), delay_ms in delays_ms.items() if one == "client-eth0")
        far_ms = sum(delay_ms for (one, _), delay_ms in delays_ms.items() if one.startswith(("vpn-gw", "transit")))
        assert 2 <= len(routers) <= 9
        assert 19 <= 2 * (near_ms + far_ms) <= 181
        assert near_ms < (near_ms + far_ms) / 10
        assert {node.initial_ttl for node in topology.nodes.values()} <= {64, 128, 255}
        assert topology.seed == seed


@pytest.mark.parametrize("name", REFERENCE)
def test_seeds_differ_in_more_than_addresses(name: str) -> None:
    drawn = [library(Variation(seed)).topology(name) for seed in SEEDS]
    assert len({len(each.nodes) for each in drawn}) >= 4
    assert {node.initial_ttl for each in drawn for node in each.nodes.values()} == {64, 128, 255}
    assert len({sum(link.delay_ms for link in each.links) for each in drawn}) > len(SEEDS) / 2


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("name", scenario_names())
def test_a_scenario_loads_with_every_seed_and_over_both_families_or_says_why_not(
    name: str, seed: int | None, family: Family
) -> None:
    path = find_scenario(name)
    with suppress(NotOverFamily):
        assert library(Variation(seed, family)).scenario(path).question.name == name
        return
    [other] = [each for each in FAMILIES if each != family]
    limit = library(Variation(seed, other)).scenario(path).family
    assert limit is not None
    with pytest.raises(NotOverFamily, match=limit.because):
        library(Variation(seed, family)).scenario(path)


TWO: Final = """
from whodunet.lab_topo import LabTopo

class Two(LabTopo):
    baseline = ("client", "10.1.0.2")

    def build(self):
        self.host("client", "client")
        self.host("server", "server")
        self.connect("client", "server", addresses=("10.1.0.1/24", "10.1.0.2/24"))

topos = {"two": TOPO}
"""


@pytest.fixture(params=["Two", "lambda: Two()"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Catalogue:
    """A folder with a topology that draws nothing, offered in both ways that Mininet knows."""
    (tmp_path / "topologies").mkdir()
    (tmp_path / "topologies" / "two.py").write_text(TWO.replace("TOPO}", f"{request.param}}}"))
    return Catalogue((tmp_path,))


def test_a_seed_changes_nothing_in_a_topology_that_draws_nothing_and_that_is_said(places: Catalogue) -> None:
    stated, seeded = Library(places), Library(places, Variation(7))
    assert seeded.topology("two") == stated.topology("two")
    assert list(stated.unused_seed(stated.topology("two"))) == []
    assert list(seeded.unused_seed(seeded.topology("two"))) == [
        "--seed 7 changes nothing: the topology two draws nothing from it"
    ]
    assert list(seeded.unused_seed(seeded.topology("corporate_vpn"))) == []


def test_a_topology_without_addresses_of_a_family_says_so(places: Catalogue) -> None:
    with pytest.raises(InvalidInput, match="topology two: has no address of ipv6 at the far end of its baseline"):
        Library(places, Variation(family="ipv6")).topology("two")
