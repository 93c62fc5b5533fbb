"""A script of Run Command: written down, run as the agent's own user, and ended at its limit.

Source: amazon-ssm-agent, observed behaviour.
"""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from whodunet.aws.programs.awaiting import cancelled
from whodunet.aws.ssm.commands import (
    ERROR_LENGTH,
    OUTPUT_LENGTH,
    PluginStatus,
    ResultStatus,
    ShellScript,
    cut_off,
    summary,
)

_DIRECTORY: Final = "/usr/bin"  # where systemd starts AWS's agent
_HEARS_SIGNALS: Final = ("env", "--default-signal")
_CANNOT_START: Final = 1
_KILLED: Final = 137  # AWS's agent takes this status for its own doing, whoever killed the script
_STATUSES: Final = {0: ResultStatus.SUCCESS, _KILLED: ResultStatus.TIMED_OUT}
_DRAIN_S: Final = 2.0
_PIECE_BYTES: Final = 64 * 1024
_MOST_BYTES_A_CHARACTER: Final = 4


async def run_script(script: ShellScript, folder: Path, variables: Mapping[str, str]) -> PluginStatus:
    """What came of a script, whose file is kept in a folder; when this is cancelled, the script is ended.

    It is over when it has exited and nobody holds its output open any more: what it leaves running in the background
    with an output of its own stays.
    """
    begun = _time_text()
    starting = asyncio.ensure_future(_start(script, folder, variables))
    try:
        process = await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(OSError):
            await _end(await starting)
        raise
    except OSError as error:
        return _told(ResultStatus.FAILED, _CANNOT_START, "", f"failed to run commands: {error}", begun)
    assert process.stdout is not None
    assert process.stderr is not None
    output = asyncio.create_task(_read(process.stdout, OUTPUT_LENGTH))
    errors = asyncio.create_task(_read(process.stderr, ERROR_LENGTH))
    code = None
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(script.timeout_s):
                await asyncio.wait({output, errors})
                code = await process.wait()
    finally:
        if code is None:  # its time is over, or nobody waits for it any more
            await _end(process)
            await asyncio.wait({output, errors}, timeout=_DRAIN_S)
        await cancelled(output, errors)
    said, complained = (_text(reading) for reading in (output, errors))
    code = _KILLED if code is None else code
    status = _STATUSES.get(code, ResultStatus.FAILED)
    if status is ResultStatus.FAILED:
        complained += f"failed to run commands: exit status {code}"
    return _told(status, code, said, complained, begun)


async def _start(script: ShellScript, folder: Path, variables: Mapping[str, str]) -> Process:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "_script.sh"
    path.write_text(script.text, encoding="utf-8")
    path.chmod(0o700)
    given = script.working_directory
    return await asyncio.create_subprocess_exec(
        *(*_HEARS_SIGNALS, "sh", "-c", str(path)),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        cwd=given if given.startswith("/") else _DIRECTORY,
        env={**os.environ, **variables},
        start_new_session=True,
    )


async def _read(stream: asyncio.StreamReader, most: int) -> bytes:
    """What a stream says, but for what nobody would be told."""
    kept = b""
    while piece := await stream.read(_PIECE_BYTES):
        kept = (kept + piece)[: (most + 1) * _MOST_BYTES_A_CHARACTER]
    return kept


def _text(reading: asyncio.Task[bytes]) -> str:
    return "" if reading.cancelled() else reading.result().decode(errors="replace")


async def _end(process: Process) -> None:
    """Kills it and all of its group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _told(status: ResultStatus, code: int, output: str, errors: str, begun: str) -> PluginStatus:
    output, errors = cut_off(output, OUTPUT_LENGTH), cut_off(errors, ERROR_LENGTH)
    return PluginStatus(
        status=status.value,
        code=code,
        output=summary(output, errors),
        start_date_time=begun,
        end_date_time=_time_text(),
        standard_output=output,
        standard_error=errors,
    )


def _time_text() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
