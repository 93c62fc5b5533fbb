"""Ports of this machine that nobody else uses while a diagnosis runs."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Final

_NEVER_GIVEN: Final = range(20_000, 20_500)  # below what Linux gives by itself. Source: ip(7), ip_local_port_range


class FreePorts:
    """Holds a socket at each port, which neither listens nor connects: the kernel resets what comes for it."""

    def __init__(self) -> None:
        self._holders: list[socket.socket] = []

    def take(self) -> int:
        """A port that is free over both families."""
        holder = socket.socket(socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET, socket.SOCK_STREAM)
        if holder.family == socket.AF_INET6:
            holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        _bind(holder)
        # Only now, or two holders would share a port: so that a probe may connect from there.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._holders.append(holder)
        port: int = holder.getsockname()[1]
        return port

    def close(self) -> None:
        """Gives the ports back."""
        for holder in self._holders:
            holder.close()


def _bind(holder: socket.socket) -> None:
    """Binds to a port of the system's choice; where it has none left to give, to one that it would not give.

    Raises:
        OSError: when not even such a one is free.
    """
    try:
        holder.bind(("", 0))
    except OSError:
        for port in _NEVER_GIVEN[:-1]:
            with suppress(OSError):
                return holder.bind(("", port))
        holder.bind(("", _NEVER_GIVEN[-1]))
