from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.aws.programs.agent.programs import MYSELF, alive
from whodunet.aws.programs.agent.descriptors import Descriptor
from whodunet.aws.programs.agent.outcome import SessionFailed
from whodunet.aws.programs.agent.session_processes import SessionProcess, session_of


async def collect(reader: Descriptor, content: list[bytes]) -> None:
    """Reads to the end."""
    while piece := await reader.read():
        content.append(piece)


Reading = Callable[[Descriptor, list[bytes]], Coroutine[Any, Any, None]]


async def output_of(script: str, read_output: Reading = collect) -> tuple[bytes, int]:
    """What a shell writes, and its exit status."""
    read, write = os.pipe()
    with Descriptor(read) as reader:
        try:
            child = SessionProcess.start(("sh", "-c", script), MYSELF, outputs=(write, write))
        finally:
            os.close(write)
        content: list[bytes] = []
        async with child:
            status = await child.outlast(read_output(reader, content))
    return b"".join(content), status


@pytest.mark.parametrize(("script", "status"), [("echo hi; exit 3", 3), ("echo hi", 0), ("echo hi; kill -9 $$", -1)])
def test_output_and_exit_status_are_the_commands(script: str, status: int) -> None:
    assert asyncio.run(output_of(script)) == (b"hi\n", status)


def test_what_a_command_leaves_behind_is_ended_with_it() -> None:
    content, status = asyncio.run(output_of("trap '' HUP; sleep 1000 & echo $!"))
    assert status == 0
    assert not alive(int(content))


def test_what_goes_wrong_with_the_output_is_told() -> None:
    async def breaks(_reader: Descriptor, _content: list[bytes]) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(output_of("echo hi", breaks))


def test_a_child_inherits_no_descriptor_but_its_own() -> None:
    listed, _ = asyncio.run(output_of("ls /proc/self/fd"))
    assert listed.split() == [b"0", b"1", b"2", b"3"]  # 3 is the directory that ls reads


def test_what_the_agent_ignores_its_children_hear() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in a program that a shell started with &
    try:
        status, _ = asyncio.run(output_of("grep SigIgn /proc/self/status"))
    finally:
        signal.signal(signal.SIGINT, before)
    assert status.split() == [b"SigIgn:", b"0000000000000000"]


def test_the_environment_is_for_a_terminal_of_any_client() -> None:
    told, _ = asyncio.run(output_of("echo $TERM $LANG $HOME"))
    assert told.decode().split() == ["xterm-256color", "C.UTF-8", MYSELF.home]


def test_a_child_begins_at_home() -> None:
    told, _ = asyncio.run(output_of("pwd -P"))
    assert told.decode().strip() == os.path.realpath(MYSELF.home)


def test_a_signal_reaches_the_command_and_what_it_runs() -> None:
    async def story() -> int:
        with Descriptor(os.open(os.devnull, os.O_WRONLY)) as nowhere:
            child = SessionProcess.start(("sleep", "1000"), MYSELF, outputs=(nowhere.number, nowhere.number))
            async with child:
                child.signal(signal.SIGKILL)
                return await child.exited()

    assert asyncio.run(story()) == -1


def test_a_child_that_has_not_begun_its_session_is_ended_too() -> None:
    async def story() -> SessionProcess:
        near, far = os.openpty()
        with Descriptor(near):
            try:
                child = SessionProcess.start(("sleep", "1000"), MYSELF, terminal=far)
            finally:
                os.close(far)
            await child.end()
            child.exit.close()
        return child

    assert asyncio.run(story()).process.returncode is not None


def test_a_command_that_cannot_be_started_fails_the_session() -> None:
    with pytest.raises(SessionFailed, match="Unable to start command: embedded null byte"):
        asyncio.run(output_of("\0"))


@pytest.mark.parametrize(
    ("stat", "session"),
    [
        ("7 (sh) S 1 7 42 0 -1", 42),
        ("7 (a) b) R 1 7 42 0 -1", 42),
        ("7 (sh) Z 1 7 42 0 -1", None),
        ("7 (sh) X 1 7 42 0 -1", None),
    ],
)
def test_the_session_is_read_behind_the_name(stat: str, session: int | None) -> None:
    assert session_of(stat) == session


@given(st.text(max_size=15))
def test_no_program_can_name_itself_into_another_session(name: str) -> None:
    assert session_of(f"7 ({name}) S 1 7 42 0 -1") == 42
