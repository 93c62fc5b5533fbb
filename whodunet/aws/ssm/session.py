"""One session as the service knows it: what was asked for, who is there, and whether it is time to end it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from whodunet.aws.account.seal import Identity
from whodunet.aws.ssm.channel import Peer
from whodunet.aws.ssm.documents import SessionDocument
from whodunet.aws.ssm.payloads import InteractiveShell, ShellContent

MOST_CHARACTERS: Final = 96
IDLE: Final = "Your session timed out due to inactivity."
AGENT_LOST: Final = "The connection to the instance was lost."
CLIENT_LOST: Final = "The connection to the client was lost."

_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9@.,_-]")


class Status(StrEnum):
    """As DescribeSessions tells it."""

    CONNECTING = "Connecting"
    CONNECTED = "Connected"
    DISCONNECTED = "Disconnected"  # the client is away and may come back
    TERMINATING = "Terminating"
    TERMINATED = "Terminated"

    @property
    def active(self) -> bool:
        """Whether the session is listed as Active rather than as History."""
        return self is not Status.TERMINATED


def session_id(owner: str, ending: str) -> str:
    """A session's identifier: the owner's session name, and random letters and digits."""
    name = _NOT_IN_NAMES.sub("-", owner)[: MOST_CHARACTERS - len(ending) - 1]
    return f"{name}-{ending}"


@dataclass(frozen=True, slots=True)
class Order:
    """What StartSession asked for."""

    session_id: str
    owner: Identity
    target: str
    document_name: str
    document: SessionDocument
    parameters: Mapping[str, str]
    started_at_s: float  # since the epoch
    source_ip: str = ""
    reason: str = ""

    @property
    def tags(self) -> dict[str, str]:
        """What conditions of policies can ask about the session.

        Source: Systems Manager User Guide, "Additional sample IAM policies for Session Manager".
        """
        prefix = "ssm:resourcetag/aws:ssmmessages:"
        return {f"{prefix}session-id": self.owner.user_id, f"{prefix}target-id": self.target}

    def interactive_shell(self) -> InteractiveShell:
        """What tells the agent to begin."""
        content = ShellContent(
            document_name=self.document_name,
            document_content=self.document,
            session_id=self.session_id,
            parameters=dict(self.parameters),
            session_owner=self.owner.arn,
        )
        return InteractiveShell.of(content)


@dataclass(slots=True)
class Attendance:
    """Who is there, since when, on the monotonic clock."""

    began_at_s: float
    agent_terminates: bool = False
    _here: set[Peer] = field(default_factory=set)
    _left_at_s: dict[Peer, float] = field(default_factory=dict)

    def joined(self, peer: Peer) -> None:
        """A side has come, or come back."""
        self._here.add(peer)
        self._left_at_s.pop(peer, None)

    def left(self, peer: Peer, now_s: float) -> None:
        """A side has gone."""
        self._here.discard(peer)
        self._left_at_s[peer] = now_s

    @property
    def status(self) -> Status:
        """The session's status as long as it has not ended."""
        if self.agent_terminates:
            return Status.TERMINATING
        if Peer.CLIENT in self._left_at_s:
            return Status.DISCONNECTED
        return Status.CONNECTED if len(self._here) == len(Peer) else Status.CONNECTING

    def overdue(self, now_s: float, active_at_s: float | None, resume_within_s: float, idle_timeout_s: float) -> str:
        """Why the session is to be ended now; empty if it is not."""
        client_gone_s = now_s - self._left_at_s.get(Peer.CLIENT, self.began_at_s)
        if Peer.CLIENT not in self._here and client_gone_s > resume_within_s:
            return CLIENT_LOST
        if now_s - self._left_at_s.get(Peer.AGENT, now_s) > resume_within_s:
            return AGENT_LOST
        idle_s = now_s - (self.began_at_s if active_at_s is None else active_at_s)
        return IDLE if idle_s > idle_timeout_s else ""
