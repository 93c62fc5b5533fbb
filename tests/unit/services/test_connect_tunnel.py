"""ssh is told to reach instances through a tunnel."""

from __future__ import annotations

from tests.unit.services.hosts_in_memory import place
from whodunet.services.connect_tunnel import ConnectTunnel


def test_instances_are_reached_by_their_ids_and_nobody_else_may_change_how() -> None:
    host, _ = place("client", ConnectTunnel(22))
    assert host.files["/root/.ssh/config"] == (
        "Host i-*\n    ProxyCommand aws ec2-instance-connect open-tunnel --instance-id %h --remote-port 22\n"
    )
    assert host.modes["/root/.ssh/config"] == (0o600, 0)
