"""Files of a folder `evidence_fields`: what more claims about packets can say."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import isabstract
from pathlib import Path

from whodunet import catalogue
from whodunet.cases import evidence_fields
from whodunet.cases.evidence_field import EvidenceField
from whodunet.cases.evidence_fields import EvidenceFields
from whodunet.cases.scenario import EvidenceClaim
from whodunet.errors import InvalidInput, Problem


def read_evidence_fields(files: Mapping[str, Path]) -> EvidenceFields:
    """The project's own fields, and those of some files, by name.

    Raises:
        InvalidInput: when a file does not run, holds no field, or has a name that is taken.
    """
    own = evidence_fields.own()
    return evidence_fields.in_order({**own, **{name: _field(name, path) for name, path in files.items()}})


def _field(name: str, path: Path) -> type[EvidenceField]:
    if name in evidence_fields.own() or name in EvidenceClaim.model_fields:
        raise InvalidInput(Problem(str(path), f"the key {name} of evidence already exists", "give it another name"))
    if not name.isidentifier() or hasattr(EvidenceClaim, name):
        raise InvalidInput(Problem(str(path), "is not named as a key of evidence can be", "name it like seen_at"))
    field = catalogue.attribute(path, "FIELD")
    if not (isinstance(field, type) and issubclass(field, EvidenceField)) or isabstract(field):
        raise InvalidInput(Problem(str(path), "holds no field of evidence in FIELD", "see docs/scenarios.md"))
    return field
