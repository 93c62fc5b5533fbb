"""Python: a traceback's last line (`requests.exceptions.ConnectionError: ...`), or what a program makes of it."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import FAILED, OK, Row
from whodunet.evidence.symptom_words import ENDED, FAILURE, NOT_SAID

ROWS = (
    Row("", Symptom.CONNECTED, OK),
    Row(r"^paramiko\S*: .*Error reading SSH protocol banner", (Symptom.STALLED, Symptom.CLOSED, Symptom.RESET), FAILED),
    Row(r"^paramiko\S*: .*Unable to connect to port", NOT_SAID, FAILED),
    Row(r"^(?=[\w.]+: )", FAILURE + ENDED, FAILED),
    Row(r"^(?=\S)", FAILURE + ENDED, FAILED),  # not the lines of source code between
)

PROGRAM = Program(names_like=r"(?:python|pypy)[\d.]*", rows=ROWS)
