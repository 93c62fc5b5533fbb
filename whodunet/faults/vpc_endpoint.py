"""A VPC that lacks an interface endpoint, or an endpoint without its private name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field

from whodunet.core.fault import Network, NodeFault
from whodunet.core.topology import Topology

_SERVER: Final = "dnsmasq"
# Stands for the service's public address. Source: RFC 5737, addresses for documentation
_PUBLIC_ADDRESS: Final = "198.51.100.10"


class VpcEndpoint(NodeFault):
    """Inside the VPC the services' names lead to their public addresses, to which a private subnet has no way."""

    kind: Literal["vpc-endpoint"] = "vpc-endpoint"
    node: str = Field(description="host of the endpoints")
    resolver: str = Field(description="the VPC's DNS server, a host that runs dnsmasq")
    services: tuple[str, ...] = Field(min_length=1, description="their names, e.g. ssm.eu-central-1.amazonaws.com")
    state: Literal["absent", "private-dns-off"] = Field(description="why the names are not the endpoints' own")

    def facts(self, topology: Topology) -> dict[str, str]:
        """Why the names lead elsewhere."""
        return super().facts(topology) | {"state": self.state}

    def names(self) -> Mapping[str, str]:
        """The two hosts."""
        return {**super().names(), "resolver": self.resolver}

    def inject(self, network: Network) -> Mapping[str, Any]:
        """Gives the names a public address inside the VPC."""
        before = network.service_settings(self.resolver, _SERVER)
        records = before["records"] | dict.fromkeys(self.services, _PUBLIC_ADDRESS)
        network.configure_service(self.resolver, _SERVER, before | {"records": records})
        return before

    def remove(self, network: Network, before: Mapping[str, Any]) -> None:
        """Puts the private addresses back."""
        network.configure_service(self.resolver, _SERVER, before)

    def proof(self, network: Network) -> str | None:
        """What the VPC's DNS server answers."""
        answers = {
            name: network.execute(self.resolver, f"dig +short @127.0.0.1 {name} A").stdout.strip()
            for name in self.services
        }
        if set(answers.values()) != {_PUBLIC_ADDRESS}:
            return None
        return "; ".join(f"{name} is {address} in the VPC" for name, address in answers.items())
