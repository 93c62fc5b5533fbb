"""What somebody has to know of a network to begin: its servers, with the addresses, ports and names that they have."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_interface
from typing import Final

from whodunet.cli.terminal import table
from whodunet.evidence.topology import Node, Topology

_COLUMNS: Final = ("SERVER", "ADDRESS", "PORTS", "KNOWN BY")


def servers_table(topology: Topology, vantage: str) -> str:
    """The hosts that serve something, but for the one where the investigation begins; empty where there is none.

    Of the topology alone, whatever goes wrong in it.
    """
    rows = _rows(topology, vantage)
    return table(_COLUMNS, rows) if rows else ""


def servers_of_labs(labs: Mapping[str, Topology], vantage: str) -> str:
    """Those of several labs, each of which has a network of its own; empty where there is none."""
    rows = [(lab, *row) for lab, topology in labs.items() for row in _rows(topology, vantage)]
    return table(("LAB", *_COLUMNS), rows) if rows else ""


def _rows(topology: Topology, vantage: str) -> list[tuple[str, str, str, str]]:
    return [
        (node.name, _addresses(node, topology), _ports(node), _known_by(node))
        for node in topology.nodes.values()
        if node.ports and not node.forwards and not node.is_switch and node.name != vantage
    ]


def _addresses(node: Node, topology: Topology) -> str:
    own = [each.address(topology.family) for each in topology.interfaces.values() if each.node == node.name]
    return ", ".join(str(ip_interface(address).ip) for address in own if address)


def _ports(node: Node) -> str:
    return ", ".join(f"{name} {port}" for name, port in node.ports.items())


def _known_by(node: Node) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in node.properties.items())
