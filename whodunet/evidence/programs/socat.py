"""socat 1.7 and 1.8."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import FAILED, OK, Row
from whodunet.evidence.symptom_words import ACCESS, CLOSED, CONNECTING, ESTABLISHED, HTTP_STATUS, RESOLVING, TLS

SOCAT_SAYS = r" socat\[\d+(?:\.\d+)?\] [EFW] "

ROWS = (
    Row(SOCAT_SAYS + r"getaddrinfo.*: ", RESOLVING, FAILED),
    Row(SOCAT_SAYS + r"CONNECT \S+: ", HTTP_STATUS + ACCESS, FAILED),
    Row(SOCAT_SAYS + r"(?:read|write|recv|send)\w*\(.*?\): ", ESTABLISHED, FAILED),
    Row(SOCAT_SAYS + r"SSL", TLS + ESTABLISHED + CLOSED, FAILED),
    Row(SOCAT_SAYS, TLS + CONNECTING, FAILED),
    Row("", (Symptom.CONNECTED, Symptom.CLOSED, Symptom.STALLED), OK),
)

PROGRAM = Program(names=("socat",), rows=ROWS, hands_on=True)
