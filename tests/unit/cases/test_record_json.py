"""A kept run or topology comes back as it was, or is refused with the key that is damaged."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest

from whodunet.cases.record_json import from_json, to_json
from whodunet.errors import InvalidInput
from whodunet.evidence.observation import Run
from whodunet.evidence.topology import Topology
from whodunet.loading.library import Library
from whodunet.variation import Variation


def test_a_run_comes_back_as_it_was(case: ModuleType) -> None:
    run = case.run(links={"a - b": "netem, 20 ms"}, dropped={"client-eth0": 2}, notes=("a note",))
    killed = case.run(faulty=case.observation(status=None, stdout="\x1b[0m\u00e4\r\n"))

    assert from_json(Run, to_json(run), "run.json") == run
    assert from_json(Run, to_json(killed), "run.json") == killed


@pytest.mark.parametrize(
    ("damage", "place"),
    [
        (lambda kept: kept.pop("scenario"), "run.json: scenario"),
        (lambda kept: kept.update(surprise=1), "run.json: surprise"),
        (lambda kept: kept["phases"][0].update(name="third"), "run.json: phases.0.name"),
        (
            lambda kept: kept["phases"][0]["observations"]["ssh"].update(exit_status="0"),
            "run.json: phases.0.observations.ssh.exit_status",
        ),
    ],
)
def test_a_damaged_run_is_refused_with_its_place(case: ModuleType, damage: Any, place: str) -> None:
    kept = json.loads(to_json(case.run()))
    damage(kept)

    with pytest.raises(InvalidInput) as refused:
        from_json(Run, json.dumps(kept), "run.json")

    assert [problem.place for problem in refused.value.problems] == [place]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", b"\xff\xfe", b'{"scenario": "\xff"}'])
def test_what_is_no_run_at_all_is_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidInput, match="run the scenario again"):
        from_json(Run, text, "run.json")


@pytest.mark.parametrize("variation", [Variation(), Variation(7, "ipv6")], ids=str)
@pytest.mark.parametrize("name", Library().topology_names())
def test_a_topology_comes_back_as_it_was(name: str, variation: Variation) -> None:
    topology = Library(variation=variation).topology(name)

    assert from_json(Topology, to_json(topology), "topology.json") == topology


def test_a_damaged_topology_is_refused_with_its_place(case: ModuleType) -> None:
    kept = json.loads(to_json(case.topology()))
    kept["links"][1]["delay_ms"] = "long"
    kept["interfaces"]["fw-eth0"]["colour"] = "blue"

    with pytest.raises(InvalidInput) as refused:
        from_json(Topology, json.dumps(kept), "topology.json")

    assert {problem.place for problem in refused.value.problems} == {
        "topology.json: links.1.delay_ms",
        "topology.json: interfaces.fw-eth0.colour",
    }
