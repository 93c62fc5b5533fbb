from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whodunet.aws.ssm.smux import (
    Broken,
    KeptAlive,
    Multiplexer,
    MuxEvent,
    Side,
    StreamBytes,
    StreamFinished,
    StreamOpened,
    StreamOver,
)

SYN, FIN, PSH, NOP = range(4)


def frame(command: int, stream: int, content: bytes = b"", *, version: int = 1) -> bytes:
    """A frame, written independently of the code under test."""
    return bytes([version, command]) + struct.pack("<HI", len(content), stream) + content


def client() -> Multiplexer:
    """The end that opens streams when somebody connects."""
    return Multiplexer(Side.CLIENT)


def server() -> Multiplexer:
    """The end that dials."""
    return Multiplexer(Side.SERVER)


def opened() -> Multiplexer:
    """A server on which stream 3 was opened."""
    end = server()
    end.receive(frame(SYN, 3))
    return end


def in_chunks(wire: bytes, cuts: list[int]) -> list[bytes]:
    """The bytes, cut at some places."""
    places = [0, *sorted(cut % (len(wire) + 1) for cut in cuts), len(wire)]
    return [wire[start:end] for start, end in pairwise(places)]


frames = st.builds(frame, st.integers(0, 3), st.sampled_from([3, 5, 7, 9]), st.binary(max_size=5), version=st.just(1))
lawful = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.integers(0, 3), st.binary(max_size=9)),
        st.tuples(st.just("send"), st.integers(0, 3), st.binary(max_size=9)),
        st.tuples(st.just("finish"), st.integers(0, 3), st.just(b"")),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(st.lists(st.one_of(frames, st.binary(max_size=12)), max_size=12), st.lists(st.integers(0, 500), max_size=12))
def test_how_the_bytes_are_cut_changes_nothing_about_the_events(parts: list[bytes], cuts: list[int]) -> None:
    wire = b"".join(parts)
    cut = server()
    assert [event for chunk in in_chunks(wire, cuts) for event in cut.receive(chunk)] == server().receive(wire)


@settings(deadline=None)
@given(lawful, st.lists(st.integers(0, 2000), max_size=12))
def test_what_one_end_sends_is_what_the_other_end_gets(steps: list[tuple[str, int, bytes]], cuts: list[int]) -> None:
    here, there = Multiplexer(Side.CLIENT, max_frame_bytes=4), server()
    wire, sent, finished = b"", dict[int, bytes](), set[int]()
    for step, index, content in steps:
        open_here = [stream for stream in sent if stream not in finished]
        if step == "open" or not open_here:
            stream, syn = here.open()
            wire, sent[stream] = wire + syn, b""
            continue
        stream = open_here[index % len(open_here)]
        if step == "send":
            wire, sent[stream] = wire + here.send(stream, content), sent[stream] + content
        else:
            wire += here.finish(stream)
            finished.add(stream)
    events = [event for chunk in in_chunks(wire, cuts) for event in there.receive(chunk)]
    assert {stream: b"".join(contents(events, stream)) for stream in sent} == sent
    assert [event.stream for event in events if isinstance(event, StreamOpened)] == list(sent)
    assert {event.stream for event in events if isinstance(event, StreamFinished)} == finished


def contents(events: list[MuxEvent], stream: int) -> list[bytes]:
    """The bytes of one stream's events."""
    return [event.content for event in events if isinstance(event, StreamBytes) and event.stream == stream]


@given(st.binary(max_size=100), st.sampled_from(Side))
def test_noise_gives_events_and_never_raises(noise: bytes, role: Side) -> None:
    events = Multiplexer(role).receive(noise)
    assert all(not isinstance(event, Broken) for event in events[:-1])


def test_the_header_is_little_endian() -> None:
    end = client()
    stream, _ = end.open()
    assert end.send(stream, b"x" * 258)[:8].hex() == "0102020103000000"


def test_a_client_opens_odd_numbers_from_3_and_a_server_even_ones_from_2() -> None:
    here, there = client(), server()
    assert [here.open() for _ in range(2)] == [(3, frame(SYN, 3)), (5, frame(SYN, 5))]
    assert [there.open()[0] for _ in range(2)] == [2, 4]


def test_a_stream_has_its_life() -> None:
    wire = frame(SYN, 3) + frame(PSH, 3, b"GET /") + frame(FIN, 3)
    assert server().receive(wire) == [StreamOpened(3), StreamBytes(3, b"GET /"), StreamFinished(3, over=False)]


def test_streams_are_kept_apart() -> None:
    wire = frame(SYN, 3) + frame(SYN, 5) + frame(PSH, 5, b"five") + frame(PSH, 3, b"three")
    assert server().receive(wire)[2:] == [StreamBytes(5, b"five"), StreamBytes(3, b"three")]


def test_long_content_is_cut_into_frames() -> None:
    end = client()
    stream, _ = end.open()
    wire = end.send(stream, b"x" * 32768 + b"y")
    assert wire == frame(PSH, 3, b"x" * 32768) + frame(PSH, 3, b"y")
    assert opened().receive(wire) == [StreamBytes(3, b"x" * 32768), StreamBytes(3, b"y")]


def test_no_content_is_no_frame_and_no_event() -> None:
    end = client()
    stream, _ = end.open()
    assert end.send(stream, b"") == b""
    assert opened().receive(frame(PSH, 3)) == []


def test_after_the_other_ends_fin_this_end_still_sends() -> None:
    end = opened()
    end.receive(frame(FIN, 3))
    assert end.send(3, b"answer") == frame(PSH, 3, b"answer")


def test_after_its_own_fin_an_end_still_receives() -> None:
    end = opened()
    assert end.finish(3) == frame(FIN, 3)
    assert end.receive(frame(PSH, 3, b"late")) == [StreamBytes(3, b"late")]


def test_a_stream_is_over_when_both_ends_have_finished() -> None:
    end = opened()
    end.finish(3)
    assert end.open_streams == {3}
    assert end.receive(frame(FIN, 3)) == [StreamFinished(3, over=True)]
    assert end.open_streams == frozenset()
    other = opened()
    other.receive(frame(FIN, 3))
    other.finish(3)
    assert other.open_streams == frozenset()


def test_frames_of_a_stream_that_is_over_are_dropped() -> None:
    end = opened()
    end.finish(3)
    end.receive(frame(FIN, 3))
    assert end.receive(frame(PSH, 3, b"late") + frame(FIN, 3) + frame(PSH, 99, b"never opened")) == []


@pytest.mark.parametrize("stream", [3, 7])
def test_nothing_is_sent_on_a_stream_that_is_not_open(stream: int) -> None:
    end = opened()
    end.finish(3)
    with pytest.raises(StreamOver, match=f"stream {stream} "):
        end.send(stream, b"x")
    with pytest.raises(StreamOver, match=f"stream {stream} "):
        end.finish(stream)


def test_a_keepalive_is_a_frame_of_its_own() -> None:
    assert client().keep_alive() == frame(NOP, 0)
    assert server().receive(frame(NOP, 0)) == [KeptAlive()]


BROKEN = {
    "version 2 is not 1": frame(NOP, 0, version=2),
    "command 4 is unknown": frame(4, 3),
    "a frame of 32769 bytes is too long": frame(PSH, 3, bytes(32769)),
    "a SYN carries no bytes": frame(SYN, 5, b"x"),
    "a FIN carries no bytes": frame(FIN, 3, b"x"),
    "a NOP carries no bytes": frame(NOP, 0, b"x"),
    "stream 3 is opened twice": frame(SYN, 3),
    "stream 4 is not the other end's to open": frame(SYN, 4),
    "stream 1 is not the other end's to open": frame(SYN, 1),
    "stream 3 goes on after its FIN": frame(FIN, 3) + frame(PSH, 3, b"x"),
    "stream 3 is finished twice": frame(FIN, 3) + frame(FIN, 3),
}


@pytest.mark.parametrize(("why", "wire"), BROKEN.items(), ids=BROKEN)
def test_the_protocol_is_broken_if(why: str, wire: bytes) -> None:
    assert opened().receive(wire)[-1] == Broken(why)


def test_a_frame_that_is_too_long_is_noticed_by_its_header() -> None:
    assert opened().receive(frame(PSH, 3, bytes(40_000))[:8]) == [Broken("a frame of 40000 bytes is too long")]


def test_nothing_follows_what_broke_the_protocol() -> None:
    end = opened()
    assert end.receive(frame(NOP, 0) + frame(9, 9) + frame(NOP, 0)) == [KeptAlive(), Broken("command 9 is unknown")]
    assert end.receive(frame(NOP, 0)) == []


def test_no_more_streams_are_opened_than_a_forward_needs() -> None:
    end = Multiplexer(Side.SERVER, max_streams=2)
    events = end.receive(frame(SYN, 3) + frame(SYN, 5) + frame(SYN, 7))
    assert events[-1] == Broken("more than 2 streams are open")


def test_a_client_accepts_even_numbers_only() -> None:
    assert client().receive(frame(SYN, 2)) == [StreamOpened(2)]
    assert client().receive(frame(SYN, 3)) == [Broken("stream 3 is not the other end's to open")]
