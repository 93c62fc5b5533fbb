"""Whatever a peer says, it gets one clear answer, and the conversation and the lab go on."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from functools import singledispatchmethod
from typing import Any, ClassVar

import pytest

from whodunet.errors import CannotRun
from whodunet.lab import answering, requests
from whodunet.lab.connection import ControlConnection
from whodunet.lab.hosts import Host
from whodunet.lab.messages import encode
from whodunet.lab.watch import Watch


class OneHost:
    """A lab that can execute a few commands."""

    hosts: ClassVar[dict[str, Host]] = {}

    @singledispatchmethod
    def answer(self, request: object) -> object:
        raise NotImplementedError

    @answer.register
    def execute(self, request: requests.Execute) -> requests.Fulfilled:
        if request.command == "break":
            raise KeyError("a defect")
        if request.command == "refuse":
            raise CannotRun("not today")
        return requests.Fulfilled()

    @answer.register
    def stop(self, _: requests.Stop) -> requests.Fulfilled:
        return requests.Fulfilled()


Ask = Callable[[bytes], dict[str, Any]]


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Says a line to a lab and hears its answer."""
    here, there = socket.socketpair()
    lab: Any = OneHost()
    conversation = threading.Thread(target=answering._converse, args=(ControlConnection(there), lab))
    conversation.start()

    def asked(line: bytes) -> dict[str, Any]:
        here.sendall(line + b"\n")
        answer: dict[str, Any] = json.loads(answers.readline())
        return answer

    with here, here.makefile("rb") as answers:
        yield asked
        here.shutdown(socket.SHUT_RDWR)
        conversation.join()


def execute(command: str) -> bytes:
    return json.dumps({"=": "Execute", "host": "client", "command": command, "deadline_s": 1}).encode()


NO_REQUEST = "this is nothing that can be asked of a lab: "


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"fly", f"{NO_REQUEST}it is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b'{"=": "TellStatus", "a": 1}', f"{NO_REQUEST}TellStatus: has an unknown field a"),
        (b'{"=": "Execute", "host": "client"}', f"{NO_REQUEST}Execute: has no field command, deadline_s"),
        (b'{"=": "Attach", "host": "nobody", "command": []}', None),
        (execute("refuse"), "not today"),
        (execute("break"), "Execute failed: KeyError: 'a defect'"),
    ],
)
def test_what_cannot_be_done_is_answered_with_why(ask: Ask, line: bytes, reason: str | None) -> None:
    answer = ask(line)
    assert answer["="] == "RequestRefused"
    if reason is not None:
        assert answer["reason"] == reason
        assert ask(execute("true")) == {"=": "Fulfilled"}


def test_an_unknown_request_is_told_those_that_there_are(ask: Ask) -> None:
    reason = ask(b'{"=": "Fly"}')["reason"]
    assert reason.startswith(f'{NO_REQUEST}"Fly" is none of TellStatus, TellTopology, Execute, ')
    assert reason.endswith(", Stop")


def test_a_lab_that_is_asked_to_stop_has_answered_when_it_ends() -> None:
    here, there = socket.socketpair()
    lab: Any = OneHost()
    answered: list[bytes] = []
    lab.watch = Watch(lambda text: None, lambda reason: answered.append(here.recv(100)))
    with here:
        here.sendall(encode(requests.Stop())[0])
        here.shutdown(socket.SHUT_WR)
        answering._converse(ControlConnection(there), lab)
    assert answered == [encode(requests.Fulfilled())[0]]
