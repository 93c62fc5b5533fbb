"""PostgreSQL's clients: libpq 9 to 17."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import FAILED, OK, Row
from whodunet.evidence.symptom_words import ACCESS, AT_SOME_STAGE, CLOSED, ESTABLISHED, NOT_SAID, RESOLVING, TLS

ROWS = (
    Row(r"^(?=.*FATAL: )", ACCESS, FAILED),
    Row(r"could not translate host name .* to address: ", RESOLVING, FAILED),
    Row(r"(?=server closed the connection unexpectedly)", CLOSED, FAILED),
    Row(r"(?:SSL|GSSAPI) (?:SYSCALL )?error: ", TLS + ESTABLISHED + CLOSED, FAILED),
    Row(r"received invalid response to \S+ negotiation", Symptom.PROTOCOL_ERROR, FAILED),
    Row(r"could not (?:receive|send) (?:data|\S+ negotiation).*: ", ESTABLISHED, FAILED),
    Row(r"(?:could not connect to server|port \S+ failed): ", AT_SOME_STAGE, FAILED),
    Row(r"(?=timeout expired)", AT_SOME_STAGE, FAILED),
    Row(r"- no response$", (Symptom.UNKNOWN, *NOT_SAID[1:]), FAILED),  # pg_isready
    Row("", Symptom.CONNECTED, OK),
)

PROGRAM = Program(
    names=(
        "psql",
        "pg_isready",
        "pg_dump",
    ),
    rows=ROWS,
)
