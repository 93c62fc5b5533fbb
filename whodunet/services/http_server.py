"""A web server: Python's own."""

from __future__ import annotations

from typing import ClassVar, Final

from whodunet.debian_program import DebianProgram
from whodunet.lab.hosts import Host
from whodunet.lab.service import Listener

_FOLDER: Final = "/var/www"


class HttpServer(Listener):
    """It has one page and a large file, and closes each connection after its answer, as HTTP/1.0 has it."""

    needs: ClassVar[tuple[DebianProgram, ...]] = (DebianProgram("python3", "python3", "serves web pages"),)

    def __init__(self, page: str, port: int = 80, large_bytes: int = 0) -> None:
        """`large_bytes` is the size of the file `large`, of zeros."""
        self._page = page
        self._large_bytes = large_bytes
        self.port = port

    def prepare(self, host: Host) -> None:
        """Writes the page and the file."""
        host.write(f"{_FOLDER}/index.html", f"{self._page}\n")
        if self._large_bytes:
            host.write_bytes(f"{_FOLDER}/large", bytes(self._large_bytes))

    def command(self, host: Host) -> list[str]:
        """Over both families."""
        return ["python3", "-u", "-m", "http.server", "--bind", "::", "--directory", _FOLDER, str(self.port)]


SERVICE = HttpServer
