"""A stopped instance: all that belongs to it is down, and its router says nothing in its place."""

from __future__ import annotations

import pytest

from tests.unit.faults.stand_in import TOPOLOGY, StandIn
from whodunet.faults.instance_stopped import InstanceStopped

STOPPED = InstanceStopped(node="instance", router="vpc-router")


def test_it_is_stopped_only_while_its_links_are_down_and_its_addresses_of_both_families_are_discarded() -> None:
    network = StandIn()
    before = STOPPED.inject(network)
    assert len(STOPPED.signs(network)) == 3
    network.execute("vpc-router", "ip -6 route del blackhole fd00:10:0:1::10/128")
    assert STOPPED.proof(network) is None
    network.execute("vpc-router", "ip -6 route add blackhole fd00:10:0:1::10/128")
    assert STOPPED.proof(network)
    STOPPED.remove(network, before)
    assert STOPPED.remains(network) is None


@pytest.mark.parametrize("router", ["endpoints", "cloud-edge", "client"])
def test_its_router_is_one_and_on_a_network_with_it(router: str) -> None:
    (misfit,) = InstanceStopped(node="instance", router=router).misfits(TOPOLOGY)
    assert misfit.key == ("router",)
