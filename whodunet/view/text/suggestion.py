"""Proposed evidence as YAML, to be pasted below the key `answer` of a scenario."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import yaml

from whodunet.cases.scenario import EvidenceClaim
from whodunet.evidence.observation import PhaseName
from whodunet.view.text import columns

_WIDTH: Final = 74  # of 80 columns, those that the deepest claim's indent leaves


def render_suggestion(claims: Mapping[PhaseName, Sequence[EvidenceClaim]]) -> str:
    """The claims of both phases, indented as `answer` wants them; also YAML of its own."""
    lines = [
        "  # held in this run; keep what the case is about, below `answer:` in place of",
        "  # the evidence there; what is below `repaired:`, below the `repaired:` there",
    ]
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
    flow = yaml.safe_dump(said, default_flow_style=True, sort_keys=False, width=math.inf, allow_unicode=True)
    return columns.wrapped(f"- {flow.strip()}", _WIDTH, "    ", after=",")
