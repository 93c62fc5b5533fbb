"""/etc/hosts.deny, which services with libwrap read for each connection. Source: hosts_access(5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, run_checked
from whodunet.evidence.topology import Topology

_SSHD: Final = "sshd"
_DENIES: Final = "/etc/hosts.deny"
_LINE: Final = "sshd: ALL"


class TcpWrappers(NodeFault):
    """The host's sshd accepts connections, finds in /etc/hosts.deny that it should not have, and says nothing."""

    kind: Literal["tcp-wrappers"] = "tcp-wrappers"

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node without sshd."""
        yield from self.serves(topology, self.node, _SSHD, "node")

    def inject(self, network: Network) -> Settings:
        """Writes the line; a lab's hosts have no such file of their own."""
        run_checked(network, self.node, f"echo '{_LINE}' > {_DENIES}")
        return {}

    def remove(self, network: Network, before: Settings) -> None:
        """Removes the file."""
        run_checked(network, self.node, f"rm -f {_DENIES}")

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """That sshd runs and greets nobody, not even on its own host."""
        if not network.service_is_running(self.node, _SSHD):
            return (None,)
        port = network.service_settings(self.node, _SSHD).get("port", 22)
        greeting = network.execute(self.node, f"timeout 2 ncat --recv-only 127.0.0.1 {port}").stdout
        denied = network.execute(self.node, f"cat {_DENIES}").stdout.strip()
        return (f"{self.node}: sshd does not greet; {_DENIES}: {denied}" if denied and not greeting else None,)

    def remains(self, network: Network) -> str | None:
        """What the file says."""
        return network.execute(self.node, f"cat {_DENIES}").stdout.strip() or None
