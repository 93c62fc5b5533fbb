"""A proxy on the path that accepts for every destination."""

from __future__ import annotations

import sys
from typing import ClassVar

from whodunet.lab.hosts import Host
from whodunet.lab.service import Listener


class TcpProxy(Listener):
    """It carries what is redirected to it."""

    runs_beside: ClassVar[bool] = True

    def __init__(self, port: int) -> None:
        self.port = port

    def prepare(self, host: Host) -> None:
        """It has no files."""

    def command(self, host: Host) -> list[str]:
        """A program of whodunet's own."""
        return [sys.executable, "-P", "-m", "whodunet.middleboxes.tcp_proxy", str(self.port)]


SERVICE = TcpProxy
