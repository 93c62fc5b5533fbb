"""The agent's life: it comes online, carries out orders, and comes back whenever it was cut off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from random import random
from time import monotonic
from typing import Final, TypeVar
from uuid import uuid4

from whodunet.aws.programs.agent.cloud_calls import CloudCalls, SignedCloudCalls
from whodunet.aws.programs.agent.control_channel import ControlChannel, open_control_channel
from whodunet.aws.programs.agent.data_channel import DataChannelDial
from whodunet.aws.programs.agent.instance import FreshCredentials, Metadata, OwnInstance
from whodunet.aws.programs.agent.running_commands import RunningCommands
from whodunet.aws.programs.agent.running_sessions import RunningSessions
from whodunet.aws.programs.agent.state_file import StateFile
from whodunet.aws.programs.awaiting import first_of, in_thread
from whodunet.aws.programs.signed_http import CallFailed
from whodunet.aws.programs.web_socket import Socket
from whodunet.aws.ssm.back_off import BackOff

Result = TypeVar("Result")
ServiceOf = Callable[[OwnInstance, FreshCredentials], CloudCalls]

log = logging.getLogger(__name__)

_UPDATE_EVERY_S: Final = 300.0
_PROVEN_S: Final = 5.0  # a channel that was open for as long was not refused
_POLL_ON_S: Final = 60.0  # after the control channel is open, as amazon-ssm-agent does
_POLL_PAUSE_S: Final = 1.0


class Agent:
    """Keeps one instance online."""

    def __init__(
        self,
        metadata: Metadata,
        state: StateFile,
        service_of: ServiceOf = SignedCloudCalls,
        back_off: BackOff | None = None,
    ) -> None:
        """Asks nobody anything yet."""
        self._metadata, self._state, self._service_of = metadata, state, service_of
        self._credentials = FreshCredentials(metadata.role_credentials)
        self._back_off = back_off or BackOff()
        self._sessions: RunningSessions | None = None
        self._commands: RunningCommands | None = None
        self._cut_off = asyncio.Event()
        self._online_since_s: float | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Is online, or tries to be, until it is told to stop; then ends its sessions, and says so to the service."""
        await first_of(self._live(), self._end_sessions(stop))

    async def _live(self) -> None:
        self._state.tell("starting")
        instance = await self._insist(lambda: in_thread(self._metadata.instance))
        service, control = self._service_of(instance, self._credentials), ControlChannel(instance.instance_id)
        self._sessions = RunningSessions(partial(DataChannelDial, service), control.report, instance.vpc_networks)
        self._commands = RunningCommands(instance, control.reply)
        await first_of(self._stay_online(service, control, self._sessions, self._commands), self._poll(service))

    async def _end_sessions(self, stop: asyncio.Event) -> None:
        await stop.wait()
        if self._sessions is not None:
            await self._sessions.end()
        if self._commands is not None:
            await self._commands.end()

    async def _stay_online(
        self, service: CloudCalls, control: ControlChannel, sessions: RunningSessions, commands: RunningCommands
    ) -> None:
        while True:
            socket = await self._insist(partial(_come_online, service))
            opened_s = self._online_since_s = monotonic()
            self._state.tell("online")
            try:
                await first_of(control.serve(socket, sessions, commands), _stay_registered(service))
            except CallFailed as failure:
                self._state.tell(f"offline: {failure}")
            self._online_since_s = None
            self._cut_off.set()
            if monotonic() - opened_s > _PROVEN_S:
                self._back_off.reset()

    async def _insist(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """What an attempt gives, once one is a success."""
        while True:
            await asyncio.sleep(self._back_off.wait_s(random()))  # noqa: S311 - spreads attempts, no secret
            try:
                return await attempt()
            except CallFailed as failure:
                self._state.tell(f"offline: {failure}")

    async def _poll(self, service: CloudCalls) -> None:
        """Asks for messages the old way while there is no control channel, so that the service hears of the agent.

        They bring nothing here: commands come on the control channel.
        """
        body = {"Destination": service.instance.instance_id, "VisibilityTimeoutInSeconds": 10}
        back_off = BackOff()
        while True:
            if self._online_since_s is not None and monotonic() > self._online_since_s + _POLL_ON_S:
                self._cut_off.clear()
                await self._cut_off.wait()
            try:
                await service.call("ec2messages", "GetMessages", {**body, "MessagesRequestId": str(uuid4())})
                back_off.reset()
            except CallFailed as failure:
                log.debug("%s", failure)
            await asyncio.sleep(_POLL_PAUSE_S + back_off.wait_s(random()))  # noqa: S311 - as above


async def _come_online(service: CloudCalls) -> Socket:
    await _register(service)
    return await open_control_channel(service)


async def _stay_registered(service: CloudCalls) -> None:
    while True:
        await asyncio.sleep(_UPDATE_EVERY_S)
        try:
            await _register(service)
        except CallFailed as failure:
            log.warning("%s", failure)


async def _register(service: CloudCalls) -> None:
    await service.call("ssm", "UpdateInstanceInformation", service.instance.description())
