"""How a host's ssh reaches instances by their ids: through an EC2 Instance Connect Endpoint."""

from __future__ import annotations

from typing import Final

from whodunet.lab.hosts import Host
from whodunet.lab.service import Furnishing

CONFIG: Final = "/root/.ssh/config"


class ConnectTunnel(Furnishing):
    """The lines of ~/.ssh/config that AWS tells people to write."""

    def __init__(self, port: int) -> None:
        """`port` is sshd's on the instances."""
        self._port = port

    def prepare(self, host: Host) -> None:
        """Writes them."""
        tunnel = f"aws ec2-instance-connect open-tunnel --instance-id %h --remote-port {self._port}"
        host.write(CONFIG, f"Host i-*\n    ProxyCommand {tunnel}\n", 0o600)


SERVICE = ConnectTunnel
