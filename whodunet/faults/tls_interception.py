"""A router on the path intercepts TLS."""

from __future__ import annotations

from ipaddress import ip_network
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from whodunet.cases.fields import Cidr, HostName, refused
from whodunet.faults.nftables import Rule, equals, header, within
from whodunet.faults.redirected_to_proxy import RedirectedToProxy


class TlsInterception(RedirectedToProxy):
    """HTTPS between two networks is redirected to a proxy on the router, whose authority nobody trusts."""

    proxy: ClassVar[str] = "tls-interceptor"
    proxy_port: ClassVar[int] = 8443

    kind: Literal["tls-interception"] = "tls-interception"
    node: HostName = Field(description="router on the path")
    source: Cidr = Field(description="network of the clients")
    destination: Cidr = Field(description="network of the servers")

    @model_validator(mode="after")
    def _of_one_family(self) -> Self:
        if ip_network(self.source).version != ip_network(self.destination).version:
            raise refused("has a source and a destination of two families", "write two networks of one")
        return self

    def redirected(self) -> Rule:
        """HTTPS from the one network to the other."""
        ends = (*within("saddr", self.source), *within("daddr", self.destination))
        return (*ends, equals(header("tcp", "dport"), 443))
