"""A host that believes a packet only on the interface that leads back to its source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, run_checked
from whodunet.cases.fields import HostName, InterfaceName
from whodunet.evidence.topology import Topology

_STRICT: Final = "1"


class ReversePathFilter(NodeFault):
    """The kernel drops what comes in by an interface by which it would not send to where it comes from.

    Source: RFC 3704, 2.2; ip-sysctl of the kernel, rp_filter (1 is strict); IPv6 has no such setting.
    """

    kind: Literal["reverse-path-filter"] = "reverse-path-filter"
    node: HostName = Field(description="host or router with several interfaces")
    interface: InterfaceName = Field(description="that by which the packets come")

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """An interface of another node; the family that has no such filter."""
        yield from self.has_interface(topology, self.interface)
        if topology.family == "ipv6":
            wrong = "is reverse-path-filter, which Linux does not have for IPv6"
            yield Misfit(("kind",), wrong, "say that the case holds over IPv4 only: `family`")

    def inject(self, network: Network) -> Settings:
        """Sets it for the interface; the kernel takes the higher one of that and of `all`."""
        before = run_checked(network, self.node, f"cat {self._setting}").strip()
        run_checked(network, self.node, f"echo {_STRICT} > {self._setting}")
        return {"rp_filter": before}

    def remove(self, network: Network, before: Settings) -> None:
        """Sets it as it was."""
        run_checked(network, self.node, f"echo {before['rp_filter']} > {self._setting}")

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The kernel's setting."""
        value = run_checked(network, self.node, f"cat {self._setting}").strip()
        return (f"{self.node}: rp_filter of {self.interface} is {value}" if value == _STRICT else None,)

    @property
    def _setting(self) -> str:
        return f"/proc/sys/net/ipv4/conf/{self.interface}/rp_filter"
