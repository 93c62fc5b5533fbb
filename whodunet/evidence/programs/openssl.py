"""openssl s_client of OpenSSL 1.0 to 3.5 and LibreSSL."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import FAILED, OK, Row
from whodunet.evidence.symptom_words import AT_SOME_STAGE, CLOSED, ESTABLISHED, RESOLVING, TLS

ROWS = (
    Row(r"BIO_lookup|getaddrinfo|gethostbyname", RESOLVING, FAILED),
    Row(r"^(?!\s*Timeout\s+:)", TLS + ESTABLISHED + CLOSED, FAILED, once=r"^CONNECTED\("),  # of the session, in seconds
    Row(r"Verification error: |Verify return code: (?!0 )", TLS),
    Row(r"^", RESOLVING + TLS + AT_SOME_STAGE + CLOSED, FAILED),
    Row(r"^(?:read|write):errno=0$", Symptom.CLOSED, FAILED),
    Row(r"no peer certificate", (Symptom.CLOSED, Symptom.RESET, Symptom.STALLED), FAILED, once=r"^CONNECTED\("),
    Row(r"^CONNECTED\(", Symptom.CONNECTED, OK),
)

PROGRAM = Program(names=("openssl",), rows=ROWS, stood=r"^CONNECTED\(")
