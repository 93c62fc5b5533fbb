"""tracepath of iputils."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import FAILED, Row
from whodunet.evidence.symptom_words import CONNECTING, RESOLVING

ROWS = (
    Row(r"^(?:tracepath\d?: )?.*: ", RESOLVING, FAILED),
    Row(r"\breached$", Symptom.CONNECTED),
    Row(r"![HNAP]\b", Symptom.UNREACHABLE),
    Row(r"^(?:send failed|connect|tracepath: connect).*?: ", CONNECTING, FAILED),
    Row(r"^\s*(?:\d+\??:\s+no reply|Too many hops)", Symptom.TIMED_OUT),
)

PROGRAM = Program(names=("tracepath",), rows=ROWS)
