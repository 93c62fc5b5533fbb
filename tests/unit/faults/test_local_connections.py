"""What keeps a host's own connections from leaving it: no port to come from, an agent that takes them over."""

from __future__ import annotations

import pytest

from tests.unit.faults.stand_in import StandIn
from whodunet.faults.ephemeral_ports import EphemeralPorts
from whodunet.faults.local_redirect import LocalRedirect

PORTS = EphemeralPorts(node="client", ports=(49152, 49153))
RANGE = "/proc/sys/net/ipv4/ip_local_port_range"


@pytest.mark.parametrize("there", ["32768 60999", "49152 49154"])
def test_ports_are_left_while_the_range_is_wider(there: str) -> None:
    network = StandIn()
    PORTS.inject(network)
    assert PORTS.proof(network)
    network.machines["client"].files[RANGE] = there
    assert PORTS.proof(network) is None


def test_ports_are_left_while_one_is_not_in_use() -> None:
    network = StandIn()
    PORTS.inject(network)
    network.machines["client"].listening.popitem()
    assert PORTS.proof(network) is None


def test_a_dead_agent_is_one_that_does_not_listen() -> None:
    fault = LocalRedirect(node="client", port=22, agent="dead")
    network = StandIn()
    fault.inject(network)
    assert fault.proof(network)
    network.machines["client"].listening["7"] = "15001"
    assert fault.proof(network) is None


def test_an_agent_without_upstream_listens() -> None:
    fault = LocalRedirect(node="client", port=22, agent="without-upstream")
    network = StandIn()
    fault.inject(network)
    assert fault.proof(network)
    network.machines["client"].listening.clear()
    assert fault.proof(network) is None
