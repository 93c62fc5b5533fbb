"""A web server with one report, which ends each connection with a RST once the client has all of it."""

from __future__ import annotations

from typing import ClassVar, Final

from whodunet.debian_program import DebianProgram
from whodunet.lab.hosts import Host
from whodunet.lab.service import Listener

_PROGRAM: Final = "/var/lib/report/report_server.py"
# Once the client, which has been told the length, has closed, it closes without lingering: no TIME_WAIT is left, as
# busy servers like it. Source: socket(7), SO_LINGER; RFC 9293, 3.6 (ABORT)
_TEXT: Final = '''\
"""Answers a request with a report, waits for the client to close, and closes with a RST."""

import socket
import struct
import sys

port, report = int(sys.argv[1]), f"{sys.argv[2]}\\n".encode()
answer = b"HTTP/1.1 200 OK\\r\\nContent-Type: text/plain\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(report) + report
with socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True) as listening:
    while True:
        connection, _ = listening.accept()
        with connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if connection.recv(4096):
                connection.sendall(answer)
            while connection.recv(4096):
                pass
'''


class ReportServer(Listener):
    """Its report is one line."""

    needs: ClassVar[tuple[DebianProgram, ...]] = (DebianProgram("python3", "python3", "serves reports"),)

    def __init__(self, report: str, port: int) -> None:
        self._report = report
        self.port = port

    def prepare(self, host: Host) -> None:
        """Writes the program."""
        host.write(_PROGRAM, _TEXT)

    def command(self, host: Host) -> list[str]:
        """Over both families."""
        return ["python3", "-u", _PROGRAM, str(self.port), self._report]


SERVICE = ReportServer
