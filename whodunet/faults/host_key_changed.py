"""A server with another host key than its clients know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, run_checked
from whodunet.evidence.topology import Topology

_SSHD: Final = "sshd"
_KEY: Final = "/etc/ssh/ssh_host_ed25519_key"


class HostKeyChanged(NodeFault):
    """sshd has a new host key, as after an installation, of which nobody has told the clients."""

    kind: Literal["host-key-changed"] = "host-key-changed"

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node without sshd."""
        yield from self.serves(topology, self.node, _SSHD, "node")

    def inject(self, network: Network) -> Settings:
        """Makes a new key and starts sshd again; remembers the old one."""
        before = {path: run_checked(network, self.node, f"cat {path}") for path in (_KEY, f"{_KEY}.pub")}
        run_checked(network, self.node, f"rm {_KEY} && ssh-keygen -q -t ed25519 -N '' -f {_KEY}")
        self._restart(network)
        return before

    def remove(self, network: Network, before: Settings) -> None:
        """Gives it the old one back."""
        for path, text in before.items():
            run_checked(network, self.node, f"tee {path}", str(text))
        self._restart(network)

    def _restart(self, network: Network) -> None:
        network.stop_service(self.node, _SSHD)
        network.start_service(self.node, _SSHD)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The key that the running sshd shows, which those who have keys to log in with do not know."""
        port = network.service_settings(self.node, _SSHD).get("port", 22)
        shown = run_checked(network, self.node, f"ssh-keyscan -t ed25519 -p {port} 127.0.0.1").split()
        key = shown[-1] if shown else ""
        clients = [host for host, there in network.topology.furnishings.items() if "ssh-keys" in there]
        known = "".join(run_checked(network, client, "cat /root/.ssh/known_hosts") for client in clients)
        return (f"{self.node}: sshd shows {key}" if key and key not in known else None,)
