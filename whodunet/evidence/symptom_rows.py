"""The table of symptoms: what each program prints and exits with, row by row; the first row that fits decides.

A new program is a new entry of `PROGRAMS`. A row gives the frame in which the program says something; what the
libraries call it stands in symptom_words.py. Lines end with a newline here, whatever the program ended them with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from whodunet.evidence.command_line import UNSEEN
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_words import (
    ACCESS,
    AT_SOME_STAGE,
    CLOSED,
    CONNECTING,
    ENDED,
    ESTABLISHED,
    FAILURE,
    HTTP_STATUS,
    NOT_SAID,
    RESOLVER_SAYS,
    RESOLVING,
    SSH_PROTOCOL,
    TLS,
    Meaning,
    Vocabulary,
)

Statuses = frozenset[int | None]
KILLED: Statuses = frozenset({None})  # at the deadline, or by timeout(1)
OK: Statuses = frozenset({0})
FAILED: Statuses = frozenset(range(1, 256)) | KILLED
ANY: Statuses = OK | FAILED
SSH_FAILED: Statuses = frozenset({255}) | KILLED  # Source: ssh(1), EXIT STATUS: "255 if an error occurred"
SSH_RAN: Statuses = frozenset(range(255))  # ssh(1): "the exit status of the remote command"

# What NOT_SAID is where the connection may have stood as well.
FAILED_SOMEHOW: Meaning = (*NOT_SAID, Symptom.RESET, Symptom.CLOSED, Symptom.STALLED)


@dataclass(frozen=True)
class Said:
    """What a program's output shows at a row."""

    meaning: Meaning
    line: str  # the line that says it; empty where only the exit status does
    beyond_packets: bool = False  # see Row


@dataclass(frozen=True)
class Row:
    """What one program says when one thing has happened."""

    pattern: str  # searched in both outputs, `^` and `$` at each line; empty: only the exit status decides
    means: Symptom | Meaning | Vocabulary  # a vocabulary: the rest of the line, after the pattern, says what
    statuses: Statuses = ANY
    only_for: str = ""  # the command line has to match this
    once: str = ""  # the output has to match this as well
    # it is about what this host's packets do not show: a jump host's connection, a pipe, a session inside a connection
    beyond_packets: bool = False

    def read(self, command: str, status: int | None, output: str) -> Said | None:
        """What this row tells of a program that ended so and printed that; None when it does not fit.

        Where the pattern occurs several times the last counts: earlier attempts were followed by others.
        """
        if not self._fits_status(status) or re.search(self.only_for, command) is None:
            return None
        if re.search(self.once, output, re.MULTILINE) is None:
            return None
        if not self.pattern:
            return Said(self._meaning("") or (Symptom.UNKNOWN,), "", self.beyond_packets)
        for match in reversed(list(re.finditer(self.pattern, output, re.MULTILINE))):
            meaning = self._meaning(output[match.end() :].partition("\n")[0])
            if meaning is not None:
                return Said(meaning, _line_at(output, match.end()), self.beyond_packets)
        return None

    def _meaning(self, rest: str) -> Meaning | None:
        if isinstance(self.means, Vocabulary):
            return self.means.meaning(rest)
        return self.means if isinstance(self.means, tuple) else (self.means,)

    def _fits_status(self, status: int | None) -> bool:
        if status == UNSEEN:  # then words have to do, and a row without words says nothing
            return bool(self.pattern)
        return status in self.statuses


def _line_at(output: str, place: int) -> str:
    """The line in which a match ends."""
    start = output.rfind("\n", 0, max(0, place)) + 1
    return output[start:].partition("\n")[0].strip()


def with_statuses(rows: tuple[Row, ...], statuses: Statuses) -> tuple[Row, ...]:
    """The same rows for a program that fails with other exit statuses."""
    return tuple(replace(row, statuses=statuses) for row in rows)


# OpenSSH 5 to 10, portable and Windows. The lines of -v start with "debugN: "; what is matched starts its own line.
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
SSH = (*with_statuses(SSH_WORDS, SSH_FAILED), Row("", Symptom.CONNECTED, SSH_RAN))
# What runs ssh inside prints its words, fails with a status of its own, and may add words of its own.
OVER_SSH = (
    Row(r"^/\S*/ssh: (?:No such file or directory|Permission denied)$", Symptom.PROGRAM_MISSING, FAILED),  # scp, sftp
    *with_statuses(SSH_WORDS, FAILED),
    Row(r"(?:[Ff]ailed to exec|cannot run|exec) \S+: (?:No such file|not found)", Symptom.PROGRAM_MISSING, FAILED),
)
SCP = (
    *OVER_SSH,
    Row(r"^(?:scp: )?(?:Connection closed|lost connection)", Symptom.CLOSED, FAILED),
    Row(r"^scp: .*: Permission denied", Symptom.DENIED, FAILED),
    Row("", Symptom.CONNECTED, OK),
)
RSYNC = (
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
GIT_ASKS = r"\bgit\b.*\b(?:clone|fetch|pull|push|ls-remote|remote update|submodule|archive)\b"
GIT = (
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

# OpenBSD's nc 1.105 to 1.226, macOS's, ncat 6 to 7.95, netcat-traditional 1.10 and busybox's: each may be called nc.
NC_SAYS = r"^(?:nc|ncat|netcat|Ncat|nc\.\w+|Error): "
# netcat-traditional: "host.example [10.0.1.10] 22 (ssh) : Connection refused"; GNU netcat without the space
TRADITIONAL = r"^\S+ \[[^\]]+\] \d+(?: \(\S+\))?(?: ?:)? "
NC = (
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

CURL_ERROR = r"^curl: \(\d+\) "
LOOPBACK = r"(?:localhost|127(?:\.\d+){3}|\[?::1\]?)"
CURL_28: Statuses = frozenset({28})
WITHOUT_V = r"^(?!.*\s-\w*v).*https://"
# the TLS handshake belongs to curl's "connection": only -v shows whether TCP's had been done
IN_TIME: Meaning = (Symptom.UNKNOWN, Symptom.TIMED_OUT, Symptom.STALLED)
# curl 7.10 to 8.14; its exit statuses are those of libcurl-errors(3).
CURL = (
    Row("", Symptom.CONNECTED, OK),
    Row(r"Resolving timed out", Symptom.NO_RESOLVER, CURL_28),
    Row(CURL_ERROR, RESOLVER_SAYS, frozenset({5, 6})),  # c-ares says which of the two
    Row("", Symptom.NOT_RESOLVED, frozenset({5, 6})),  # getaddrinfo: one text for EAI_NONAME and EAI_AGAIN alike
    Row(r"(?:connect to .* failed|Immediate connect fail for .*): ", CONNECTING, frozenset({7}) | KILLED),
    Row(CURL_ERROR, CONNECTING, frozenset({7})),
    # nothing on the way can lose or answer what a host says to itself
    Row(rf"{CURL_ERROR}Failed to connect to {LOOPBACK} port ", Symptom.REFUSED, frozenset({7})),
    Row("", NOT_SAID, frozenset({7})),
    Row(r"\* (?:Connected to|Established connection)(?s:.*)\(28\) Connection time", Symptom.STALLED, CURL_28),
    Row(r"\(28\) Connection time", IN_TIME, CURL_28, only_for=WITHOUT_V),
    Row(r"curl: \(28\) (?:SSL|Operation|Timeout waiting)", Symptom.STALLED, CURL_28),
    Row(r"curl: \(28\) (?:Connection time|Failed to connect|connect\(\))", Symptom.TIMED_OUT, CURL_28),
    Row(r"curl: \(28\) (?:Recv|Send) failure", Symptom.STALLED, CURL_28),
    # telnet:// ends at --max-time always; what was printed before it is what came from the other side
    Row(r"curl: \(28\) Time-out(?s:[^\n]*\n.*\S)", Symptom.CONNECTED, CURL_28),
    Row(r"curl: \(28\) Time-?out", Symptom.STALLED, CURL_28),
    Row("", IN_TIME, CURL_28),
    Row(r"", Symptom.CLOSED, frozenset({18, 52})),  # partial file, got nothing
    Row(r"", Symptom.CLOSED, frozenset({16, 92}), beyond_packets=True),  # a stream of HTTP/2
    Row(r"", Symptom.NOT_TRUSTED, frozenset({51, 60, 77, 83, 90, 91})),
    Row(r"", Symptom.DENIED, frozenset({9, 67})),
    Row(r"", Symptom.PROTOCOL_ERROR, frozenset({8})),  # weird server reply
    Row(r"(?=CONNECT tunnel failed, response |HTTP code \d+ from proxy)", HTTP_STATUS, frozenset({56})),
    Row(r"SOCKS\d? .*\(([2])\)|SOCKS.*ruleset", Symptom.DENIED, frozenset({7, 97})),
    Row(r"SOCKS\d? .*\(([34])\)", Symptom.UNREACHABLE, frozenset({7, 97}), beyond_packets=True),
    Row(r"SOCKS\d? .*\(([5])\)", Symptom.REFUSED, frozenset({7, 97}), beyond_packets=True),
    Row(r"(?=returned error: )", HTTP_STATUS, frozenset({22})),
    Row(CURL_ERROR, TLS + ESTABLISHED + CLOSED, frozenset({1, 35, 53, 54, 55, 56, 59, 80})),
)

# iputils, inetutils, busybox, BSD and macOS, Windows; killed at the deadline it has shown what there is to show.
PING = (
    Row(
        r"^\d+ bytes from .*(?:seq|time)[=<]|, [1-9]\d* (?:packets )?received|^Reply from .*time[=<]", Symptom.CONNECTED
    ),
    Row(r"^\S+ is alive", Symptom.CONNECTED),  # fping
    Row(r"^ping\d?: (?:icmp open )?socket: |are you root", Symptom.UNKNOWN),  # not allowed to send: nothing was tried
    Row(
        r"^(?:From \S+|\d+ bytes from \S+|Reply from \S+|ICMP) ?.*"
        r"(?:[Uu]nreachable|Packet filtered|[Pp]rohibited|Time to live exceeded|TTL expired|[Ff]rag needed)",
        Symptom.UNREACHABLE,
    ),
    Row(r"^ping\d?: \S+: ", RESOLVING),
    Row(r"^(?=ping\d?: |Ping request could not find|\S+: )", RESOLVING),
    Row(r"^(?:ping\d?: )?(?:connect|sendmsg|sendto|send|bind): ", CONNECTING),
    Row(r"^ping\d?: Do you want to ping broadcast\?", Symptom.UNREACHABLE),  # its words for EACCES
    # "message too long" among them: it is the ping that was too large, and nothing came
    Row(r"\b100(?:\.0+)?% (?:packet )?loss|\bis unreachable$", Symptom.TIMED_OUT),
)

# traceroute 2.1 (Debian's tcptraceroute is the same program), BSD's, busybox's. They exit with 0 whatever they found.
HOP_OF_TARGET = (
    r"^traceroute6? to \S+ \((?P<target>[\da-fA-F.:]+)\)(?s:.*?)^ *\d+ [^\n!]*(?<![\w.:])(?P=target)(?![\w.:])"
)
ONLY_STARS = r"^ *\d+ +\*(?: +\*)*\s*\Z"
TRACEROUTE = (
    Row(r"^(?:\S+: )+", RESOLVING, FAILED),
    Row(r"^(?=traceroute6?: )", RESOLVING, FAILED),
    Row(r"^(?:traceroute6?: )?(?:connect|send|sendto): ", CONNECTING, FAILED),
    Row(HOP_OF_TARGET + r"[^\n!]*<rst", Symptom.REFUSED),  # with -O info only
    Row(HOP_OF_TARGET + r"[^\n!]*$", Symptom.CONNECTED, beyond_packets=True),  # whatever answered, a RST as well
    Row(r"^ *\d+ .*![A-Z0-9]", Symptom.UNREACHABLE),
    Row(ONLY_STARS, Symptom.TIMED_OUT),
)
TRACEPATH = (
    Row(r"^(?:tracepath\d?: )?.*: ", RESOLVING, FAILED),
    Row(r"\breached$", Symptom.CONNECTED),
    Row(r"![HNAP]\b", Symptom.UNREACHABLE),
    Row(r"^(?:send failed|connect|tracepath: connect).*?: ", CONNECTING, FAILED),
    Row(r"^\s*(?:\d+\??:\s+no reply|Too many hops)", Symptom.TIMED_OUT),
)
MTR = (  # --report
    Row(r"^mtr(?:-packet)?: ", RESOLVING + CONNECTING, FAILED),
    Row(r"^ *\d+\.(?:\|--)? +\?\?\?[^\n]*\s*\Z", Symptom.TIMED_OUT),
    Row(r"^ *\d+\.(?:\|--)? +[\w.:-]+ +100\.0%?[^\n]*\s*\Z", Symptom.TIMED_OUT),
    Row(r"^ *\d+\.(?:\|--)? +[\w.:-]+(?: \([^)]*\))? +\d[^\n]*\s*\Z", Symptom.CONNECTED),
)

NO_SERVER = r"no servers could be reached|communications error|connection timed out|DNS request timed out"
# BIND 9.11 to 9.20. NOERROR without an answer: the name is there, an address is not.
DIG = (
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
HOST = (
    Row(r" has (?:IPv6 )?address |domain name pointer ", Symptom.CONNECTED),
    Row(r"not found: 3\(NXDOMAIN\)", Symptom.NAME_NOT_FOUND),
    Row(r"not found: \d+\(\w+\)|" + NO_SERVER, Symptom.NO_RESOLVER),
    Row(r" has no \w+ record", Symptom.NOT_RESOLVED),
)
NSLOOKUP = (  # BIND's, busybox's, Windows'
    Row(r"^Name:\s", Symptom.CONNECTED),
    Row(r"[Cc]an't find .*: No answer", Symptom.NOT_RESOLVED),
    Row(r"can't (?:find|resolve) .*: ", RESOLVING),
    Row(
        r"can't find .*: (?:SERVFAIL|REFUSED|Server failed|Query refused|No response)|" + NO_SERVER, Symptom.NO_RESOLVER
    ),
    Row(r"^nslookup: (?:read|write|send)\b", Symptom.NO_RESOLVER, FAILED),
    Row(r"(?=can't resolve )", RESOLVING),
)
GETENT = (
    Row(r"^\S", Symptom.CONNECTED, OK),
    Row(r"", Symptom.NOT_RESOLVED, frozenset({2})),  # getent(1): key not found, for whatever reason
)
# resolve1's errors. Source: systemd, src/resolve/resolved-dns-transaction.c and bus-error messages
RESOLVECTL = (
    Row(r"does not have any RR of the requested type", Symptom.NOT_RESOLVED, FAILED),
    Row(r"(?:Name )?'.*' not found", Symptom.NAME_NOT_FOUND, FAILED),
    Row(r"NXDOMAIN", Symptom.NAME_NOT_FOUND, FAILED),
    Row(
        r"resolve call failed: (?=.*(?:timed out|No appropriate|All attempts|failed|error|refused|attempts))",
        Symptom.NO_RESOLVER,
        FAILED,
    ),
    Row(r"^\S+: \S", Symptom.CONNECTED, OK),
)

# GNU wget 1.12 to 1.25 and busybox's.
WGET = (
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

SOCAT_SAYS = r" socat\[\d+(?:\.\d+)?\] [EFW] "
SOCAT = (  # 1.7 and 1.8
    Row(SOCAT_SAYS + r"getaddrinfo.*: ", RESOLVING, FAILED),
    Row(SOCAT_SAYS + r"CONNECT \S+: ", HTTP_STATUS + ACCESS, FAILED),
    Row(SOCAT_SAYS + r"(?:read|write|recv|send)\w*\(.*?\): ", ESTABLISHED, FAILED),
    Row(SOCAT_SAYS + r"SSL", TLS + ESTABLISHED + CLOSED, FAILED),
    Row(SOCAT_SAYS, TLS + CONNECTING, FAILED),
    Row("", (Symptom.CONNECTED, Symptom.CLOSED, Symptom.STALLED), OK),
)
TELNET = (  # inetutils, netkit, BSD and macOS, busybox
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
OPENSSL = (  # 1.0 to 3.5, LibreSSL
    Row(r"BIO_lookup|getaddrinfo|gethostbyname", RESOLVING, FAILED),
    Row(r"^(?!\s*Timeout\s+:)", TLS + ESTABLISHED + CLOSED, FAILED, once=r"^CONNECTED\("),  # of the session, in seconds
    Row(r"Verification error: |Verify return code: (?!0 )", TLS),
    Row(r"^", RESOLVING + TLS + AT_SOME_STAGE + CLOSED, FAILED),
    Row(r"^(?:read|write):errno=0$", Symptom.CLOSED, FAILED),
    Row(r"no peer certificate", (Symptom.CLOSED, Symptom.RESET, Symptom.STALLED), FAILED, once=r"^CONNECTED\("),
    Row(r"^CONNECTED\(", Symptom.CONNECTED, OK),
)
NMAP_PORT = r"^\d+/(?:tcp|sctp)\s+"
NMAP = (
    Row(NMAP_PORT + r"open\b(?!\|)", Symptom.CONNECTED, OK),
    Row(NMAP_PORT + r"closed\b(?!\|)", Symptom.REFUSED, OK),
    Row(NMAP_PORT + r"filtered\b.*(?:prohibited|unreach)", Symptom.UNREACHABLE, OK),
    Row(NMAP_PORT + r"filtered\b", Symptom.TIMED_OUT, OK),
    Row(r"are (?:in ignored states|closed)\b.*\bclosed|^All .* (?:are|ports .*:) closed", Symptom.REFUSED, OK),
    Row(r"^All .* (?:are|ports .*:) filtered|^Not shown: .* filtered", Symptom.TIMED_OUT, OK),
    Row(r"Failed to resolve", Symptom.NOT_RESOLVED),
    Row(r"Host seems down|\(0 hosts up\)", Symptom.TIMED_OUT),
)
PSQL = (  # libpq 9 to 17
    Row(r"^(?=.*FATAL: )", ACCESS, FAILED),
    Row(r"could not translate host name .* to address: ", RESOLVING, FAILED),
    Row(r"(?=server closed the connection unexpectedly)", CLOSED, FAILED),
    Row(r"(?:SSL|GSSAPI) (?:SYSCALL )?error: ", TLS + ESTABLISHED + CLOSED, FAILED),
    Row(r"received invalid response to \S+ negotiation", Symptom.PROTOCOL_ERROR, FAILED),
    Row(r"could not (?:receive|send) (?:data|\S+ negotiation).*: ", ESTABLISHED, FAILED),
    Row(r"(?:could not connect to server|port \S+ failed): ", AT_SOME_STAGE, FAILED),
    Row(r"(?=timeout expired)", AT_SOME_STAGE, FAILED),
    Row(r"- no response$", (Symptom.UNKNOWN, *NOT_SAID[1:]), FAILED),  # pg_isready
    Row("", Symptom.CONNECTED, OK),
)
MYSQL = (  # MySQL 5 to 9 and MariaDB: the number of the errno stands in parentheses or after "system error"
    Row(r"ERROR 2005 .*?(?= \()", RESOLVING, FAILED),
    Row(r"(?=Unknown MySQL server host)", RESOLVING, FAILED),
    Row(r"ERROR (?:1044|1045|1129|1130|1698) ", Symptom.DENIED, FAILED),
    Row(r"ERROR 2007|Protocol mismatch|Malformed (?:communication )?packet", Symptom.PROTOCOL_ERROR, FAILED),
    Row(r"(?:SSL|TLS).*error: ", TLS + ESTABLISHED + CLOSED, FAILED),
    Row(r"Can't connect to .*server (?:through socket )?.*?(?=\(\d|error)", CONNECTING, FAILED),
    Row(r"Lost connection to .*?(?=system error)", ESTABLISHED, FAILED),
    Row(r"Lost connection to |server has gone away", Symptom.CLOSED, FAILED),
    Row(r"mysqld is alive", Symptom.CONNECTED, OK),
    Row("", Symptom.CONNECTED, OK),
)
# A traceback's last line: `requests.exceptions.ConnectionError: ...`; what a program prints itself of an exception.
PYTHON = (
    Row("", Symptom.CONNECTED, OK),
    Row(r"^paramiko\S*: .*Error reading SSH protocol banner", (Symptom.STALLED, Symptom.CLOSED, Symptom.RESET), FAILED),
    Row(r"^paramiko\S*: .*Unable to connect to port", NOT_SAID, FAILED),
    Row(r"^(?=[\w.]+: )", FAILURE + ENDED, FAILED),
    Row(r"^(?=\S)", FAILURE + ENDED, FAILED),  # not the lines of source code between
)
# bash(1), /dev/tcp: first how connect(2) or getaddrinfo(3) failed, then the redirection, whose errno may be another
BASH = (
    Row(r"^\S*bash: (?:line \d+: )?(?!/dev)\S+: ", RESOLVING, FAILED),
    Row(r"^\S*bash: (?:line \d+: )?connect: ", CONNECTING, FAILED),
    Row(r"/dev/(?:tcp|udp)/\S+: ", CONNECTING, FAILED),
    Row("", Symptom.CONNECTED, OK, only_for=r"/dev/tcp/"),
)
ANY_LINE = r"^(?!\s+at )"  # but those of a stack
COMMON = (
    Row("", Symptom.CONNECTED, OK),
    Row(ANY_LINE, FAILURE, FAILED),
    Row(ANY_LINE, ENDED, FAILED),
)

# AWS CLI 1.27 to 2.23 and Session Manager's plugin. The exit status of a session is 0 however it ended, and its end is
# told in words. AWS General Reference, "Common errors": what SigV4 and IAM refuse, by protocol under several names.
AWS_DENIED = (
    r"\((?:AccessDenied|UnrecognizedClient|ExpiredToken|InvalidSignature|Unauthorized|UnauthorizedOperation|Forbidden"
    r"|AuthFailure|SignatureDoesNotMatch|InvalidClientTokenId|InvalidAccessKeyId|RequestExpired|RequestTimeTooSkewed"
    r"|IncompleteSignature|MissingAuthenticationToken|NotAuthorized|OptInRequired|InvalidGrant|40[13])(?:Exception)?\)"
)
AWS = (
    Row(r"SSL validation failed for \S+ ", TLS + AT_SOME_STAGE + CLOSED),
    Row(r"SSL validation failed", Symptom.NOT_TRUSTED),
    Row(r"Connect timeout on endpoint URL", Symptom.TIMED_OUT),
    Row(r"Read timeout on endpoint URL", Symptom.STALLED),
    Row(r"Connection was closed before we received a valid response", Symptom.CLOSED),
    Row(r"Failed to connect to proxy URL", Symptom.NO_PROXY),
    Row(r"SessionManagerPlugin is not found", Symptom.PROGRAM_MISSING),
    Row(r"An error occurred \(TargetNotConnected(?:Exception)?\)", Symptom.NOT_CONNECTED),
    Row(r"An error occurred \(BadRequest(?:Exception)?\) when calling the StartSession", Symptom.NOT_CONNECTED),
    Row(r"An error occurred " + AWS_DENIED, Symptom.DENIED),
    Row(r"Token has expired|SSO session associated with this profile has expired", Symptom.DENIED),
    Row(r"Error loading SSO Token|(?:Unable to locate|Partial) credentials|NoCredentials", Symptom.DENIED),
    Row(r"^SessionId: \S+ :", Symptom.CLOSED, beyond_packets=True),
    Row(r"^Cannot perform start session: ", FAILURE + ENDED),
    # botocore's EndpointConnectionError: of a name that was not found as well
    Row(r"Could not connect to the endpoint URL", (*NOT_SAID, Symptom.NAME_NOT_FOUND, Symptom.NO_RESOLVER), FAILED),
    Row("", Symptom.CONNECTED, OK, only_for=r"\baws\b(?!.*--version)"),
    Row(r"^(?!An error occurred)", FAILURE + ENDED, FAILED),
)

PROGRAMS: Mapping[str, tuple[Row, ...]] = {
    "ssh": SSH,
    "scp": SCP,
    "sftp": SCP,
    "rsync": RSYNC,
    "git": GIT,
    "nc": NC,
    "curl": CURL,
    "ping": PING,
    "traceroute": TRACEROUTE,
    "tracepath": TRACEPATH,
    "mtr": MTR,
    "dig": DIG,
    "host": HOST,
    "nslookup": NSLOOKUP,
    "getent": GETENT,
    "resolvectl": RESOLVECTL,
    "wget": WGET,
    "socat": SOCAT,
    "telnet": TELNET,
    "openssl": OPENSSL,
    "nmap": NMAP,
    "psql": PSQL,
    "mysql": MYSQL,
    "python": PYTHON,
    "bash": BASH,
    "aws": AWS,
    "common": COMMON,
}

# What a program prints once its connection stands: killed then, it stalled.
STOOD: Mapping[str, str] = {
    "ssh": r"^debug1: Connection established|^Authenticated to ",
    "nc": r" succeeded!|^Ncat: Connected to |^\S+ \[[^\]]+\] \d+ \(\S+\) open$",
    "curl": r"^\* (?:Connected to |Established connection to )|\* Connected to ",  # 8.14 says the second
    "telnet": r"^Connected to ",
    "wget": r"\.\.\. connected\.",
    "aws": r"^Starting session with SessionId: ",
    "openssl": r"^CONNECTED\(",
}
# What hands on what comes: text on its standard output came from the other side.
HANDS_ON = frozenset({"nc", "socat"})


def stood(program: str, output: str) -> bool:
    """True when the output shows that the connection was established."""
    pattern = STOOD.get(program)
    return pattern is not None and re.search(pattern, output, re.MULTILINE) is not None
