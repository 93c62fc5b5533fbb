"""Scenario files written before some of their words changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

_KINDS: Final = {"firewall-entry": "firewall-rule"}
_POLICY_KEYS: Final = {"entries": "rules"}


def in_present_words(content: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """A scenario file's content with today's words in place of former ones; what is malformed stays as it is."""
    present = dict(content)
    if isinstance(faults := content.get("faults"), list):
        present["faults"] = [_fault(each) for each in faults]
    setup = content.get("setup")
    if isinstance(setup, dict) and isinstance(policies := setup.get("policies"), dict):
        present["setup"] = setup | {"policies": {switch: _policy(each) for switch, each in policies.items()}}
    return present


def _fault(fault: JsonValue) -> JsonValue:
    if not isinstance(fault, dict):
        return fault
    kind = fault.get("kind")
    return fault | {"kind": _KINDS[kind]} if isinstance(kind, str) and kind in _KINDS else fault


def _policy(policy: JsonValue) -> JsonValue:
    if not isinstance(policy, dict):
        return policy
    former = {old: new for old, new in _POLICY_KEYS.items() if old in policy and new not in policy}
    return {former.get(key, key): value for key, value in policy.items()}
