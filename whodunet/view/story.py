"""The story of a finished run: what the user saw, what the packets did, and who did it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from whodunet.core.evidence import Outcome
from whodunet.core.judging import Judgement
from whodunet.core.observation import Observation, Phase, PhaseName, Run
from whodunet.core.packets import CapturedPacket
from whodunet.core.readings import readings_of
from whodunet.core.scenario import Scenario
from whodunet.core.topology import Topology
from whodunet.core.trails import packets_of, trails_of
from whodunet.view.ladder import render_ladder
from whodunet.view.reasons import are_alike, evidence_sentence, exchange_at, in_brief, reasons
from whodunet.view.screen import outcome, screen, table
from whodunet.view.style import DROPPED, Style
from whodunet.view.wording import Isns, tcpdump_line

LEGEND = f"● sent   ○ passed   ▶ arrived   {DROPPED} dropped"
MARKS: dict[Outcome, tuple[str, str]] = {
    "held": ("✓", "green"),
    "broken": ("✗", "red"),
    "could-not-measure": ("?", "yellow"),
}


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
    all_claims: bool = False,
) -> str:
    """The whole story as text for a terminal, each section headed.

    The scenario's first probe is told in full, the others in one line each.

    Args:
        packets: the whole capture, of both phases.
        cause_title: the cause in the taxonomy's words.
        culprit: the node or link; None when nothing is wrong.
        all_claims: lists the claims that held, too.
    """
    teller = _Teller(scenario, run, packets, topology, style or Style())
    sections = [
        *teller.beginning(),
        *teller.symptoms(),
        *teller.main_probe(),
        *teller.other_probes(),
        *teller.proof(),
        *teller.repaired(),
        *teller.claims(judgements, all_claims),
        teller.verdict(judgements, cause_title, culprit),
        *teller.lesson(),
    ]
    return teller.style.plain("\n\n".join(sections)) + "\n"


class _Teller:
    def __init__(
        self, scenario: Scenario, run: Run, packets: Sequence[CapturedPacket], topology: Topology, style: Style
    ) -> None:
        self._scenario, self._run, self._packets, self._topology = scenario, run, packets, topology
        self._readings = readings_of(run, packets, topology)
        self.style = style

    def beginning(self) -> Iterator[str]:
        question = self._scenario.question
        yield self.style.paint(f"{question.name}: {question.title}", "bold")
        yield self._filled(question.story)

    def symptoms(self) -> Iterator[str]:
        claimed = self._scenario.answer.faulty.symptoms
        phase = self._phase("faulty")
        if phase is not None and phase.observations:
            seen = phase.observations.items()
            screens = [screen(each, claimed[probe].output if probe in claimed else ()) for probe, each in seen]
            yield self._headed("What the user saw", "\n".join(screens))

    def main_probe(self) -> Iterator[str]:
        phase = self._phase("faulty")
        if phase is None:
            return
        for probe, observation in list(phase.observations.items())[:1]:
            own = self._own(observation, phase)
            heading = f"The packets of {probe}, hop by hop ({self._outcome(observation, phase)})"
            if not own:
                yield self._headed(heading, "No packet was seen at any capture point, the sender's own included.")
                return
            ladder = render_ladder(own, self._topology, style=self.style)
            yield self._headed(heading, f"{ladder}\n{self.style.paint(LEGEND, 'dim')}")
            yield from self._answer(observation, own, phase)

    def _answer(self, observation: Observation, own: Sequence[CapturedPacket], phase: Phase | None) -> Iterator[str]:
        exchange = exchange_at(observation.host, own, self._topology)
        if exchange is None or phase is None:
            return
        isns = Isns(own)
        shown = [packet for packet in (exchange.asked, exchange.answer) if packet is not None]
        capture = [f"{observation.host}$ tcpdump -n -i {exchange.asked.point}"]
        told = [self._filled(reason) for reason in reasons(exchange, phase.baseline_rtt_ms, isns)]
        lines = [*capture, *(tcpdump_line(packet, isns) for packet in shown), *told]
        yield self._headed(f"The answer, as {observation.host} sees it", "\n".join(lines))

    def other_probes(self) -> Iterator[str]:
        phase = self._phase("faulty")
        if phase is None or len(phase.observations) < 2:
            return
        (_, main), *others = phase.observations.items()
        reference = self._own(main, phase)
        lines = [(probe, self._in_brief(each, phase, reference)) for probe, each in others]
        yield self._headed("The other probes", "\n".join(table(lines)))

    def _in_brief(self, observation: Observation, phase: Phase, reference: Sequence[CapturedPacket] = ()) -> str:
        own = self._own(observation, phase)
        if reference and are_alike(own, reference, self._topology):
            return f"{self._outcome(observation, phase)}; the same packets"
        packets = in_brief(observation.host, own, self._topology) if own else "no packet of its own was seen"
        return f"{self._outcome(observation, phase)}; {packets}"

    def _outcome(self, observation: Observation, phase: Phase) -> str:
        return outcome(observation, self._readings[phase.name][observation.probe])

    def proof(self) -> Iterator[str]:
        phase = self._phase("faulty")
        if phase is not None and phase.proofs:
            told = (self._filled(proof, "    ") for proof in phase.proofs)
            yield self._headed("The fault, in the lab's own words", "\n".join(told))

    def repaired(self) -> Iterator[str]:
        phase = self._phase("repaired")
        if phase is not None and phase.observations:
            lines = [(probe, self._in_brief(each, phase)) for probe, each in phase.observations.items()]
            yield self._headed("Once the fault is taken out", "\n".join(table(lines)))

    def claims(self, judgements: Sequence[Judgement], all_claims: bool) -> Iterator[str]:
        told = [each for each in judgements if all_claims or each.outcome != "held"]
        if told:
            heading = "What was claimed" if all_claims else "Claims that did not hold"
            yield self._headed(heading, "\n".join(self._judged(each) for each in told))

    def _judged(self, judgement: Judgement) -> str:
        mark, colour = MARKS[judgement.outcome]
        where = f"{judgement.claim.phase}: " if judgement.claim.phase else ""
        line = f"{self.style.paint(mark, colour)} {where}{judgement.claim.says}"
        if judgement.outcome == "held":
            return line
        return f"{line}\n    expected {judgement.expected}\n    seen     {judgement.seen}"

    def verdict(self, judgements: Sequence[Judgement], cause_title: str, culprit: str | None) -> str:
        at = f", at {culprit}" if culprit else ""
        proven = self.style.paint(*_proven([judgement.outcome for judgement in judgements]))
        said = self.style.paint(f"{cause_title}{at}.", "bold")
        evidence = [self._filled(f"- {each}", "  ") for each in self._evidence(judgements)]
        return self._headed("Verdict", "\n".join([said, *evidence, proven]))

    def _evidence(self, judgements: Sequence[Judgement]) -> Iterator[str]:
        """The claims about packets that held while the fault was in place: why the verdict is what it is."""
        held = {judgement.claim.id for judgement in judgements if judgement.outcome == "held"}
        phase = self._phase("faulty")
        for number, claim in enumerate(self._scenario.answer.faulty.evidence, 1):
            if phase is not None and f"faulty/evidence/{number}" in held:
                trails = trails_of(self._own(phase.observations[claim.probe], phase), self._topology)
                yield evidence_sentence(claim, trails, self._topology, phase.baseline_rtt_ms)

    def lesson(self) -> Iterator[str]:
        if self._scenario.answer.lesson:
            yield self._headed("Lesson", self._filled(self._scenario.answer.lesson))

    def _phase(self, name: PhaseName) -> Phase | None:
        return next((phase for phase in self._run.phases if phase.name == name), None)

    def _own(self, observation: Observation, phase: Phase | None) -> Sequence[CapturedPacket]:
        rtt_ms = phase.baseline_rtt_ms if phase else None
        return packets_of(observation, self._packets, self._topology, rtt_ms)

    def _filled(self, text: str, indent: str = "") -> str:
        words = " ".join(text.split())
        return textwrap.fill(words, self.style.width, subsequent_indent=indent, break_on_hyphens=False)

    def _headed(self, heading: str, body: str) -> str:
        return f"{self.style.paint(heading, 'bold')}\n{body}"


def _proven(outcomes: Sequence[Outcome]) -> tuple[str, str]:
    """How many claims held, and the colour of that."""
    held = f"{outcomes.count('held')} of {len(outcomes)} claims held"
    if "broken" in outcomes:
        return f"Not borne out: {held}, {outcomes.count('broken')} are broken.", "red"
    if "could-not-measure" in outcomes:
        return f"Not proven: {held}, {outcomes.count('could-not-measure')} could not be measured.", "yellow"
    return f"{held}.", "green"
