"""What a topology says of its interfaces, and as a map: who is where, and what is beside what."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest

from tests.unit import tunnel
from whodunet.evidence.topology import Interface, Link, Node, Topology


@pytest.mark.parametrize(
    ("addresses", "link_local"),
    [
        (("10.8.0.10/24", "fd00:8::10/64"), "fe80::10/64"),
        (("fd00:8:0:1:a:b:c:d/64",), "fe80::a:b:c:d/64"),
        (("10.8.0.10/24",), None),
        ((), None),
    ],
)
def test_an_interface_has_the_same_number_on_its_link_as_on_its_network(
    addresses: tuple[str, ...], link_local: str | None
) -> None:
    assert Interface("client-eth0", "client", addresses).link_local == link_local


def network(*cables: str) -> Topology:
    """One of cables between nodes that are named by a letter: "ab", "bc"."""
    ends = [(f"{cable[0]}-to-{cable[1]}", f"{cable[1]}-to-{cable[0]}") for cable in cables]
    interfaces = {end: Interface(end, end[0]) for pair in ends for end in pair}
    nodes = {name: Node(name, name) for cable in cables for name in cable}
    return Topology("letters", nodes, interfaces, tuple(map(Link, ends)), ("a", "10.0.1.10"))


@pytest.mark.parametrize(
    ("goal", "avoiding", "path"),
    [
        ("d", "", "aed"),  # the shortest
        ("d", "e", "abcd"),
        ("a", "", "a"),
        ("d", "be", ""),
        ("z", "", ""),
    ],
)
def test_a_path_is_the_shortest_that_goes_by_none_of_some_nodes(goal: str, avoiding: str, path: str) -> None:
    assert "".join(network("ab", "bc", "cd", "ea", "ed").path("a", goal, avoiding)) == path


def test_a_node_is_found_by_any_of_its_addresses_however_they_are_written(case: ModuleType) -> None:
    topology = case.topology()
    six = Interface("instance-eth0", "instance", ("10.0.1.10/24", "fd00:0:1:0:0::10/64"))
    topology = replace(topology, interfaces={**topology.interfaces, "instance-eth0": six})

    assert topology.node_with("10.0.1.10") == topology.node_with("fd00:0:1::10") == "instance"
    assert topology.node_with("fd00:0:2::10") is topology.node_with("192.0.2.1") is topology.node_with(None) is None


def test_a_link_local_address_names_the_node_that_alone_has_it(case: ModuleType) -> None:
    """Its number is the same on the link and on the network; on another link, another node may have the same."""
    topology = case.topology()
    six = (
        Interface("client-eth0", "client", ("fd00:8::10/64",)),
        Interface("r1-eth0", "r1", ("fd00:8::1/64",)),
        Interface("r1-eth1", "r1", ("fd00:9::1/64",)),
        Interface("instance-eth0", "instance", ("fd00:9::10/64",)),
    )
    topology = replace(topology, interfaces={**topology.interfaces, **{each.name: each for each in six}})

    assert topology.node_with("fe80::1") == "r1"
    assert topology.node_with("fe80::10") is None


def test_a_capture_point_that_is_no_interface_is_at_no_node(case: ModuleType) -> None:
    assert case.topology().node_at("fw-eth1") == "fw"
    assert case.topology().node_at("tun0") is None


def test_beside_each_other_are_the_ends_of_a_cable_and_the_interfaces_of_a_node(case: ModuleType) -> None:
    topology = case.topology()

    assert topology.are_beside("client-eth0", "fw-eth0")
    assert topology.are_beside("fw-eth0", "client-eth0")
    assert topology.are_beside("fw-eth0", "fw-eth1")
    assert not topology.are_beside("client-eth0", "fw-eth1")
    assert not topology.are_beside("tun0", "tun1")


def test_the_ends_of_a_tunnel_are_beside_each_other_as_those_of_a_cable() -> None:
    topology = tunnel.topology()
    assert topology.are_beside("client-tun0", "server-tun0")
    assert topology.peer_of("server-tun0") == "client-tun0"
    assert topology.path("client", "instance") == ("client", "server", "instance")


def test_a_tunnel_s_datagrams_go_the_shortest_way_over_cables_and_end_where_it_ends() -> None:
    topology = tunnel.topology()
    (own,) = topology.tunnels
    assert topology.outside(own) == ("client-eth0", "home-eth0", "home-eth1", "server-eth0")
    assert topology.outer_ends == {"client-eth0", "server-eth0"}
