"""A gateway that does not answer ARP."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Interface
from typing import Any, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, NodeFault, run_checked
from whodunet.cases.fields import HostName, InterfaceName
from whodunet.evidence.topology import Topology


class ArpSilence(NodeFault):
    """An interface ignores ARP requests, and its neighbour has forgotten its hardware address."""

    kind: Literal["arp-silence"] = "arp-silence"
    interface: InterfaceName = Field(description="the interface that is silent")
    neighbour: HostName = Field(description="host that has to ask again")

    def facts(self, topology: Topology) -> dict[str, str]:
        """Which part the node plays, and whether it is somebody's gateway."""
        plays = "gateway" if topology.nodes[self.node].forwards else "host"
        return super().facts(topology) | {"plays": plays}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """An interface of another node, a neighbour that never asks for it."""
        yield from self.has_interface(topology, self.interface)
        address = topology.interfaces[self.interface].address()
        there = [each for each in topology.interfaces.values() if each.address() and each.node != self.node]
        on_link = {
            each.node
            for each in there
            if address and IPv4Interface(address).network == IPv4Interface(each.address()).network
        }
        if self.neighbour not in on_link:
            wrong = f"is {self.neighbour}, which is on no link with {self.interface}"
            yield Misfit(("neighbour",), wrong, f"use one of: {', '.join(sorted(on_link)) or 'none'}")

    def inject(self, network: Network) -> Mapping[str, Any]:
        """Silences the interface and has the neighbour forget it."""
        self._set_arp(network, "off")
        run_checked(network, self.neighbour, "ip neigh flush all")
        return {}

    def remove(self, network: Network, before: Mapping[str, Any]) -> None:
        """Lets the interface answer again."""
        self._set_arp(network, "on")
        run_checked(network, self.neighbour, "ip neigh flush all")

    def _set_arp(self, network: Network, state: str) -> None:
        run_checked(network, self.node, f"ip link set dev {self.interface} arp {state}")

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The interface's NOARP flag."""
        (link,) = json.loads(run_checked(network, self.node, f"ip -json link show dev {self.interface}"))
        return (f"{self.interface}: <{','.join(link['flags'])}>" if "NOARP" in link["flags"] else None,)
