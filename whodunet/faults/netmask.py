"""A netmask that is too wide, so that far hosts are taken for neighbours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import ip_interface, ip_network
from typing import Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, run_checked
from whodunet.cases.fields import Cidr, HostName, InterfaceName
from whodunet.evidence.topology import Topology


class Netmask(NodeFault):
    """The network of an interface's address is so wide that it covers another one, which is not on that link.

    Source: RFC 1122, 3.3.1.1; RFC 4861, 5.2
    """

    kind: Literal["netmask"] = "netmask"
    node: HostName = Field(description="host or router")
    interface: InterfaceName = Field(description="the interface with the address")
    covers: Cidr = Field(description="what it takes for its own network, too")

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """An interface of another node; a network that is of a family that it lacks, or that it covers anyway."""
        yield from self.has_interface(topology, self.interface)
        covered = ip_network(self.covers)
        address = self._address(topology)
        if address is None:
            yield Misfit(
                ("covers",), f"is {self.covers}, and {self.interface} has no address of that family", "use the other"
            )
        elif covered.network_address in ip_interface(address).network:
            wrong = f"is {self.covers}, which the network of {self.interface} covers anyway"
            yield Misfit(("covers",), wrong, "name one behind a router")

    def _address(self, topology: Topology) -> str | None:
        """Of the interface, in the family of the network."""
        return topology.interfaces[self.interface].address("ipv4" if ip_network(self.covers).version == 4 else "ipv6")

    def _own(self, network: Network) -> str:
        address = self._address(network.topology)
        assert address is not None, "misfits"
        return address

    def _wide(self, address: str) -> str:
        """The address with the longest prefix whose network covers the other one."""
        own = ip_interface(address)
        other = ip_network(self.covers)
        different = int(own.ip) ^ int(other.network_address)
        length = min(own.max_prefixlen - different.bit_length(), other.prefixlen)
        return f"{own.ip}/{length}"

    def inject(self, network: Network) -> Settings:
        """Gives the interface the address with the short prefix."""
        address = self._own(network)
        self._change(network, address, self._wide(address))
        return {}

    def remove(self, network: Network, before: Settings) -> None:
        """Gives it its own prefix back."""
        address = self._own(network)
        self._change(network, self._wide(address), address)

    def _change(self, network: Network, old: str, new: str) -> None:
        """Of IPv4 the new one comes first, for with the last address its routes would go; IPv6 has it but once."""
        add, delete = f"ip address add {new} dev {self.interface}", f"ip address del {old} dev {self.interface}"
        steps = (f"{delete} && {add} nodad") if ":" in new else (f"{add} && {delete}")
        run_checked(network, self.node, steps)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The address and its prefix, as the kernel has them."""
        told = json.loads(run_checked(network, self.node, f"ip -json address show dev {self.interface}"))
        there = [f"{each['local']}/{each['prefixlen']}" for link in told for each in link["addr_info"]]
        wide = self._wide(self._own(network))
        return (f"{self.interface}: {wide}" if wide in there else None,)
