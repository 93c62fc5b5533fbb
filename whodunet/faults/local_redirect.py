"""An agent on a host that takes its connections over, and cannot pass them on. Source: nft(8), "redirect"."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Network, Settings
from whodunet.cases.fields import HostName, Port
from whodunet.evidence.topology import Topology
from whodunet.faults.nftables import DESTINATION_NAT, Chain, NftablesFault, equals, header

_AGENT_PORT: Final = 15001  # as that of Envoy in a service mesh. Source: Istio, "Ports used by Istio"
_DEAD_UPSTREAM: Final = "127.0.0.1 1"  # at which nothing listens
# It reads what the client says before it ends: closing with unread bytes would send RST instead of FIN.
_AGENT: Final = (
    f"setsid ncat --listen --keep-open {_AGENT_PORT} --sh-exec 'head -n 1 >/dev/null; ncat {_DEAD_UPSTREAM}'"
    " </dev/null >/dev/null 2>&1 & echo $!"
)


class LocalRedirect(NftablesFault):
    """Connections that the host's own programs make to a port are redirected to an agent on the host."""

    kind: Literal["local-redirect"] = "local-redirect"
    node: HostName = Field(description="host whose programs connect")
    port: Port = Field(description="the port to which they connect")
    agent: Literal["dead", "without-upstream"] = Field(
        description="dead: nothing listens; without-upstream: it accepts, and closes when it reaches nobody"
    )

    def facts(self, topology: Topology) -> dict[str, str]:
        """What became of the agent."""
        return super().facts(topology) | {"agent": self.agent}

    def chains(self) -> tuple[Chain, ...]:
        """Redirects what the host itself sends."""
        rule = (equals(header("tcp", "dport"), self.port), {"redirect": {"port": _AGENT_PORT}})
        return (Chain("output", (rule,), "nat", DESTINATION_NAT),)

    def inject(self, network: Network) -> Settings:
        """Starts the agent, if it is to run, and redirects to its port."""
        pid = self.run(network, _AGENT).strip() if self.agent == "without-upstream" else ""
        super().inject(network)
        return {"pid": pid}

    def remove(self, network: Network, before: Settings) -> None:
        """Ends the redirection, and the agent."""
        super().remove(network, before)
        if before["pid"]:
            self.run(network, f"kill {before['pid']}")

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The rule, and whether anything listens where it leads."""
        sockets = [line.split()[3] for line in self.run(network, "ss -Hltn").splitlines()]
        listens = any(each.endswith(f":{_AGENT_PORT}") for each in sockets)
        (table,) = super().signs(network)
        if listens != (self.agent == "without-upstream"):
            return (None,)
        return (f"{table}; port {_AGENT_PORT} {'listens' if listens else 'does not listen'}" if table else None,)
