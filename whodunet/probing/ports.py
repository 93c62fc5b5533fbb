"""Ports of this machine that nobody else uses while a diagnosis runs."""

from __future__ import annotations

import socket

from whodunet.evidence.topology import Family
from whodunet.probing.segments import ADDRESS_FAMILIES


class FreePorts:
    """Holds a socket at each port, which neither listens nor connects: the kernel resets what comes for it."""

    def __init__(self) -> None:
        self._holders: list[socket.socket] = []

    def take(self, family: Family) -> int:
        """A free port."""
        holder = socket.socket(ADDRESS_FAMILIES[family], socket.SOCK_STREAM)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # so that a probe may connect from there
        holder.bind(("", 0))
        self._holders.append(holder)
        port: int = holder.getsockname()[1]
        return port

    def close(self) -> None:
        """Gives the ports back."""
        for holder in self._holders:
            holder.close()
