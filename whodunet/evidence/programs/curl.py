"""curl 7.10 to 8.14; its exit statuses are those of libcurl-errors(3)."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import KILLED, OK, Row, Statuses
from whodunet.evidence.symptom_words import (
    CLOSED,
    CONNECTING,
    ESTABLISHED,
    HTTP_STATUS,
    NOT_SAID,
    RESOLVER_SAYS,
    TLS,
    Meaning,
)

CURL_ERROR = r"^curl: \(\d+\) "

LOOPBACK = r"(?:localhost|127(?:\.\d+){3}|\[?::1\]?)"

CURL_28: Statuses = frozenset({28})

WITHOUT_V = r"^(?!.*\s-\w*v).*https://"

# the TLS handshake belongs to curl's "connection": only -v shows whether TCP's had been done
IN_TIME: Meaning = (Symptom.UNKNOWN, Symptom.TIMED_OUT, Symptom.STALLED)

ROWS = (
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
    # what tinyproxy answers when the destination cannot be reached
    Row(r"CONNECT tunnel failed, response 500|HTTP code 500 from proxy", Symptom.NOT_CONNECTED, frozenset({56})),
    Row(r"(?=CONNECT tunnel failed, response |HTTP code \d+ from proxy)", HTTP_STATUS, frozenset({56})),
    Row(r"SOCKS\d? .*\(([2])\)|SOCKS.*ruleset", Symptom.DENIED, frozenset({7, 97})),
    Row(r"SOCKS\d? .*\(([34])\)", Symptom.UNREACHABLE, frozenset({7, 97}), beyond_packets=True),
    Row(r"SOCKS\d? .*\(([5])\)", Symptom.REFUSED, frozenset({7, 97}), beyond_packets=True),
    Row(r"No required SSL certificate was sent", Symptom.DENIED, frozenset({22})),  # nginx's page of a 400
    Row(r"(?=returned error: )", HTTP_STATUS, frozenset({22})),
    Row(CURL_ERROR, TLS + ESTABLISHED + CLOSED, frozenset({1, 35, 53, 54, 55, 56, 59, 80})),
)

PROGRAM = Program(
    names=("curl",), rows=ROWS, stood=r"^\* (?:Connected to |Established connection to )|\* Connected to "
)
