"""mtr with --report."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import FAILED, Row
from whodunet.evidence.symptom_words import CONNECTING, RESOLVING

ROWS = (
    Row(r"^mtr(?:-packet)?: ", RESOLVING + CONNECTING, FAILED),
    Row(r"^ *\d+\.(?:\|--)? +\?\?\?[^\n]*\s*\Z", Symptom.TIMED_OUT),
    Row(r"^ *\d+\.(?:\|--)? +[\w.:-]+ +100\.0%?[^\n]*\s*\Z", Symptom.TIMED_OUT),
    Row(r"^ *\d+\.(?:\|--)? +[\w.:-]+(?: \([^)]*\))? +\d[^\n]*\s*\Z", Symptom.CONNECTED),
)

PROGRAM = Program(names=("mtr",), rows=ROWS)
