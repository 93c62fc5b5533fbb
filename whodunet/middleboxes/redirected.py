"""What proxies do with connections that were redirected to them (nft: redirect)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Final

_SO_ORIGINAL_DST: Final = 80  # Source: linux/netfilter_ipv4.h; IP6T_SO_ORIGINAL_DST of netfilter_ipv6/ip6_tables.h
_CHUNK_BYTES: Final = 1 << 16


def original_destination(connection: socket.socket) -> tuple[str, int]:
    """Where the client wanted to go before it was redirected."""
    if connection.family == socket.AF_INET6:
        address = connection.getsockopt(socket.IPPROTO_IPV6, _SO_ORIGINAL_DST, 28)
        port, packed = struct.unpack_from("!2xH4x16s", address)  # Source: linux/in6.h, sockaddr_in6
    else:
        address = connection.getsockopt(socket.SOL_IP, _SO_ORIGINAL_DST, 16)
        port, packed = struct.unpack_from("!2xH4s", address)
    return socket.inet_ntop(connection.family, packed), port


async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Carries bytes one way until one side ends, then closes the other."""
    with contextlib.suppress(OSError):
        while chunk := await source.read(_CHUNK_BYTES):
            sink.write(chunk)
            await sink.drain()
    sink.close()
