"""The story of a finished run: what the user saw, what the packets did, and who did it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from whodunet.core.evidence import Outcome
from whodunet.core.judging import Judgement
from whodunet.core.observation import Observation, Phase, Run
from whodunet.core.packets import CapturedPacket, Flow
from whodunet.core.scenario import Scenario
from whodunet.core.symptoms import classify
from whodunet.core.topology import Topology
from whodunet.core.trails import packets_of
from whodunet.view.ladder import render_ladder
from whodunet.view.style import Style
from whodunet.view.wording import Isns, label, tcpdump_line

MOST_OUTPUT_LINES = 12
INITIAL_TTLS = (64, 128, 255)  # Source: Linux and BSD 64, Windows 128, many routers 255
MARKS: dict[Outcome, tuple[str, str]] = {
    "held": ("✓", "green"),
    "broken": ("✗", "red"),
    "could-not-measure": ("?", "yellow"),
}


@dataclass(frozen=True)
class Exchange:
    """A flow's first packet as the probe's own host sent it, and the first packet that came back about it."""

    asked: CapturedPacket
    answer: CapturedPacket | None

    @property
    def took_ms(self) -> float | None:
        """Time from the packet to its answer; None when none came."""
        return None if self.answer is None else (self.answer.time_ns - self.asked.time_ns) / 1e6


def render_story(
    scenario: Scenario,
    run: Run,
    packets: Sequence[CapturedPacket],
    judgements: Sequence[Judgement],
    topology: Topology,
    *,
    cause_title: str,
    culprit: str | None,
    style: Style | None = None,
) -> str:
    """The whole story as text for a terminal, each section headed.

    Args:
        packets: the whole capture, of both phases.
        cause_title: the cause in the taxonomy's words.
        culprit: the node or link; None when nothing is wrong.
    """
    teller = _Teller(scenario, run, packets, topology, style or Style())
    sections = [
        *teller.beginning(),
        *teller.phase("faulty", "What the user saw", with_packets=True),
        *teller.proof(),
        *teller.phase("repaired", "Once the fault is taken out", with_packets=False),
        *teller.judgements(judgements),
        teller.verdict(judgements, cause_title, culprit),
    ]
    return teller.style.plain("\n\n".join(sections)) + "\n"


class _Teller:
    def __init__(
        self, scenario: Scenario, run: Run, packets: Sequence[CapturedPacket], topology: Topology, style: Style
    ) -> None:
        self._scenario, self._run, self._packets, self._topology = scenario, run, packets, topology
        self.style = style

    def beginning(self) -> Iterator[str]:
        question = self._scenario.question
        yield self.style.paint(f"{question.name}: {question.title}", "bold")
        yield textwrap.fill(" ".join(question.story.split()), self.style.width)

    def phase(self, name: str, heading: str, *, with_packets: bool) -> Iterator[str]:
        phase = next((phase for phase in self._run.phases if phase.name == name), None)
        if phase is None:
            return
        yield self._headed(heading, "\n\n".join(_screen(seen) for seen in phase.observations.values()))
        for probe, observation in phase.observations.items():
            own = packets_of(observation, self._packets, self._topology, phase.baseline_rtt_ms)
            if with_packets and own:
                ladder = render_ladder(own, self._topology, style=self.style)
                yield self._headed(f"The packets of {probe} at each hop", ladder)
            if own:
                yield from self._reasoning(probe, observation, own, phase, with_capture=with_packets)

    def _reasoning(
        self, probe: str, observation: Observation, own: Sequence[CapturedPacket], phase: Phase, *, with_capture: bool
    ) -> Iterator[str]:
        exchange = exchange_at(observation.host, own, self._topology)
        if exchange is None:
            return
        lines = ["  " + line for line in _reasons(exchange, phase, Isns(own))]
        if with_capture:
            shown = [packet for packet in (exchange.asked, exchange.answer) if packet is not None]
            capture = [f"{observation.host}$ tcpdump -n -i {exchange.asked.point}"]
            lines = [*capture, *(tcpdump_line(packet, Isns(own)) for packet in shown), "", *lines]
        yield self._headed(f"{probe}: the answer on {observation.host}", "\n".join(lines))

    def proof(self) -> Iterator[str]:
        for phase in self._run.phases:
            if phase.name == "faulty" and phase.proofs:
                yield self._headed("The fault, in the lab's own words", "\n".join(phase.proofs))

    def judgements(self, judgements: Sequence[Judgement]) -> Iterator[str]:
        if judgements:
            yield self._headed("What was claimed", "\n".join(self._judged(judgement) for judgement in judgements))

    def _judged(self, judgement: Judgement) -> str:
        mark, colour = MARKS[judgement.outcome]
        where = f"{judgement.claim.phase}: " if judgement.claim.phase else ""
        line = f"{self.style.paint(mark, colour)} {where}{judgement.claim.says}"
        if judgement.outcome == "held":
            return line
        return f"{line}\n    expected {judgement.expected}\n    seen     {judgement.seen}"

    def verdict(self, judgements: Sequence[Judgement], cause_title: str, culprit: str | None) -> str:
        at = f", at {culprit}" if culprit else ""
        outcomes = [judgement.outcome for judgement in judgements]
        if "broken" in outcomes:
            proven = f"not borne out: {outcomes.count('broken')} of {len(outcomes)} claims are broken"
        elif "could-not-measure" in outcomes:
            proven = (
                f"not proven: {outcomes.count('could-not-measure')} of {len(outcomes)} claims could not be measured"
            )
        else:
            proven = f"proven: all {len(outcomes)} claims held"
        return self._headed("Verdict", f"{cause_title}{at}\n{proven}")

    def _headed(self, heading: str, body: str) -> str:
        return f"{self.style.paint(heading, 'bold')}\n{body}"


def _screen(observation: Observation) -> str:
    """The command with its prompt and what it printed, the middle of long output left out."""
    lines = observation.output.replace("\r\n", "\n").splitlines()
    if len(lines) > MOST_OUTPUT_LINES:
        half = MOST_OUTPUT_LINES // 2
        lines = [*lines[:half], f"… {len(lines) - 2 * half} more lines", *lines[-half:]]
    symptom = classify(observation.command, observation)
    status = "killed at its deadline" if observation.exit_status is None else f"exit status {observation.exit_status}"
    failure = [f"({observation.failure})"] if observation.failure else []
    said = f"  -> {symptom} ({status}, {observation.duration_ms:.0f} ms)"
    return "\n".join([f"{observation.host}$ {observation.command}", *lines, *failure, said])


def exchange_at(host: str, packets: Sequence[CapturedPacket], topology: Topology) -> Exchange | None:
    """The first question that left the host and its answer there; None when nothing but ARP and DNS left it."""
    here = [p for p in packets if p.point in topology.interfaces and topology.interfaces[p.point].node == host]
    sent = [p for p in here if p.direction == "out" and p.flow is not None and p.dns is None]
    asked = next((p for p in sent if p.tcp is not None), next(iter(sent), None))
    if asked is None or asked.flow is None:
        return None
    back = (p for p in here if p.direction == "in" and p.time_ns >= asked.time_ns and _is_about(p, asked.flow))
    return Exchange(asked, next(back, None))


def _is_about(packet: CapturedPacket, flow: Flow) -> bool:
    return flow in (packet.flow, packet.icmp and packet.icmp.quoted)


def _reasons(exchange: Exchange, phase: Phase, isns: Isns) -> Iterator[str]:
    asked, answer, took_ms = label(exchange.asked, isns), exchange.answer, exchange.took_ms
    if answer is None or took_ms is None:
        yield f"No answer to the {asked} came back at {exchange.asked.point}."
        return
    name = label(answer, isns)
    yield f"{name} came {took_ms:.1f} ms after the {asked}{_against_baseline(took_ms, phase.baseline_rtt_ms)}."
    if answer.ip is not None:
        yield _ttl_reason(answer.ip.ttl)


def _against_baseline(took_ms: float, baseline_ms: float | None) -> str:
    if not baseline_ms:
        return "; the baseline round trip was not measured"
    share = took_ms / baseline_ms
    verdict = "too soon for the whole path" if share < 0.5 else "as long as the whole path takes"  # half: one way
    if share > 2:
        verdict = "longer than the path takes"
    return f"; the baseline round trip is {baseline_ms:.1f} ms: {verdict}"


def _ttl_reason(ttl: int) -> str:
    initial = next((initial for initial in INITIAL_TTLS if initial >= ttl), 255)
    passed = initial - ttl
    routers = "no router" if passed == 0 else "one router" if passed == 1 else f"{passed} routers"
    hops = "one hop" if passed == 0 else f"{passed + 1} hops"
    return f"Its TTL is {ttl}: if it was sent with {initial}, it passed {routers}, and its sender is {hops} away."
