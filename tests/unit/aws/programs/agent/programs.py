"""What tests with real programs share: as whom they run, and what their client sees."""

from __future__ import annotations

from pathlib import Path

from whodunet.aws.programs.agent.local_users import user_for
from whodunet.aws.programs.agent.session_processes import session_of
from whodunet.aws.programs.channel_socket import ChannelSocket
from whodunet.aws.ssm.channel import Closed
from whodunet.aws.ssm.frames import Message
from whodunet.aws.ssm.properties import ShellInputs

MYSELF = user_for(ShellInputs(), "", elevated=True)


def alive(process: int) -> bool:
    """Whether a process runs; one that is dead and not reaped does not."""
    try:
        return session_of(Path(f"/proc/{process}/stat").read_text()) is not None
    except OSError:
        return False


async def seen(client: ChannelSocket, last: bytes) -> bytes:
    """What the client reads until these bytes have come."""
    content = b""
    while last not in content:
        event = await client.receive()
        assert not isinstance(event, Closed)
        content += event.payload
    return content


async def messages(client: ChannelSocket, number: int) -> list[Message]:
    """The client's next messages."""
    received: list[Message] = []
    while len(received) < number:
        event = await client.receive()
        assert isinstance(event, Message)
        received.append(event)
    return received
