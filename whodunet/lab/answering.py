"""The conversations of a running lab: each connection has a thread, and asks what it likes, one thing after another."""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import fields
from typing import TYPE_CHECKING, Final

from whodunet.errors import WhodunetError
from whodunet.lab.attached import converse_with_process
from whodunet.lab.connection import ControlConnection
from whodunet.lab.messages import FileDescriptor, MalformedMessage
from whodunet.lab.requests import REQUESTS, Attach, LabRequest, RequestRefused, Stop
from whodunet.lab.running import RunningLab
from whodunet.lab.watch import STOPPED

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_MUTE_S: Final = 10.0  # for a peer that has connected and asks nothing


def serve(door: socket.socket, lab: RunningLab) -> None:
    """Takes the connections that the launcher lets in, until the process ends."""
    while True:
        _, descriptors, _, _ = socket.recv_fds(door, 1, 1)
        if not descriptors:
            return
        connection = ControlConnection(socket.socket(fileno=descriptors[0]))
        threading.Thread(target=_converse, args=(connection, lab), daemon=True).start()


def _converse(connection: ControlConnection, lab: RunningLab) -> None:
    timeout_s: float | None = _MUTE_S
    try:
        while True:
            try:
                request = connection.receive(REQUESTS, timeout_s)
            except MalformedMessage as error:
                connection.send(RequestRefused(f"this is nothing that can be asked of a lab: {error}"))
                continue
            timeout_s = None
            if isinstance(request, Attach):
                converse_with_process(connection, lab.hosts, request)
                return
            answer = _answer(request, lab)
            try:
                connection.send(answer)
            finally:
                _close_descriptors(request)
                _close_descriptors(answer)
                if isinstance(request, Stop):
                    lab.watch.end(STOPPED)
    except (EOFError, OSError):
        pass  # it has gone, or says nothing, or does not listen
    finally:
        connection.close()


def _answer(request: LabRequest[DataclassInstance], lab: RunningLab) -> DataclassInstance:
    try:
        answer: DataclassInstance = lab.answer(request)
    except WhodunetError as error:
        return RequestRefused(str(error))
    except Exception as error:  # a defect, which is to end neither the lab nor the conversation
        return RequestRefused(f"{type(request).__name__} failed: {type(error).__name__}: {error}")
    return answer


def _close_descriptors(message: DataclassInstance) -> None:
    for each in fields(message):
        if isinstance(descriptor := getattr(message, each.name), FileDescriptor):
            os.close(descriptor)
