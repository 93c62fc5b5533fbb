"""The commands of Run Command that run: each a task of its own, whose end is reported."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Final

from whodunet.aws.programs.agent.instance import OwnInstance
from whodunet.aws.programs.agent.scripts import run_script
from whodunet.aws.programs.awaiting import cancelled
from whodunet.aws.ssm.commands import (
    SHELL_SCRIPT,
    CommandOrder,
    CommandReply,
    JobCode,
    PluginStatus,
    ResultStatus,
    ShellScript,
    command_of,
)
from whodunet.aws.ssm.violations import ProtocolViolation

log = logging.getLogger(__name__)

ORCHESTRATION: Final = Path("/var/lib/amazon/ssm")  # where AWS's agent keeps the scripts that it was sent

Reply = Callable[[str, CommandReply], Coroutine[object, None, None]]


class RunningCommands:
    """Runs commands, and has the beginning and the end of each told."""

    def __init__(self, instance: OwnInstance, reply: Reply, orchestration: Path = ORCHESTRATION) -> None:
        """Begins with none.

        Args:
            reply: tells the service how far a job is, by the job's name.
            orchestration: where scripts are written.
        """
        self._instance, self._reply = instance, reply
        self._folder = orchestration / instance.instance_id / "document" / "orchestration"
        self._running: dict[str, asyncio.Task[None]] = {}
        self._seen: set[str] = set()

    def begin(self, job: str, content: str) -> JobCode:
        """Starts a command, unless it was started before; what becomes of the order."""
        try:
            command_id = command_of(job)
            order = CommandOrder.from_payload(content)
        except ProtocolViolation as violation:
            log.warning("job %s: refused: %s", job, violation)
            return JobCode.UNREADABLE
        if command_id in self._seen:
            return JobCode.DUPLICATE
        try:
            script = order.shell_script()
        except ProtocolViolation as violation:
            log.warning("command %s: refused: %s", command_id, violation)
            return JobCode.INVALID_DOCUMENT
        self._seen.add(command_id)
        task = asyncio.create_task(self._run(job, command_id, script))
        self._running[command_id] = task
        task.add_done_callback(lambda _: self._running.pop(command_id))
        return JobCode.ACCEPTED

    def cancel(self, job: str) -> None:
        """Ends a command, if it runs."""
        task = self._running.get(command_of(job))
        if task is not None:
            task.cancel()

    async def end(self) -> None:
        """Ends all commands; nobody is told."""
        running, self._reply = list(self._running.values()), _say_nothing
        await cancelled(*running)

    async def _run(self, job: str, command_id: str, script: ShellScript) -> None:
        log.info("command %s: starts", command_id)
        begun = asyncio.create_task(self._reply(job, CommandReply(document_status=ResultStatus.IN_PROGRESS)))
        name = SHELL_SCRIPT.replace(":", "")
        folder = self._folder / command_id / name / f"0.{name}"
        try:
            result = await run_script(script, folder, self._variables(command_id))
        except asyncio.CancelledError:
            result = PluginStatus(status=ResultStatus.CANCELLED, code=-1)
        except Exception:
            log.exception("command %s", command_id)
            why = "The agent failed; its log has the reason."
            result = PluginStatus(status=ResultStatus.FAILED, code=1, output=why, standard_error=why)
        log.info("command %s: %s, %d", command_id, result.status, result.code)
        await cancelled(begun)
        await self._reply(job, CommandReply(document_status=result.status, runtime_status={SHELL_SCRIPT: result}))

    def _variables(self, command_id: str) -> Mapping[str, str]:
        described = self._instance.description()
        return {
            "SSM_COMMAND_ID": command_id,
            "AWS_SSM_INSTANCE_ID": self._instance.instance_id,
            "AWS_SSM_REGION_NAME": self._instance.region,
            "AWS_SSM_PLATFORM_NAME": described["PlatformName"],
            "AWS_SSM_PLATFORM_VERSION": described["PlatformVersion"],
        }


async def _say_nothing(_job: str, _reply: CommandReply) -> None:
    pass
