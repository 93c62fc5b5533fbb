"""One session from the first line on the screen to the last."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final, Protocol

from whodunet.aws.programs.awaiting import first_of
from whodunet.aws.programs.channel_socket import ChannelSocket, Dial, SessionLost
from whodunet.aws.programs.plugin import CLIENT_VERSION
from whodunet.aws.programs.plugin.forward import PortTaken, listening_on
from whodunet.aws.programs.plugin.kinds import Listen, Streams, session_for
from whodunet.aws.programs.plugin.local_session import Session
from whodunet.aws.programs.plugin.raw import RawSession
from whodunet.aws.programs.plugin.session_calls import SessionTimedOut
from whodunet.aws.ssm.channel import Closed, Peer
from whodunet.aws.ssm.documents import SessionType
from whodunet.aws.ssm.frames import Message, PayloadType
from whodunet.aws.ssm.handshake import ClientHandshake, HandshakeFailed, Started
from whodunet.aws.ssm.payloads import Flag
from whodunet.aws.ssm.versions import heeds_terminate_flag

LOST: Final = 1
INTERRUPTED: Final = 130
_PARTING_S: Final = 3.0  # for telling the agent or the service that the user has gone
FLUSH_S: Final = 1.0  # for a screen that stands still, when the user has gone
_REFUSAL_S: Final = 1.0  # for the agent to hear what this end cannot do


class Terminates(Protocol):
    """Who ends the session on the service's side."""

    async def terminate(self) -> None: ...


class SessionClient:
    """Runs the one session; signals come in as `interrupt` and `leave`."""

    def __init__(
        self,
        session_id: str,
        dial: Dial,
        service: Terminates,
        streams: Streams,
        *,
        quiet: bool = False,
        listen: Listen = listening_on,
    ) -> None:
        """`quiet`: standard output is another program's, from the beginning."""
        self._session_id, self._dial, self._service, self._streams = session_id, dial, service, streams
        self._quiet, self._listen = quiet, listen
        self._handshake = ClientHandshake(CLIENT_VERSION)
        self._agent_listens = False  # for the flag that ends a Port session
        self._session: Session | None = None
        self._closed: Closed | None = None
        self._left = asyncio.Event()
        self._status = 0

    def interrupt(self, key: bytes) -> None:
        """The user pressed a key of `KEYBOARD_SIGNALS`; before there is a session that means to leave."""
        if self._session is None:
            self.leave(INTERRUPTED)
        else:
            self._session.interrupt(key)

    def leave(self, status: int) -> None:
        """Ends the session from this side, with this exit status."""
        self._status = status
        self._left.set()

    async def run(self) -> int:
        """Returns the exit status when the session is over, everything is written and the terminal as before."""
        self._say(f"\nStarting session with SessionId: {self._session_id}\n")
        try:
            async with ChannelSocket(Peer.CLIENT, self._dial) as channel:
                await first_of(self._converse(channel), self._left.wait())
                await self._part(channel)
        except SessionTimedOut:
            self._say(f"Session: {self._session_id} timed out.\n", important=True)
        except SessionLost as lost:
            if self._session is None or isinstance(lost, PortTaken):
                # Said and not told by the status, as by AWS's own: the CLI would print the session's token with it.
                self._say(f"Cannot perform start session: {lost}\n", important=True)
            else:
                self._status = LOST
                self._streams.errors.show(f"session-manager-plugin: {lost}\n")
            await self._terminate()
        await self._flush()
        return self._status

    async def _converse(self, channel: ChannelSocket) -> None:
        session = await self._agree(channel)
        if session is not None:
            await first_of(self._receive(channel, session), _run(session))

    async def _agree(self, channel: ChannelSocket) -> Session | None:
        """The session that the agent has in mind; None if there is none to be."""
        while isinstance(event := await channel.receive(), Message):
            for step in self._handshake.receive(event):
                match step:
                    case Message():
                        await channel.send(step)
                    case HandshakeFailed():
                        await channel.settle(_REFUSAL_S)
                        raise SessionLost(step.reason)
                    case Started():
                        return await self._begin(channel, step, event)
        self._closed = event
        return None

    async def _begin(self, channel: ChannelSocket, started: Started, first: Message) -> Session:
        session = session_for(started, channel, self._streams, self._session_id, self._listen)
        self._session = session
        self._agent_listens = started.session_type is SessionType.PORT and heeds_terminate_flag(started.peer_version)
        self._quiet |= isinstance(session, RawSession)
        if started.customer_message:
            self._say(f"{started.customer_message}\n")
        if first.payload_type == PayloadType.OUTPUT:
            await session.receive(first)
        return session

    async def _receive(self, channel: ChannelSocket, session: Session) -> None:
        while isinstance(event := await channel.receive(), Message):
            await session.receive(event)
        self._closed = event

    async def _part(self, channel: ChannelSocket) -> None:
        """Says farewell to the user, and to the other side unless it has said so first."""
        if self._closed is None and not await self._told(channel):
            await self._terminate()
        output = self._closed.output if self._closed else ""
        if output:
            self._say(f"\n\nSessionId: {self._session_id} : {output}\n\n", important=True)
        else:
            self._say(f"\n\nExiting session with sessionId: {self._session_id}.\n\n")

    async def _told(self, channel: ChannelSocket) -> bool:
        """Whether the agent has heard that the user has gone."""
        if not self._agent_listens:
            return False
        with suppress(TimeoutError, SessionLost):
            async with asyncio.timeout(_PARTING_S):
                await channel.send(Message(PayloadType.FLAG, Flag.TERMINATE_SESSION.to_payload()))
                return await channel.settle(_PARTING_S)
        return False

    async def _terminate(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_PARTING_S):
                await self._service.terminate()

    async def _flush(self) -> None:
        """Waits until everything is written, as long as the screen stands still; not so after `leave`."""
        await first_of(self._streams.drain(), self._left.wait())
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_S):
                await self._streams.drain()

    def _say(self, text: str, important: bool = False) -> None:
        if not self._quiet:
            self._streams.screen.show(text)
        elif important:
            self._streams.errors.show(text)


async def _run(session: Session) -> None:
    try:
        await session.run()
    except SessionLost:
        await asyncio.Event().wait()  # whoever receives has the reason, and what came before it
