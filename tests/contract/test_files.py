"""Every file of the folders that people add to loads, and fits the others."""

from __future__ import annotations

from typing import Any, Final

import pytest
import yaml
from pydantic import BaseModel

from whodunet import catalogue
from whodunet.cases.causes import Cause, rivals
from whodunet.cases.scenario import Scenario
from whodunet.loading.library import Library, find_scenario, scenario_names
from whodunet.loading.scenario_file import NotOverFamily, json_schema
from whodunet.variation import Variation

LIBRARY: Final = Library()
OVER_IPV6: Final = Library(variation=Variation(family="ipv6"))
TOPOLOGIES: Final = LIBRARY.topology_names()
CONTROLLERS: Final = [name for name in catalogue.names("controllers", ".py") if name != "ryu_app"]


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_a_topology_file_offers_itself_to_mininet_under_its_own_name(name: str) -> None:
    module = catalogue.load_module(catalogue.folder("topologies") / f"{name}.py")
    assert name in module.topos
    assert module.topos[name]().nodes()


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_a_topology_has_the_interfaces_that_its_links_and_uplinks_name(name: str) -> None:
    topology = LIBRARY.topology(name)
    assert {end for ends in topology.joined for end in ends} == set(topology.interfaces)
    for host in topology.uplinks:
        uplinks = LIBRARY.topo(name).settings(host)["uplinks"].values()
        assert {topology.interfaces[uplink.interface].node for uplink in uplinks} == {host}


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_the_standing_policies_of_a_topology_are_accepted_by_their_controllers(name: str) -> None:
    for switch in LIBRARY.topo(name).switches():
        policy = LIBRARY.standing_policy(name, switch, {})
        assert LIBRARY.catalogue.read_policy(policy, LIBRARY.topology(name), switch).flow_entries()


@pytest.mark.parametrize("name", CONTROLLERS)
def test_a_controller_offers_a_policy(name: str) -> None:
    policy = LIBRARY.catalogue.policy_class(name)
    assert all(callable(getattr(policy, method)) for method in ("from_config", "flow_entries", "answer"))


def accepted(name: str) -> Scenario:
    """A scenario of the project, over IPv6 where it is about that alone."""
    try:
        return LIBRARY.scenario(find_scenario(name))
    except NotOverFamily:
        return OVER_IPV6.scenario(find_scenario(name))


@pytest.mark.parametrize("name", scenario_names())
def test_a_scenario_file_is_accepted(name: str) -> None:
    assert accepted(name).question.name == name


def kinds_of(cause: Cause) -> tuple[str, ...]:
    """The kinds of faults that make it: one, several, or none."""
    kinds = (cause.fault or {}).get("kind", ())
    return (kinds,) if isinstance(kinds, str) else tuple(kinds)


def test_what_makes_a_cause_is_a_kind_of_fault_that_exists() -> None:
    stated = {(cause.name, kind) for cause in LIBRARY.causes().values() for kind in kinds_of(cause)}
    assert {(name, kind) for name, kind in stated if kind not in LIBRARY.fault_kinds()} == set()


def test_each_fault_kind_is_used_by_a_scenario_and_is_some_cause() -> None:
    staged = [fault for name in scenario_names() for fault in accepted(name).staging.faults]
    assert {fault.kind for fault in staged} == set(LIBRARY.fault_kinds())
    made = {kind for cause in LIBRARY.causes().values() for kind in kinds_of(cause)}
    assert made == set(LIBRARY.fault_kinds())


def test_ids_and_facts_of_causes_are_their_own() -> None:
    causes = LIBRARY.causes().values()
    assert len({cause.id for cause in causes}) == len(causes)
    assert not list(rivals(causes))


def conforms(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:  # noqa: PLR0911 - one for each keyword
    """Whether a value is what a JSON Schema describes: the keywords that pydantic writes, no others."""
    if "$ref" in schema:
        return conforms(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root)
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return any(conforms(value, choice, root) for choice in schema[keyword])
    if "const" in schema or "enum" in schema:
        return value in schema.get("enum", [schema.get("const")])
    kinds: dict[str, Any] = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "boolean": bool,
        "number": (int, float),
        "null": type(None),
    }
    if "type" in schema and not isinstance(value, kinds[schema["type"]]):
        return False
    if isinstance(value, dict):
        return _object_conforms(value, schema, root)
    if isinstance(value, list):
        items = schema.get("items", {})
        prefix = schema.get("prefixItems", [])
        return all(conforms(each, prefix[at] if at < len(prefix) else items, root) for at, each in enumerate(value))
    return True


def _object_conforms(value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any]) -> bool:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for key, each in value.items():
        part = known.get(key, others)
        if part is False or (isinstance(part, dict) and not conforms(each, part, root)):
            return False
    return set(schema.get("required", ())) <= set(value)


@pytest.mark.parametrize("name", scenario_names())
def test_a_scenario_file_conforms_to_the_published_schema(name: str) -> None:
    schema = json_schema(LIBRARY)
    assert conforms(yaml.safe_load(find_scenario(name).read_text(encoding="utf-8")), schema, schema)


def test_the_schema_refuses_what_the_reader_refuses() -> None:
    schema = json_schema(LIBRARY)
    good = yaml.safe_load(find_scenario("vpn-egress-reset").read_text(encoding="utf-8"))
    fault = good["faults"][0]
    for bad in (good | {"storey": ""}, good | {"title": 7}, good | {"faults": [fault | {"action": "rst"}]}):
        assert not conforms(bad, schema, schema)


def test_every_key_of_a_fault_kind_but_names_is_explained_or_speaks_for_itself() -> None:
    for kind in LIBRARY.fault_kinds().values():
        assert issubclass(kind, BaseModel)
        assert kind.__doc__
        assert kind.model_config["extra"] == "forbid"
