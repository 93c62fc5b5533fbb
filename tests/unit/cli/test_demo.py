"""The demo plays the reference case and the way in, in the network that it was asked for."""

from __future__ import annotations

import pytest

from whodunet.cli import demo
from whodunet.cli.main import main
from whodunet.variation import AS_STATED, Variation


@pytest.mark.parametrize(("asked", "variation"), [([], AS_STATED), (["--seed", "7"], Variation(7))])
def test_both_plays_are_of_the_seed_that_was_asked_for(
    asked: list[str], variation: Variation, monkeypatch: pytest.MonkeyPatch
) -> None:
    played: list[tuple[str, Variation]] = []

    def play(name: str, drawn: Variation, all_claims: bool, pauses: bool, is_quiet: bool) -> str:
        played.append((name, drawn))
        return "held"

    monkeypatch.setattr(demo, "_play", play)
    assert main(["demo", *asked]) == 0
    assert played == [(demo.THE_CASE, variation), (demo.THE_WAY_IN, variation)]
