"""Which lab and host a command means, and what it says when there is none of that name."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable
from typing import Any

import pytest

from whodunet.cli import labs, running_lab
from whodunet.errors import CannotRun, InvalidInput
from whodunet.lab import control
from whodunet.lab.requests import LabStatus

Running = Callable[..., None]


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Running:
    """Has labs run, each with its hosts."""

    def run(**hosts: list[str]) -> None:
        monkeypatch.setattr(control, "running", lambda: sorted(hosts))

        def status(lab: str) -> LabStatus:
            there = hosts[lab]
            return LabStatus(lab, "", "", None, "ipv4", (), there, ["sg"], {}, {}, {}, (), (), 0)

        monkeypatch.setattr(running_lab, "_status", status)
        monkeypatch.setattr(running_lab, "status_of", status)
        monkeypatch.setattr(control, "why_it_ended", lambda lab: "it was ill" if lab == "old" else None)

    return run


def place(*words: str, lab: str | None = None) -> tuple[str, str, list[str]]:
    host, *command = words
    return running_lab.place_and_command(argparse.Namespace(lab=lab, host=host, command=command))


def test_a_host_of_the_only_lab_needs_no_more(running: Running) -> None:
    running(healthy=["client", "instance"])
    assert place("client", "--", "ip", "route") == ("healthy", "client", ["ip", "route"])
    assert place("client", "ip", "route") == ("healthy", "client", ["ip", "route"])
    assert place("client") == ("healthy", "client", [])


@pytest.mark.parametrize("words", [("b", "client", "ls"), ("b", "client", "--", "ls"), ("b", "--", "client", "ls")])
def test_of_several_labs_one_is_named_in_front_of_the_host(running: Running, words: tuple[str, ...]) -> None:
    running(a=["client"], b=["client"])
    assert place(*words) == ("b", "client", ["ls"])


def test_a_host_that_is_called_as_a_lab_is_the_host(running: Running) -> None:
    """`exec client instance` runs the program `instance` on the client."""
    running(client=["client", "instance"])
    assert place("client", "instance") == ("client", "client", ["instance"])
    assert place("client", "instance", lab="client") == ("client", "client", ["instance"])


@pytest.mark.parametrize(
    ("words", "lab", "complaint"),
    [
        (("clint", "ls"), "a", "clint: is not a host of the lab a; did you mean client?"),
        (("server", "ls"), "a", "server: is not a host of the lab a; use one of: client, instance"),
        (("client", "ls"), None, "--lab: is needed: several labs are running; use one of: a, beta"),
        (("client", "ls"), "bet", "no lab named bet is running; did you mean beta?"),
        (("client", "ls"), "x", "no lab named x is running; use one of: a, beta"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_the_nearest_that_is(
    running: Running, words: tuple[str, ...], lab: str | None, complaint: str
) -> None:
    running(a=["client", "instance"], beta=["client"])
    with pytest.raises((InvalidInput, CannotRun)) as refused:
        place(*words, lab=lab)
    assert str(refused.value) == complaint


@pytest.mark.parametrize(
    ("there", "words", "complaint"),
    [
        (["a"], ("a", "nosuch", "ls"), "nosuch: is not a host of the lab a; use one of: client, instance"),
        (["a"], ("a", "clint"), "clint: is not a host of the lab a; did you mean client?"),
        (["a"], ("aa", "client", "ls"), "no lab named aa is running; did you mean a?"),
        (["a"], ("old", "nosuch"), "the lab old has ended by itself: it was ill"),
        (["a"], ("a",), "a: is a lab, and no host is named; use one of: client, instance"),
        (
            ["a"],
            ("sg", "ls"),
            "sg: is a switch, not a host; `whodunet policy a sg` shows what it enforces",
        ),
        (
            ["a"],
            ("a", "sg"),
            "sg: is a switch, not a host; `whodunet policy a sg` shows what it enforces",
        ),
        (["a", "b"], ("a", "nosuch", "ls"), "nosuch: is not a host of the lab a; use one of: client, instance"),
        (["a", "b"], ("c", "--", "client", "ls"), "no lab named c is running; use one of: a, b"),
        (["a", "b"], ("client", "instance"), "--lab: is needed: several labs are running; use one of: a, b"),
    ],
)
def test_of_lab_and_host_the_wrong_word_is_blamed(
    running: Running, there: list[str], words: tuple[str, ...], complaint: str
) -> None:
    running(**{lab: ["client", "instance"] for lab in there})
    with pytest.raises((InvalidInput, CannotRun)) as refused:
        place(*words)
    assert str(refused.value) == complaint


def test_without_a_lab_the_way_to_one_is_told(running: Running) -> None:
    running()
    for lab, complaint in ((None, "no lab is running"), ("a", "no lab named a is running")):
        with pytest.raises(CannotRun, match=f"^{complaint}; `whodunet up NAME` brings one up$"):
            place("client", "ls", lab=lab)


@pytest.fixture
def ended(running: Running, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """What `down` would end of the labs one and other."""

    def end(*names: str, answer: str | None = None, **more: Any) -> list[str]:
        there = more.pop("there", ["one", "other"])
        running(**{name: [] for name in there})
        stdin = io.StringIO(answer or "")
        monkeypatch.setattr(stdin, "isatty", lambda: answer is not None)
        monkeypatch.setattr(sys, "stdin", stdin)
        options = {"labs": list(names), "lab": None, "all": False} | more
        return labs._labs_to_end(argparse.Namespace(**options))

    return end


def test_down_ends_those_that_are_named_each_once(ended: Callable[..., list[str]]) -> None:
    assert ended("other", "one", "other") == ["other", "one"]
    assert ended(lab="one") == ["one"]
    assert ended(all=True) == ["one", "other"]


def test_down_without_a_name_ends_nothing_in_a_script(ended: Callable[..., list[str]]) -> None:
    with pytest.raises(InvalidInput, match=r"no lab is named; name one, or use --all; running: one$"):
        ended(there=["one"])


@pytest.mark.parametrize(
    ("answer", "expected"), [("y\n", ["one"]), ("Yes\n", ["one"]), ("\n", []), ("n\n", []), ("", [])]
)
def test_down_without_a_name_asks_at_a_terminal(
    ended: Callable[..., list[str]], answer: str, expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(there=["one"], answer=answer) == expected
    assert capsys.readouterr().err == "End the lab one? [y/N] \n"


@pytest.mark.parametrize("answer", [None, "y\n"])
def test_down_without_a_name_does_not_choose_among_several(ended: Callable[..., list[str]], answer: str | None) -> None:
    with pytest.raises(InvalidInput, match="one, other"):
        ended(answer=answer)


def test_down_of_a_name_that_is_not_there_ends_none_of_the_others(ended: Callable[..., list[str]]) -> None:
    with pytest.raises(CannotRun, match="no lab named othr is running; did you mean other"):
        ended("one", "othr")
    with pytest.raises(InvalidInput, match=r"^down: --all and one contradict each other; give one of the two$"):
        ended("one", all=True)
