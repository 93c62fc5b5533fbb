"""OpenSSH 5 to 10, portable and Windows: ssh itself, and what runs ssh inside."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import FAILED, SSH_FAILED, SSH_RAN, Row, with_statuses
from whodunet.evidence.symptom_words import CONNECTING, ESTABLISHED, NOT_SAID, RESOLVING, SSH_PROTOCOL

# The lines of -v start with "debugN: "; what is matched starts its own line.
SSH_WORDS = (
    Row(r"^ssh: Could not resolve hostname .*: ", RESOLVING),
    Row(r"^ssh: Could not resolve hostname ", Symptom.NOT_RESOLVED),
    # clientloop.c, ssh -J: what the jump host met; it stands before ssh's own "closed by UNKNOWN port 65535"
    Row(r"^channel \d+: open failed: administratively prohibited", Symptom.DENIED, beyond_packets=True),
    Row(r"^channel \d+: open failed: ", RESOLVING + CONNECTING, beyond_packets=True),
    Row(r"^Host key verification failed", Symptom.DENIED),
    Row(r"^(?:\S+: )?Permission denied(?: \(|,|\.$)", Symptom.DENIED),
    Row(r"Too many authentication failures|No (?:more|supported) authentication methods", Symptom.DENIED),
    Row(r"^ssh: connect to (?:host|address) .* port \S+: ", CONNECTING),
    Row(r"^ssh: connect to (?:host|address) .* port \S+: ", NOT_SAID),  # Windows' "Unknown error"
    # packet.c, kex.c, ssherr.c: "FUNCTION: Connection to HOST port N: what happened", more or less of it
    Row(r"^(?!debug\d: |ssh: )", SSH_PROTOCOL),
    # through a ProxyCommand ssh knows nothing but a pipe
    Row(r"^Connection to UNKNOWN port \d+ timed out", (Symptom.STALLED, Symptom.TIMED_OUT)),
    Row(r"^Connection timed out during banner exchange", Symptom.STALLED),
    Row(r"^Connection to \S+ port \d+ timed out", Symptom.STALLED),
    Row(
        r"^Connection closed by UNKNOWN port ",
        (Symptom.CLOSED, Symptom.REFUSED, Symptom.TIMED_OUT, Symptom.UNREACHABLE, Symptom.RESET),
    ),
    Row(r"^Timeout, server \S+ not responding", Symptom.STALLED),  # clientloop.c, ServerAliveCountMax
    Row(r"^(?:Read|Write) (?:from|to) remote host \S+: ", ESTABLISHED),
    Row(
        r"^(?:ssh|kex|packet|client|mux|banner|channel|write|read|Write|Read)[\w ]*: (?:(?:read|write): )?(?:.*: )?",
        ESTABLISHED,
    ),
    Row(r"^(?:\S+: )?Connection (?:to|from) .* port \d+: ", ESTABLISHED),
    Row(r"^(?=Connection timed out$|Operation timed out$)", ESTABLISHED),
    Row(r"^Connection reset by (?:\S+|.* port \d+)$", Symptom.RESET),
    Row(r"^(?:\w+: )?Connection closed by remote host", Symptom.CLOSED),
    Row(r"^Connection to \S+ closed by remote host", Symptom.CLOSED),
    Row(r"^Connection closed by \S+", Symptom.CLOSED),
    Row(r"^(?:Received disconnect|Disconnected) from ", Symptom.CLOSED),
)

ROWS = (*with_statuses(SSH_WORDS, SSH_FAILED), Row("", Symptom.CONNECTED, SSH_RAN))

# What runs ssh inside prints its words, fails with a status of its own, and may add words of its own.
OVER_SSH = (
    Row(r"^/\S*/ssh: (?:No such file or directory|Permission denied)$", Symptom.PROGRAM_MISSING, FAILED),  # scp, sftp
    *with_statuses(SSH_WORDS, FAILED),
    Row(r"(?:[Ff]ailed to exec|cannot run|exec) \S+: (?:No such file|not found)", Symptom.PROGRAM_MISSING, FAILED),
)

PROGRAM = Program(names=("ssh",), rows=ROWS, stood=r"^debug1: Connection established|^Authenticated to ")
