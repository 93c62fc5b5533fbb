"""A key with which a host's root may log in wherever sshd runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from whodunet.lab.hosts import Host
from whodunet.lab.keys import new_key
from whodunet.lab.service import Furnishing, Placed
from whodunet.services.sshd import SSH_PORT, Sshd

_PLACES: Final = ("/root/.ssh/id_ed25519", "/root/private-key.pem")  # where ssh looks for it, and where a person does
# Properties of a node by which one calls it, too: ssh goes to the id through Session Manager.
_NAMES: Final = ("dns_name", "id")


class SshKeys(Furnishing):
    """The key, authorised at every host with sshd, and the keys of those hosts in known_hosts, ports in config."""

    def __init__(self) -> None:
        self._public_key = ""

    def prepare(self, host: Host) -> None:
        """Makes the key."""
        key = new_key(f"root@{host.name}")
        for path in _PLACES:
            host.write(path, key.private, 0o600)
        self._public_key = key.public

    def meet(self, host: Host, others: Sequence[Placed]) -> None:
        """Introduces the host and the servers to each other."""
        keys, ports = [], []
        for other in others:
            if isinstance(server := other.furnishing, Sshd):
                server.authorise(other.host, self._public_key)
                known_by = (other.node.properties.get(key) for key in _NAMES)
                names = (*other.addresses, other.host.name, *filter(None, known_by))
                known_as = names if server.port == SSH_PORT else [f"[{name}]:{server.port}" for name in names]
                keys.append(f"{','.join(known_as)} {server.public_key}\n")
                if server.port != SSH_PORT:
                    ports.append(f"Host {' '.join(names)}\n    Port {server.port}\n")
        host.write("/root/.ssh/known_hosts", "".join(keys))
        if ports:
            host.write("/root/.ssh/config", "".join(ports), 0o600)


SERVICE = SshKeys
