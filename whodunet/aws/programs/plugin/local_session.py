"""What the kinds of session have in common for the client that runs one."""

from __future__ import annotations

from typing import Protocol

from whodunet.aws.ssm.frames import Message


class Channel(Protocol):
    """The way to the agent; sending raises SessionLost."""

    async def send(self, message: Message) -> None:
        """Sends one message when there is room for it."""

    async def write(self, content: bytes) -> None:
        """Sends bytes as Output, when there is room for them; those of two calls are never mixed."""

    async def settle(self, timeout_s: float) -> bool:
        """Whether the agent has acknowledged everything by then."""


class Session(Protocol):
    """The local side of a session, from the end of the handshake on."""

    async def run(self) -> None:
        """Carries what comes from the user; returns when the user's side is over."""

    async def receive(self, message: Message) -> None:
        """Takes one message from the agent, and returns when there is room for another."""

    def interrupt(self, key: bytes) -> None:
        """The user has pressed a key of `KEYBOARD_SIGNALS`."""
