"""Proposed evidence as YAML, to be pasted below the key `answer` of a scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import yaml

from whodunet.core.observation import PhaseName
from whodunet.core.scenario import EvidenceClaim

_WIDTH: Final = 50  # columns after which PyYAML breaks a line at the next key


def render_suggestion(claims: Mapping[PhaseName, Sequence[EvidenceClaim]]) -> str:
    """The claims of both phases, indented as `answer` wants them; also YAML of its own."""
    lines = ["  # held in this run; paste below `answer:`, and keep what the case is about"]
    for phase, indent in (("faulty", ""), ("repaired", "  ")):
        of_phase = claims.get(phase)  # type: ignore[call-overload]
        if of_phase is None:
            continue
        lines += ["  repaired:"] if phase == "repaired" else []
        lines += [f"  {indent}evidence:{'' if of_phase else ' []'}"]
        lines += [f"    {indent}{line}" for claim in of_phase for line in _claim(claim)]
    return "\n".join(lines) + "\n"


def _claim(claim: EvidenceClaim) -> list[str]:
    said = claim.model_dump(mode="json", exclude_defaults=True)
    flow = yaml.safe_dump(said, default_flow_style=True, sort_keys=False, width=_WIDTH, allow_unicode=True)
    first, *rest = flow.strip().splitlines()
    return [f"- {first}", *(f"  {line}" for line in rest)]
