"""host of BIND."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.programs.dig import NO_SERVER
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import Row

ROWS = (
    Row(r" has (?:IPv6 )?address |domain name pointer ", Symptom.CONNECTED),
    Row(r"not found: 3\(NXDOMAIN\)", Symptom.NAME_NOT_FOUND),
    Row(r"not found: \d+\(\w+\)|" + NO_SERVER, Symptom.NO_RESOLVER),
    Row(r" has no \w+ record", Symptom.NOT_RESOLVED),
)

PROGRAM = Program(names=("host",), rows=ROWS)
