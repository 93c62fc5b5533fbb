"""Who is to blame in the words of tools: by the cause, and by where on the way the culprit is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit import case
from tests.unit.grading.graded import routed, way
from whodunet.cases.causes import Cause, CauseClass, Taxonomy
from whodunet.diagnosis.verdict import HopInterval, Party
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.topology import Node
from whodunet.grading.truth import Way, truth_of, usual_parties


def cause(name: str, party: str, **more: Any) -> Cause:
    return Cause(name=name, id="Z01", party=party, title="t", looks_like=Symptom.REFUSED, told_by="t", **more)


def parties(by: str, culprit: str | None, **more: Any) -> frozenset[Party]:
    whole = case.scenario()
    answer = whole.answer.model_copy(update={"cause": "it", "culprit": culprit})
    taxonomy = Taxonomy({"it": cause("it", by, **more)}, {})
    return truth_of(whole.model_copy(update={"answer": answer}), taxonomy, way()).parties


def test_hops_count_what_lowers_a_ttl_and_a_switch_is_between_two() -> None:
    assert way().hops_to("client") == HopInterval(0, 0)
    assert way().hops_to("fw") == HopInterval(0, 1)
    assert way().hops_to("r1") == HopInterval(1, 1)
    assert way().hops_to("instance") == HopInterval(2, 2)


def test_a_router_that_leaves_ttls_as_they_are_is_between_two_hops() -> None:
    topology = routed()
    nodes = {**topology.nodes, "r1": replace(topology.nodes["r1"], lowers_ttl=False)}
    assert way(replace(topology, nodes=nodes)).hops_to("r1") == HopInterval(0, 1)


def test_a_cable_is_where_its_nearer_end_is_and_what_is_elsewhere_has_no_hops() -> None:
    assert way().hops_to("r1 - instance") == HopInterval(1, 1)
    topology = routed()
    with_resolver = replace(topology, nodes={**topology.nodes, "dns": Node("dns", "resolver")})
    assert way(with_resolver).hops_to("dns") is None


def test_the_way_avoids_what_lies_behind_uplinks_that_are_not_used() -> None:
    topology = routed()
    interfaces = dict(topology.interfaces)
    interfaces["client-eth0"] = replace(interfaces["client-eth0"], label="vpn")
    interfaces["client-eth1"] = replace(interfaces["client-eth0"], name="client-eth1", label="home")
    interfaces["instance-eth1"] = replace(interfaces["instance-eth0"], name="instance-eth1")
    home = replace(topology.links[0], ends=("client-eth1", "instance-eth1"))
    two = replace(topology, interfaces=interfaces, links=(*topology.links, home), uplinks={"client": ("vpn", "home")})
    assert Way.of(case.scenario(), replace(two, uplinks={}), "instance").nodes == ("client", "instance")
    by_home = case.scenario().model_copy(
        update={"staging": case.scenario().staging.model_copy(update={"setup": _uplink("home")})}
    )
    assert Way.of(by_home, two, "instance").nodes == ("client", "instance")


def _uplink(name: str) -> object:
    return type(case.scenario().staging.setup)(uplinks={"client": name})


@pytest.mark.parametrize(
    ("by", "culprit", "expected"),
    [
        ("egress firewall", "fw", {Party.FIRST_HOP, Party.CLOUD_EDGE}),  # before the only router: both ends at once
        ("path", "r1", {Party.FIRST_HOP, Party.CLOUD_EDGE, Party.PATH}),
        ("destination host", "instance", {Party.DESTINATION}),
        ("destination host", "r1", {Party.PROXY}),
        ("service", "instance", {Party.SERVICE}),
        ("client configuration", "client", {Party.CONFIGURATION}),
        ("client configuration", "r1", {Party.PROXY}),
        ("client machine", "client", {Party.THIS_MACHINE}),
        ("names", "client", {Party.CONFIGURATION, Party.RESOLVER}),
        ("names", "r1", {Party.RESOLVER}),
        ("first hop", "r1", {Party.LOCAL_NETWORK}),
        ("cloud configuration", "instance", {Party.CLOUD_EDGE, Party.DESTINATION}),
        ("somebody's own", "fw", {Party.FIRST_HOP, Party.CLOUD_EDGE}),  # of a cause file beside a scenario
        ("egress firewall", None, {Party.NOBODY}),
    ],
)
def test_the_party_follows_from_cause_and_place(by: str, culprit: str | None, expected: set[Party]) -> None:
    assert parties(by, culprit) == expected


def test_a_router_in_the_middle_is_the_path_and_the_last_one_the_cloud_edge() -> None:
    nodes = ("client", "r1", "r2", "r3", "instance")
    topology = routed()
    made = {name: Node(name, name, forwards=name.startswith("r")) for name in nodes}
    longer = Way("client", "instance", nodes, replace(topology, nodes=made))
    assert [longer.party_at(name) for name in nodes[1:4]] == [
        {Party.FIRST_HOP},
        {Party.PATH},
        {Party.CLOUD_EDGE},
    ]


def test_whoever_runs_a_service_is_to_blame_for_it_as_well() -> None:
    stopped = cause("it", "destination host", fault={"kind": "service", "state": "stopped"})
    assert usual_parties(stopped) == {Party.DESTINATION, Party.SERVICE}
    assert usual_parties(cause("it", "destination host", fault={"kind": "nft"})) == {Party.DESTINATION}


def test_a_class_has_the_parties_of_all_its_members() -> None:
    members = {
        "egress-reset": cause("egress-reset", "egress firewall", classes=("E1",)),
        "down": cause("down", "destination host", classes=("E1",)),
    }
    refuses = CauseClass(name="refuses", id="E1", title="t", honest_answer="h", settled_by="s")
    truth = truth_of(case.scenario(), Taxonomy(members, {"refuses": refuses}), way())
    (only,) = truth.classes
    assert only.name == "refuses"
    assert only.members == {"egress-reset", "down"}
    assert only.parties == {Party.FIRST_HOP, Party.DESTINATION}
