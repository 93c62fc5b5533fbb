"""Proposed evidence as YAML, to be pasted below the key `answer` of a scenario.

It is written as scenarios are, by names: a capture point by its label, a TTL by who sends it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import yaml

from whodunet.cases.evidence_fields.first_seen_at import FirstSeenAt
from whodunet.cases.evidence_fields.ttl import Ttl
from whodunet.cases.references import References
from whodunet.cases.scenario import EvidenceClaim
from whodunet.evidence.observation import PhaseName
from whodunet.view.text import columns

_WIDTH: Final = 72  # of 80 columns, those that the deepest claim's indent leaves

_BEGINS: Final[Mapping[PhaseName, tuple[str, ...]]] = {  # what is above a phase's key, and before it
    "faulty": ("  ",),
    "first removed": ("  behind:", "    - "),
    "second removed": ("    - ",),
    "third removed": ("    - ",),
    "repaired": ("  repaired:", "    "),
}


def render_suggestion(claims: Mapping[PhaseName, Sequence[EvidenceClaim]], references: References) -> str:
    """The claims of each phase, indented as `answer` wants them; also YAML of its own."""
    lines = [
        "  # held in this run; keep what the case is about, below `answer:` in place of",
        "  # the evidence there; what is below `repaired:`, below the `repaired:` there",
    ]
    for phase, of_phase in claims.items():
        *above, begins = _BEGINS[phase]
        lines += [*above, f"{begins}evidence:{'' if of_phase else ' []'}"]
        lines += [f"  {' ' * len(begins)}{line}" for claim in of_phase for line in _claim(claim, references)]
    return "\n".join(lines) + "\n"


def _claim(claim: EvidenceClaim, references: References) -> list[str]:
    said = claim.model_dump(mode="json", exclude_defaults=True)
    begins = next((each.root for each in claim.says if isinstance(each, FirstSeenAt)), None)
    sender = references.topology.node_at(begins) if begins else claim.sender
    for ttls in (each.root for each in claim.says if isinstance(each, Ttl)):
        said["ttl"] = {point: references.ttl_as_written(ttl, point, sender) for point, ttl in ttls.items()}
    named = _with_labels(said, references)
    flow = yaml.safe_dump(named, default_flow_style=True, sort_keys=False, width=math.inf, allow_unicode=True)
    return columns.wrapped(f"- {flow.strip()}", _WIDTH, "    ", after=",")


def _with_labels(said: object, references: References) -> object:
    """What a claim says, with labels in place of the interfaces' names."""
    if isinstance(said, dict):
        return {_with_labels(key, references): _with_labels(value, references) for key, value in said.items()}
    if isinstance(said, list):
        return [_with_labels(each, references) for each in said]
    return references.point_as_written(said) if isinstance(said, str) else said
