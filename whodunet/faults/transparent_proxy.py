"""A router on the path has a transparent proxy, which accepts connections before it knows the destination."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from whodunet.cases.fields import HostName, Port
from whodunet.faults.nftables import Rule, equals, header
from whodunet.faults.redirected_to_proxy import RedirectedToProxy


class TransparentProxy(RedirectedToProxy):
    """Connections to a port that pass a router are redirected to a proxy there."""

    proxy: ClassVar[str] = "tcp-proxy"
    proxy_port: ClassVar[int] = 8081

    kind: Literal["transparent-proxy"] = "transparent-proxy"
    node: HostName = Field(description="router on the path")
    port: Port = Field(description="of the connections that are redirected")

    def redirected(self) -> Rule:
        """Those to the port, whoever's."""
        return (equals(header("tcp", "dport"), self.port),)
