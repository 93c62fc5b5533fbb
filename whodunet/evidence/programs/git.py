"""git's words, over ssh, https and its own protocol."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.programs.ssh import OVER_SSH
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import FAILED, OK, Row
from whodunet.evidence.symptom_words import ACCESS, CONNECTING, ENDED, FAILURE, RESOLVING

GIT_ASKS = r"\bgit\b.*\b(?:clone|fetch|pull|push|ls-remote|remote update|submodule|archive)\b"

ROWS = (
    *OVER_SSH,
    Row(r"^(?:fatal|error): unable to (?:look ?up|resolve) .*?\(", RESOLVING, FAILED),  # git://
    Row(r"^(?:fatal|error): unable to connect to ", CONNECTING, FAILED),
    Row(r"^\S+\[\d+: [\w.:]+\]: errno=", CONNECTING, FAILED),  # git://, connect.c: "host[0: 10.0.1.10]: errno=..."
    # https: libcurl's words, after "unable to access 'URL': " or "RPC failed; curl 56 "
    Row(r"^(?:fatal|error): (?:unable to access '.*': |RPC failed; )", FAILURE + ENDED, FAILED),
    Row(r"^(?:fatal|remote|error): ", ACCESS, FAILED),
    Row(r"^fatal: protocol error", Symptom.PROTOCOL_ERROR, FAILED),
    Row(r"^fatal: (?:the remote end hung up|early EOF)", Symptom.CLOSED, FAILED),
    Row("", Symptom.CONNECTED, OK, only_for=GIT_ASKS),
)

PROGRAM = Program(names=("git",), rows=ROWS)
