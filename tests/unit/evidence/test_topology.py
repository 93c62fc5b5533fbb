"""A topology as a map: who is where, and what is beside what."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

from whodunet.evidence.topology import Interface


def test_a_node_is_found_by_any_of_its_addresses_however_they_are_written(case: ModuleType) -> None:
    topology = case.topology()
    six = Interface("instance-eth0", "instance", ("10.0.1.10/24", "fd00:0:1::10/64"))
    topology = replace(topology, interfaces={**topology.interfaces, "instance-eth0": six})

    assert topology.node_with("10.0.1.10") == topology.node_with("fd00:0:1::10") == "instance"
    assert topology.node_with("fd00:0:1:0::10") is topology.node_with("192.0.2.1") is topology.node_with(None) is None


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
