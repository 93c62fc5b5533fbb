"""nslookup: BIND's, busybox's, Windows'."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.programs.dig import NO_SERVER
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import FAILED, Row
from whodunet.evidence.symptom_words import RESOLVING

ROWS = (
    Row(r"^Name:\s", Symptom.CONNECTED),
    Row(r"[Cc]an't find .*: No answer", Symptom.NOT_RESOLVED),
    Row(r"can't (?:find|resolve) .*: ", RESOLVING),
    Row(
        r"can't find .*: (?:SERVFAIL|REFUSED|Server failed|Query refused|No response)|" + NO_SERVER, Symptom.NO_RESOLVER
    ),
    Row(r"^nslookup: (?:read|write|send)\b", Symptom.NO_RESOLVER, FAILED),
    Row(r"(?=can't resolve )", RESOLVING),
)

PROGRAM = Program(names=("nslookup",), rows=ROWS)
