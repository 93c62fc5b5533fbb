"""GNU wget 1.12 to 1.25 and busybox's."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import FAILED, OK, Row
from whodunet.evidence.symptom_words import (
    ACCESS,
    AT_SOME_STAGE,
    CLOSED,
    CONNECTING,
    ESTABLISHED,
    HTTP_STATUS,
    RESOLVING,
    TLS,
)

ROWS = (
    Row("", Symptom.CONNECTED, OK),
    Row(r"^Resolving .*(?:\.\.\.|…) failed: ", RESOLVING, FAILED),
    Row(r"[Pp]roxy tunneling failed: |^wget: server returned error: |(?=ERROR \d+: )", HTTP_STATUS + ACCESS, FAILED),
    Row(r"^(?=ERROR: (?:cannot verify|.*certificate))", TLS, FAILED),
    Row(r"Authentication [Ff]ailed", Symptom.DENIED, FAILED),
    Row(r"(?:Read|Write) error.*?\(|^Failed (?:reading|writing) .*: ", TLS + ESTABLISHED + CLOSED, FAILED),
    Row(r"No data received|Connection closed at byte", Symptom.CLOSED, FAILED),
    Row(r"^(?:GnuTLS|OpenSSL|ssl_client): |^(?=wget: (?:TLS|got bad TLS) )", TLS + ESTABLISHED + CLOSED, FAILED),
    Row(
        r"Unable to establish SSL connection",
        (Symptom.RESET, Symptom.CLOSED, Symptom.STALLED),
        FAILED,
    ),
    Row(r"^Connecting to .*(?:\.\.\.|…) failed: ", CONNECTING, FAILED),
    Row(r"^wget: can't connect to .*: ", CONNECTING, FAILED),
    Row(r"^wget: .*: ", ESTABLISHED, FAILED),
    Row(r"^wget: error getting response", Symptom.CLOSED, FAILED),
    Row(r"^wget: ", RESOLVING + AT_SOME_STAGE, FAILED),
)

PROGRAM = Program(names=("wget",), rows=ROWS, stood=r"\.\.\. connected\.")
