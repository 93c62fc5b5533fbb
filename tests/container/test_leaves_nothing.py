"""A store of images leaves nothing on the machine, whatever its tests were doing when they ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import pytest

from tests.container.images import Images
from whodunet.lab.waiting import wait_until

PROCESSES: Final = multiprocessing.get_context("fork")  # of what has been imported here


def run_until_interrupted(told: Connection) -> None:
    """A run of its own, which is at a command when it ends, with a container mounted. It tells its store's folder."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what a script starts in the background
    images = Images()
    images.buildah("mount", images.buildah("from", "scratch"))
    told.send(images.folder)
    images.run("sleep", "1000")


def mounted_below(folder: Path) -> Iterator[str]:
    """The mounts below a folder that any process of the machine sees."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                mounts = (process / "mountinfo").read_text()
            except OSError:
                continue  # it has just ended
            yield from (f"{process.name}: {mount}" for mount in mounts.splitlines() if f" {folder}/" in mount)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_of_a_store_is_left_however_its_run_ends(number: int) -> None:
    folder_is, told = PROCESSES.Pipe(duplex=False)
    run = PROCESSES.Process(target=run_until_interrupted, args=(told,))
    run.start()
    told.close()
    folder = folder_is.recv()
    assert any(mounted_below(folder)), "the container is mounted"
    assert run.pid is not None
    os.killpg(run.pid, number)
    run.join()
    wait_until(lambda: not folder.exists(), f"{folder} to be removed", 10)
    assert [*mounted_below(folder)] == []


def test_what_a_store_mounts_is_not_mounted_on_the_machine() -> None:
    with Images() as images:
        root = images.buildah("mount", images.buildah("from", "scratch"))
        assert images.do("mountpoint", root) == f"{root} is a mountpoint"
        assert str(images.folder) not in Path("/proc/self/mounts").read_text()
    assert not images.folder.exists()
