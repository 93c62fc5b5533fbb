"""An HTTP proxy that does not do what it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, list_in
from whodunet.cases.fields import Port
from whodunet.evidence.topology import Topology

_PROXY: Final = "tinyproxy"
_LOGIN: Final = "office k3ep-0ut"
_STATUS: Final = {"port-forbidden": "403", "login-required": "407"}  # Source: RFC 9110, 15.5.4 and 15.5.8


class ProxyRule(NodeFault):
    """The proxy connects to a port no more, or to nothing for whoever does not log in."""

    kind: Literal["proxy-rule"] = "proxy-rule"
    state: Literal["port-forbidden", "login-required"]
    port: Port = Field(description="to which clients want to be connected")

    def facts(self, topology: Topology) -> dict[str, str]:
        """Why it refuses."""
        return super().facts(topology) | {"state": self.state}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A host without a proxy, a port that is forbidden anyway."""
        yield from self.serves(topology, self.node, _PROXY, "node")
        settings = topology.services.get(self.node, {}).get(_PROXY, {})
        if settings and self.port not in list_in(settings, "connect_ports"):
            ports = ", ".join(map(str, list_in(settings, "connect_ports")))
            yield Misfit(("port",), f"is {self.port}, to which {self.node} connects nobody", f"use one of: {ports}")

    def inject(self, network: Network) -> Settings:
        """Starts it again with the rule."""
        before = network.service_settings(self.node, _PROXY)
        others = [each for each in list_in(before, "connect_ports") if each != self.port]
        rule = {"connect_ports": others} if self.state == "port-forbidden" else {"login": _LOGIN}
        network.configure_service(self.node, _PROXY, {**before, **rule})
        return before

    def remove(self, network: Network, before: Settings) -> None:
        """Starts it again without."""
        network.configure_service(self.node, _PROXY, before)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """What the proxy answers when the host itself asks it to connect to that port."""
        status = self._status(network)
        return (f"CONNECT to port {self.port}: status {status}" if status == _STATUS[self.state] else None,)

    def remains(self, network: Network) -> str | None:
        """A refusal, or no answer at all; that nothing listens on that port of the proxy's own host is none."""
        status = self._status(network)
        is_over = status not in ("000", "", *_STATUS.values())
        return None if is_over else f"CONNECT to port {self.port}: status {status or 'unknown'}"

    def _status(self, network: Network) -> str:
        own = network.service_settings(self.node, _PROXY)["port"]
        ask = "curl -s -o /dev/null --max-time 5 -w '%{http_connect}' --proxytunnel"
        return network.execute(self.node, f"{ask} -x http://127.0.0.1:{own} http://127.0.0.1:{self.port}/").stdout
