"""The catalogue shows what the taxonomy has of causes that look the same, and is for both families of addresses."""

from __future__ import annotations

from typing import Final

import pytest
import yaml

from whodunet.loading.library import Library, find_scenario, scenario_names

TAXONOMY: Final = Library().taxonomy
FILES: Final = {name: yaml.safe_load(find_scenario(name).read_text(encoding="utf-8")) for name in scenario_names()}
ANSWERS: Final = [file["answer"] for file in FILES.values()]
SHOWN: Final = {part["cause"] for answer in ANSWERS for part in (answer, *answer.get("behind", ()))}


@pytest.mark.parametrize("number", range(1, 13))
def test_of_each_class_of_causes_at_least_two_are_shown(number: int) -> None:
    found = TAXONOMY.cause_class(f"E{number}")
    assert found is not None
    assert len({cause.name for cause in TAXONOMY.members(found)} & SHOWN) >= 2


def test_at_least_ten_scenarios_hold_over_ipv6_and_some_over_ipv6_alone() -> None:
    families = [file.get("family", {}).get("only") for file in FILES.values()]
    assert sum(family != "ipv4" for family in families) >= 10
    assert "ipv6" in families


def test_each_cause_that_no_scenario_shows_and_no_fault_makes_says_why() -> None:
    silent = [
        cause.name
        for cause in TAXONOMY.in_order()
        if cause.name not in SHOWN and cause.fault is None and cause.not_made is None
    ]
    assert silent == []
