"""telnet: inetutils, netkit, BSD and macOS, busybox, Windows."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import KILLED, OK, Row
from whodunet.evidence.symptom_words import CONNECTING, NOT_SAID, RESOLVING

ROWS = (
    Row(r"^Escape character is .*\n+(?!Connection closed)[^\n]*\S", Symptom.CONNECTED),
    Row(r"^Connection closed by foreign host", Symptom.CLOSED, frozenset(range(1, 256))),
    Row(r"^Connected to ", Symptom.STALLED, KILLED),
    # at the end of its input it prints that as well, and ends well: that proves nothing
    Row(r"^Connected to ", (Symptom.CONNECTED, Symptom.CLOSED, Symptom.STALLED), OK),
    Row(r"^(?:Server lookup failure: .*, |telnet: could not resolve .*: )", RESOLVING),
    Row(r"Unable to connect to remote host: ", CONNECTING),
    Row(r"Could not open connection to the host, on port \d+: ", NOT_SAID),  # Windows
    Row(r"^(?:\S+: |% )", RESOLVING + CONNECTING),  # "% ": Cisco IOS
)

PROGRAM = Program(
    names=(
        "telnet",
        "inetutils-telnet",
        "telnet.netkit",
    ),
    rows=ROWS,
    stood=r"^Connected to ",
)
