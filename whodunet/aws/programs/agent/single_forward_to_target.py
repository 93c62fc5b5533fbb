"""Port sessions with one connection at a time: ssh's, and forwards for clients that do not multiplex."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

from whodunet.aws.programs.agent.targets import Target, TargetConnection
from whodunet.aws.programs.awaiting import cancelled, first_of
from whodunet.aws.programs.channel_socket import MESSAGE_BYTES, ChannelSocket
from whodunet.aws.ssm.channel import Closed
from whodunet.aws.ssm.forward_targets import AddressBlock
from whodunet.aws.ssm.frames import Message, PayloadType
from whodunet.aws.ssm.payloads import Flag
from whodunet.aws.ssm.properties import PortProperties
from whodunet.aws.ssm.violations import MalformedPayload

log = logging.getLogger(__name__)


def flag_of(message: Message) -> Flag | None:
    """The flag in a message; None if there is none that can be read."""
    if message.payload_type != PayloadType.FLAG:
        return None
    try:
        return Flag.from_payload(message.payload)
    except MalformedPayload as violation:
        log.warning("refused a flag: %s", violation)
        return None


class SingleForwardToTarget:
    """Carries bytes between the client and one connection to the target.

    The connection is there from the start. A forward's is dialled again, when it has ended, for the next bytes of the
    client; a session without a type ends with it.
    """

    def __init__(self, properties: PortProperties, vpc_networks: Collection[AddressBlock]) -> None:
        """Dials nothing yet."""
        self._properties, self._vpc_networks = properties, vpc_networks
        self._connection: TargetConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether there is a connection to the target at the moment."""
        return self._connection is not None

    async def run(self, socket: ChannelSocket, _client_version: str) -> None:
        """Carries the session until either side has ended it; raises SessionFailed if the target cannot be reached."""
        target = await Target.of(self._properties, self._vpc_networks)
        await self._dial(target, socket)
        try:
            await first_of(self._from_client(target, socket), self._ended.wait())
        finally:
            await self._hang_up()

    async def _from_client(self, target: Target, socket: ChannelSocket) -> None:
        while not isinstance(event := await socket.receive(), Closed):
            flag = flag_of(event)
            if flag == Flag.TERMINATE_SESSION:
                return
            if flag == Flag.DISCONNECT_TO_PORT:
                await self._hang_up()
            elif event.payload_type == PayloadType.OUTPUT:
                connection = self._connection or await self._dial(target, socket)
                await connection.write(event.payload)

    async def _dial(self, target: Target, socket: ChannelSocket) -> TargetConnection:
        connection = self._connection = await target.dial()
        self._reading = asyncio.create_task(self._to_client(connection, socket))
        return connection

    async def _to_client(self, connection: TargetConnection, socket: ChannelSocket) -> None:
        while content := await connection.read(MESSAGE_BYTES):
            await socket.write(content)
        connection.close()
        if self._connection is connection:
            self._connection = None
        if not self._properties.forward:
            self._ended.set()

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if self._reading is not None:
            await cancelled(self._reading)
        if connection is not None:
            connection.close()
