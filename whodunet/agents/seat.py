"""One seat: a lab with its fault in place, of which an agent has the story, a shell on the client, and one verdict.

All that an agent is told goes through here. Scenario, cause and culprit the seat alone knows, and so the score.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Final, Self

from whodunet import engine
from whodunet.cases.scenario import Probe
from whodunet.diagnosis.verdict import Party
from whodunet.errors import CannotRun, WhodunetError
from whodunet.evidence.packets import CapturedPacket
from whodunet.evidence.provenance import provenances
from whodunet.grader import CaseToGrade, what_changed
from whodunet.grading.cost import MeasuredCost
from whodunet.grading.proof import prove
from whodunet.grading.report import GradedCase, graded
from whodunet.grading.scoring import score
from whodunet.grading.submission import CitedIcmp, CitedIp, CitedPacket, CitedTcp, NoVerdict, Submission
from whodunet.lab import pcap_reader
from whodunet.lab.pcapng_blocks import blocks_at, whole_blocks
from whodunet.lab.sandboxed import SandboxedLab

LONGEST_COMMAND_S: Final = 120.0
MOST_OUTPUT: Final = 20_000  # characters of what one command says
MOST_PACKETS: Final = 200  # told at once

_BRIEF: Final = """\
{story}

You sit at {vantage}, as root of it. The connection in question goes to {host}, port {port}.
Find out who refused, dropped or broke it, and submit a verdict, once:
- parties: who would have to change something. One or more of: {parties}. Several when you cannot tell them apart, none
  when you cannot tell at all.
- causes, cause_class: names that `causes` lists; the class where its members look the same from here.
- hops: how many hops away the party is, nearest and farthest (0 is this machine). box: its address, if it gave itself
  away.
- confidence: high, medium or low. Wrong with high confidence costs as much as right earns; of several named, the share
  counts.
- evidence: the packets that prove it, as `packets` lists them.
You have {minutes:g} minutes, and a command {longest_s:g} s. What is to go on behind a command has to give up its
output: `tcpdump -i any -w /tmp/a.pcap >/dev/null 2>&1 &`."""


class SeatClosed(WhodunetError):
    """Nothing more can be done at this seat: its verdict is in, or its time is over."""


@dataclass(frozen=True)
class CommandOutcome:
    """What came of a command."""

    exit_status: int | None  # None: it was still running at its time limit, and was killed
    output: str  # standard output, then standard error
    took_s: float


class SeenPacket(CitedPacket):
    """A packet of IP that the client saw, in the words in which a verdict cites it."""

    number: int  # from 1, of all that the client's interfaces have seen since the seat was taken
    interface: str
    time_s: float  # since then
    length: int  # bytes of the frame


@dataclass(frozen=True)
class ListedCause:
    """A cause of the taxonomy, whatever the case is about."""

    name: str
    party: str
    title: str
    classes: tuple[str, ...]  # of causes that look the same from the client


class Seat:
    """A case, for one agent."""

    def __init__(self, lab: SandboxedLab, case: CaseToGrade, time_limit_s: float) -> None:
        self._lab = lab
        self._case = case
        self._time_limit_s = time_limit_s
        self._had_baseline = lab.baseline_rtt_ms() is not None
        self._began_s = time.monotonic()
        with lab.capture() as capture:
            self._began_ns = capture.time_ns
        self._submission: Submission | None = None

    @classmethod
    @contextmanager
    def taken(cls, case: CaseToGrade, time_limit_s: float, progress: Callable[[str], None]) -> Iterator[Self]:
        """A seat in a lab of its own, which ends with the `with`.

        Raises:
            CannotRun: when the lab cannot be brought up.
            FaultNotInPlace: when its fault cannot be seen in it.
        """
        with SandboxedLab.start(engine.plan_for(case.scenario, case.library), progress) as lab:
            for fault in case.scenario.staging.faults:
                lab.inject(fault)
            engine.restart_services(case.scenario, lab, progress)
            yield cls(lab, case, time_limit_s)

    # What the agent is told.

    @property
    def brief(self) -> str:
        """The story, and what is wanted."""
        return brief_of(self._case, self._time_limit_s)

    def causes(self) -> tuple[ListedCause, ...]:
        """Every cause that there is, with its classes."""
        taxonomy = self._case.library.of(self._case.scenario).taxonomy
        return tuple(
            ListedCause(each.name, each.party, each.title, tuple(of.name for of in taxonomy.classes_of(each)))
            for each in taxonomy.in_order()
        )

    def run(self, command: str, time_limit_s: float = 30.0) -> CommandOutcome:
        """Runs a shell command on the client, as its root.

        Raises:
            SeatClosed: when the seat's time is over, or its verdict is in.
            CannotRun: when the lab has ended.
        """
        limit_s = max(min(time_limit_s, LONGEST_COMMAND_S, self._left_s()), 1.0)
        probe = Probe(host=self._case.way.vantage, command=command, deadline_s=limit_s)
        observation = self._lab.probe("command", probe)
        if observation.failure is not None:
            raise CannotRun(observation.failure)
        output = _shortened(observation.stdout + observation.stderr)
        return CommandOutcome(observation.exit_status, output, round(observation.duration_ms / 1000, 3))

    def packets(self, after: int = 0, most: int = 50) -> tuple[SeenPacket, ...]:
        """What the client's interfaces have seen since the seat was taken, the oldest first.

        Args:
            after: the number of the last that is known already.
            most: how many to tell.

        Raises:
            SeatClosed, CannotRun: as `run`.
        """
        self._left_s()
        seen = enumerate(self._recorded(at_vantage=True), start=1)
        wanted = [(number, packet) for number, packet in seen if number > after and packet.ip is not None]
        return tuple(self._seen(number, packet) for number, packet in wanted[: min(max(most, 1), MOST_PACKETS)])

    def submit(self, verdict: Submission) -> None:
        """Hands the verdict in.

        Raises:
            SeatClosed: when one is in already, or the time is over.
        """
        self._left_s()
        self._submission = verdict

    # What the agent is not told.

    def result(self) -> GradedCase:
        """What the verdict is worth, and what it took.

        Raises:
            CannotRun: when the lab has ended.
        """
        case = self._case
        changed = what_changed(self._lab, case.scenario.staging.faults, self._had_baseline)
        if changed is not None:
            return replace(case.ungraded, invalid=changed)
        packets = self._recorded()
        cost = MeasuredCost.of(time.monotonic() - self._began_s, case.way.vantage, packets, case.topology)
        submission = self._submission or NoVerdict("nothing was submitted")
        proof = case.ungraded.proof
        if isinstance(submission, Submission) and submission.evidence:
            proof = prove(submission, packets, provenances(packets, case.topology), case.way, case.truth)
        return graded(case.ungraded, submission, score(submission, case.truth), proof, cost)

    def _left_s(self) -> float:
        """How much time the seat has left.

        Raises:
            SeatClosed: when it has none.
        """
        if self._submission is not None:
            raise SeatClosed("the verdict is in; nothing more can be done here")
        left_s = self._began_s + self._time_limit_s - time.monotonic()
        if left_s <= 0:
            raise SeatClosed(f"the time is over: {self._time_limit_s / 60:g} minutes")
        return left_s

    def _recorded(self, *, at_vantage: bool = False) -> Sequence[CapturedPacket]:
        """All that was recorded since the seat was taken, at every interface or at the client's."""
        with self._lab.capture() as capture:
            content = pcap_reader.content_of(capture.path, capture.size_bytes)
        if at_vantage:
            vantage, interfaces = self._case.way.vantage, self._case.topology.interfaces
            points = [name for name, interface in interfaces.items() if interface.node == vantage]
            content = b"".join(blocks_at(points, whole_blocks(BytesIO(content))))
        return [packet for packet in pcap_reader.read(content).packets if packet.time_ns >= self._began_ns]

    def _seen(self, number: int, packet: CapturedPacket) -> SeenPacket:
        ip, tcp, icmp = packet.ip, packet.tcp, packet.icmp
        assert ip is not None
        segment = tcp and CitedTcp(
            source_port=tcp.source_port,
            destination_port=tcp.destination_port,
            flags=tcp.flags,
            seq=tcp.seq,
            ack=tcp.ack,
        )
        return SeenPacket(
            number=number,
            interface=packet.point,
            time_s=round((packet.time_ns - self._began_ns) / 1e9, 6),
            length=packet.length,
            direction=packet.direction,
            ip=CitedIp(source=ip.source, destination=ip.destination, ttl=ip.ttl, id=ip.id),
            tcp=segment,
            icmp=icmp and CitedIcmp(type=icmp.type, code=icmp.code),
        )


def brief_of(case: CaseToGrade, time_limit_s: float) -> str:
    """What an agent is told of a case before it begins: its story, where it goes, and what is wanted."""
    return _BRIEF.format(
        story=case.scenario.question.story.strip(),
        vantage=case.way.vantage,
        host=case.target.host,
        port=case.target.port,
        parties=", ".join(Party),
        minutes=time_limit_s / 60,
        longest_s=LONGEST_COMMAND_S,
    )


def _shortened(output: str) -> str:
    """The beginning and the end of an output, when it is longer than anybody wants to read."""
    if len(output) <= MOST_OUTPUT:
        return output
    half = MOST_OUTPUT // 2
    return f"{output[:half]}\n[... {len(output) - 2 * half} characters left out ...]\n{output[-half:]}"
