"""ec2messages: the older way in which agents wait for messages, of which there are none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import ClassVar, Final
from uuid import uuid4

from whodunet.aws.account.account import Account
from whodunet.aws.programs.control_plane.gate import Permission, require_instance
from whodunet.aws.programs.control_plane.instances import Instances
from whodunet.aws.programs.control_plane.operations import Answer, Call, Operation, Operations, Request

HOLD_S: Final = 20.0


class _OfAgent(Request):
    read_only: ClassVar[bool] = False
    action: ClassVar[str]

    def permissions(self, account: Account) -> Iterable[Permission]:
        """On nothing in particular."""
        yield Permission(f"ec2messages:{self.action}", "*")


class GetMessages(_OfAgent):
    """Waits for messages."""

    action: ClassVar[str] = "GetMessages"

    destination: str
    messages_request_id: str = ""


class AcknowledgeMessage(_OfAgent):
    """A message has arrived."""

    action: ClassVar[str] = "AcknowledgeMessage"


class DeleteMessage(_OfAgent):
    """A message is done with."""

    action: ClassVar[str] = "DeleteMessage"


class FailMessage(_OfAgent):
    """A message cannot be followed."""

    action: ClassVar[str] = "FailMessage"


class SendReply(_OfAgent):
    """What came of a message."""

    action: ClassVar[str] = "SendReply"


class Ec2Messages:
    """Answers them."""

    def __init__(self, instances: Instances, account: Account, hold_s: float = HOLD_S) -> None:
        self._instances = instances
        self._account = account
        self._hold_s = hold_s
        self._stopping = asyncio.Event()

    def operations(self) -> Operations:
        """By name."""
        heard = (AcknowledgeMessage, DeleteMessage, FailMessage, SendReply)
        return {
            "GetMessages": Operation(GetMessages, self.messages),
            **{request.action: Operation(request, self.hear) for request in heard},
        }

    def stop(self) -> None:
        """Answers all who wait."""
        self._stopping.set()

    async def messages(self, request: GetMessages, call: Call) -> Answer:
        """Nothing, after a while; who hangs up before does not wait any more."""
        require_instance(self._account, call.caller, request.destination)
        instance = self._instances.of(request.destination)
        with instance.poll():
            hung_up = await self._hold(call)
        if not hung_up:
            instance.polled()
        identifier = request.messages_request_id or str(uuid4())
        return {"Destination": request.destination, "MessagesRequestId": identifier, "Messages": []}

    async def hear(self, request: Request, call: Call) -> Answer:
        """No message was sent, so there is nothing to note."""
        return {}

    async def _hold(self, call: Call) -> bool:
        """Waits; whether the caller has hung up."""
        abandoned = asyncio.ensure_future(call.abandoned())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((abandoned, stopping), timeout=self._hold_s, return_when=asyncio.FIRST_COMPLETED)
            return abandoned.done()
        finally:
            abandoned.cancel()
            stopping.cancel()
