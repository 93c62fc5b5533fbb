"""ssmmessages: control channels, on which agents are told of sessions, and data channels, on which sessions run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar
from uuid import uuid4

from starlette.websockets import WebSocket, WebSocketDisconnect

from whodunet.aws.account.account import Account
from whodunet.aws.programs.clock import now
from whodunet.aws.programs.control_plane import dialects
from whodunet.aws.programs.control_plane.api_errors import INVALID_TOKEN, ApiError
from whodunet.aws.programs.control_plane.authentication import Caller
from whodunet.aws.programs.control_plane.channel_tokens import session_of_agent
from whodunet.aws.programs.control_plane.gate import (
    Gate,
    Permission,
    Visit,
    circumstances,
    require_instance,
    signed_request,
)
from whodunet.aws.programs.control_plane.instances import Instances, ManagedInstance
from whodunet.aws.programs.control_plane.run_commands import RunCommands
from whodunet.aws.programs.control_plane.sessions import Sessions
from whodunet.aws.programs.control_plane.sockets import PeerSocket, close_reason
from whodunet.aws.programs.serving import log
from whodunet.aws.ssm.channel import Peer
from whodunet.aws.ssm.frames import MessageType, Now, parse, serialise
from whodunet.aws.ssm.payloads import (
    AgentTaskComplete,
    OpenAgentChannel,
    OpenChannel,
    OpenClientChannel,
    OpenControlChannel,
    channel_closed,
)
from whodunet.aws.ssm.tokens import Holder, OneTimeTokens, Side, TokenRefused
from whodunet.aws.ssm.violations import ProtocolViolation

_OPENING_WITHIN_S: Final = 10
_POLICY_VIOLATION: Final = 1008

Opening = TypeVar("Opening", bound=OpenChannel)


class Channels:
    """Serves them."""

    def __init__(
        self,
        gate: Gate,
        account: Account,
        instances: Instances,
        sessions: Sessions,
        commands: RunCommands,
        tokens: OneTimeTokens,
        clock: Callable[[], Now] = now,
    ) -> None:
        self._gate = gate
        self._account = account
        self._instances = instances
        self._sessions = sessions
        self._commands = commands
        self._tokens = tokens
        self._clock = clock

    async def control(self, websocket: WebSocket) -> None:
        """Serves an agent's control channel."""
        instance_id = websocket.path_params["instance_id"]
        visit = _visit(websocket, "OpenControlChannel", {"InstanceId": instance_id})
        with suppress(WebSocketDisconnect):
            if not await self._signed_in(
                websocket, visit, lambda caller: require_instance(self._account, caller, instance_id)
            ):
                return
            opening = await self._opened(websocket, visit, Holder(instance_id, Side.CONTROL), OpenControlChannel)
            if opening is not None:
                await self._serve_control(websocket, self._instances.of(instance_id), opening)

    async def data(self, websocket: WebSocket) -> None:
        """Serves a data channel: an agent signs its request, a client has the token alone."""
        session_id = websocket.path_params["session_id"]
        visit = _visit(websocket, "OpenDataChannel", {"SessionId": session_id})
        is_agent = websocket.headers.get("authorization", "").startswith("AWS4-")
        with suppress(WebSocketDisconnect):
            await (self._data_of_agent if is_agent else self._data_of_client)(websocket, visit, session_id)

    async def _data_of_agent(self, websocket: WebSocket, visit: Visit, session_id: str) -> None:
        if not await self._signed_in(
            websocket, visit, lambda caller: session_of_agent(self._account, self._sessions, caller, session_id)
        ):
            return
        if await self._opened(websocket, visit, Holder(session_id, Side.AGENT), OpenAgentChannel) is not None:
            await self._serve_data(websocket, session_id, Peer.AGENT)

    async def _data_of_client(self, websocket: WebSocket, visit: Visit, session_id: str) -> None:
        await websocket.accept()
        if await self._opened(websocket, visit, Holder(session_id, Side.CLIENT), OpenClientChannel) is not None:
            await self._serve_data(websocket, session_id, Peer.CLIENT)

    async def _serve_control(
        self, websocket: WebSocket, instance: ManagedInstance, opening: OpenControlChannel
    ) -> None:
        socket = PeerSocket(websocket)
        told = {"AgentVersion": opening.agent_version, "PlatformType": opening.platform_type.title()}
        instance.connected(socket, told)
        log.info("%s: control channel open, agent %s", instance.instance_id, opening.agent_version)
        for session in self._sessions.awaiting(instance.instance_id):
            instance.deliver(session.order)
        self._commands.connected(instance)
        try:
            async with socket.writing():
                async for wire in socket.messages():
                    self._told(instance, wire)
        finally:
            instance.disconnected(socket)
            log.info("%s: control channel closed", instance.instance_id)

    def _told(self, instance: ManagedInstance, wire: bytes) -> None:
        """Something has come on a control channel: a session is over, a command goes on, or what is no matter."""
        try:
            frame = parse(wire)
            if frame.message_type in (MessageType.AGENT_JOB_ACK, MessageType.AGENT_JOB_REPLY):
                self._commands.hear(instance, frame)
            if frame.message_type != MessageType.AGENT_TASK_COMPLETE:
                return
            complete = AgentTaskComplete.from_payload(frame.payload)
        except ProtocolViolation as violation:
            log.info("%s: refused: %s", instance.instance_id, violation)
            return
        instance.acknowledge(frame, complete)
        session = self._sessions.live(complete.task_id)
        if session is not None and session.order.target == instance.instance_id:
            self._sessions.end(session, complete.output, reason=f"task complete: {complete.final_task_status}")

    async def _serve_data(self, websocket: WebSocket, session_id: str, peer: Peer) -> None:
        session = self._sessions.live(session_id)
        if session is None:
            return await self._say_closed(websocket, session_id, "The session has ended.")
        socket = PeerSocket(websocket, session.socket_moved)
        number = session.join(peer, socket)
        try:
            async with socket.writing():
                async for wire in socket.messages():
                    await session.receive(number, wire)
        finally:
            session.leave(number)

    async def _signed_in(self, websocket: WebSocket, visit: Visit, check: Callable[[Caller], object]) -> bool:
        """Accepts the upgrade of somebody who may; refuses it otherwise."""
        try:
            caller = self._gate.authenticate(visit)
            needed = Permission(f"ssmmessages:{visit.operation}", self._account.service_arn("ssmmessages"))
            self._gate.authorise(caller, [needed], circumstances(visit, self._clock().epoch_s))
            check(caller)
        except ApiError as error:
            self._gate.record(visit, refused=error)
            await websocket.send_denial_response(dialects.ChannelXml().failure(error, visit.request_id))
            return False
        await websocket.accept()
        return True

    async def _opened(self, websocket: WebSocket, visit: Visit, holder: Holder, model: type[Opening]) -> Opening | None:
        """The first text, if its token opens the channel; otherwise says why not and closes."""
        try:
            opening = await _first_text(websocket, model)
            visit.request = {**(visit.request or {}), **opening.model_dump(by_alias=True, mode="json")}
            self._tokens.redeem(holder, opening.token_value, self._clock().monotonic_s)
        except (ProtocolViolation, TokenRefused) as refused:
            self._gate.record(visit, refused=ApiError(INVALID_TOKEN, str(refused)))
            await self._refuse(websocket, holder, str(refused))
            return None
        if holder.side is Side.CLIENT:
            visit.caller = self._owner(holder.subject)
        self._gate.record(visit)
        return opening

    async def _refuse(self, websocket: WebSocket, holder: Holder, reason: str) -> None:
        """Tells a client in the one way that it prints and does not try again, an agent by closing."""
        if holder.side is Side.CLIENT:
            await self._say_closed(websocket, holder.subject, reason)
        else:
            await websocket.close(_POLICY_VIOLATION, close_reason(reason))

    async def _say_closed(self, websocket: WebSocket, session_id: str, output: str) -> None:
        await websocket.send_bytes(serialise(channel_closed(session_id, output, uuid4, self._clock())))
        await websocket.close()

    def _owner(self, session_id: str) -> Caller | None:
        """Who started the session: its token was given to nobody else."""
        session = self._sessions.live(session_id)
        return None if session is None else session.owner


def _visit(websocket: WebSocket, operation: str, subject: dict[str, str]) -> Visit:
    return Visit("ssmmessages", operation, signed_request(websocket), subject)


async def _first_text(websocket: WebSocket, model: type[Opening]) -> Opening:
    try:
        async with asyncio.timeout(_OPENING_WITHIN_S):
            message = await websocket.receive()
    except TimeoutError as error:
        raise ProtocolViolation(f"Nothing has come within {_OPENING_WITHIN_S} s to open the channel.") from error
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect
    text = message.get("text")
    if text is None:
        raise ProtocolViolation("The first message of a channel has to be a text.")
    return model.from_payload(text)
