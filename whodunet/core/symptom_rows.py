"""The table of symptoms: what each program prints and exits with, row by row; the first row that fits decides.

A new program is a new list of rows. Texts are in the words of LC_ALL=C.UTF-8, as the named versions print them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from whodunet.core.command_line import UNSEEN
from whodunet.core.observation import Observation
from whodunet.core.symptom import Symptom

ANY: frozenset[int | None] | None = None
OK: frozenset[int | None] = frozenset({0})
SSH_FAILED: frozenset[int | None] = frozenset({255, None})  # Source: ssh(1), EXIT STATUS: "255 if an error occurred"
SSH_RAN: frozenset[int | None] = frozenset(range(255))  # ssh(1): "the exit status of the remote command"


@dataclass(frozen=True)
class Row:
    """What one program says when one thing has happened."""

    program: str
    pattern: str  # searched in both outputs, `^` and `$` at each line; empty: only the exit status decides
    symptom: Symptom
    statuses: frozenset[int | None] | None = ANY  # None among them: killed at the deadline
    only_for: str = ""  # the command line has to match this
    needs_stdout: bool = False  # something has to have come on standard output

    def fits(self, program: str, command: str, status: int | None, observation: Observation) -> bool:
        """True when this row tells the symptom of a program that ended so and printed that."""
        return (
            program == self.program
            and self._fits_status(status)
            and re.search(self.only_for, command) is not None
            and (bool(observation.stdout) or not self.needs_stdout)
            and re.search(self.pattern, observation.output, re.MULTILINE) is not None
        )

    def _fits_status(self, status: int | None) -> bool:
        if status == UNSEEN:  # then words have to do, and a row without words says nothing
            return bool(self.pattern)
        return self.statuses is None or status in self.statuses


# The kernel's answers to connect(2) in the words of strerror(3). Source: errno(3), and for the local routes
# `ip route add prohibit|blackhole`: EACCES and EINVAL; for an output hook that drops ICMP or UDP: EPERM.
ERRNO_TEXTS = (
    ("Connection refused", Symptom.REFUSED),
    ("(?:Connection timed out|Operation timed out|timed out: Operation now in progress)", Symptom.TIMED_OUT),
    ("(?:No route to host|Network is unreachable|Network is down)", Symptom.UNREACHABLE),
    ("(?:Permission denied|Invalid argument|Operation not permitted)", Symptom.UNREACHABLE),
    ("Connection reset by peer", Symptom.RESET),
)
# What getaddrinfo(3) answers, in the words of gai_strerror(3): EAI_NONAME, EAI_NODATA; EAI_AGAIN, EAI_FAIL.
RESOLVER_TEXTS = (
    ("(?:Name or service not known|No address associated with hostname)", Symptom.NAME_NOT_FOUND),
    ("(?:Temporary failure in name resolution|Non-recoverable failure in name resolution)", Symptom.NO_RESOLVER),
)


def connect_rows(program: str, before: str, statuses: frozenset[int | None] | None = ANY) -> tuple[Row, ...]:
    """Rows for a program that prints strerror(3)'s text for a failed connect, after words that match `before`."""
    return tuple(Row(program, before + text, symptom, statuses) for text, symptom in ERRNO_TEXTS)


def resolver_rows(program: str, before: str, statuses: frozenset[int | None] | None = ANY) -> tuple[Row, ...]:
    """Rows for a program that prints gai_strerror(3)'s text, after words that match `before`."""
    return tuple(Row(program, before + text, symptom, statuses) for text, symptom in RESOLVER_TEXTS)


# OpenSSH 9.2 and 10.0. The lines of -v start with "debugN: "; what is matched starts its own line.
SSH = (
    *resolver_rows("ssh", r"^ssh: Could not resolve hostname .*: ", SSH_FAILED),
    # clientloop.c, ssh -J: what the jump host met; it stands before ssh's own "closed by UNKNOWN port 65535"
    *resolver_rows("ssh", r"^channel \d+: open failed: connect failed: ", SSH_FAILED),
    *connect_rows("ssh", r"^channel \d+: open failed: connect failed: ", SSH_FAILED),
    Row("ssh", r"^channel \d+: open failed: administratively prohibited", Symptom.DENIED, SSH_FAILED),
    Row("ssh", r"^Host key verification failed", Symptom.DENIED, SSH_FAILED),
    Row("ssh", r"^\S+: Permission denied \(", Symptom.DENIED, SSH_FAILED),
    Row("ssh", r"Too many authentication failures", Symptom.DENIED, SSH_FAILED),
    *connect_rows("ssh", r"^ssh: connect to host .* port \d+: ", SSH_FAILED),
    Row("ssh", r"^Connection timed out during banner exchange", Symptom.STALLED, SSH_FAILED),
    Row("ssh", r"^Connection to \S+ port \d+ timed out", Symptom.STALLED, SSH_FAILED),
    Row(
        "ssh", r"^Timeout, server \S+ not responding", Symptom.STALLED, SSH_FAILED
    ),  # clientloop.c, ServerAliveCountMax
    Row("ssh", r"^Read from remote host \S+: (?:Connection timed out|No route to host)", Symptom.STALLED, SSH_FAILED),
    # sshpkt_fatal() in packet.c; after ECONNRESET has been reported once, the next write gives EPIPE
    Row(
        "ssh",
        r"^(?:\S+: )?(?:Connection (?:to|from) .* port \d+: )?Connection timed out\r?$",
        Symptom.STALLED,
        SSH_FAILED,
    ),
    Row("ssh", r": (?:read: |write: )?(?:Connection reset by peer|Broken pipe)\r?$", Symptom.RESET, SSH_FAILED),
    Row("ssh", r"^Connection reset by .* port \d+", Symptom.RESET, SSH_FAILED),
    Row("ssh", r"^kex_exchange_identification: Connection closed by remote host", Symptom.CLOSED, SSH_FAILED),
    Row("ssh", r"^Connection closed by .* port \d+", Symptom.CLOSED, SSH_FAILED),
    Row("ssh", r"^Connection to \S+ closed by remote host", Symptom.CLOSED, SSH_FAILED),
    Row("ssh", "", Symptom.CONNECTED, SSH_RAN),
)

# OpenBSD nc 1.219 (Debian) and ncat 7.93: either may be called nc. Without -v OpenBSD nc fails without a word: UNKNOWN.
NC = (
    *resolver_rows("nc", r"^nc: getaddrinfo .*: "),
    *resolver_rows("nc", r"^Ncat: Could not resolve hostname .*: "),
    *connect_rows("nc", r"^nc: connect to .* (?:failed: )?"),
    *connect_rows("nc", r"^nc: read failed .*: "),
    *connect_rows("nc", r"^Ncat: "),
    Row("nc", r"^Ncat: TIMEOUT\.", Symptom.TIMED_OUT),
    Row("nc", r"^Ncat: Idle timeout expired", Symptom.STALLED),
    Row("nc", r"^(?:nc|Ncat): .*Broken pipe", Symptom.RESET),  # EPIPE: a RST had come before the write
    # -z asks for nothing, so that nothing came is what it wanted
    Row("nc", r"^Ncat: \d+ bytes sent, 0 bytes received", Symptom.CLOSED, OK, only_for=r"^(?!.*\s-\w*z)"),
    # UDP has no connection: 0 says that no ICMP error came within the second, and nothing else
    Row("nc", "", Symptom.UNKNOWN, OK, only_for=r"\s-\w*u"),
    Row("nc", "", Symptom.CONNECTED, OK),
)

# curl 7.88. Exit 7 without -v names no errno ("Couldn't connect to server"): UNKNOWN; with -v the errno is there.
CURL_7: frozenset[int | None] = frozenset({7, None})
CURL = (
    Row("curl", r"Resolving timed out", Symptom.NO_RESOLVER, frozenset({28})),
    Row("curl", r"", Symptom.NOT_RESOLVED, frozenset({5, 6})),  # one text for EAI_NONAME and EAI_AGAIN alike
    *connect_rows("curl", r"(?:connect to .* failed|Immediate connect fail for .*): ", CURL_7),
    # the TLS handshake belongs to curl's "connection": only -v shows whether TCP's had been done
    Row(
        "curl",
        r"\* (?:Connected to|Established connection)(?s:.*)\(28\) Connection timed",
        Symptom.STALLED,
        frozenset({28}),
    ),
    Row("curl", r"\(28\) Connection timed", Symptom.UNKNOWN, frozenset({28}), only_for=r"^(?!.*\s-\w*v).*https://"),
    Row("curl", r"curl: \(28\) Connection time(?:d out|out)", Symptom.TIMED_OUT, frozenset({28})),
    Row("curl", r"curl: \(28\) Failed to connect", Symptom.TIMED_OUT, frozenset({28})),
    Row("curl", r"curl: \(28\) (?:Operation timed out|SSL connection timeout)", Symptom.STALLED, frozenset({28})),
    # telnet:// ends at --max-time always; what was printed before it is what came from the other side
    Row("curl", r"curl: \(28\) Time-out", Symptom.CONNECTED, frozenset({28}), needs_stdout=True),
    Row("curl", r"curl: \(28\) Time-out", Symptom.STALLED, frozenset({28})),
    Row("curl", r"Connection reset by peer", Symptom.RESET, frozenset({35, 55, 56})),
    Row("curl", r"CONNECT tunnel failed, response 40[137]", Symptom.DENIED, frozenset({56})),
    Row("curl", r"SSL_ERROR_SYSCALL|unexpected eof", Symptom.CLOSED, frozenset({35, 56})),
    Row("curl", r"", Symptom.CLOSED, frozenset({18, 52})),  # libcurl-errors(3): partial file, got nothing
    Row("curl", r"returned error: 40[137]", Symptom.DENIED, frozenset({22})),
    Row("curl", r"", Symptom.NOT_TRUSTED, frozenset({60})),  # libcurl-errors(3): peer failed verification
    Row("curl", r"", Symptom.DENIED, frozenset({67})),  # libcurl-errors(3): login denied
    Row("curl", r"", Symptom.CONNECTED, OK),
)

# iputils 20221126; killed at the deadline it has shown what there is to show.
PING = (
    *resolver_rows("ping", r"^ping: .*: "),
    Row("ping", r"^\d+ bytes from |, [1-9]\d* received", Symptom.CONNECTED),
    Row("ping", r"^From \S+ .*(?:Unreachable|Packet filtered|Time to live exceeded|Frag needed)", Symptom.UNREACHABLE),
    Row(
        "ping",
        r"^ping: (?:connect|sendmsg): (?:No route|Network is|Invalid arg|Operation not perm|Perm)",
        Symptom.UNREACHABLE,
    ),
    Row("ping", r"^ping: Do you want to ping broadcast\?", Symptom.UNREACHABLE),  # its words for EACCES
    Row(
        "ping", r"^ping: local error: [Mm]essage too long", Symptom.UNREACHABLE
    ),  # EMSGSIZE: path MTU known and smaller
    Row("ping", r" 100% packet loss", Symptom.TIMED_OUT),
)

# traceroute 2.1 (Debian's tcptraceroute is the same program). It exits with 0 whatever it found.
HOP_OF_TARGET = r"^traceroute to \S+ \((?P<target>[\d.]+)\)(?s:.*?)^ *\d+ [^\n!]*\b(?P=target)\b"
TRACEROUTE = (
    *resolver_rows("traceroute", r"^\S+: "),
    Row("traceroute", r"^(?:connect|send|sendto): ", Symptom.UNREACHABLE),
    Row("traceroute", HOP_OF_TARGET + r"[^\n!]*<rst", Symptom.REFUSED),  # with -O info only
    Row("traceroute", HOP_OF_TARGET + r"[^\n!]*$", Symptom.CONNECTED),
    Row("traceroute", r"^ *\d+ .*![A-Z0-9]", Symptom.UNREACHABLE),
    Row("traceroute", r"^ *\d+ +\*(?: \*)*\s*\Z", Symptom.TIMED_OUT),
)

NO_SERVER = r"no servers could be reached|communications error|connection timed out"
# BIND 9.18. NOERROR without an answer: the name is there, an address is not.
NAMES = (
    Row("dig", r"status: NXDOMAIN", Symptom.NAME_NOT_FOUND, OK),
    Row("dig", r"status: (?:SERVFAIL|REFUSED)", Symptom.NO_RESOLVER, OK),
    Row("dig", r"status: NOERROR(?s:.*)ANSWER: [1-9]", Symptom.CONNECTED, OK),
    Row("dig", r"status: NOERROR", Symptom.NOT_RESOLVED, OK),
    Row("dig", NO_SERVER, Symptom.NO_RESOLVER),
    Row("dig", r"^\S", Symptom.CONNECTED, OK, only_for=r"\+short"),
    Row("dig", r"\A\s*\Z", Symptom.NOT_RESOLVED, OK, only_for=r"\+short"),
    Row("host", r" has (?:IPv6 )?address ", Symptom.CONNECTED),
    Row("host", r"not found: 3\(NXDOMAIN\)", Symptom.NAME_NOT_FOUND),
    Row("host", r"not found: \d+\((?:SERVFAIL|REFUSED)\)|" + NO_SERVER, Symptom.NO_RESOLVER),
    Row("nslookup", r"^Name:\s", Symptom.CONNECTED),
    Row("nslookup", r"can't find .*: NXDOMAIN", Symptom.NAME_NOT_FOUND),
    Row("nslookup", r"can't find .*: (?:SERVFAIL|REFUSED)|" + NO_SERVER, Symptom.NO_RESOLVER),
    Row("getent", r"^\S", Symptom.CONNECTED, OK),
    Row("getent", r"", Symptom.NOT_RESOLVED, frozenset({2})),  # getent(1): key not found, for whatever reason
)

# wget 1.21, socat 1.7.4, inetutils telnet 2.4
OTHERS = (
    *resolver_rows("wget", r"\.\.\. failed: "),
    *connect_rows("wget", r"Connecting to .*\.\.\. failed: "),
    Row("wget", r"Read error .*Connection reset by peer", Symptom.RESET),
    Row("wget", r"Read error .*Connection timed out", Symptom.STALLED),
    Row("wget", r"No data received|Connection closed at byte", Symptom.CLOSED),
    Row("wget", r"ERROR 40[137]", Symptom.DENIED, frozenset({6, 8})),
    Row("wget", "", Symptom.CONNECTED, OK),
    *resolver_rows("socat", r" E getaddrinfo.*: "),
    *connect_rows("socat", r" E connect(?:ing to)?.*: "),
    Row("socat", r" E read\(.*: Connection reset by peer", Symptom.RESET),
    Row("socat", "", Symptom.CONNECTED, OK),
    *resolver_rows("telnet", r"Server lookup failure: .*, "),
    *connect_rows("telnet", r"Unable to connect to remote host: "),
    # "Connection closed by foreign host." comes at the end of the input too: it proves nothing
    Row("telnet", r"^Connected to ", Symptom.CONNECTED, OK),
)

# AWS CLI 2.9 and 2.23. The exit status of a session is 0 however it ended, and its end is told in words.
AWS = (
    Row("aws", r"SSL validation failed", Symptom.NOT_TRUSTED),
    Row("aws", r"Connect timeout on endpoint URL", Symptom.TIMED_OUT),
    Row("aws", r"Read timeout on endpoint URL", Symptom.STALLED),
    Row("aws", r"SessionManagerPlugin is not found", Symptom.PROGRAM_MISSING),
    Row("aws", r"^An error occurred \(TargetNotConnected\)", Symptom.NOT_CONNECTED),
    # AWS General Reference, "Common errors": what SigV4 and IAM refuse, by protocol under one name or the other
    Row(
        "aws",
        r"^An error occurred \((?:AccessDenied|UnrecognizedClient|ExpiredToken|InvalidSignature|Unauthorized|Forbidden)"
        r"(?:Exception)?\)|\((?:SignatureDoesNotMatch|InvalidClientTokenId|RequestExpired)\)",
        Symptom.DENIED,
    ),
    Row("aws", r"Token has expired|SSO session associated with this profile has expired", Symptom.DENIED),
    Row("aws", r"Error loading SSO Token|Unable to locate credentials", Symptom.DENIED),
    Row("aws", r"^SessionId: \S+ : ", Symptom.CLOSED, OK),
    Row("aws", "", Symptom.CONNECTED, OK, only_for=r"\baws\b(?!.*--version)"),
)

ROWS = (*SSH, *NC, *CURL, *PING, *TRACEROUTE, *NAMES, *OTHERS, *AWS)

STOOD = {  # what a program prints once its connection stands
    "ssh": r"^debug1: Connection established|^Authenticated to ",
    "nc": r" succeeded!|^Ncat: Connected to ",
    "curl": r"^\* (?:Connected to |Established connection to )|\* Connected to ",  # 8.14 says the second
    "telnet": r"^Connected to ",
    "wget": r"\.\.\. connected\.",
    "aws": r"^Starting session with SessionId: ",
}


def stood(program: str, output: str) -> bool:
    """True when the output shows that the connection was established."""
    pattern = STOOD.get(program)
    return pattern is not None and re.search(pattern, output, re.MULTILINE) is not None
