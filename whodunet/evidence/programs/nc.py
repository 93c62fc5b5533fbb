"""nc: OpenBSD's 1.105 to 1.226, macOS's, ncat 6 to 7.95, netcat-traditional 1.10, busybox's: each may be called nc."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import FAILED, OK, Row
from whodunet.evidence.symptom_words import CONNECTING, ESTABLISHED, HTTP_STATUS, RESOLVING, TLS

NC_SAYS = r"^(?:nc|ncat|netcat|Ncat|nc\.\w+|Error): "

# netcat-traditional: "host.example [10.0.1.10] 22 (ssh) : Connection refused"; GNU netcat without the space
TRADITIONAL = r"^\S+ \[[^\]]+\] \d+(?: \(\S+\))?(?: ?:)? "

ROWS = (
    # In place of a greeting, before it closes. Source: OpenSSH's sshd.c, MaxStartups and PerSourcePenalties
    Row(r"^(?:Exceeded MaxStartups|Not allowed at this time)", Symptom.CLOSED),
    Row(r" succeeded!$|" + TRADITIONAL + r"open$", Symptom.CONNECTED, OK),
    Row(NC_SAYS + r"(?:getaddrinfo|Could not resolve|cannot resolve).*?: ", RESOLVING, FAILED),
    Row(r"^\S+: (?:forward|inverse) host lookup failed: ", RESOLVING, FAILED),
    Row(NC_SAYS + r"(?:.*\b[Pp]roxy\b|.*SOCKS)", HTTP_STATUS, FAILED),
    Row(NC_SAYS + r".*SOCKS.*: ", CONNECTING, FAILED, beyond_packets=True),
    Row(NC_SAYS + r"Idle timeout expired", Symptom.STALLED),
    Row(NC_SAYS + r"(?:[Rr]ead|[Ww]rite|recv|send)\b.*?: ", ESTABLISHED, FAILED),
    Row(NC_SAYS, ESTABLISHED, FAILED, once=r"^Ncat: Connected to "),
    Row(TRADITIONAL, CONNECTING, FAILED),
    Row(NC_SAYS, HTTP_STATUS + RESOLVING + TLS + CONNECTING, FAILED),
    # -z asks for nothing, so that nothing came is what it wanted
    Row(r"^Ncat: \d+ bytes sent, 0 bytes received", Symptom.CLOSED, OK, only_for=r"^(?!.*\s-\w*z)"),
    # UDP has no connection: 0 says that no ICMP error came within the second, and nothing else
    Row("", Symptom.UNKNOWN, OK, only_for=r"\s-\w*u"),
    Row("", Symptom.CONNECTED, OK, only_for=r"\s-\w*z"),
    Row("", (Symptom.CONNECTED, Symptom.CLOSED, Symptom.STALLED), OK),
)

PROGRAM = Program(
    names=(
        "nc",
        "ncat",
        "netcat",
        "nc.openbsd",
        "nc.traditional",
    ),
    rows=ROWS,
    stood=r" succeeded!|^Ncat: Connected to |^\S+ \[[^\]]+\] \d+ \(\S+\) open$",
    hands_on=True,
)
