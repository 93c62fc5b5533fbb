"""scp's and sftp's words: ssh's, and a few of their own."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.programs.ssh import OVER_SSH
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import FAILED, OK, Row

ROWS = (
    *OVER_SSH,
    Row(r"^(?:scp: )?(?:Connection closed|lost connection)", Symptom.CLOSED, FAILED),
    Row(r"^scp: .*: Permission denied", Symptom.DENIED, FAILED),
    Row("", Symptom.CONNECTED, OK),
)

PROGRAM = Program(
    names=(
        "scp",
        "sftp",
    ),
    rows=ROWS,
)
