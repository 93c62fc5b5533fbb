"""resolvectl of systemd."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import FAILED, OK, Row

# resolve1's errors. Source: systemd, src/resolve/resolved-dns-transaction.c and bus-error messages
ROWS = (
    Row(r"does not have any RR of the requested type", Symptom.NOT_RESOLVED, FAILED),
    Row(r"(?:Name )?'.*' not found", Symptom.NAME_NOT_FOUND, FAILED),
    Row(r"NXDOMAIN", Symptom.NAME_NOT_FOUND, FAILED),
    Row(
        r"resolve call failed: (?=.*(?:timed out|No appropriate|All attempts|failed|error|refused|attempts))",
        Symptom.NO_RESOLVER,
        FAILED,
    ),
    Row(r"^\S+: \S", Symptom.CONNECTED, OK),
)

PROGRAM = Program(names=("resolvectl",), rows=ROWS)
