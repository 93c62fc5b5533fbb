"""An address that a cloud's edge has given to somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_interface
from typing import Literal

from pydantic import Field

from whodunet.cases.fault import Misfit
from whodunet.cases.fields import Address, HostName
from whodunet.evidence.topology import Topology
from whodunet.faults.nftables import DESTINATION_NAT, Chain, NftablesFault, equals, header


class AddressMapping(NftablesFault):
    """What comes for an address is for another host now, which answers with that address.

    As an internet gateway maps a public address to whoever has it. Source: Amazon VPC User Guide, "Enable internet
    access for a VPC using an internet gateway"; nft(8), "NAT statements".
    """

    kind: Literal["address-mapping"] = "address-mapping"
    node: HostName = Field(description="router at the cloud's edge, which maps")
    address: Address = Field(description="of the host that clients ask for")
    to: Address = Field(description="of the host that has that address now")

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node that forwards nothing; an address of nobody, of another family, of the same host."""
        yield from self.forwards(topology)
        points = topology.interfaces.values()
        owners = {str(ip_interface(each).ip): point.node for point in points for each in point.addresses}
        for key, address in (("address", self.address), ("to", self.to)):
            if address not in owners:
                yield Misfit((key,), f"is {address}, which nobody has", "write a host's, as {instance}")
        if ip_address(self.address).version != ip_address(self.to).version:
            yield Misfit(("to",), f"is {self.to}, of another family than {self.address}", "use addresses of one family")
        elif self.address in owners and self.to in owners and owners[self.address] == owners[self.to]:
            yield Misfit(("to",), f"is {self.to}, of the same host", "write another host's")

    def chains(self) -> tuple[Chain, ...]:
        """The translation; that of answers follows from it."""
        family = "ip" if ip_address(self.address).version == 4 else "ip6"
        translated = {"dnat": {"family": family, "addr": self.to}}
        rule = (equals(header(family, "daddr"), self.address), translated)
        return (Chain("prerouting", (rule,), type="nat", priority=DESTINATION_NAT),)
