"""What the lab writes on a host, and what its first process tells of programs that it has started."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest

from whodunet.errors import CannotRun
from whodunet.evidence.topology import Family
from whodunet.lab import host_messages as messages
from whodunet.lab.hosts import FirstProcess, Host


@pytest.fixture(autouse=True)
def files_may_be_given_to_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a lab's user namespace; an ordinary user who runs these tests may not."""
    monkeypatch.setattr(os, "fchown", lambda *_: None)


class FirstProcessOnPaper:
    """That of a host whose root is a folder."""

    name, pid = "gw", 7

    def __init__(self, root: Path) -> None:
        (root / "etc").mkdir()
        self._root = root

    def await_born(self) -> tuple[dict[str, int], int]:
        return {}, os.open(self._root, os.O_PATH)


@pytest.mark.parametrize(("family", "first"), [("ipv4", "10.9.0.53"), ("ipv6", "fd00:9::53")])
def test_its_resolver_is_asked_over_the_family_of_the_lab_first(tmp_path: Path, family: Family, first: str) -> None:
    Host(cast(FirstProcess, FirstProcessOnPaper(tmp_path)), {}, family).set_resolver(("10.9.0.53", "fd00:9::53"))
    lines = (tmp_path / "etc/resolv.conf").read_text().splitlines()
    assert lines[0] == f"nameserver {first}"
    assert len([line for line in lines if line.startswith("nameserver")]) == 2


def test_what_is_ended_before_it_answers_is_told_at_once() -> None:
    here, there = messages.connection()
    first = FirstProcess("client", 7, here)
    with here, there, ThreadPoolExecutor() as side:
        asked = side.submit(first.ask, messages.Start(("true",)))
        messages.tell(there, messages.receive(there).number, messages.Ended, status=-9)
        with pytest.raises(CannotRun, match="client: it was ended before it could answer"):
            asked.result(5)


def test_the_end_of_a_program_is_told_after_its_start() -> None:
    here, there = messages.connection()
    first = FirstProcess("client", 7, here)
    with here, there, ThreadPoolExecutor() as side:
        asked = side.submit(first.ask, messages.Start(("true",)))
        started = messages.receive(there).number
        messages.tell(there, started, messages.Done, pid=12)
        messages.tell(there, started, messages.Ended, status=3)
        number, done, _ = asked.result(5)
        assert (done.pid, first.await_end(number, 5)) == (12, 3)
