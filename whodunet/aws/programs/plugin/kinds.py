"""Which kind of session the agent has in mind."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

from whodunet.aws.programs.channel_socket import SessionLost
from whodunet.aws.programs.plugin import CLIENT_VERSION
from whodunet.aws.programs.plugin.local_session import Channel, Session
from whodunet.aws.programs.plugin.multiplexed_forward import MultiplexedForward
from whodunet.aws.programs.plugin.raw import RawSession
from whodunet.aws.programs.plugin.shell import Shell
from whodunet.aws.programs.plugin.single_forward import SingleForward
from whodunet.aws.programs.plugin.standard_streams import Input, Output
from whodunet.aws.ssm.documents import SessionType
from whodunet.aws.ssm.handshake import Started
from whodunet.aws.ssm.properties import PortProperties
from whodunet.aws.ssm.versions import client_keeps_alive, multiplexes
from whodunet.aws.ssm.violations import MalformedPayload

Listen = Callable[[int], socket.socket]


@dataclass(frozen=True)
class Streams:
    """Standard input, output and error."""

    keys: Input
    screen: Output
    errors: Output

    async def drain(self) -> None:
        """Returns when everything is written."""
        await self.screen.drain()
        await self.errors.drain()


def session_for(started: Started, channel: Channel, streams: Streams, session_id: str, listen: Listen) -> Session:
    """The local side of what was agreed on; raises SessionLost if its properties make no sense or its port is taken."""
    if started.session_type is not SessionType.PORT:
        return Shell(channel, streams.keys, streams.screen, streams.errors)
    try:
        properties = PortProperties.from_json(started.properties)
    except MalformedPayload as malformed:
        raise SessionLost(f"the agent's handshake: {malformed}") from malformed
    if not properties.forward:
        return RawSession(channel, streams.keys, streams.screen)
    listener = listen(int(properties.local_port_number))
    if not multiplexes(started.peer_version, CLIENT_VERSION):
        return SingleForward(channel, streams.screen, session_id, listener)
    keeps_alive = client_keeps_alive(started.peer_version)
    return MultiplexedForward(channel, streams.screen, session_id, listener, keeps_alive)
