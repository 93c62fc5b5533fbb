"""Messages arrive as they were said; what is none is refused with the place, and takes no descriptor with it."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from whodunet.lab.connection import ControlConnection
from whodunet.lab.messages import FileDescriptor, MalformedMessage, decode, encode, from_json, to_json
from whodunet.lab.requests import REQUESTS, TellTopology
from whodunet.loading.library import Library


@dataclass(frozen=True)
class Part:
    """What a message is made of."""

    size: float
    colour: Literal["red", "blue"] = "red"


@dataclass(frozen=True)
class Said:
    """A message with a field of every type that there is."""

    text: str
    number: int = 0
    is_so: bool = False
    part: Part | None = None
    parts: Sequence[Part] = ()
    pair: tuple[str, int] = ("a", 1)
    by_name: Mapping[str, Sequence[int]] = field(default_factory=dict)
    whatever: object = None


@dataclass(frozen=True)
class Given:
    """A message that descriptors come with."""

    first: FileDescriptor
    more: Sequence[FileDescriptor] = ()


@pytest.mark.parametrize(
    "message",
    [
        Said("ü\n"),
        Said("=", 7, True, Part(0.5, "blue"), (Part(1.0), Part(2.0)), ("b", -1), {"x": (1, 2), "=": ()}, {"=": [None]}),
    ],
)
def test_a_message_arrives_as_it_was_sent(message: Said) -> None:
    line, descriptors = encode(message)
    assert line.count(b"\n") == 1
    assert descriptors == []
    assert decode(line, (Given, Said)) == message


def test_a_topology_arrives_as_it_is() -> None:
    topology = Library().topology("session_manager")
    arrived = from_json(to_json(topology), TellTopology.answer_type())
    assert (arrived.nodes, arrived.interfaces, arrived.links) == (topology.nodes, topology.interfaces, topology.links)
    assert (arrived.services, arrived.networks) == (topology.services, topology.networks)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        (b"\xff", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[1]", "it is not an object"),
        (b'{"text": "x"}', "null is none of Given, Said"),
        (b'{"=": [], "text": "x"}', r"\[\] is none of Given, Said"),
        (b'{"=": "Part", "size": 1}', '"Part" is none of Given, Said'),
        (b'{"=": "Said"}', "Said: has no field text"),
        (b'{"=": "Said", "text": "x", "colour": 1, "a": 2}', "Said: has an unknown field a, colour"),
        (b'{"=": "Said", "text": 1}', "Said.text: is 1, which is no str"),
        (b'{"=": "Said", "text": "x", "number": true}', "Said.number: is true, which is no int"),
        (b'{"=": "Said", "text": "x", "number": 1.5}', "Said.number: is 1.5, which is no int"),
        (b'{"=": "Said", "text": "x", "is_so": 1}', "Said.is_so: is 1, which is no bool"),
        (b'{"=": "Said", "text": "x", "part": {"size": NaN}}', "NaN is not a number"),
        (b'{"=": "Said", "text": "x", "parts": [{"size": 1}, {"size": "x"}]}', r'Said.parts\[1\].size: is "x"'),
        (b'{"=": "Said", "text": "x", "parts": [{"size": 1, "colour": "green"}]}', 'colour: is "green"'),
        (b'{"=": "Said", "text": "x", "pair": ["b"]}', "Said.pair: has 1 elements, and not 2"),
        (b'{"=": "Said", "text": "x", "by_name": {"y": 1}}', "Said.by_name.y: is 1"),
        (b'{"=": "Said", "text": "x", "by_name": [1]}', r"Said.by_name: is \[1\]"),
        (b'{"=": "Given", "first": 0}', "Given.first: no descriptor came with it"),
    ],
)
def test_what_is_no_message_is_refused_with_its_place(line: bytes, wrong: str) -> None:
    with pytest.raises(MalformedMessage, match=wrong):
        decode(line, (Given, Said))


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        (b'{"=": "Given", "first": 0, "more": [0]}', "no descriptor came with it"),
        (b'{"=": "Given", "first": 0}', "1 descriptors came with it that it has no field for"),
        (b'{"=": "Given", "first": -1, "more": [1]}', "no descriptor came with it"),
    ],
)
def test_each_descriptor_has_one_field(line: bytes, wrong: str) -> None:
    with pytest.raises(MalformedMessage, match=wrong):
        decode(line, (Given,), [7, 8])


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_descriptors_come_beside_their_message_in_order() -> None:
    here, there = socket.socketpair()
    sender, receiver = ControlConnection(here), ControlConnection(there)
    (first, to_first), (second, to_second) = os.pipe(), os.pipe()
    sender.send(Given(FileDescriptor(to_first), (FileDescriptor(to_second),)))
    arrived = receiver.receive((Given,))
    os.write(arrived.first, b"1")
    os.write(arrived.more[0], b"2")
    assert (os.read(first, 9), os.read(second, 9)) == (b"1", b"2")
    for descriptor in (first, to_first, second, to_second, arrived.first, *arrived.more):
        os.close(descriptor)
    sender.close()
    receiver.close()


def test_what_is_refused_leaves_no_descriptor_and_the_next_message_is_heard() -> None:
    here, there = socket.socketpair()
    with here, there:
        receiver = ControlConnection(there)
        before = open_descriptors()
        socket.send_fds(here, [b'{"=": "Said", "text": 1}\n'], [here.fileno(), here.fileno()])
        with pytest.raises(MalformedMessage):
            receiver.receive((Said,))
        assert open_descriptors() == before
        here.sendall(b'{"=": "Said", "text": "next"}\n{"=": "Said", "text": "last"}\n')
        assert receiver.receive((Said,)) == Said("next")
        assert receiver.has_message
        assert receiver.receive((Said,)) == Said("last")


def test_the_end_of_the_other_side_and_its_silence_are_told() -> None:
    here, there = socket.socketpair()
    with there:
        receiver = ControlConnection(there)
        with here, pytest.raises(TimeoutError):
            receiver.receive((Said,), timeout_s=0)
        with pytest.raises(EOFError):
            receiver.receive((Said,))


@pytest.mark.parametrize("request_type", REQUESTS, ids=lambda each: each.__name__)
def test_every_request_has_an_answer_that_can_be_sent(request_type: Any) -> None:
    assert request_type.answer_type().__dataclass_fields__ is not None
