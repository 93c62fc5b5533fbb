"""A client says what became of a request: its answer, the lab's own reason, or that the lab has ended."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from whodunet.cases.scenario import Probe
from whodunet.errors import CannotRun
from whodunet.lab import control, requests
from whodunet.lab.capture import CaptureCounters
from whodunet.lab.client import LabClient
from whodunet.lab.connection import ControlConnection
from whodunet.lab.messages import FileDescriptor
from whodunet.lab.processes import Finished
from whodunet.lab.requests import LabStatus

STATUS = LabStatus("mine", "healthy", "two", None, "ipv4", (), ("client",), (), {}, {}, {}, (), (), 1.5)
Answering = Callable[[Callable[[ControlConnection], object]], LabClient]


@pytest.fixture
def lab() -> Iterator[Answering]:
    """A client of a lab that answers one request as it is told to."""
    started: list[Any] = []

    def answering(answer: Callable[[ControlConnection], object]) -> LabClient:
        here, there = socket.socketpair()
        connection = ControlConnection(there)

        def converse() -> None:
            connection.receive(requests.REQUESTS)
            answer(connection)
            connection.close()

        conversation = threading.Thread(target=converse)
        conversation.start()
        client = LabClient(ControlConnection(here), "mine")
        started.extend((conversation, client))
        return client

    yield answering
    conversation, client = started
    conversation.join()
    client.close()


def test_the_answer_is_what_the_lab_says(lab: Answering) -> None:
    client = lab(lambda connection: connection.send(STATUS))
    assert client.status() == STATUS


def test_a_refusal_is_told_in_the_labs_own_words(lab: Answering) -> None:
    client = lab(lambda connection: connection.send(requests.RequestRefused("clint: is not a host of this lab")))
    with pytest.raises(CannotRun, match=r"^clint: is not a host of this lab$"):
        client.execute("clint", "true")


@pytest.mark.parametrize(("left", "reason"), [(None, "the lab ended while it was asked to set uplink"), ("oom", "oom")])
def test_a_lab_that_ends_meanwhile_is_told_with_its_last_word(
    lab: Answering, left: str | None, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "await_gone", lambda name: None)
    monkeypatch.setattr(control, "why_it_ended", lambda name: left)
    client = lab(lambda connection: None)
    with pytest.raises(CannotRun, match=f"{reason}$"):
        client.set_uplink("client", "vpn")


def test_a_lab_that_says_something_else_is_of_another_version(lab: Answering) -> None:
    client = lab(lambda connection: connection.send(requests.Note(None)))
    with pytest.raises(CannotRun, match='another version of whodunet: "Note" is none of LabStatus, RequestRefused'):
        client.status()


def test_a_lab_that_does_not_answer_is_not_waited_for(lab: Answering) -> None:
    given_up = threading.Event()
    client = lab(lambda connection: given_up.wait(60))
    with pytest.raises(CannotRun, match="did not answer within 0 s when it was asked to tell status"):
        client.status(timeout_s=0)
    given_up.set()


def test_the_capture_can_be_read_as_long_as_it_is_needed_and_no_longer(lab: Answering, tmp_path: Any) -> None:
    file = tmp_path / "capture"
    file.write_bytes(b"frames")
    counters = CaptureCounters(dropped={}, frames={"a": 1}, size_bytes=6, time_ns=5, clock_offset_ns=4, waited_ns=None)

    def send(connection: ControlConnection) -> None:
        descriptor = os.open(file, os.O_RDONLY)
        connection.send(requests.CaptureSoFar(FileDescriptor(descriptor), counters))
        os.close(descriptor)

    with lab(send).capture() as capture:
        assert capture.path.read_bytes() == b"frames"
        assert (capture.frames, capture.size_bytes, capture.time_ns) == ({"a": 1}, 6, 5)
    assert not capture.path.exists()


def test_the_answer_to_a_command_is_awaited_for_longer_than_the_command_may_run(
    lab: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    awaited: list[float] = []
    client = lab(lambda connection: None)

    def ask(request: requests.Execute, timeout_s: float) -> Finished:
        awaited.append(timeout_s - request.deadline_s)
        return Finished(0, "", "", 0, 0, 0, 0)

    monkeypatch.setattr(client, "ask", ask)
    client.probe("ssh", Probe(host="client", command="true", deadline_s=600))
    client.execute("client", "true", deadline_s=600)
    assert min(awaited) > 0
    client.connection.send(requests.TellStatus())  # what the fixture's lab still waits for
