"""Cases that are graded on a Dask cluster come to the same as those that are graded here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.conftest import ROOT
from whodunet.lab.waiting import wait_until
from whodunet.records import record_name

PROGRAMS = Path(sys.executable).parent
CASES = ("vpn-egress-reset", "sshd-down", "healthy")


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """A scheduler of Dask and two workers of one thread each."""
    where = tmp_path / "scheduler.json"
    begin = [str(PROGRAMS / "dask"), "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    quiet = {"cwd": tmp_path, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    running = [subprocess.Popen([*begin, "--scheduler-file", str(where)], **quiet)]  # type: ignore[call-overload]
    try:
        wait_until(where.exists, "a scheduler", 60)
        worker = [str(PROGRAMS / "dask"), "worker", "--scheduler-file", str(where), "--nthreads", "1", "--no-dashboard"]
        running += [subprocess.Popen(worker, **quiet) for _ in range(2)]  # type: ignore[call-overload]
        yield json.loads(where.read_text(encoding="utf-8"))["address"]
    finally:
        for each in running:
            os.killpg(each.pid, signal.SIGTERM)
        for each in running:
            each.wait(60)


def graded(*options: str) -> list[dict[str, object]]:
    command = [str(PROGRAMS / "whodunet"), "grade", "--tool", "nc", "--seed", "11", "--json", *options, *CASES]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    cases: list[dict[str, object]] = json.loads(done.stdout)["cases"]
    for case in cases:
        del case["cost"]["took_s"]  # type: ignore[attr-defined]
    return cases


def test_a_cluster_of_two_workers_comes_to_the_same(scheduler: str, tmp_path: Path) -> None:
    there = graded("--dask", scheduler, "--keep", str(tmp_path / "there"))
    here = graded("--keep", str(tmp_path / "here"))
    records = [case.pop("record") for case in there]
    assert records == [str(tmp_path / "there" / record_name(f"{name} --seed 11")) for name in CASES]
    assert all(Path(str(record), "capture.pcapng").exists() for record in records)
    assert there == [{key: value for key, value in case.items() if key != "record"} for case in here]
