"""What claims about packets can say: the fields of evidence, one file each, found by being here."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import TypeAlias

from pydantic import create_model

from whodunet.cases.evidence_field import EvidenceField
from whodunet.cases.scenario import EvidenceClaim

EvidenceFields: TypeAlias = Mapping[str, type[EvidenceField]]  # by key, in the order in which a claim tells them


@cache
def own() -> EvidenceFields:
    """Those of this folder."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return in_order({name: importlib.import_module(f"{__name__}.{name}").FIELD for name in names})


def in_order(fields: EvidenceFields) -> EvidenceFields:
    """The same, in the order in which a claim tells them."""
    return dict(sorted(fields.items(), key=lambda item: (item[1].order, item[0])))


def claim_model(fields: EvidenceFields) -> type[EvidenceClaim]:
    """The type of claims that can say these things, and nothing else."""
    return _claim_model(tuple(fields.items()))


@cache
def _claim_model(fields: tuple[tuple[str, type[EvidenceField]], ...]) -> type[EvidenceClaim]:
    # A default that the field itself would refuse: a key without a value says nothing, and may be meant to say much.
    said = {key: (field, None) for key, field in fields}
    return create_model("EvidenceClaim", __base__=EvidenceClaim, __doc__=EvidenceClaim.__doc__, **said)  # type: ignore[call-overload, no-any-return]
