"""A session's processes: started as another user, and gone without exception when the session is."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final, Self

from whodunet.aws.programs.agent.descriptors import Descriptor
from whodunet.aws.programs.agent.local_users import LocalUser, directory_of
from whodunet.aws.programs.agent.outcome import SessionFailed
from whodunet.aws.programs.awaiting import cancelled

_HEARS_SIGNALS: Final = ("env", "--default-signal")  # one that the agent ignores would be ignored for ever: ^C, say
_DIES_WITH_AGENT: Final = ("setpriv", "--pdeathsig", "HUP", "--")
_OWNS_ITS_TERMINAL: Final = ("setsid", "--ctty", "--")  # its standard input becomes the controlling terminal
_GRACE_S: Final = 0.5  # from SIGHUP to SIGKILL
_GIVE_UP_S: Final = 5.0  # one that waits for hardware cannot be ended
_DRAIN_S: Final = 2.0  # for what was written before the end
_GLANCE_S: Final = 0.02  # between two looks at who is left


@dataclass
class SessionProcess:
    """A process that leads a session of its own (setsid(2)), and with it all that it starts there."""

    process: subprocess.Popen[bytes]
    exit: Descriptor  # readable once the process has exited; pidfd_open(2)

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        account: LocalUser,
        *,
        terminal: int | None = None,
        outputs: tuple[int, int] | None = None,
    ) -> Self:
        """Starts a command on a terminal, or with two descriptors for its output and no input.

        Raises:
            SessionFailed: when it cannot be started.
        """
        stdin, (stdout, stderr) = (terminal, (terminal, terminal)) if outputs is None else (subprocess.DEVNULL, outputs)
        wrapped = [*_HEARS_SIGNALS, *_DIES_WITH_AGENT, *(_OWNS_ITS_TERMINAL if outputs is None else ()), *command]
        own = os.geteuid() != 0
        try:
            process = subprocess.Popen(
                wrapped,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                cwd=directory_of(account),
                env=environment(account),
                start_new_session=outputs is not None,
                user=None if own else account.user_id,
                group=None if own else account.group_id,
                extra_groups=None if own else account.groups,
            )
        except (OSError, ValueError) as error:  # ValueError: a NUL byte in the command
            raise SessionFailed(f"Unable to start command: {error}") from error
        return cls(process, Descriptor(os.pidfd_open(process.pid)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()
        self.exit.close()

    async def exited(self) -> int:
        """Waits for the process; its exit status, -1 if a signal ended it."""
        await self.exit.readable()
        # Not reaped: as long as it is there, its number stands for its session and for no other.
        status = os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        assert status is not None
        return status.si_status if status.si_code == os.CLD_EXITED else -1

    async def outlast(self, output: Coroutine[object, None, object]) -> int:
        """Reads the output until the process has exited and nothing of its session is left; its exit status.

        What has left the session may hold the output open for ever; it is not waited for. Raises what reading raised.
        """
        reading = asyncio.ensure_future(output)
        try:
            status = await self.exited()
            await self.end()
            done, _ = await asyncio.wait({reading}, timeout=_DRAIN_S)
        finally:
            await cancelled(reading)
        for ended in done:
            ended.result()
        return status

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the process and its group."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    async def end(self) -> None:
        """Ends all processes of the session, with SIGHUP and then with SIGKILL; none is left. Again: nothing."""
        if self.process.returncode is not None:
            return
        begun_s, told = monotonic(), set[int]()
        while (members := set(_members(self.process.pid))) and monotonic() < begun_s + _GIVE_UP_S:
            last_word = monotonic() > begun_s + _GRACE_S
            for member in members if last_word else members - told:
                _send(member, signal.SIGKILL if last_word else signal.SIGHUP)
            told |= members
            await asyncio.sleep(_GLANCE_S)
        self.process.poll()


def environment(account: LocalUser) -> dict[str, str]:
    """The environment of a session's processes: the agent's, for a terminal of any client."""
    fixed = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "HOME": account.home}
    return {**os.environ, **fixed}


def session_of(stat: str) -> int | None:
    """The session that a process is in, from its /proc/PID/stat; None once it is dead. Source: proc_pid_stat(5)"""
    state, _parent, _group, session, *_ = stat.rpartition(")")[2].split()
    return None if state in "ZX" else int(session)


def _members(leader: int) -> Iterator[int]:
    """The processes of a session, and its leader to be, which has not begun it yet at first."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):  # it has gone meanwhile
                session = session_of((entry / "stat").read_text())
                if session == leader or (int(entry.name) == leader and session is not None):
                    yield int(entry.name)


def _send(member: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(member, number)
        os.kill(member, signal.SIGCONT)  # one that is stopped would never hear it
