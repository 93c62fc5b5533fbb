"""dig of BIND 9.11 to 9.20, kdig and drill. NOERROR without an answer: the name is there, an address is not."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import FAILED, OK, Row
from whodunet.evidence.symptom_words import RESOLVING

NO_SERVER = r"no servers could be reached|communications error|connection timed out|DNS request timed out"
ROWS = (
    Row(r"status: NXDOMAIN", Symptom.NAME_NOT_FOUND, OK),
    Row(r"status: (?:SERVFAIL|REFUSED)", Symptom.NO_RESOLVER, OK),
    Row(r"(?:status: NOERROR|rcode: NOERROR)(?s:.*)ANSWER: [1-9]", Symptom.CONNECTED, OK),
    Row(r"status: NOERROR|rcode: NOERROR", Symptom.NOT_RESOLVED, OK),
    Row(r"rcode: NXDOMAIN", Symptom.NAME_NOT_FOUND, OK),  # drill
    Row(NO_SERVER, Symptom.NO_RESOLVER),
    Row(r"^dig: couldn't get address for .*: ", RESOLVING, FAILED),  # of the server
    Row(r"^[^;\s]", Symptom.CONNECTED, OK, only_for=r"\+short"),
    Row(r"\A\s*\Z", Symptom.NOT_RESOLVED, OK, only_for=r"\+short"),
)

PROGRAM = Program(
    names=(
        "dig",
        "drill",
        "kdig",
    ),
    rows=ROWS,
)
