"""Topologies that no network can be made of, or that a name could mean two things in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from whodunet.errors import InvalidInput
from whodunet.evidence.topology import Interface, Link, Node, Topology
from whodunet.loading.topology_checks import require_sound

PAIR = Topology(
    name="pair",
    nodes={"a": Node("a", "client"), "b": Node("b", "server", ports={"ssh": 22})},
    interfaces={
        "a-eth0": Interface("a-eth0", "a", ("10.0.0.1/24", "fd00::1/64"), "nic"),
        "b-eth0": Interface("b-eth0", "b", ("10.0.0.2/24", "fd00::2/64"), "nic"),
    },
    links=(Link(("a-eth0", "b-eth0")),),
    baseline=("a", "10.0.0.2"),
    networks={"lan": ("10.0.0.0/24", "fd00::/64")},
)


def with_node(node: Node) -> Topology:
    return replace(PAIR, nodes={**PAIR.nodes, node.name: node})


def with_interface(interface: Interface) -> Topology:
    return replace(PAIR, interfaces={**PAIR.interfaces, interface.name: interface})


def test_a_topology_that_can_be_is_returned() -> None:
    assert require_sound(PAIR, "f") is PAIR


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: with_node(Node("a b", "x")), "nodes.a b: is named 'a b'"),
        (lambda: with_node(Node("s", "x", is_switch=True)), "nodes.s: is a switch without a policy"),
        (lambda: with_node(Node("c", "x", initial_ttl=256)), "nodes.c.initial_ttl: is 256"),
        (lambda: with_node(Node("c", "x", ports={"ssh": 0})), "nodes.c.ports.ssh: is 0"),
        (lambda: with_interface(Interface("c-eth0", "c")), "interfaces.c-eth0: is of c, which is not a node"),
        (lambda: with_interface(Interface("eth7", "a")), "interfaces.eth7: is named 'eth7'; name it a-eth0"),
        (lambda: with_interface(Interface("a-eth1", "a", label="x.y")), "interfaces.a-eth1.label: is 'x.y'"),
        (lambda: with_interface(Interface("a-eth1", "a", label="nic")), "label: is nic, as is that of a-eth0"),
        (lambda: with_interface(Interface("a-eth1", "a", ("10.0.0.999/24",))), "'10.0.0.999/24' is no address"),
        (lambda: with_interface(Interface("a-eth1", "a", ("10.1.0.1/8", "10.2.0.1/8"))), "has two of one family"),
        (lambda: with_interface(Interface("a-eth1", "a", ("10.0.0.2/8",))), "10.0.0.2/8 is also an address of b-eth0"),
        (lambda: replace(PAIR, links=(Link(("a-eth0", "x")),)), "links.0: ends at x, which is not an interface"),
        (lambda: replace(PAIR, links=PAIR.links * 2), "interfaces.a-eth0: is an end of 2 cables"),
        (lambda: replace(PAIR, links=(Link(("a-eth0", "b-eth0"), loss_pct=101),)), "links.0.loss_pct: is 101"),
        (lambda: replace(PAIR, links=(Link(("a-eth0", "b-eth0"), delay_ms=-1),)), "links.0.delay_ms: is -1"),
        (lambda: replace(PAIR, baseline=("x", "10.0.0.2")), "baseline: begins at x, which is not a host"),
        (lambda: replace(PAIR, baseline=("a", "10.0.0.1")), "baseline: ends at 10.0.0.1, which is an address of no"),
        (lambda: replace(PAIR, services={"x": {}}), "services.x: is of no host"),
        (lambda: replace(PAIR, policies={"a": {}}), "policies.a: is of no switch"),
        (lambda: replace(PAIR, networks={"lan": ("10.0.0.1/8",)}), "networks.lan: '10.0.0.1/8' is no network"),
        (lambda: replace(PAIR, networks={"a": ("10.0.0.0/8",)}), "a: {a} stands for 10.0.0.0/8 and 10.0.0.1"),
        (
            lambda: with_node(Node("a", "x", properties={"port.ssh": "1", "nic": "2"})),
            "a.nic: {a.nic} stands for 2 and",
        ),
        (lambda: with_interface(Interface("averylongname-eth0", "averylongname")), "and Linux takes 15"),
    ],
)
def test_what_no_network_can_be_is_refused_with_its_place(make: Callable[[], Topology], said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        require_sound(make(), "f")
    assert said in str(refused.value)
    assert all(each.place.startswith("f: ") for each in refused.value.problems)
