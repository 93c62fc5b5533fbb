"""A NAT behind which nobody reaches the public address that is its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, run_checked
from whodunet.cases.fields import HostName
from whodunet.evidence.topology import Topology

_SERVICE: Final = "port-forwarding"


class NatHairpin(NodeFault):
    """From outside a forwarded port works; from inside its public address does not. Source: RFC 5382, REQ-8."""

    kind: Literal["nat-hairpin"] = "nat-hairpin"
    node: HostName = Field(description="router that forwards a port of its public address")
    state: Literal["answered-directly", "not-translated"] = Field(
        description="the server answers whoever asks, past the router; or the router translates nothing from inside"
    )

    def facts(self, topology: Topology) -> dict[str, str]:
        """Which of both."""
        return super().facts(topology) | {"state": self.state}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node that forwards no port; IPv6, over which nothing is translated."""
        yield from self.serves(topology, self.node, _SERVICE, "node")
        if topology.family == "ipv6":
            wrong = "is about the translation of addresses, which there is over IPv4 alone"
            yield Misfit(("state",), wrong, "say that the case holds over IPv4 only: `family`")

    def inject(self, network: Network) -> Settings:
        """Loads the translation without that for the inside."""
        before = network.service_settings(self.node, _SERVICE)
        network.configure_service(self.node, _SERVICE, {**before, "hairpin": self.state})
        return before

    def remove(self, network: Network, before: Settings) -> None:
        """Loads it whole."""
        network.configure_service(self.node, _SERVICE, before)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The kernel's rules: whether it translates from inside at all, and whether the source, too."""
        table = run_checked(network, self.node, "nft list table ip port_forwarding")
        settings = network.service_settings(self.node, _SERVICE)
        forwards = re.search(rf"^.*\bdnat to {re.escape(str(settings['to']))}$", table, re.MULTILINE)
        translates = forwards is not None and "iifname" not in forwards[0]
        hides = re.search(rf"\bip daddr {re.escape(str(settings['to']))} .*masquerade", table) is not None
        is_it = forwards is not None and not hides and translates == (self.state == "answered-directly")
        return (" ".join(table.split()) if is_it else None,)
