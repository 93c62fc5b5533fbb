"""A kept run comes back as it was, or is refused with the key that is damaged."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest

from whodunet.cases.run_json import from_json, to_json
from whodunet.errors import InvalidInput


def test_a_run_comes_back_as_it_was(case: ModuleType) -> None:
    run = case.run(links={"a - b": "netem, 20 ms"}, dropped={"client-eth0": 2}, notes=("a note",))
    killed = case.run(faulty=case.observation(status=None, stdout="\x1b[0m\u00e4\r\n"))

    assert from_json(to_json(run)) == run
    assert from_json(to_json(killed)) == killed


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
        from_json(json.dumps(kept))

    assert [problem.place for problem in refused.value.problems] == [place]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", b"\xff\xfe", b'{"scenario": "\xff"}'])
def test_what_is_no_run_at_all_is_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidInput, match="run the scenario again"):
        from_json(text)
