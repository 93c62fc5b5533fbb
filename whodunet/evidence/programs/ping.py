"""ping of iputils, inetutils, busybox, BSD, macOS and Windows: killed at the deadline it has shown what there is."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import Row
from whodunet.evidence.symptom_words import CONNECTING, RESOLVING

ROWS = (
    Row(
        r"^\d+ bytes from .*(?:seq|time)[=<]|, [1-9]\d* (?:packets )?received|^Reply from .*time[=<]", Symptom.CONNECTED
    ),
    Row(r"^\S+ is alive", Symptom.CONNECTED),  # fping
    Row(r"^ping\d?: (?:icmp open )?socket: |are you root", Symptom.UNKNOWN),  # not allowed to send: nothing was tried
    Row(
        r"^(?:From \S+|\d+ bytes from \S+|Reply from \S+|ICMP) ?.*"
        r"(?:[Uu]nreachable|Packet filtered|[Pp]rohibited|Time to live exceeded|TTL expired|[Ff]rag needed"
        r"|Packet too big)",
        Symptom.UNREACHABLE,
    ),
    Row(r"^ping\d?: \S+: ", RESOLVING),
    Row(r"^(?=ping\d?: |Ping request could not find|\S+: )", RESOLVING),
    Row(r"^(?:ping\d?: )?(?:connect|sendmsg|sendto|send|bind): ", CONNECTING),
    Row(r"^ping\d?: Do you want to ping broadcast\?", Symptom.UNREACHABLE),  # its words for EACCES
    # "message too long" among them: it is the ping that was too large, and nothing came
    Row(r"\b100(?:\.0+)?% (?:packet )?loss|\bis unreachable$", Symptom.TIMED_OUT),
)

PROGRAM = Program(
    names=(
        "ping",
        "ping4",
        "ping6",
        "fping",
    ),
    rows=ROWS,
)
