"""traceroute 2.1 (Debian's tcptraceroute is the same program), BSD's, busybox's: they exit with 0 in any case."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import FAILED, Row
from whodunet.evidence.symptom_words import CONNECTING, RESOLVING

HOP_OF_TARGET = (
    r"^traceroute6? to \S+ \((?P<target>[\da-fA-F.:]+)\)(?s:.*?)^ *\d+ [^\n!]*(?<![\w.:])(?P=target)(?![\w.:])"
)

ONLY_STARS = r"^ *\d+ +\*(?: +\*)*\s*\Z"

ENDS_AT_A_ROUTER = r"^ *\d+ [^\n*!]* ms\s*\Z"

ROWS = (
    Row(r"^(?:\S+: )+", RESOLVING, FAILED),
    Row(r"^(?=traceroute6?: )", RESOLVING, FAILED),
    Row(r"^(?:traceroute6?: )?(?:connect|send|sendto): ", CONNECTING, FAILED),
    Row(HOP_OF_TARGET + r"[^\n!]*<rst", Symptom.REFUSED),  # with -O info only
    Row(HOP_OF_TARGET + r"[^\n!]*$", Symptom.CONNECTED, beyond_packets=True),  # whatever answered, a RST as well
    Row(r"^ *\d+ .*![A-Z0-9]", Symptom.UNREACHABLE),
    Row(ONLY_STARS, Symptom.TIMED_OUT),
    Row(ENDS_AT_A_ROUTER, Symptom.TIMED_OUT),  # with -m: the target has not answered by then
)

PROGRAM = Program(
    names=(
        "traceroute",
        "traceroute6",
        "tcptraceroute",
        "traceroute.db",
        "tcptraceroute.db",
    ),
    rows=ROWS,
)
