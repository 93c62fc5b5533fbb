"""The control plane put together."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from whodunet.aws.account.account import Account
from whodunet.aws.account.seal import Seal
from whodunet.aws.instance_connect import tunnel
from whodunet.aws.programs.audit_trail import AuditTrail
from whodunet.aws.programs.clock import now
from whodunet.aws.programs.control_plane.authentication import Authenticator
from whodunet.aws.programs.control_plane.channel_tokens import ChannelTokens
from whodunet.aws.programs.control_plane.channels import Channels
from whodunet.aws.programs.control_plane.ec2 import Ec2
from whodunet.aws.programs.control_plane.ec2_messages import Ec2Messages
from whodunet.aws.programs.control_plane.front import Front
from whodunet.aws.programs.control_plane.gate import Gate
from whodunet.aws.programs.control_plane.instance_connect import InstanceConnect
from whodunet.aws.programs.control_plane.instances import Instances
from whodunet.aws.programs.control_plane.inventory import Inventory
from whodunet.aws.programs.control_plane.operations import Operations
from whodunet.aws.programs.control_plane.run_commands import RunCommands
from whodunet.aws.programs.control_plane.sessions import Sessions
from whodunet.aws.programs.control_plane.settings import ControlPlaneSettings
from whodunet.aws.programs.control_plane.ssm_commands import SsmCommands
from whodunet.aws.programs.control_plane.ssm_documents import SsmDocuments
from whodunet.aws.programs.control_plane.ssm_instances import SsmInstances
from whodunet.aws.programs.control_plane.ssm_sessions import SsmSessions
from whodunet.aws.programs.control_plane.sts import Sts
from whodunet.aws.programs.control_plane.tunnels import Tunnels
from whodunet.aws.programs.managed_keys import ManagedKeys
from whodunet.aws.ssm.frames import Now
from whodunet.aws.ssm.tokens import OneTimeTokens

_LOOK_EVERY_S: Final = 1.0
_FLUSH_S: Final = 0.2
_HTTPS: Final = 443
_STOPPED: Final = "The service was stopped."


class ControlPlane:
    """One account's services on one address."""

    def __init__(self, settings: ControlPlaneSettings, clock: Callable[[], Now] = now) -> None:
        """Opens the records; raises OSError."""
        account, tokens, self._settings = settings.account(), OneTimeTokens(), settings

        def epoch_s() -> float:
            return clock().epoch_s

        trail = AuditTrail(settings.records, settings.region, settings.account_id, epoch_s)
        seal = Seal(bytes.fromhex(settings.seal_key))
        gate = Gate(Authenticator(seal, settings.region, epoch_s), account, trail)
        instances = Instances(clock)
        transcripts = settings.records / "transcripts"
        self.sessions = Sessions(transcripts, trail, _losses(settings), clock)
        self._commands = RunCommands(transcripts, clock)
        self._ssm = SsmSessions(self.sessions, instances, tokens, _stream_host(settings), clock)
        self._messages = Ec2Messages(instances, account)
        self._channels = Channels(gate, account, instances, self.sessions, self._commands, tokens, clock)
        services = {
            "ssm": {
                **self._ssm.operations(),
                **SsmInstances(instances, account).operations(),
                **SsmDocuments(account).operations(),
                **Inventory(instances).operations(),
                **SsmCommands(self._commands, instances, account, clock).operations(),
            },
            "ec2messages": self._messages.operations(),
            "ssmmessages": ChannelTokens(account, self.sessions, tokens, clock).operations(),
            "sts": Sts(account, seal, epoch_s).operations(),
            "ec2": Ec2(account, epoch_s()).operations(),
            "ec2-instance-connect": _instance_connect(settings, account, epoch_s),
        }
        self._tunnels = _tunnels(settings, gate, account, epoch_s)
        self._front = Front(gate, account, services, epoch_s)

    def application(self) -> Starlette:
        """Its routes; an Instance Connect Endpoint has those of its tunnels alone."""
        if self._tunnels is not None:
            opening = WebSocketRoute(tunnel.PATH, self._tunnels.open)
            return Starlette(routes=[opening, Route(tunnel.PATH, self._tunnels.not_upgraded, methods=["GET"])])
        control, data = "/v1/control-channel/{instance_id}", "/v1/data-channel/{session_id}"
        routes = [
            Route(control, self._front.channel, methods=["POST"]),
            Route(data, self._front.channel, methods=["POST"]),
            WebSocketRoute(control, self._channels.control),
            WebSocketRoute(data, self._channels.data),
            Route("/{path:path}", self._front.root, methods=["GET", "POST"]),
        ]
        return Starlette(routes=routes, lifespan=self._lifespan)

    async def stop(self) -> None:
        """Ends all sessions, so that both sides of each know."""
        self._messages.stop()
        if self.sessions.end_all(_STOPPED):
            await asyncio.sleep(_FLUSH_S)  # for the last words to be written out

    def end_overdue(self) -> None:
        """Ends the sessions and commands whose time is over."""
        for session in self.sessions.end_overdue(self._settings.resume_within_s, self._settings.idle_timeout_s):
            self._ssm.cancel(session)
        self._commands.end_overdue()

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        watch = asyncio.create_task(self._watch())
        yield
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self.end_overdue()


def _instance_connect(settings: ControlPlaneSettings, account: Account, clock: Callable[[], float]) -> Operations:
    if settings.managed_keys is None:
        return {}
    keys = ManagedKeys(settings.managed_keys)
    return InstanceConnect(account, keys, settings.pushed_key_lifetime_s, clock).operations()


def _tunnels(
    settings: ControlPlaneSettings, gate: Gate, account: Account, clock: Callable[[], float]
) -> Tunnels | None:
    if settings.tunnels_of is None:
        return None
    vpc = settings.connect_endpoints[settings.tunnels_of].vpc_cidrs
    return Tunnels(gate, account, settings.tunnels_of, vpc, clock)


def _stream_host(settings: ControlPlaneSettings) -> str:
    port = settings.listen[0][1]
    return f"ssmmessages.{settings.region}.amazonaws.com" + ("" if port == _HTTPS else f":{port}")


def _losses(settings: ControlPlaneSettings) -> Callable[[], bool]:
    """Whether the next acknowledgement is lost."""
    share, chance = settings.lose_acknowledgements_pct / 100, random.Random().random  # noqa: S311  # guards nothing
    return lambda: chance() < share
