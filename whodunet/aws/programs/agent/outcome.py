"""How a session ends."""

from __future__ import annotations

from dataclasses import dataclass

from whodunet.aws.ssm.payloads import TaskStatus


class SessionFailed(Exception):
    """The session cannot go on; the text is what its user reads."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the service is told about a session that is over; `output` is for the user, and often empty."""

    status: TaskStatus = TaskStatus.SUCCESS
    output: str = ""

    @classmethod
    def failed(cls, output: str) -> Outcome:
        """The end of a session that could not do what it was for."""
        return cls(TaskStatus.FAILED, output)
