"""A web server: Python's own."""

from __future__ import annotations

from typing import ClassVar, Final

from whodunet.debian_program import DebianProgram
from whodunet.lab.hosts import Host
from whodunet.lab.service import Listener

_FOLDER: Final = "/var/www"


class HttpServer(Listener):
    """It has one page, and closes each connection after its answer, as HTTP/1.0 has it."""

    needs: ClassVar[tuple[DebianProgram, ...]] = (DebianProgram("python3", "python3", "serves web pages"),)

    def __init__(self, page: str, port: int = 80) -> None:
        self._page = page
        self.port = port

    def prepare(self, host: Host) -> None:
        """Writes the page."""
        host.write(f"{_FOLDER}/index.html", f"{self._page}\n")

    def command(self, host: Host) -> list[str]:
        """Over both families."""
        return ["python3", "-u", "-m", "http.server", "--bind", "::", "--directory", _FOLDER, str(self.port)]


SERVICE = HttpServer
