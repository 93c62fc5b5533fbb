"""A route that is missing, leads elsewhere, or leads nowhere: what counts as it, and whose way it breaks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.faults.stand_in import TOPOLOGY, StandIn
from whodunet.errors import CannotRun
from whodunet.faults.route import Route

INSTANCE = "10.0.1.10/32"


def route(**values: Any) -> Route:
    return Route.model_validate({"node": "client", "destination": INSTANCE, "type": "prohibit"} | values)


@pytest.mark.parametrize(
    "listed",
    [
        [],
        [{"type": "blackhole", "dst": "10.0.1.10"}],
        [{"dst": "10.0.1.10", "gateway": "10.8.0.1", "dev": "client-eth0"}],
        [{"type": "prohibit", "dst": "10.0.1.10"}, {"dst": "10.0.1.10", "gateway": "10.8.0.1"}],
    ],
)
def test_only_a_route_of_its_type_and_no_other_beside_it_proves_it(listed: list[dict[str, str]]) -> None:
    network = StandIn()
    route().inject(network)
    assert route().proof(network) == "client: prohibit 10.0.1.10/32"
    network.says = {"ip -4 -json": json.dumps(listed)}
    assert route().proof(network) is None


@pytest.mark.parametrize("changed", [{"gateway": "10.8.0.9"}, {"prefsrc": "10.8.0.10"}])
def test_next_hop_and_source_have_to_be_those_that_were_meant(changed: dict[str, str]) -> None:
    fault = route(type="via", via="10.8.0.1", source="192.168.1.10")
    listed = {"dst": "10.0.1.10", "gateway": "10.8.0.1", "prefsrc": "192.168.1.10"}
    assert fault.proof(StandIn(says={"ip -4 -json": json.dumps([listed])}))
    assert fault.proof(StandIn(says={"ip -4 -json": json.dumps([listed | changed])})) is None


def test_a_route_is_not_absent_while_a_wider_one_covers_its_destination() -> None:
    network = StandIn()
    network.execute("client", "ip -4 route add 10.0.1.10/32 via 10.8.0.1")
    fault = route(type="absent")
    before = fault.inject(network)
    assert fault.proof(network) is None
    fault.remove(network, before)
    anywhere = route(destination="0.0.0.0/0", type="absent")
    anywhere.inject(network)
    assert anywhere.proof(network)


def test_what_is_not_there_cannot_be_taken_away() -> None:
    with pytest.raises(CannotRun, match="client has no route to"):
        route(type="absent").inject(StandIn())


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"type": "via"}, "says no next hop"),
        ({"via": "10.8.0.1"}, "which has no next hop"),
        ({"type": "via", "via": "fd00:8::1"}, "two families"),
        ({"type": "via", "via": "10.8.0.0/24"}, "is not an address"),
    ],
)
def test_a_route_that_nobody_could_set_is_refused(values: dict[str, str], wrong: str) -> None:
    with pytest.raises(ValidationError, match=wrong):
        route(**values)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"via": "10.0.1.1"}, "via"),
        ({"via": "10.8.0.10"}, "via"),
        ({"via": "10.8.0.1", "source": "10.0.1.10"}, "source"),
    ],
)
def test_a_next_hop_is_a_neighbour_and_a_source_is_the_nodes_own(values: dict[str, str], key: str) -> None:
    assert [misfit.key for misfit in route(type="via", **values).misfits(TOPOLOGY)] == [(key,)]


@pytest.mark.parametrize(
    ("node", "destination", "way"),
    [
        ("client", "0.0.0.0/0", "out"),
        ("transit2", "0.0.0.0/0", "out"),
        ("transit2", "10.8.0.0/16", "back"),
        ("cloud-edge", "10.0.0.0/16", "out"),
        ("instance", "::/0", "back"),
        ("instance", "fd00:8::/48", "back"),
    ],
)
def test_whose_way_it_is_on_follows_from_where_it_leads(node: str, destination: str, way: str) -> None:
    assert route(node=node, destination=destination).facts(TOPOLOGY)["way"] == way


@pytest.mark.parametrize(
    ("node", "destination", "via", "leads"),
    [
        ("transit2", "10.0.0.0/16", "100.64.1.1", "in a loop"),
        ("transit2", "10.8.0.0/16", "100.64.2.2", "in a loop"),
        ("client", INSTANCE, "192.168.1.1", "elsewhere"),
        ("cloud-edge", "10.8.0.0/16", "100.64.9.1", "in a loop"),
    ],
)
def test_a_next_hop_from_which_every_way_comes_back_is_a_loop(
    node: str, destination: str, via: str, leads: str
) -> None:
    fault = route(node=node, destination=destination, type="via", via=via)
    assert fault.facts(TOPOLOGY)["leads"] == leads
    assert not list(fault.misfits(TOPOLOGY))
