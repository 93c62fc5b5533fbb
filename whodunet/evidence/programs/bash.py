"""bash's /dev/tcp, where the shell itself connects: bash(1), "REDIRECTION"."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import FAILED, OK, Row
from whodunet.evidence.symptom_words import CONNECTING, RESOLVING

# bash(1), /dev/tcp: first how connect(2) or getaddrinfo(3) failed, then the redirection, whose errno may be another
ROWS = (
    Row(r"^\S*bash: (?:line \d+: )?(?!/dev)\S+: ", RESOLVING, FAILED),
    Row(r"^\S*bash: (?:line \d+: )?connect: ", CONNECTING, FAILED),
    Row(r"/dev/(?:tcp|udp)/\S+: ", CONNECTING, FAILED),
    Row("", Symptom.CONNECTED, OK, only_for=r"/dev/tcp/"),
)

PROGRAM = Program(rows=ROWS)
