"""NATs with several outside addresses, or few ports: which they may have, and that connections take turns."""

from __future__ import annotations

import json

import pytest

from tests.unit.faults.stand_in import TOPOLOGY, StandIn
from whodunet.faults.nat_pool import NatPool
from whodunet.faults.nat_ports import NatPorts

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


@pytest.mark.parametrize(("address", "keys"), [(INSIDE, []), ("fd00:9::1", []), ("10.0.1.10", [("address",)])])
def test_few_ports_are_those_of_an_address_of_the_router(address: str, keys: list[tuple[object, ...]]) -> None:
    fault = NatPorts(node="vpn-gw", interface="vpn-gw-eth1", address=address, ports=(40000, 40000))
    assert [misfit.key for misfit in fault.misfits(TOPOLOGY)] == keys


@pytest.mark.parametrize("listed", [40001, {"range": [40000, 40001]}])
def test_other_ports_than_those_that_are_meant_prove_nothing(listed: object) -> None:
    def others(thing: object) -> object:
        if isinstance(thing, dict):
            return {key: listed if key == "port" else others(value) for key, value in thing.items()}
        return [others(each) for each in thing] if isinstance(thing, list) else thing

    fault = NatPorts(node="vpn-gw", interface="vpn-gw-eth1", address=INSIDE, ports=(40000, 40000))
    network = StandIn()
    fault.inject(network)
    assert fault.proof(network)
    network.kernel = others
    assert fault.proof(network) is None
