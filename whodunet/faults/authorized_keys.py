"""Keys that sshd does not accept any more. Source: sshd(8), AUTHORIZED_KEYS FILE FORMAT."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, run_checked
from whodunet.evidence.topology import Topology

_SSHD: Final = "sshd"
_WRITABLE: Final = 0o022  # by the group, or by others. Source: sshd_config(5), StrictModes


class AuthorizedKeys(NodeFault):
    """The user's authorized_keys is empty, or others may write to the user's home, so that sshd ignores it."""

    kind: Literal["authorized-keys"] = "authorized-keys"
    state: Literal["empty", "writable-by-others"]

    def facts(self, topology: Topology) -> dict[str, str]:
        """What is wrong with them."""
        return super().facts(topology) | {"state": self.state}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node without sshd."""
        yield from self.serves(topology, self.node, _SSHD, "node")

    def inject(self, network: Network) -> Settings:
        """Empties the file, or changes the folder's mode."""
        home = self._home(network)
        if self.state == "empty":
            keys = run_checked(network, self.node, f"cat {home}/.ssh/authorized_keys")
            run_checked(network, self.node, f"truncate -s 0 {home}/.ssh/authorized_keys")
            return {"keys": keys}
        mode = run_checked(network, self.node, f"stat -c %a {home}").strip()
        run_checked(network, self.node, f"chmod 777 {home}")
        return {"mode": mode}

    def remove(self, network: Network, before: Settings) -> None:
        """As it was."""
        home = self._home(network)
        if self.state == "empty":
            run_checked(network, self.node, f"tee {home}/.ssh/authorized_keys", str(before["keys"]))
        else:
            run_checked(network, self.node, f"chmod {before['mode']} {home}")

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The file's size, or the folder's mode, as the host's file system has them: sshd reads both at each login."""
        home = self._home(network)
        if self.state == "empty":
            size = run_checked(network, self.node, f"stat -c %s {home}/.ssh/authorized_keys").strip()
            return (f"{self.node}: {home}/.ssh/authorized_keys has {size} bytes" if size == "0" else None,)
        mode = run_checked(network, self.node, f"stat -c %a {home}").strip()
        return (f"{self.node}: {home} has mode {mode}" if int(mode, 8) & _WRITABLE else None,)

    def _home(self, network: Network) -> str:
        login = network.service_settings(self.node, _SSHD)["login"]
        return run_checked(network, self.node, f"getent passwd {login}").split(":")[5]
