"""Scripts of Run Command, run for real."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from whodunet.aws.programs.agent.scripts import run_script
from whodunet.aws.ssm.commands import PluginStatus, ShellScript


def ran(folder: Path, *lines: str, directory: str = "", limit_s: int = 60) -> PluginStatus:
    """What came of a script."""
    script = ShellScript(run_command=list(lines), working_directory=directory, timeout_seconds=limit_s)
    return asyncio.run(run_script(script, folder / "of" / "command", {"SSM_COMMAND_ID": "c-1"}))


def test_a_script_tells_its_outputs_apart_and_its_exit_status(tmp_path: Path) -> None:
    told = ran(tmp_path, "echo out; echo err >&2", "exit 3")
    assert (told.status, told.code, told.standard_output) == ("Failed", 3, "out\n")
    assert told.standard_error == "err\nfailed to run commands: exit status 3"
    assert told.output == f"out\n\n----------ERROR-------\n{told.standard_error}"
    assert told.start_date_time <= told.end_date_time


def test_a_script_that_succeeds_says_nothing_of_its_own(tmp_path: Path) -> None:
    told = ran(tmp_path, "echo $SSM_COMMAND_ID; pwd")
    assert (told.status, told.code, told.standard_error) == ("Success", 0, "")
    assert told.standard_output == "c-1\n/usr/bin\n"


def test_a_script_runs_where_it_is_told_to(tmp_path: Path) -> None:
    assert ran(tmp_path, "pwd", directory=str(tmp_path)).standard_output == f"{tmp_path}\n"


def test_a_script_in_a_directory_that_is_missing_fails_and_says_so(tmp_path: Path) -> None:
    told = ran(tmp_path, "pwd", directory=str(tmp_path / "missing"))
    assert (told.status, told.code) == ("Failed", 1)
    assert "failed to run commands: " in told.standard_error
    assert "missing" in told.standard_error


def test_a_script_may_name_its_own_interpreter(tmp_path: Path) -> None:
    assert ran(tmp_path, "#!/bin/bash", "echo ${BASH_VERSION:+bash}").standard_output == "bash\n"


def test_a_script_is_ended_at_its_limit_with_all_that_it_started(tmp_path: Path) -> None:
    told = ran(tmp_path, "echo $$; sleep 4321 & sleep 4321", limit_s=1)
    assert (told.status, told.code) == ("TimedOut", 137)
    assert told.standard_error == ""
    with pytest.raises(ProcessLookupError):
        os.killpg(int(told.standard_output), 0)


def test_what_a_script_leaves_in_the_background_stays(tmp_path: Path) -> None:
    told = ran(tmp_path, "sleep 4321 >/dev/null 2>&1 & echo $!")
    assert told.status == "Success"
    os.kill(int(told.standard_output), 9)  # raises unless it is there


def test_a_script_that_somebody_kills_counts_as_timed_out(tmp_path: Path) -> None:
    told = ran(tmp_path, "kill -KILL $$")
    assert (told.status, told.code) == ("TimedOut", 137)


def test_of_much_output_the_beginning_is_told(tmp_path: Path) -> None:
    told = ran(tmp_path, "head -c 1000000 /dev/zero | tr '\\0' x; head -c 1000000 /dev/zero | tr '\\0' y >&2")
    assert told.standard_output == "x" * (24000 - 20) + "--output truncated--"
    assert told.standard_error == "y" * (8000 - 20) + "--output truncated--"


def test_a_script_is_ended_when_nobody_waits_for_it(tmp_path: Path) -> None:
    async def story() -> int:
        script = ShellScript(run_command=[f"echo $$ >{tmp_path}/pid; sleep 4321"])
        running = asyncio.create_task(run_script(script, tmp_path, {}))
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return int((tmp_path / "pid").read_text())

    group = asyncio.run(story())
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)
