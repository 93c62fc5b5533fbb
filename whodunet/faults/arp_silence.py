"""A gateway, or a host, whose neighbours cannot find it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import IPv4Interface
from typing import Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, Settings, run_checked
from whodunet.cases.fields import HostName, InterfaceName
from whodunet.evidence.topology import Topology
from whodunet.faults.nftables import Chain, NftablesFault, equals, header, meta, one_of


class ArpSilence(NftablesFault):
    """An interface answers neither ARP nor neighbour solicitations, and its neighbour has forgotten its link address.

    NOARP silences ARP alone. Of IPv6 both are dropped that way and this, for a solicitation of its own would tell the
    neighbour its address, too. Source: RFC 4861, sections 7.2.3 and 7.2.4.
    """

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

    def chains(self) -> tuple[Chain, ...]:
        """Neighbour solicitations and advertisements of the interface are lost, both ways."""
        said = equals(header("icmpv6", "type"), one_of("nd-neighbor-solicit", "nd-neighbor-advert"))
        ways = {"input": "iifname", "output": "oifname"}
        return tuple(
            Chain(hook, ((equals(meta(way), self.interface), said, {"counter": None}, {"drop": None}),))
            for hook, way in ways.items()
        )

    def inject(self, network: Network) -> Settings:
        """Silences the interface and has the neighbour forget it."""
        super().inject(network)
        self._set_arp(network, "off")
        return {}

    def remove(self, network: Network, before: Settings) -> None:
        """Lets the interface answer again."""
        super().remove(network, before)
        self._set_arp(network, "on")

    def _set_arp(self, network: Network, state: str) -> None:
        self.run(network, f"ip link set dev {self.interface} arp {state}")
        run_checked(network, self.neighbour, "ip neigh flush all")

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The interface's NOARP flag, and the table."""
        (link,) = json.loads(self.run(network, f"ip -json link show dev {self.interface}"))
        flags = f"{self.interface}: <{','.join(link['flags'])}>" if "NOARP" in link["flags"] else None
        return (flags, *super().signs(network))
