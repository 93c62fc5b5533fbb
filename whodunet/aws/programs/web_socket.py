"""A WebSocket as the Session Manager's programs use it: for a channel's frames."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Protocol

from websockets.asyncio.client import ClientConnection, connect

from whodunet.aws.programs.trust import tls_context

PING_S = 10.0
MAX_MESSAGE_BYTES = 1024 * 1024  # past a frame's own limit, so that one frame too long costs no connection

_OPEN_TIMEOUT_S = 10.0
_CLOSE_TIMEOUT_S = 1.0
_UNSENT_BYTES = 128 * 1024  # waiting in the kernel, where a ping stands in line behind them


class Socket(Protocol):
    """What is needed of a WebSocket; `send` and `recv` raise ConnectionClosed once it is gone."""

    async def send(self, message: bytes) -> None: ...

    async def recv(self) -> str | bytes: ...

    async def close(self) -> None: ...


async def open_socket(url: str, headers: Mapping[str, str], first_text: str) -> ClientConnection:
    """A WebSocket on which the text that opens the channel is sent; one that goes silent is closed within 30 s.

    Raises:
        OSError: the network or TLS failed, TimeoutError being one.
        WebSocketException: the service does not open one.
    """
    connection = await connect(
        url,
        additional_headers=headers,
        ssl=tls_context() if url.startswith("wss:") else None,
        compression=None,
        max_size=MAX_MESSAGE_BYTES,
        open_timeout=_OPEN_TIMEOUT_S,
        ping_interval=PING_S,
        ping_timeout=2 * PING_S,
        close_timeout=_CLOSE_TIMEOUT_S,
    )
    sender: socket.socket = connection.transport.get_extra_info("socket")
    sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
    await connection.send(first_text)
    return connection
