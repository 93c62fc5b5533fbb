"""A NAT with several outside addresses: which it may have, and that each new connection gets the next."""

from __future__ import annotations

import json

import pytest

from tests.unit.faults.stand_in import TOPOLOGY
from whodunet.faults.nat_pool import NatPool

INSIDE, OF_DNS = "10.8.0.1", "10.9.0.1"


def pool(*addresses: str, node: str = "vpn-gw", interface: str = "vpn-gw-eth1") -> NatPool:
    return NatPool(node=node, interface=interface, addresses=addresses, idle_s=1)


def test_connections_get_the_addresses_in_turn() -> None:
    (chain,) = pool(INSIDE, OF_DNS).chains()
    turns = [(rule[2]["match"], rule[3]["snat"]) for rule in json.loads(json.dumps(chain.rules))]
    assert [(turn["left"]["numgen"]["mod"], translated["addr"]) for turn, translated in turns] == [
        (2, INSIDE),
        (1, OF_DNS),
    ]


@pytest.mark.parametrize(
    ("fault", "keys"),
    [
        (pool(INSIDE, OF_DNS), []),
        (pool("fd00:8::1", "fd00:9::1"), []),
        (pool(INSIDE, "10.0.1.10"), [("addresses", 1)]),
        (pool(INSIDE, "fd00:9::1"), [("addresses", 1)]),
        (pool(INSIDE, OF_DNS, interface="transit1-eth0"), [("interface",)]),
    ],
)
def test_a_pool_is_of_the_routers_own_addresses_and_of_one_family(
    fault: NatPool, keys: list[tuple[object, ...]]
) -> None:
    assert [misfit.key for misfit in fault.misfits(TOPOLOGY)] == keys


def test_a_host_that_forwards_nothing_translates_nothing() -> None:
    fault = pool("10.0.1.10", "fd00:10:0:1::10", node="instance", interface="instance-eth0")
    assert ("node",) in [misfit.key for misfit in fault.misfits(TOPOLOGY)]
