"""rsync's words, over ssh and to a daemon of its own."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.programs.ssh import OVER_SSH
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import FAILED, OK, Row
from whodunet.evidence.symptom_words import ACCESS, CONNECTING, ESTABLISHED, RESOLVING

ROWS = (
    *OVER_SSH,
    Row(r"^rsync: (?:\[\w+\] )?getaddrinfo: .*: ", RESOLVING, FAILED),
    Row(r"^rsync: (?:\[\w+\] )?failed to connect to .*: ", CONNECTING, FAILED),
    Row(r"^(?:rsync: .*)?protocol version mismatch|^rsync: server sent \"", Symptom.PROTOCOL_ERROR, FAILED),
    Row(r"^@ERROR: ", ACCESS, FAILED),
    Row(r"^rsync: (?:\[\w+\] )?(?:read|write|writefd\w*)\b.*error", ESTABLISHED, FAILED, beyond_packets=True),
    Row(r"timeout in data send/receive|io timeout after|timeout waiting for daemon", Symptom.STALLED, FAILED),
    Row(r"connection unexpectedly closed", Symptom.CLOSED, FAILED, beyond_packets=True),
    Row("", Symptom.CONNECTED, OK),
)

PROGRAM = Program(names=("rsync",), rows=ROWS)
