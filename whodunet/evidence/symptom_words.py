"""What libraries call the things that go wrong, whatever program prints their words.

Each vocabulary stands once; a row of the table (symptom_rows.py) says only in which frame a program prints it. Words
are regular expressions without regard to case: glibc, musl, BSD and macOS, Windows, and the languages' own libraries.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from whodunet.evidence.symptom import Symptom

# What words leave open, the reading without packets first; where there are several, packets choose among them.
Meaning = tuple[Symptom, ...]


@dataclass(frozen=True)
class Wording:
    """Words of one meaning."""

    pattern: str
    meaning: Meaning


@dataclass(frozen=True)
class Vocabulary:
    """Words and their meanings; the first wording that occurs decides."""

    wordings: tuple[Wording, ...]

    @classmethod
    def of(cls, *wordings: tuple[str, Symptom | Meaning]) -> Vocabulary:
        """A vocabulary from words and what they mean."""
        meanings = ((words, (means,) if isinstance(means, Symptom) else means) for words, means in wordings)
        return cls(tuple(Wording(words, meaning) for words, meaning in meanings))

    def __add__(self, other: Vocabulary) -> Vocabulary:
        """Both; where both know a text, this one decides."""
        return Vocabulary(self.wordings + other.wordings)

    def meaning(self, text: str) -> Meaning | None:
        """What a text means; None when it holds no word of the vocabulary."""
        found = (each.meaning for each in self.wordings if re.search(each.pattern, text, re.IGNORECASE))
        return next(found, None)


def _number(*numbers: int) -> str:
    """An errno given as a number: "errno 104", "[Errno 61]", "(110)", "system error: 104", "os error 111"."""
    return rf"(?:\berr(?:no|or)?[\s:=\[(#]{{0,3}}|\((?:os error )?)(?:{'|'.join(map(str, numbers))})(?=[^\w.]|\.?$)"


# errno(3) and strerror(3) of glibc, musl and BSD; Winsock's texts; the names that Node and Ruby print. The numbers are
# Linux's, BSD's and Winsock's.
_REFUSED = r"connection[ _]refused|actively refused|\bECONNREFUSED\b|" + _number(111, 61, 10061)
_TIMED_OUT = (
    r"timed[ -]?out|time-?out|\bETIMEDOUT\b|deadline exceeded|operation now in progress"
    r"|did not properly respond after a period of time|" + _number(110, 115, 60, 36, 10060)
)
_UNREACHABLE = (
    r"no route to host|host[ _](?:is )?(?:down|unreachable)|network (?:is )?(?:unreachable|down)"
    r"|unreachable (?:host|network)|address not available|can(?:no|')t assign requested address"
    r"|\bE(?:HOST|NET)(?:UNREACH|DOWN)\b|\bEADDRNOTAVAIL\b|"
    + _number(99, 100, 101, 112, 113, 49, 50, 51, 64, 65, 10051, 10065)
)
# A local route or filter that forbids, as connect(2) and sendto(2) answer. Source: `ip route add prohibit|blackhole`
# give EACCES and EINVAL, an output hook that drops ICMP or UDP EPERM.
_FORBIDDEN = r"permission denied|invalid argument|operation not permitted"
_RESET = (
    r"connection[ _](?:was )?reset|reset by peer|broken pipe|forcibly closed|caused connection abort"
    r"|aborted by the software|network dropped connection|\bECONN(?:RESET|ABORTED)\b|\bEPIPE\b"
    # GnuTLS reads and writes by functions of the program, which do not say why they failed
    r"|error in the (?:pull|push) function|" + _number(103, 104, 32, 53, 54, 10053, 10054)
)

_EITHER_SIDE = ((_RESET, Symptom.RESET), (_REFUSED, Symptom.REFUSED))
CONNECTING = Vocabulary.of(
    *_EITHER_SIDE,
    (_UNREACHABLE, Symptom.UNREACHABLE),
    (_TIMED_OUT, Symptom.TIMED_OUT),
    (_FORBIDDEN, Symptom.UNREACHABLE),
)
ESTABLISHED = Vocabulary.of(*_EITHER_SIDE, (_UNREACHABLE, Symptom.STALLED), (_TIMED_OUT, Symptom.STALLED))
# Of a program that does not say at which stage it failed.
AT_SOME_STAGE = Vocabulary.of(
    *_EITHER_SIDE,
    (_UNREACHABLE, Symptom.UNREACHABLE),
    (r"while waiting for connection", Symptom.TIMED_OUT),
    (r"handshake (?:timed ?out|timeout)|timeout .*awaiting", Symptom.STALLED),
    (r"\b(?:dial|connect(?:ing)?)\b.*(?:timed ?out|timeout)", Symptom.TIMED_OUT),
    (r"\b(?:read|recv|receiv\w*)\b.*(?:timed ?out|timeout)", Symptom.STALLED),
    (_TIMED_OUT, (Symptom.TIMED_OUT, Symptom.STALLED)),
)

# getaddrinfo(3), gai_strerror(3) and hstrerror(3) of glibc, musl and BSD; Winsock, Go, Node, Java, busybox; c-ares.
_NO_SUCH_NAME = (
    r"name or service not known|(?:node|host)name nor servname|name does not resolve|no such host"
    r"|no address associated with|name has no usable address|unknown host|host not found|ENOTFOUND|EAI_NONAME"
    r"|UnknownHostException|domain name not found|\(-2\)|host is unknown|non-existent domain|NXDOMAIN|\b11001\b"
)
_NO_ANSWER = (  # musl calls EAI_AGAIN "Try again"
    r"temporary (?:failure (?:in name resolution|resolving)|error \(try again)|^\W*try again|EAI_AGAIN"
    r"|temporary error during hostname resolution"
    r"|(?:non-|un)recoverable (?:failure in name resolution|error)|host ?name lookup failure|server misbehaving"
    r"|could not contact dns servers|timeout while contacting dns|lookup .*(?:timeout|refused|timed out)"
    r"|\(-3\)|SERVFAIL|\b11002\b"
)
_EITHER_OF_THEM = (
    r"could(?: not|n't) resolve|(?:unable|failed|cannot|can't) (?:to )?(?:resolve|look ?up)|bad address"
    r"|unknown mysql server host|could not find host|no data of the requested type"
)
RESOLVER_SAYS = Vocabulary.of((_NO_SUCH_NAME, Symptom.NAME_NOT_FOUND), (_NO_ANSWER, Symptom.NO_RESOLVER))
RESOLVING = RESOLVER_SAYS + Vocabulary.of((_EITHER_OF_THEM, Symptom.NOT_RESOLVED))

# A status of HTTP that a server or a proxy gives. Source: RFC 9110, sections 15.5 and 15.6; RFC 6585, section 4
_HTTP = r"(?:http\S*|status(?: code)?|proxy|tunnel|connect|response|error|code)\D{0,25}\b"
HTTP_STATUS = Vocabulary.of(
    (_HTTP + r"(?:40[137]|429)\b|\bforbidden|proxy authentication required", Symptom.DENIED),
    (_HTTP + r"50[234]\b|bad gateway|service unavailable|gateway time-?out", Symptom.NOT_CONNECTED),
)
_DENIED = (
    r"access[ _](?:is )?denied|logon[ _]failure|\bdenied to\b|\bunauthorized\b|not (?:authorized|allowed)"
    r"|auth(?:entication)? fail|authentication required|login (?:denied|incorrect|failed)"
    r"|permission denied(?: \(|, please)|invalid (?:credentials|username|password)|no pg_hba\.conf entry"
    r"|could not read (?:username|password)"
)
ACCESS = Vocabulary.of(
    (_DENIED, Symptom.DENIED),
    (r"failed to connect to backend", Symptom.NOT_CONNECTED),  # Source: Google's Identity-Aware Proxy, error 4003
)

# OpenSSL, GnuTLS, NSS, Schannel, Secure Transport; Python, Go, Java, Node.
_UNTRUSTED = (
    r"certificate[ _]verif\w+[ _](?:failed|error)|certificate problem|certificate validation|self[- _]signed"
    r"|unable to (?:get|verify|locally verify)\b.*(?:issuer|certificate)|(?:certificate|cert)\w* (?:has |is )?expired"
    r"|certificate (?:is )?not (?:trusted|yet valid)|not yet valid|signed by (?:an )?unknown|not signed by a trusted"
    r"|untrusted|\bx509:|PKIX path|hostname mismatch|(?:doesn't|does not|no alternative certificate) .*match"
    r"|certificate subject name|known issuer|issuer (?:is )?not recognized|cannot verify|verify error|unknown ca\b"
    r"|SEC_E_(?:UNTRUSTED_ROOT|CERT_EXPIRED|WRONG_PRINCIPAL)|\bCERT_[A-Z_]+|UNABLE_TO_\w+_CERT\w*|UNABLE_TO_VERIFY\w*"
    r"|error setting certificate|CERTIFICATE_VERIFY_FAILED|ERR_TLS_CERT\w*|unknown certificate authority"
    r"|revocation (?:function|status|check)"
)
_PROTOCOL = (
    r"wrong[ _]version[ _]number|unknown[ _]protocol|unsupported[ _]protocol|protocol[ _]version|packet length too long"
    r"|bad[ _]record[ _]mac|decryption failed|handshake[ _]failure|unexpected[ _]message|unexpected tls packet"
    r"|illegal parameter|record[ _](?:overflow|too)|no shared cipher|no (?:protocols|ciphers) available"
    r"|http[ _]request\b|not look like a tls|malformed|http/0\.9|maximum permissible length|unrecognized ssl message"
    r"|RX_RECORD_TOO_LONG"
    r"|SEC_E_(?:ILLEGAL_MESSAGE|INVALID_TOKEN|MESSAGE_ALTERED|DECRYPT_FAILURE)|inappropriate fallback|decode[ _]error"
    r"|\bEPROTO\b|(?<!unknown ssl )protocol error|protocol mismatch|BadStatusLine|weird server"
    r"|(?:mismatch|incompatib\w+|violation).*protocol"
    r"|invalid (?:response|http)|bad tls record|http response to https|invalid padding|length mismatch"
    r"|error decoding the received"
)
_CLOSED = (
    r"unexpected eof|eof occurred in violation|SSL_ERROR_SYSCALL|SSL_ERROR_ZERO_RETURN|non-properly terminated"
    r"|lib\(0\)|unknown ssl protocol error|closed (?:the )?connection|connection (?:was )?(?:unexpectedly )?closed"
    r"|empty reply|lost connection|socket hang up|server closed|remote host closed|connection aborted|end of file"
    r"|premature|EOF detected|failed to receive handshake|connect aborted|transfer closed|\bEOF\b"
    r"|other side closed|closed by"
)
TLS = Vocabulary.of(
    (r"eof occurred in violation", Symptom.CLOSED),  # Python's, of a protocol that was not violated otherwise
    (_UNTRUSTED, Symptom.NOT_TRUSTED),
    (_PROTOCOL, Symptom.PROTOCOL_ERROR),
)
CLOSED = Vocabulary.of((_CLOSED, Symptom.CLOSED))
# OpenSSH's ssherr.c and packet.c: corruption, another protocol, no algorithm in common.
_SSH_PROTOCOL = (
    r"bad packet length|corrupted mac|message authentication code incorrect|connection corrupted|packet corrupt"
    r"|protocol major versions differ|unable to negotiate|no matching .* found|incorrect signature|invalid format"
    r"|bad remote protocol version|invalid protocol|banner line contains|no .*identification string|padding error"
    r"|corrupted (?:check|pad)|invalid (?:ssh )?identification|compression integrity|unexpected (?:packet|message)"
    r"|bad string length|(?:string|packet) is too large|incomplete message|protocol error|error in libcrypto"
)
SSH_PROTOCOL = Vocabulary.of((_SSH_PROTOCOL, Symptom.PROTOCOL_ERROR))
_PROXY_NOT_REACHED = r"(?:cannot|unable|failed|could not|couldn't) (?:to )?connect to (?:the )?proxy"
NO_PROXY = Vocabulary.of((_PROXY_NOT_REACHED, Symptom.NO_PROXY))

# A connection that did not come about, of a program that does not say how; without packets nobody knows.
NOT_SAID: Meaning = (Symptom.UNKNOWN, Symptom.REFUSED, Symptom.UNREACHABLE, Symptom.TIMED_OUT)
_NOT_REACHED = r"(?:can(?:no|')t|could(?: not|n't)|(?:unable|failed) to) (?:contact|connect|reach)|connection failed"
NOT_REACHED = Vocabulary.of((_NOT_REACHED, NOT_SAID))

# What any network program may print of a failure: why, and, where that is not said on any line, only how it ended.
FAILURE = HTTP_STATUS + ACCESS + RESOLVING + TLS + AT_SOME_STAGE
ENDED = CLOSED + NO_PROXY + NOT_REACHED
