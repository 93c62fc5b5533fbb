"""An address that two machines on one link have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import ip_address, ip_interface
from typing import Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, run_checked
from whodunet.cases.fields import Address, HostName, InterfaceName
from whodunet.evidence.topology import Interface, Topology


class DuplicateAddress(NodeFault):
    """The node has taken another one's address as well, and has just spoken to its neighbours, who now send it there.

    As does a machine that was cloned, or whose address was given out twice; it does not ask who has the address
    already. Source: RFC 826, "Packet Reception" (who speaks is believed); RFC 4861, 7.2.3; RFC 5227, 1.
    """

    kind: Literal["duplicate-address"] = "duplicate-address"
    node: HostName = Field(description="host that takes the address")
    interface: InterfaceName = Field(description="its interface on the link")
    address: Address = Field(description="of another host on the link")

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """An interface of another node, an address that nobody else on the link has."""
        wrong_interface = [*self.has_interface(topology, self.interface)]
        yield from wrong_interface
        others = [] if wrong_interface else [address for each in self._others(topology) for address in _bare(each)]
        if not wrong_interface and self.address not in others:
            wrong = f"is {self.address}, which no other host on the link of {self.interface} has"
            yield Misfit(("address",), wrong, f"use one of: {', '.join(others)}" if others else "name another link")

    def _others(self, topology: Topology) -> list[Interface]:
        """The interfaces of other nodes in the interface's networks."""
        own = {ip_interface(each).network for each in topology.interfaces[self.interface].addresses}
        return [
            each
            for each in topology.interfaces.values()
            if each.node != self.node and own & {ip_interface(address).network for address in each.addresses}
        ]

    def inject(self, network: Network) -> Settings:
        """Takes the address; all forget who had it, and the node asks each of the others something from there."""
        self._forget(network)
        self._run(network, f"ip address add {self._with_length(network)} dev {self.interface}{self._without_asking}")
        version = ip_address(self.address).version
        for other in self._others(network.topology):
            spoken_to = [each for each in _bare(other) if ip_address(each).version == version and each != self.address]
            for each in spoken_to:
                self._run(network, f"ping -c 1 -W 2 -I {self.address} {each}")
        return {}

    def remove(self, network: Network, before: Settings) -> None:
        """Gives the address back; all forget who had it."""
        self._run(network, f"ip address del {self._with_length(network)} dev {self.interface}")
        self._forget(network)

    @property
    def _without_asking(self) -> str:
        """Of IPv6 the kernel would find out that somebody has the address. Source: RFC 4862, 5.4; ip-address(8)."""
        return " nodad" if ":" in self.address else ""

    def _with_length(self, network: Network) -> str:
        addresses = [each for other in self._others(network.topology) for each in other.addresses]
        return next(each for each in addresses if str(ip_interface(each).ip) == self.address)

    def _forget(self, network: Network) -> None:
        self._run(network, f"ip neigh flush dev {self.interface}")
        for each in self._others(network.topology):
            run_checked(network, each.node, f"ip neigh flush dev {each.name}")

    def _run(self, network: Network, command: str) -> str:
        return run_checked(network, self.node, command)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The addresses of its interface, as the kernel has them; whoever else has this one keeps it."""
        (link,) = json.loads(self._run(network, f"ip -json address show dev {self.interface}"))
        has_it = any(each["local"] == self.address for each in link["addr_info"])
        return (f"{self.interface} has {self.address}, too" if has_it else None,)


def _bare(interface: Interface) -> list[str]:
    """Its addresses without the lengths of their prefixes."""
    return [str(ip_interface(each).ip) for each in interface.addresses]
