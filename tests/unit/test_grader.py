"""How a tool gets to the client, and when a network is not any more what its case is about."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest

from tests.unit import case
from tests.unit.grading.graded import FIREWALL, way
from whodunet.cases.fault import Fault, Network
from whodunet.errors import InvalidInput
from whodunet.grader import Bench, CaseToGrade, what_changed
from whodunet.grading.target import Target
from whodunet.grading.tool import Tool
from whodunet.loading.library import Library


def asked(host: str = "10.0.1.10") -> CaseToGrade:
    topology = case.topology()
    return CaseToGrade(case.scenario(), Library(), topology, Target(host, 22, "instance"), way(topology), FIREWALL)


def tool(command: str, runs_as: Literal["root", "user"] = "root", **more: Any) -> Tool:
    return Tool(name="mine", title="Mine", command=command, runs_as=runs_as, **more)


def test_the_command_has_host_port_and_family() -> None:
    bench = Bench.of(tool("mine {family.option} {host} {port}"), Path())
    assert bench.command(asked()) == "mine -4 10.0.1.10 22"


def test_a_host_that_a_shell_would_obey_is_one_word() -> None:
    assert Bench.of(tool("mine {host}"), Path()).command(asked("x; reboot")) == "mine 'x; reboot'"


def test_an_ordinary_user_runs_the_whole_line_without_privileges() -> None:
    command = Bench.of(tool("mine {host} | tee 'a b'", "user"), Path()).command(asked())
    words = shlex.split(command)
    assert words[-1] == "mine 10.0.1.10 | tee 'a b'"
    assert words[words.index("--reuid") + 1] == "1000"
    assert "--no-new-privs" in words


def test_what_a_tool_shares_lies_beside_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dist").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)  # root's labs ask that everybody may read it
    bench = Bench.of(tool("mine", shares=("dist:/opt/mine",)), tmp_path)
    assert [(share.source, share.path, share.writable) for share in bench.shares] == [
        (str(tmp_path / "dist"), "/opt/mine", False)
    ]


def test_a_share_that_is_not_there_is_told_with_the_tool(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"mine: shares .*dist does not exist"):
        Bench.of(tool("mine", shares=("dist:/opt/mine",)), tmp_path)


def test_the_parts_of_whodunet_that_the_client_gets_say_nothing_of_cases() -> None:
    shared = {Path(share.source).name for share in Bench.of(tool("{whodunet} version"), Path()).shares}
    assert {"diagnosis", "cli", "evidence"} <= shared
    assert shared.isdisjoint({"scenarios", "topologies", "controllers", "causes", "cause_classes"})


class Put(Fault):
    """A fault of which it is known whether it is in place."""

    kind: Literal["put"] = "put"
    is_there: bool

    def culprit(self) -> str:
        """Where it sits."""
        return "fw"

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """Whether it is there."""
        return ("there" if self.is_there else None,)


def lab(lost: tuple[str, ...] = (), rtt_ms: float | None = 45.0) -> Any:
    return SimpleNamespace(status=lambda: SimpleNamespace(lost=lost), baseline_rtt_ms=lambda: rtt_ms)


def test_a_network_with_its_fault_its_parts_and_its_path_has_not_changed() -> None:
    assert what_changed(lab(), [Put(is_there=True)], had_baseline=True) is None


def test_a_fault_that_vanished_a_part_that_ended_and_a_path_that_fell_silent_are_told() -> None:
    assert "put at fw was not in place any more" in str(what_changed(lab(), [Put(is_there=False)], had_baseline=True))
    assert what_changed(lab(("sshd of instance",)), [], had_baseline=True) == "sshd of instance"
    assert "answered before the tool ran" in str(what_changed(lab(rtt_ms=None), [], had_baseline=True))


def test_a_path_that_the_fault_itself_closes_is_no_change() -> None:
    assert what_changed(lab(rtt_ms=None), [], had_baseline=False) is None
