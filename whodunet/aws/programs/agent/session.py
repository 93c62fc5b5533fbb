"""One session, from the service's order to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Final

from pydantic import JsonValue

from whodunet.aws.programs.agent import AGENT_VERSION
from whodunet.aws.programs.agent.commands import CommandSession
from whodunet.aws.programs.agent.local_users import user_for
from whodunet.aws.programs.agent.multiplexed_forward_to_target import MultiplexedForwardToTarget
from whodunet.aws.programs.agent.outcome import Outcome, SessionFailed
from whodunet.aws.programs.agent.shell import SHELL, TerminalSession
from whodunet.aws.programs.agent.single_forward_to_target import SingleForwardToTarget
from whodunet.aws.programs.awaiting import first_of
from whodunet.aws.programs.channel_socket import ChannelSocket, Dial, SessionLost
from whodunet.aws.programs.clock import now
from whodunet.aws.ssm.channel import Closed, Peer
from whodunet.aws.ssm.documents import SessionType, substitute
from whodunet.aws.ssm.forward_targets import AddressBlock
from whodunet.aws.ssm.frames import Message, MessageType
from whodunet.aws.ssm.handshake import TIMED_OUT, TIMEOUT_S, AgentHandshake, HandshakeFailed, Started
from whodunet.aws.ssm.payloads import AgentSessionState, SessionState, ShellContent
from whodunet.aws.ssm.properties import CommandProperties, PortProperties, ShellInputs
from whodunet.aws.ssm.versions import multiplexes
from whodunet.aws.ssm.violations import ProtocolViolation

log = logging.getLogger(__name__)

_DRAIN_S: Final = 2.0
_CAPACITY: Final = 256  # messages of 16 KiB at most: 4 MiB a session

Work = Callable[[ChannelSocket, str], Awaitable[None]]  # on a socket, with a client of this version (empty: unknown)


@dataclass(frozen=True, slots=True)
class SessionPlan:
    """What an order comes to: what is agreed on with the client first, if anything, and what is done then."""

    handshake: AgentHandshake | None
    work: Work


def plan(order: ShellContent, vpc_networks: Collection[AddressBlock]) -> SessionPlan:
    """Understands an order; nothing is started.

    An order that cannot be carried out becomes a plan as well: to tell the client so, once it is there to hear it.
    """
    session_type = order.document_content.session_type
    try:
        return _plan(order, session_type, vpc_networks)
    except (ProtocolViolation, SessionFailed) as failure:
        return SessionPlan(AgentHandshake(session_type, None, AGENT_VERSION), partial(_fail, str(failure)))


async def run_session(plan: SessionPlan, session_id: str, dial: Dial, stop: asyncio.Event) -> Outcome:
    """Carries a session until it is over, or the agent is told to stop it; what it started is gone then."""
    accepts = plan.handshake.accepts if plan.handshake is not None else lambda _: True
    async with ChannelSocket(Peer.AGENT, dial, accepts=accepts, capacity=_CAPACITY) as socket:
        try:
            await first_of(_carry(plan, socket), stop.wait(), _overdue(socket))
            outcome = Outcome()
        except SessionFailed as failed:
            outcome = Outcome.failed(str(failed))
        except SessionLost as lost:
            return Outcome() if socket.over else Outcome.failed(f"The connection to the service was lost: {lost}")
        if not socket.over:
            await socket.settle(_DRAIN_S)
            state = AgentSessionState(session_state=SessionState.TERMINATING, session_id=session_id)
            socket.tell(MessageType.AGENT_SESSION_STATE, state.to_payload())
            await socket.close()
        return outcome


def _plan(order: ShellContent, session_type: SessionType, vpc_networks: Collection[AddressBlock]) -> SessionPlan:
    document = order.document_content
    inputs = ShellInputs.from_json(document.inputs or {})
    if inputs.kms_key_id and session_type is not SessionType.PORT:
        raise SessionFailed("This agent cannot encrypt a session with a KMS key.")
    defaults = {name: given.default for name, given in (document.parameters or {}).items() if given.default is not None}
    properties = substitute(document.properties, {**defaults, **order.parameters})
    if session_type is SessionType.PORT:
        return _port(PortProperties.from_json(properties), properties, vpc_networks)
    if session_type is SessionType.STANDARD_STREAM:
        account = user_for(inputs, order.run_as_user, elevated=False)
        return SessionPlan(None, TerminalSession(SHELL, account, inputs.shell_profile.linux).run)
    return _command(session_type, CommandProperties.from_json(properties), inputs, order.run_as_user)


async def _fail(reason: str, _socket: ChannelSocket, _client_version: str) -> None:
    raise SessionFailed(reason)


def _port(port: PortProperties, properties: JsonValue, vpc_networks: Collection[AddressBlock]) -> SessionPlan:
    async def work(socket: ChannelSocket, client_version: str) -> None:
        many = port.forward and multiplexes(AGENT_VERSION, client_version)
        forward = (MultiplexedForwardToTarget if many else SingleForwardToTarget)(port, vpc_networks)
        await forward.run(socket, client_version)

    return SessionPlan(AgentHandshake(SessionType.PORT, properties, AGENT_VERSION), work)


def _command(
    session_type: SessionType, command: CommandProperties, inputs: ShellInputs, run_as_user: str
) -> SessionPlan:
    # amazon-ssm-agent starts interactive commands without a handshake. With one, the client is there before the
    # command is: it knows the terminal's size from the start, and ^C works even if the command never says a word.
    handshake = AgentHandshake(session_type, None, AGENT_VERSION)
    account = user_for(inputs, run_as_user, elevated=command.linux.run_as_elevated)
    if session_type is SessionType.NON_INTERACTIVE_COMMANDS:
        return SessionPlan(handshake, CommandSession(command.linux, account).run)
    return SessionPlan(
        handshake, TerminalSession((*SHELL, "-c", command.linux.commands), account, awaits_size=True).run
    )


async def _carry(plan: SessionPlan, socket: ChannelSocket) -> None:
    client_version = "" if plan.handshake is None else await agree(plan.handshake, socket)
    await plan.work(socket, client_version)


async def _overdue(socket: ChannelSocket) -> None:
    """Waits until the work should long have noticed the session's end: it may wait for a program that reads nothing.

    Raises SessionLost if it was no end but a loss.
    """
    try:
        await socket.ended()
    except SessionLost:
        await asyncio.sleep(_DRAIN_S)
        raise
    await asyncio.sleep(_DRAIN_S)


async def agree(handshake: AgentHandshake, socket: ChannelSocket) -> str:
    """Agrees with the client on the session; the client's version. Raises SessionFailed, and SessionLost at its end."""
    await socket.send(handshake.begin(now().monotonic_s))
    try:
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                event = await socket.receive()
                if isinstance(event, Closed):
                    raise SessionLost(event.output)
                for step in handshake.receive(event, now().monotonic_s):
                    if isinstance(step, Message):
                        await socket.send(step)
                    elif isinstance(step, HandshakeFailed):
                        raise SessionFailed(step.reason)
                    elif isinstance(step, Started):
                        return step.peer_version
    except TimeoutError as late:
        raise SessionFailed(TIMED_OUT) from late
