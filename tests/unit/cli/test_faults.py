"""Faults of a running lab are switched one by one or all together, and their state is what the lab shows."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

import pytest

from whodunet.cases.fault import Fault
from whodunet.cases.scenario import Setup, Staging
from whodunet.cli import faults, running_lab
from whodunet.errors import CannotRun, InvalidInput
from whodunet.lab import requests
from whodunet.lab.client import LabClient
from whodunet.lab.requests import LabStatus


class Word(Fault):
    """A fault that is a word in the lab's memory; it has no kind of its own, or every scenario could name it."""

    word: str

    def culprit(self) -> str:
        return "nobody"

    def inject(self, network: Any) -> Mapping[str, Any]:
        network.changes.append(f"on {self.word}")
        return {"was": "off"}

    def remove(self, network: Any, before: Mapping[str, Any]) -> None:
        network.changes.append(f"{before['was']} {self.word}")

    def signs(self, network: Any) -> tuple[str | None, ...]:
        of_word = [change for change in network.changes if change.endswith(self.word)]
        return (of_word[-1] if of_word and of_word[-1].startswith("on") else None,)


class MemoryLab(LabClient):
    """A lab that is its memory alone."""

    def __init__(self) -> None:
        self.name = "lab"
        self.memory: dict[str, Any] = {}
        self.changes: list[str] = []

    def close(self) -> None: ...

    def status(self, timeout_s: float = 0) -> LabStatus:
        return LabStatus("lab", "", "", None, "ipv4", (), (), (), {}, {}, {}, (), (), 0)

    def ask(self, request: Any, timeout_s: float = 0) -> Any:
        if isinstance(request, requests.Remember):
            self.memory[request.key] = json.loads(json.dumps(request.value))
            return None
        if isinstance(request, requests.Recall):
            return requests.Note(self.memory.get(request.key))
        assert isinstance(request, requests.StopService | requests.StartService)
        self.changes.append(f"{type(request).__name__} {request.service}")
        return None


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> MemoryLab:
    """A running lab with two faults in place; a service starts afresh with them."""
    there = MemoryLab()
    staging = Staging(
        setup=Setup(restart={"instance": "agent"}), faults=(Word(kind="switch", word="a"), Word(kind="lever", word="b"))
    )
    there.remember_staging(staging)
    for each in staging.faults:
        there.inject(each)
    monkeypatch.setattr("whodunet.lab.control.running", lambda: ["lab"])
    monkeypatch.setattr(running_lab, "conversation", lambda _: there)
    monkeypatch.setattr(faults, "conversation", lambda _: there)
    monkeypatch.setattr("whodunet.loading.library.Library.fault_kinds", lambda _: {"switch": Word, "lever": Word})
    return there


def run(change: str, *which: str) -> None:
    assert faults.fault(argparse.Namespace(change=change, which=list(which), json=False, lab=None)) == 0


def states(capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    faults.fault(argparse.Namespace(change=None, which=[], json=True, lab=None))
    return [each["state"] for each in json.loads(capsys.readouterr().out)]


def test_the_list_says_kinds_and_states_and_no_more(lab: MemoryLab, capsys: pytest.CaptureFixture[str]) -> None:
    run("list")
    assert capsys.readouterr().out == "NR  KIND    STATE\n1   switch  on\n2   lever   on\n"


def test_the_lab_stands_in_front_of_the_change_or_alone(lab: MemoryLab, capsys: pytest.CaptureFixture[str]) -> None:
    run("lab", "off", "2")
    assert states(capsys) == ["on", "off"]
    run("lab")
    assert capsys.readouterr().out.splitlines()[-1].split() == ["2", "lever", "off"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("lb", "off"), "no lab named lb is running; did you mean lab?"),
        (("lab", "of"), "of: is not a change of a fault; did you mean off?"),
        (("2",), "2: is not a change of a fault; use one of: list, on, off"),
    ],
)
def test_of_lab_and_change_the_wrong_word_is_blamed(lab: MemoryLab, words: tuple[str, ...], complaint: str) -> None:
    with pytest.raises((InvalidInput, CannotRun)) as refused:
        run(*words)
    assert str(refused.value) == complaint


def test_off_takes_out_the_last_first_and_starts_services_afresh(
    lab: MemoryLab, capsys: pytest.CaptureFixture[str]
) -> None:
    run("off")
    assert lab.changes[2:] == ["off b", "off a", "StopService agent", "StartService agent"]
    assert states(capsys) == ["off", "off"]


@pytest.mark.parametrize("word", ["2", "lever"])
def test_one_of_several_is_meant_by_number_or_kind(
    lab: MemoryLab, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run("off", word)
    assert states(capsys) == ["on", "off"]
    run("on", word)
    assert states(capsys) == ["on", "on"]


def test_what_is_in_that_state_already_is_left_alone(lab: MemoryLab) -> None:
    run("on")
    assert [change for change in lab.changes[2:] if change.startswith("on")] == []
    run("off")
    run("off")
    assert [change for change in lab.changes if change.startswith("off")] == ["off b", "off a"]


def test_a_fault_that_is_not_there_is_told_the_nearest(lab: MemoryLab) -> None:
    for word, fix in (("levr", "did you mean lever?"), ("3", "use one of: switch, lever, 1, 2")):
        with pytest.raises(InvalidInput) as refused:
            run("off", word)
        assert str(refused.value) == f"{word}: is not a fault of this lab; {fix}"


def test_a_lab_that_was_told_no_faults_says_so(lab: MemoryLab) -> None:
    lab.memory.clear()
    with pytest.raises(CannotRun, match="was not brought up by `whodunet up`"):
        run("list")
    lab.remember_staging(Staging(setup=Setup(), faults=()))
    with pytest.raises(CannotRun, match="has no fault"):
        run("off")


def test_a_fault_that_this_lab_never_had_cannot_be_taken_out(lab: MemoryLab) -> None:
    with pytest.raises(CannotRun, match="switch at nobody was not injected into this lab"):
        lab.remove(Word(kind="switch", word="c"))
