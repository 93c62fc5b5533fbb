"""A seat over the Model Context Protocol: four things to ask, and one to say.

Needs the extra `mcp`. Source: modelcontextprotocol.io, specification of tools; the official SDK's MCPServer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from anyio import to_thread
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from whodunet.agents.seat import CommandOutcome, ListedCause, Seat, SeenPacket
from whodunet.errors import WhodunetError
from whodunet.grading.submission import Submission

_Asked = ParamSpec("_Asked")
_Told = TypeVar("_Told")


def server_of(seat: Seat) -> MCPServer:
    """The server of one seat. What a tool's docstring says, the agent is told."""
    server = MCPServer("whodunet", instructions=seat.brief, log_level="ERROR")

    @server.tool()
    async def story() -> str:
        """What the user says, what is wanted, and how much time there is."""
        return seat.brief

    @server.tool()
    async def run(command: str, time_limit_s: float = 30) -> CommandOutcome:
        """Run a shell command on the client, as root there. What it leaves running has to give up its output."""
        return await _in_thread(seat.run, command, time_limit_s)

    @server.tool()
    async def packets(after: int = 0, most: int = 50) -> list[SeenPacket]:
        """The packets that the client's interfaces have seen, after that number, in the form in which to cite them."""
        return list(await _in_thread(seat.packets, after, most))

    @server.tool()
    async def causes() -> list[ListedCause]:
        """The names of all causes that a verdict may name, with the classes of those that look the same from here."""
        return list(seat.causes())

    @server.tool()
    async def submit(verdict: Submission) -> str:
        """Hand in the verdict, once. How good it was is not told here."""
        await _in_thread(seat.submit, verdict)
        return "The verdict is in. There is nothing more to do."

    return server


async def _in_thread(ask: Callable[_Asked, _Told], *asked: _Asked.args, **named: _Asked.kwargs) -> _Told:
    """Asks the seat without holding up the conversation.

    Raises:
        ToolError: with the seat's own words, which the agent is told.
    """
    try:
        return await to_thread.run_sync(lambda: ask(*asked, **named))
    except WhodunetError as error:
        raise ToolError(str(error)) from error


def serve(seat: Seat) -> None:
    """Serves the seat on standard input and output, until the agent closes them."""
    server_of(seat).run("stdio")
