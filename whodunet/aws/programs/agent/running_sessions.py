"""The sessions that run: each a task of its own, whose failure is nobody else's."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass
from typing import Final

from whodunet.aws.programs.agent.outcome import Outcome
from whodunet.aws.programs.agent.session import plan, run_session
from whodunet.aws.programs.awaiting import cancelled
from whodunet.aws.programs.channel_socket import Dial
from whodunet.aws.ssm.forward_targets import AddressBlock
from whodunet.aws.ssm.payloads import ShellContent

log = logging.getLogger(__name__)

_END_WITHIN_S: Final = 4.0  # draining takes 2 s at most, and a report 1 s or so

DialSession = Callable[[str], Dial]
Report = Callable[[str, Outcome], Coroutine[object, None, None]]


@dataclass(frozen=True, slots=True)
class _Running:
    task: asyncio.Task[None]
    stop: asyncio.Event


class RunningSessions:
    """Starts and stops sessions, and has the end of each reported."""

    def __init__(self, dial: DialSession, report: Report, vpc_networks: Collection[AddressBlock]) -> None:
        """Begins with none.

        Args:
            dial: how to get to a session's data channel, by its identifier.
            report: tells the service how a session ended.
            vpc_networks: the address blocks of the instance's VPC.
        """
        self._dial, self._report, self._vpc_networks = dial, report, vpc_networks
        self._running: dict[str, _Running] = {}

    def start(self, order: ShellContent) -> None:
        """Starts a session; one that runs is not started twice."""
        session_id = order.session_id
        if session_id in self._running:
            log.info("session %s: runs already", session_id)
            return
        stop = asyncio.Event()
        self._keep(session_id, self._run(order, stop), stop)

    def refuse(self, session_id: str, reason: str) -> None:
        """Reports that a session cannot be started."""
        if session_id not in self._running:
            log.warning("session %s: refused: %s", session_id, reason)
            self._keep(session_id, self._report(session_id, Outcome.failed(reason)), asyncio.Event())

    def stop(self, session_id: str) -> None:
        """Ends a session, if it runs."""
        if session_id in self._running:
            self._running[session_id].stop.set()

    async def end(self) -> None:
        """Ends all sessions, cleanly if they let themselves be ended so."""
        tasks = [running.task for running in self._running.values()]
        for running in self._running.values():
            running.stop.set()
        if tasks:
            await asyncio.wait(tasks, timeout=_END_WITHIN_S)
            await cancelled(*tasks)

    def _keep(self, session_id: str, work: Coroutine[object, None, None], stop: asyncio.Event) -> None:
        task = asyncio.create_task(work)
        self._running[session_id] = _Running(task, stop)
        task.add_done_callback(lambda _: self._running.pop(session_id))

    async def _run(self, order: ShellContent, stop: asyncio.Event) -> None:
        log.info("session %s: %s starts", order.session_id, order.document_content.session_type)
        outcome = await self._outcome(order, stop)
        log.info("session %s: %s%s", order.session_id, outcome.status, outcome.output and f": {outcome.output}")
        await self._report(order.session_id, outcome)

    async def _outcome(self, order: ShellContent, stop: asyncio.Event) -> Outcome:
        try:
            planned = plan(order, self._vpc_networks)
            return await run_session(planned, order.session_id, self._dial(order.session_id), stop)
        except Exception:
            log.exception("session %s", order.session_id)
            return Outcome.failed("The agent failed; its log has the reason.")
