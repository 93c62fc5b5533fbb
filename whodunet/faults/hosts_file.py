"""A line of a host's own hosts file that overrides the DNS. Source: hosts(5), nsswitch.conf(5)."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Network, NodeFault, Settings, run_checked
from whodunet.cases.fields import Address, DomainName, HostName
from whodunet.evidence.topology import Topology

_FILE: Final = "/etc/hosts"


class HostsFile(NodeFault):
    """The host knows an address of the name itself, and does not ask the DNS for it."""

    kind: Literal["hosts-file"] = "hosts-file"
    node: HostName = Field(description="host that looks the name up")
    name: DomainName = Field(description="the full name, e.g. instance.cloud.example")
    address: Address

    def facts(self, topology: Topology) -> dict[str, str]:
        """Whether the name leads to whoever looks it up: the asker, or elsewhere."""
        return super().facts(topology) | {"leads_to": "the asker" if means_the_asker(self.address) else "elsewhere"}

    def inject(self, network: Network) -> Settings:
        """Adds the line."""
        before = run_checked(network, self.node, f"cat {_FILE}")
        run_checked(network, self.node, f"cat >{_FILE}", f"{self.address} {self.name}\n{before}")
        return {"file": before}

    def remove(self, network: Network, before: Settings) -> None:
        """Writes what was there before."""
        run_checked(network, self.node, f"cat >{_FILE}", str(before["file"]))

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """What the host's resolver library finds in its files alone."""
        found = network.execute(self.node, f"getent -s files ahosts {self.name}").stdout.split()
        return (f"{self.node}: {self.name} is {self.address}" if self.address in found else None,)


def means_the_asker(address: str) -> bool:
    """True for an address that means whoever uses it. Source: RFC 1122, 3.2.1.3; RFC 4291, 2.5.2 and 2.5.3."""
    its = ip_address(address)
    return its.is_loopback or its.is_unspecified
