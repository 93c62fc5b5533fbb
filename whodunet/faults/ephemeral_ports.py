"""A host that has no port left to connect from. Source: ip(7), ip_local_port_range; connect(2), EADDRNOTAVAIL."""

from __future__ import annotations

import re
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Network, NodeFault, Settings, list_in, run_checked
from whodunet.cases.fields import HostName, PortSpan

_RANGE: Final = "/proc/sys/net/ipv4/ip_local_port_range"  # of both families
_MOST_PORTS: Final = 16


class EphemeralPorts(NodeFault):
    """The range that the kernel takes source ports from is small, and a local program listens on each port of it.

    The kernel gives none of those to a connection. Source: Linux, __inet_hash_connect
    """

    kind: Literal["ephemeral-ports"] = "ephemeral-ports"
    node: HostName = Field(description="host that connects")
    ports: PortSpan = Field(description=f"first and last of the range, at most {_MOST_PORTS}, all of them free")

    def inject(self, network: Network) -> Settings:
        """Has a program listen on each port, and narrows the range."""
        before = run_checked(network, self.node, f"cat {_RANGE}").split()
        listen = "setsid ncat --listen --keep-open {port} </dev/null >/dev/null 2>&1 & echo $!"
        pids = [run_checked(network, self.node, listen.format(port=port)).strip() for port in self._each()]
        self._set_range(network, *map(str, self.ports))
        return {"range": before, "pids": pids}

    def remove(self, network: Network, before: Settings) -> None:
        """Widens the range again, and ends the programs."""
        self._set_range(network, *map(str, list_in(before, "range")))
        run_checked(network, self.node, f"kill {' '.join(map(str, list_in(before, 'pids')))}")

    def _each(self) -> range:
        first, last = self.ports
        return range(first, last + 1)

    def _set_range(self, network: Network, first: str, last: str) -> None:
        run_checked(network, self.node, f"echo '{first} {last}' >{_RANGE}")

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The kernel's range, and a listening socket on each of its ports."""
        there = run_checked(network, self.node, f"cat {_RANGE}").split()
        listening = set(re.findall(r":(\d+) ", run_checked(network, self.node, "ss -Hltn")))
        is_held = listening >= {str(port) for port in self._each()}
        return (
            f"{self.node}: source ports {'-'.join(there)}" if there == [*map(str, self.ports)] else None,
            f"{self.node}: all of them listen" if is_held else None,
        )
