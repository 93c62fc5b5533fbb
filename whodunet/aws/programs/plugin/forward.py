"""A port of the user's machine that leads to one behind the agent: what both ways of carrying it have in common."""

from __future__ import annotations

import os
import socket
from abc import ABC, abstractmethod
from asyncio import Event

from whodunet.aws.programs.awaiting import first_of
from whodunet.aws.programs.channel_socket import SessionLost
from whodunet.aws.programs.plugin.local_session import Channel
from whodunet.aws.programs.plugin.standard_streams import Output
from whodunet.aws.ssm.frames import Message

READ_BYTES = 32 * 1024  # at a time from a local connection


class PortTaken(SessionLost):
    """The port to listen on cannot be had."""


class Forward(ABC):
    """Listens on localhost, alone, until the user has had enough."""

    def __init__(self, channel: Channel, screen: Output, session_id: str, listener: socket.socket) -> None:
        """The listener, of `listening_on`, belongs to the forward from now on."""
        self._channel, self._screen = channel, screen
        self._session_id, self._listener = session_id, listener
        self._interrupted = Event()
        self._used = False

    async def run(self) -> None:
        """Forwards until the user interrupts it."""
        with self._listener as listener:
            port = listener.getsockname()[1]
            self._screen.show(f"Port {port} opened for sessionId {self._session_id}.\n")
            self._screen.show("Waiting for connections...\n")
            await first_of(self._serve(listener), self._interrupted.wait())
        self._screen.show("Terminate signal received, exiting.\n")

    @abstractmethod
    async def receive(self, message: Message) -> None:
        """Takes one message from the agent."""

    def interrupt(self, key: bytes) -> None:
        """Ends the forward, whichever key it was."""
        self._interrupted.set()

    @abstractmethod
    async def _serve(self, listener: socket.socket) -> None:
        """Accepts connections for ever."""

    def _accepted(self) -> None:
        """Says so, the first time."""
        if not self._used:
            self._used = True
            self._screen.show(f"\nConnection accepted for session [{self._session_id}]\n")


def listening_on(port: int) -> socket.socket:
    """Localhost's port, or any free one for 0; raises PortTaken."""
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise PortTaken(f"listen tcp 127.0.0.1:{port}: bind: {reason.lower()}") from error
    listener.setblocking(False)
    # Inherited by each connection: asyncio sets it only where it opens the socket itself. Source: tcp(7)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
