"""MySQL 5 to 9 and MariaDB: the number of the errno stands in parentheses or after "system error"."""

from __future__ import annotations

from whodunet.evidence.program import Program
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import FAILED, OK, Row
from whodunet.evidence.symptom_words import CLOSED, CONNECTING, ESTABLISHED, RESOLVING, TLS

ROWS = (
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

PROGRAM = Program(
    names=(
        "mysql",
        "mariadb",
        "mysqladmin",
    ),
    rows=ROWS,
)
