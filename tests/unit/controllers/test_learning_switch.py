"""A switch that only learns lets everything pass, and has nothing to be told."""

from __future__ import annotations

import pytest

from controllers.learning_switch import POLICY
from whodunet.errors import InvalidInput
from whodunet.openflow.policy import NORMAL, FlowEntry, Output


def test_everything_passes_as_in_a_learning_switch_and_nothing_asks_the_controller() -> None:
    policy = POLICY.from_config({"controller": "learning_switch"}, {"lan-eth1": 1}, "lan")
    assert policy.flow_entries() == (FlowEntry(0, {}, (Output(NORMAL),)),)
    assert policy.answer(b"frame", 1) == ()


def test_what_it_has_no_use_for_is_refused() -> None:
    with pytest.raises(InvalidInput, match="rules"):
        POLICY.from_config({"controller": "learning_switch", "rules": []}, {}, "lan")
