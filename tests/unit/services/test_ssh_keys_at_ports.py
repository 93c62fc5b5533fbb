"""A host with keys is known to every host with sshd, and knows them, by all their names and at their ports."""

from __future__ import annotations

from typing import Any

import pytest

from whodunet.evidence.topology import Node
from whodunet.lab.service import Placed
from whodunet.services.ssh_keys import SshKeys
from whodunet.services.sshd import Sshd


class MemoryHost:
    """A host that is its files."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.files: dict[str, str] = {}

    def write(self, path: str, text: str, mode: int = 0o644, owner: int = 0) -> None:
        """Keeps the text."""
        self.files[path] = text


def introduced(**settings: Any) -> tuple[MemoryHost, MemoryHost]:
    """A client with keys and a server with sshd of these settings, after they have met."""
    client: Any = MemoryHost("client")
    server: Any = MemoryHost("instance")
    keys, sshd = SshKeys(), Sshd("ec2-user", **settings)
    keys.prepare(client)
    sshd.prepare(server)
    node = Node("instance", "instance", properties={"dns_name": "instance.cloud.example", "id": "i-0abc"})
    keys.meet(client, [Placed(server, node, ("10.0.1.10", "fd00:10:0:1::10"), sshd)])
    return client, server


def test_its_key_may_log_in() -> None:
    client, server = introduced()
    assert client.files["/root/.ssh/id_ed25519"].startswith("-----BEGIN OPENSSH PRIVATE KEY")
    assert server.files["/home/ec2-user/.ssh/authorized_keys"].endswith("root@client\n")


def test_it_knows_the_servers_key_by_every_address_and_name() -> None:
    client, server = introduced()
    names, key = client.files["/root/.ssh/known_hosts"].split(" ", 1)
    assert names == "10.0.1.10,fd00:10:0:1::10,instance,instance.cloud.example,i-0abc"
    assert server.files["/etc/ssh/ssh_host_ed25519_key.pub"].startswith(key.strip())


def test_at_the_usual_port_nothing_is_configured() -> None:
    client, server = introduced()
    assert "/root/.ssh/config" not in client.files
    assert "Port 22\n" in server.files["/etc/ssh/sshd_config"]


@pytest.mark.parametrize("port", [2222, 60022])
def test_at_another_port_ssh_finds_it_by_its_configuration_and_knows_it_there(port: int) -> None:
    """Source: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT: a name at a nonstandard port is in brackets."""
    client, server = introduced(port=port)
    assert f"Port {port}\n" in server.files["/etc/ssh/sshd_config"]
    names = "10.0.1.10 fd00:10:0:1::10 instance instance.cloud.example i-0abc"
    assert client.files["/root/.ssh/config"] == f"Host {names}\n    Port {port}\n"
    known = client.files["/root/.ssh/known_hosts"].split()[0]
    assert known == ",".join(f"[{name}]:{port}" for name in names.split())
