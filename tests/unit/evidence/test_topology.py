"""What a topology says of its interfaces."""

from __future__ import annotations

import pytest

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
