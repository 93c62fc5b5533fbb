"""getent of glibc: what getaddrinfo says, without a reason."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import OK, Row

ROWS = (
    Row(r"^\S", Symptom.CONNECTED, OK),
    Row(r"", Symptom.NOT_RESOLVED, frozenset({2})),  # getent(1): key not found, for whatever reason
)

PROGRAM = Program(names=("getent",), rows=ROWS)
