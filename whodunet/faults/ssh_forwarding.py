"""A jump host that lets people in, and nobody on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, mapping_in
from whodunet.cases.fields import HostName
from whodunet.evidence.topology import Topology

_SSHD: Final = "sshd"
_REFUSED: Final = "administratively prohibited"  # Source: RFC 4254, 5.1; OpenSSH's channels.c


class SshForwardingForbidden(NodeFault):
    """sshd opens no connection for those who log in: AllowTcpForwarding no."""

    kind: Literal["ssh-forwarding-forbidden"] = "ssh-forwarding-forbidden"
    bearer: HostName = Field(description="host whose user may log in, and asks for it")

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A host without sshd, or without a key."""
        yield from self.serves(topology, self.node, _SSHD, "node")
        if "ssh-keys" not in topology.furnishings.get(self.bearer, {}):
            hosts = ", ".join(host for host, there in topology.furnishings.items() if "ssh-keys" in there) or "none"
            yield Misfit(("bearer",), f"is {self.bearer}, which has no key", f"use one of: {hosts}")

    def inject(self, network: Network) -> Settings:
        """Starts sshd again with the option."""
        before = network.service_settings(self.node, _SSHD)
        options = mapping_in(before, "options") | {"AllowTcpForwarding": "no"}
        network.configure_service(self.node, _SSHD, {**before, "options": options})
        return before

    def remove(self, network: Network, before: Settings) -> None:
        """Starts sshd again without."""
        network.configure_service(self.node, _SSHD, before)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """What sshd says to somebody who logs in and wants to be connected to its own port."""
        said = self._said(network)
        return (next((line for line in said.splitlines() if _REFUSED in line), None),)

    def remains(self, network: Network) -> str | None:
        """Anything but sshd's greeting, by way of sshd."""
        said = self._said(network)
        return None if "SSH-2.0" in said else said.strip() or "no answer"

    def _said(self, network: Network) -> str:
        settings, topology = network.service_settings(self.node, _SSHD), network.topology
        addresses = (each.address(topology.family) for each in topology.interfaces.values() if each.node == self.node)
        there = f"{settings['login']}@{next(filter(None, addresses)).partition('/')[0]}"
        own_port = f"-W '[127.0.0.1]:{settings.get('port', 22)}'"
        ask = f"timeout 5 ssh -o BatchMode=yes -o ConnectTimeout=4 {own_port} {there}"
        done = network.execute(self.bearer, f"{ask} </dev/null")
        return done.stdout + done.stderr
