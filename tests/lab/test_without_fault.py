"""A scenario that is played without its fault does not show what it claims."""

from __future__ import annotations

import pytest

from whodunet import engine
from whodunet.loading.library import Library, find_scenario


@pytest.mark.parametrize("name", ["sshd-down", "security-group-drop", "gateway-arp-silent"])
def test_a_scenario_played_without_its_fault_does_not_hold(name: str) -> None:
    library = Library()
    scenario = library.scenario(find_scenario(name))
    staging = scenario.staging.model_copy(update={"faults": ()})
    recording = engine.play(scenario.model_copy(update={"staging": staging}), library, lambda _: None)
    broken = {
        each.claim.id.split("/")[1]
        for each in recording.judgements
        if each.claim.phase == "faulty" and each.outcome == "broken"
    }
    assert broken >= {"symptom", "evidence"}, "what users see and what the packets show"
