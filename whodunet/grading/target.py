"""What a case is about, as its user typed it: the host and port that the first probe goes to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_interface
from itertools import pairwise
from typing import Final

from whodunet.cases.scenario import Question
from whodunet.evidence.command_line import network_programs
from whodunet.evidence.topology import Topology

_URL: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>\[[0-9A-Fa-f:.]+\]|[^/:\[\]]+)(?::(?P<port>\d+))?(?:/|$)"
)
_OTHER_ADDRESS: Final = re.compile(r"-[A-Za-z]*[JxobWLRD]|--proxy|--interface")
"""Options of ssh, nc and curl whose next word may be an address, and not that of the destination."""
_PORT_OPTION: Final = "-p"  # of ssh and ncat
_SERVED_AS: Final = {"https": ("https", 443), "http": ("http", 80), "ssh": ("ssh", 22)}


@dataclass(frozen=True)
class Target:
    """Where the story's user wanted to go."""

    host: str  # name or address, as typed
    port: int
    node: str  # of the topology


def target_of(question: Question, topology: Topology) -> Target | None:
    """The destination of the first probe; None where its command tells none, as of a session by an instance's id."""
    nodes = _nodes_by_name(topology)
    probe = next(iter(question.probes.values()))
    for program in network_programs(probe.command):
        for target in _told(program.words, nodes, topology):
            return target
    return None


def _told(words: Sequence[str], nodes: Mapping[str, str], topology: Topology) -> Iterator[Target]:
    program = words[0].rpartition("/")[2] if words else ""
    given = next((int(port) for option, port in pairwise(words) if option == _PORT_OPTION and port.isdecimal()), None)
    for before, word, after in zip(words, words[1:], (*words[2:], ""), strict=False):
        if _OTHER_ADDRESS.fullmatch(before):
            continue
        url = _URL.match(word)
        host = url["host"].strip("[]") if url else word.rpartition("@")[2]
        node = nodes.get(host)
        if node is None:
            continue
        stated = url["port"] if url else after if after.isdecimal() else None
        port = int(stated) if stated else given or _port_of(url["scheme"] if url else program, node, topology)
        if port is not None:
            yield Target(host, port, node)


def _port_of(served_as: str, node: str, topology: Topology) -> int | None:
    """The port at which a node serves a program or scheme, or at which everybody does."""
    name, usual = _SERVED_AS.get(served_as, (served_as, None))
    return topology.nodes[node].ports.get(name, usual)


def _nodes_by_name(topology: Topology) -> Mapping[str, str]:
    """The node of each address, and of each name that stands in the DNS."""
    named = {value: node.name for node in topology.nodes.values() for value in node.properties.values() if "." in value}
    addresses = {
        str(ip_interface(address).ip): each.node for each in topology.interfaces.values() for address in each.addresses
    }
    return named | addresses
