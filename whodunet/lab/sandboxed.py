"""A lab that this process has started, and that ends with it."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from whodunet.lab import control
from whodunet.lab.client import LabClient
from whodunet.lab.connection import ControlConnection
from whodunet.lab.launching import LabProcess, Progress
from whodunet.lab.plan import Plan


def _silent(text: str) -> None:
    """Progress that nobody wants to see."""


class SandboxedLab(LabClient):
    """The conversation with a lab, and its life."""

    def __init__(self, connection: ControlConnection, process: LabProcess) -> None:
        super().__init__(connection, process.name)
        self._process = process

    @classmethod
    def start(cls, plan: Plan, progress: Progress = _silent, process: LabProcess | None = None) -> Self:
        """Brings a lab up; returns when it is ready. The lab ends with this process, however that ends.

        Args:
            process: a process for it that was started in advance; a new one if None.
        """
        process = process or LabProcess(plan.name)
        try:
            process.tell(plan)
            process.await_ready(progress)
            return cls(ControlConnection(control.connect(process.name)), process)
        except BaseException:
            process.kill()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def why_it_ended(self) -> str | None:
        """What the lab told the process that started it."""
        return self._process.why_it_ended()

    def let_go(self) -> None:
        """Lets the lab live on after this process."""
        self._process.let_go()

    def stop(self) -> None:
        """Ends the lab, unless it was let go; returns when nothing of it is left."""
        self.close()
        self._process.kill()
