"""An HTTP proxy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from whodunet.debian_program import DebianProgram
from whodunet.lab.hosts import Host
from whodunet.lab.service import Listener

_CONFIGURATION: Final = "/etc/tinyproxy.conf"


class Tinyproxy(Listener):
    """It asks for whoever reaches it, and connects (CONNECT) to some ports. Source: tinyproxy.conf(5)."""

    needs: ClassVar[tuple[DebianProgram, ...]] = (
        DebianProgram("tinyproxy", "tinyproxy-bin", "HTTP proxies", is_optional=True),
    )

    def __init__(self, port: int, connect_ports: Sequence[int], login: str | None = None) -> None:
        """`login` is the "NAME PASSWORD" that it wants, if it wants any."""
        self.port = port
        self._connect_ports = connect_ports
        self._login = login

    def prepare(self, host: Host) -> None:
        """Writes its configuration."""
        lines = [f"Port {self.port}", "Timeout 60", "MaxClients 20", "LogLevel Connect"]
        lines += [f"ConnectPort {port}" for port in self._connect_ports]
        lines += [f"BasicAuth {self._login}"] if self._login else []
        host.write(_CONFIGURATION, "".join(f"{line}\n" for line in lines))

    def command(self, host: Host) -> list[str]:
        """In the foreground, where it logs what it is asked and answers."""
        return ["tinyproxy", "-d", "-c", _CONFIGURATION]


SERVICE = Tinyproxy
