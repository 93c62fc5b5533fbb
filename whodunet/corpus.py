"""A corpus of captures whose truth is known: what the client of a case could capture, and apart from it the answer.

A case is a folder. Its question is two files, which may be handed out together; neither names the scenario.

    question.pcapng   what the vantage's own interfaces saw while the fault was in place
    question.json     the story, and what each command said that was run at the vantage
    truth.pcapng      the same time at every interface, each packet with a comment that says who really sent it
    answer.json       cause and culprit, each command's symptom, and of each packet of the question its provenance
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import compress
from pathlib import Path
from typing import Final, TypeVar

import pydantic_core
from pydantic import TypeAdapter, ValidationError

from whodunet.cases.causes import Cause
from whodunet.cases.recording import Recording
from whodunet.errors import InvalidInput, Problem
from whodunet.evidence.capture import CaptureContent
from whodunet.evidence.observation import STRICT, Observation
from whodunet.evidence.packets import CapturedPacket
from whodunet.evidence.provenance import Provenance, provenances
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.topology import Family
from whodunet.evidence.trails import unsettled_since_ns
from whodunet.lab import pcap_reader
from whodunet.lab.pcapng_blocks import blocks_at, cut_to, packets_rewritten, whole_blocks, with_comment
from whodunet.loading.library import Library
from whodunet.records import CAPTURE_FILE, record_errors
from whodunet.replay import read_record
from whodunet.view.words.provenance import comment

FORMAT: Final = 1  # of the two JSON files; rises when a key changes its meaning or goes
QUESTION_CAPTURE, QUESTION_FILE = "question.pcapng", "question.json"
TRUTH_CAPTURE, ANSWER_FILE = "truth.pcapng", "answer.json"


@dataclass(frozen=True)
class CorpusQuestion:
    """What somebody at the vantage knows."""

    __pydantic_config__ = STRICT

    format: int
    story: str
    vantage: str
    family: Family
    capture: str  # the file beside this one
    observations: Mapping[str, Observation]  # of what was run at the vantage, by probe, in the order in which it ran


@dataclass(frozen=True)
class KnownCause:
    """A cause, who would have to change something, and where."""

    __pydantic_config__ = STRICT

    cause: str
    party: str | None  # of the taxonomy; None: nothing is wrong, or the taxonomy does not list it
    culprit: str | None


@dataclass(frozen=True)
class CorpusAnswer:
    """The truth about a case."""

    __pydantic_config__ = STRICT

    format: int
    scenario: str
    title: str
    topology: str
    seed: int | None
    family: Family
    causes: tuple[KnownCause, ...]  # the outermost first
    symptoms: Mapping[str, Symptom]  # by probe
    baseline_rtt_ms: float | None
    lesson: str
    packets: tuple[Provenance | None, ...]  # of each of the question's capture, in its order; None: neither IP nor ARP


def write_case(folder: Path, record: Path, library: Library, snaplen: int | None = None) -> Recording:
    """Writes the case of a record into a folder, which must not have anything in it; what was recorded, judged.

    Nothing is written of a record whose claims do not all hold, for then its truth is not known.

    Args:
        snaplen: keep no more than so many bytes of each packet.

    Raises:
        InvalidInput: when the record cannot be read, or has no phase with its fault in place.
        CannotRun: when the folder cannot be written.
    """
    read: list[CaptureContent] = []

    def remember(capture: bytes, place: str = "the capture") -> CaptureContent:
        read.append(pcap_reader.read(capture, place))
        return read[-1]

    recording = read_record(record, library, remember)
    if recording.outcome != "held":
        return recording
    case = _Case.of(recording, read[-1].packets, pcap_reader.content_of(record / CAPTURE_FILE), snaplen)
    with record_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / QUESTION_CAPTURE).write_bytes(b"".join(case.question_capture()))
        (folder / TRUTH_CAPTURE).write_bytes(b"".join(case.truth_capture()))
        (folder / QUESTION_FILE).write_bytes(_json(case.question()))
        (folder / ANSWER_FILE).write_bytes(_json(case.answer(library.of(recording.scenario).causes())))
    return recording


@dataclass(frozen=True)
class _Case:
    """The first phase of a recording: the time at which its fault was in place."""

    recording: Recording
    blocks: Sequence[bytes]  # of that time alone
    known: Sequence[tuple[CapturedPacket, Provenance | None]]  # of each packet among the blocks
    snaplen: int | None

    @classmethod
    def of(cls, recording: Recording, packets: Sequence[CapturedPacket], capture: bytes, snaplen: int | None) -> _Case:
        run, topology = recording.run, recording.topology
        phase = run.phases[0]
        observed = phase.observations.values()
        begin_ns = min(each.started_ns for each in observed)
        end_ns = max([phase.settled_ns or 0, *(each.ended_ns for each in observed)])
        is_in = [begin_ns <= packet.time_ns <= end_ns for packet in packets]
        every = whole_blocks(BytesIO(capture))
        blocks = packets_rewritten(every, lambda number, block: block if is_in[number] else None)
        # Of the whole capture, so that a packet that crosses an end of that time is followed all the same.
        known = zip(packets, provenances(packets, topology, unsettled_since_ns(run.phases[-1], topology)), strict=True)
        return cls(recording, tuple(blocks), tuple(compress(known, is_in)), snaplen)

    @property
    def _interfaces(self) -> frozenset[str]:
        """Those at which the vantage can capture."""
        vantage, every = self.recording.scenario.question.vantage, self.recording.topology.interfaces
        return frozenset(name for name, interface in every.items() if interface.node == vantage)

    def question_capture(self) -> Iterator[bytes]:
        return packets_rewritten(blocks_at(self._interfaces, self.blocks), lambda _, block: self._cut(block))

    def truth_capture(self) -> Iterator[bytes]:
        return packets_rewritten(
            self.blocks, lambda number, block: with_comment(self._cut(block), comment(self.known[number][1]))
        )

    def _cut(self, block: bytes) -> bytes:
        return block if self.snaplen is None else cut_to(block, self.snaplen)

    def question(self) -> CorpusQuestion:
        question, run = self.recording.scenario.question, self.recording.run
        here = {name: each for name, each in run.phases[0].observations.items() if each.host == question.vantage}
        in_order = dict(sorted(here.items(), key=lambda pair: pair[1].started_ns))
        return CorpusQuestion(FORMAT, question.story, question.vantage, run.family, QUESTION_CAPTURE, in_order)

    def answer(self, causes: Mapping[str, Cause]) -> CorpusAnswer:
        scenario, run, phase = self.recording.scenario, self.recording.run, self.recording.run.phases[0]
        return CorpusAnswer(
            FORMAT,
            scenario.question.name,
            scenario.question.title,
            run.topology,
            run.seed,
            run.family,
            tuple(
                KnownCause(each.cause, causes[each.cause].party if each.cause in causes else None, each.culprit)
                for each in scenario.answer.blamed
            ),
            {probe: left.reading.symptom for probe, left in self.recording.evidence[phase.name].items()},
            phase.baseline_rtt_ms,
            scenario.answer.lesson,
            tuple(provenance for packet, provenance in self.known if packet.point in self._interfaces),
        )


def _json(kept: CorpusQuestion | CorpusAnswer) -> bytes:
    return pydantic_core.to_json(kept, indent=1) + b"\n"


# Reading.

_File = TypeVar("_File", CorpusQuestion, CorpusAnswer)


def read_question(folder: Path) -> CorpusQuestion:
    """The question of a case.

    Raises:
        InvalidInput: when the folder holds none.
    """
    return _read(CorpusQuestion, folder / QUESTION_FILE)


def read_answer(folder: Path) -> CorpusAnswer:
    """The answer of a case.

    Raises:
        InvalidInput: when the folder holds none.
    """
    return _read(CorpusAnswer, folder / ANSWER_FILE)


def _read(kind: type[_File], path: Path) -> _File:
    fix = "name the folder of a case that `whodunet record` wrote"
    try:
        return TypeAdapter(kind).validate_json(path.read_bytes(), strict=True)
    except OSError as error:
        raise InvalidInput(Problem(str(path), f"cannot be read: {error.strerror}", fix)) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInput(Problem(f"{path}: {'.'.join(map(str, first['loc']))}", first["msg"], fix)) from error
