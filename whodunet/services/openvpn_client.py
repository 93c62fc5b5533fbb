"""A company's VPN: the end that calls."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import ClassVar, Final

from whodunet.errors import CannotRun
from whodunet.evidence.packets import OPENVPN_PORT
from whodunet.lab.hosts import Host
from whodunet.lab.service import Placed
from whodunet.services.openvpn_server import OpenVpnServer
from whodunet.services.vpn.openvpn import OpenVpn

_CONNECTED: Final = "/run/openvpn-connected"


class OpenVpnClient(OpenVpn):
    """It runs while its host uses the VPN. Ready means that the tunnel stands and its routes are in force."""

    makes_uplink: ClassVar[bool] = True

    def __init__(self, interface: str, server: Sequence[str], mtu_bytes: int) -> None:
        """`server` is called at its addresses, one of each family, first at that of the case's family."""
        super().__init__(interface, mtu_bytes)
        self._server = server

    def meet(self, host: Host, others: Sequence[Placed]) -> None:
        """Introduces both ends to each other."""
        for other in others:
            if isinstance(server := other.furnishing, OpenVpnServer):
                server.trust(other.host, self.identity)
                self.trust(host, server.identity)

    def lines(self, host: Host) -> Sequence[str]:
        """A client's, without a port of its own."""
        preferred_first = sorted(self._server, key=lambda address: (":" in address) != (host.family == "ipv6"))
        return [
            "client",
            *(f"remote {each} {OPENVPN_PORT} {'udp6' if ':' in each else 'udp4'}" for each in preferred_first),
            "nobind",
            "connect-retry 1 4",
            "script-security 2",
            f'route-up "/usr/bin/touch {_CONNECTED}"',
        ]

    def forget(self, host: Host) -> None:
        """Removes the mark of a former tunnel."""
        host.remove_file(_CONNECTED)

    def is_ready(self, host: Host) -> bool:
        """True when it has set its routes."""
        with suppress(CannotRun):
            host.read_bytes(_CONNECTED)
            return True
        return False

    @property
    def readiness(self) -> str:
        """What the mark tells."""
        return "to be connected"


SERVICE = OpenVpnClient
