"""Labs that are forked from one process share what it has imported, and nothing else; and it ends with its command."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from whodunet.errors import CannotRun
from whodunet.lab.launching import started_warm
from whodunet.lab.requests import Remember
from whodunet.lab.waiting import wait_until

SECRET: Final = "rosebud-7142"
WARM: Final = "whodunet.lab.warm"
ONLY_ROOT: Final = pytest.mark.skipif(os.geteuid() != 0, reason="memory of others is read by root alone")


@ONLY_ROOT
def test_nothing_of_one_lab_is_in_the_memory_or_among_the_descriptors_of_the_next(
    start_lab: Any, process_tree: Any
) -> None:
    def processes_of(lab: str) -> list[int]:
        launcher = process_tree.launcher_of(lab, process_tree.descendants(os.getpid()))
        return [launcher, *process_tree.descendants(launcher)]

    with started_warm(2), start_lab("healthy") as first:
        first.ask(Remember("word", {"word": SECRET}))
        first.execute("client", f"echo {SECRET} >word")
        with start_lab("healthy") as following:
            kept, shown = processes_of(first.name), processes_of(following.name)
            warm = next(pid for pid in process_tree.children(os.getpid()) if WARM in process_tree.command_line(pid))
            for lab in (kept, shown):
                assert len(lab) > 20
                assert lab[0] in process_tree.children(warm)
            assert any(SECRET.encode() in memory_of(pid) for pid in kept), "a search that finds nothing proves nothing"
            theirs = re.compile(f"{SECRET}|{first.name}(?![0-9])".encode())
            assert not [pid for pid in (warm, *shown) if theirs.search(memory_of(pid))]
            assert len(opened_by(kept)) > 20
            assert not opened_by(kept) & opened_by((warm, *shown))


def memory_of(pid: int) -> bytes:
    """All that a process can write to."""
    try:
        maps = Path(f"/proc/{pid}/maps").read_text()
        with open(f"/proc/{pid}/mem", "rb", 0) as memory:
            return b"".join(_read(memory, *place) for place in _writable(maps))
    except OSError:
        return b""  # it has just ended


def _writable(maps: str) -> Iterator[tuple[int, int]]:
    for start, end in re.findall(r"^(\w+)-(\w+) rw", maps, re.MULTILINE):
        yield int(start, 16), int(end, 16)


def _read(memory: Any, start: int, end: int) -> bytes:
    memory.seek(start)
    return bytes(memory.read(end - start))


def opened_by(pids: Iterable[int]) -> set[tuple[int, int]]:
    """The sockets, pipes and files without a name that some processes have open."""
    return {(found.st_dev, found.st_ino) for pid in pids for found in _opened(pid)}


def _opened(pid: int) -> Iterator[os.stat_result]:
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        found = descriptor.stat()
        is_file = stat.S_ISREG(found.st_mode) and found.st_nlink == 0
        if stat.S_ISSOCK(found.st_mode) or stat.S_ISFIFO(found.st_mode) or is_file:
            yield found


def test_a_check_of_several_that_is_killed_leaves_nothing(
    machine: Any, leaving_nothing: Any, process_tree: Any
) -> None:
    with leaving_nothing(machine):
        check = machine.popen(machine.command, "check", "egress-drop", "security-group-drop")

        def warm() -> list[int]:
            return [pid for pid in process_tree.descendants(check.pid) if WARM in process_tree.command_line(pid)]

        (started,) = wait_until(warm, "a process that labs are forked from")
        wait_until(lambda: len(process_tree.descendants(started)) > 40, "two labs to be nearly up")
        (command,) = process_tree.children(check.pid)
        os.kill(command, signal.SIGKILL)
        check.wait(60)


def test_labs_that_stay_outlive_what_they_were_forked_from(
    machine: Any, leaving_nothing: Any, process_tree: Any
) -> None:
    with leaving_nothing(machine):
        up = machine.popen(machine.command, "up", "healthy", "--as", "seat", "--count", "2", stdout=subprocess.DEVNULL)
        assert up.wait(100) == 0
        lines = [process_tree.command_line(pid) for pid in process_tree.descendants(machine.first)]
        assert lines
        assert not [line for line in lines if WARM in line]
        for lab in ("seat-1", "seat-2"):
            assert machine.whodunet("exec", "--lab", lab, "client", "hostname").stdout == "client\n"
        assert machine.whodunet("down", "seat-1", "seat-2").returncode == 0


def test_a_lab_says_so_when_what_it_was_to_be_forked_from_has_ended(start_lab: Any, process_tree: Any) -> None:
    with started_warm(2):
        (warm,) = (pid for pid in process_tree.children(os.getpid()) if WARM in process_tree.command_line(pid))
        os.kill(warm, signal.SIGKILL)
        with pytest.raises(CannotRun, match="forked from has ended"):
            start_lab("healthy")
