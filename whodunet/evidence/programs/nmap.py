"""nmap: a port scan of one host."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import OK, Row

NMAP_PORT = r"^\d+/(?:tcp|sctp)\s+"

ROWS = (
    Row(NMAP_PORT + r"open\b(?!\|)", Symptom.CONNECTED, OK),
    Row(NMAP_PORT + r"closed\b(?!\|)", Symptom.REFUSED, OK),
    Row(NMAP_PORT + r"filtered\b.*(?:prohibited|unreach)", Symptom.UNREACHABLE, OK),
    Row(NMAP_PORT + r"filtered\b", Symptom.TIMED_OUT, OK),
    Row(r"are (?:in ignored states|closed)\b.*\bclosed|^All .* (?:are|ports .*:) closed", Symptom.REFUSED, OK),
    Row(r"^All .* (?:are|ports .*:) filtered|^Not shown: .* filtered", Symptom.TIMED_OUT, OK),
    Row(r"Failed to resolve", Symptom.NOT_RESOLVED),
    Row(r"Host seems down|\(0 hosts up\)", Symptom.TIMED_OUT),
)

PROGRAM = Program(names=("nmap",), rows=ROWS)
