"""The story of a finished run: what the user saw, what the packets did, and who did it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from whodunet.cases.findings import Outcome
from whodunet.cases.judging import Judgement
from whodunet.cases.scenario import Scenario
from whodunet.evidence.observation import Observation, Phase, PhaseName, Run
from whodunet.evidence.packets import CapturedPacket
from whodunet.evidence.readings import readings_of
from whodunet.evidence.symptoms import Reading
from whodunet.evidence.topology import Topology
from whodunet.evidence.trails import packets_of, trails_of, unsettled_since_ns
from whodunet.view.columns import cut, definitions, filled, wrapped
from whodunet.view.ladder import render_ladder
from whodunet.view.reasons import evidence_sentence, exchange_at, have_same_packets, in_brief, reasons
from whodunet.view.screen import outcome, screen
from whodunet.view.style import Ink, Painted, Style, joined
from whodunet.view.wording import Isns, tcpdump_line

MOST_LINES_OF_ONE = 4  # that one line of a program's output is wrapped to
MARKS: dict[Outcome, tuple[str, Ink]] = {
    "held": ("✓", "green"),
    "broken": ("✗", "red"),
    "could-not-measure": ("?", "yellow"),
}


@dataclass(frozen=True)
class Section:
    """A part of the story."""

    heading: str
    text: Painted  # heading included


def render_story(told: Sequence[Section]) -> Painted:
    """The whole story as text for a terminal, each section headed."""
    return joined([joined([section.text for section in told], "\n\n"), joined([])], "\n")


def sections(
    scenario: Scenario,
    run: Run,
    packets: Sequence[CapturedPacket],
    judgements: Sequence[Judgement],
    topology: Topology,
    *,
    cause_title: str,
    culprit: str | None,
    style: Style,
    all_claims: bool = False,
    is_mystery: bool = False,
) -> list[Section]:
    """The story section by section: first what its user saw, then what the packets say, who did it last.

    The scenario's first probe is told in full, the others in one line each. No line is longer than the style's width.

    Args:
        packets: the whole capture, of both phases.
        cause_title: the cause in the taxonomy's words.
        culprit: the node or link; None when nothing is wrong.
        all_claims: lists the claims that held, too.
        is_mystery: leaves out what gives the culprit away before the verdict: the scenario's name, the marked column.
    """
    teller = _Teller(scenario, run, packets, topology, style, None if is_mystery else culprit)
    return [
        teller.beginning(is_mystery),
        *teller.symptoms(),
        *teller.damage(),
        *teller.main_probe(),
        *teller.other_probes(),
        *teller.proof(),
        *teller.repaired(),
        *teller.claims(judgements, all_claims),
        teller.verdict(judgements, cause_title, culprit),
        *teller.lesson(),
    ]


class _Teller:
    def __init__(
        self,
        scenario: Scenario,
        run: Run,
        packets: Sequence[CapturedPacket],
        topology: Topology,
        style: Style,
        marked: str | None,
    ) -> None:
        self._scenario, self._run, self._packets, self._topology = scenario, run, packets, topology
        self._style, self._marked = style, marked
        self._readings = readings_of(run, packets, topology)

    def beginning(self, is_mystery: bool) -> Section:
        question = self._scenario.question
        named = question.title if is_mystery else f"{question.name}: {question.title}"
        story = self._filled(question.story)
        return Section(named, joined([*self._heading(named), self._style.paint(""), *story], "\n"))

    def symptoms(self) -> Iterator[Section]:
        claimed = self._scenario.answer.faulty.symptoms
        phase = self._phase("faulty")
        if phase is not None and phase.observations:
            seen = phase.observations.items()
            screens = [screen(each, claimed[probe].output if probe in claimed else ()) for probe, each in seen]
            lines = [part for lines in screens for line in lines for part in self._wrapped(line, "    ")]
            yield self._section("What the user saw", lines)

    def damage(self) -> Iterator[Section]:
        """What makes the capture no witness: none of the packets below proves anything then."""
        if self._run.damage:
            told = [line for each in self._run.damage for line in self._filled(each, "    ")]
            yield self._section("The capture is not a witness", told)

    def main_probe(self) -> Iterator[Section]:
        phase = self._phase("faulty")
        if phase is None:
            return
        for probe, observation in list(phase.observations.items())[:1]:
            own = self._own(observation, phase)
            heading = f"The packets of {probe}, hop by hop ({self._outcome(observation, phase)})"
            if not own:
                none = "No packet was seen at any capture point, the sender's own included."
                yield self._section(heading, self._filled(none))
                return
            yield from self._answer(observation, own, phase)
            since_ns = unsettled_since_ns(phase, self._topology)
            ladder = render_ladder(
                own, self._topology, culprit=self._marked, style=self._style, unsettled_since_ns=since_ns
            )
            yield self._section(heading, [ladder])

    def _answer(
        self, observation: Observation, own: Sequence[CapturedPacket], phase: Phase | None
    ) -> Iterator[Section]:
        if phase is None:
            return
        exchange = exchange_at(observation.host, own, self._topology, self._reading(observation, phase).symptom)
        if exchange is None:
            return
        isns = Isns(own)
        shown = [packet for packet in (exchange.asked, exchange.answer) if packet is not None]
        lines = self._wrapped(f"{observation.host}$ tcpdump -n -i {exchange.asked.point}", "    ")
        for packet in shown:
            lines += self._wrapped(tcpdump_line(packet, isns), "    ", after=",")
        for reason in reasons(exchange, phase.baseline_rtt_ms, isns):
            lines += self._filled(reason)
        yield self._section(f"The answer, as {observation.host} sees it", lines)

    def other_probes(self) -> Iterator[Section]:
        phase = self._phase("faulty")
        if phase is None or len(phase.observations) < 2:
            return
        (_, main), *others = phase.observations.items()
        reference = self._own(main, phase)
        briefs = [(probe, self._in_brief(each, phase, reference)) for probe, each in others]
        yield self._table("The other probes", briefs)

    def _in_brief(self, observation: Observation, phase: Phase, reference: Sequence[CapturedPacket] = ()) -> str:
        own = self._own(observation, phase)
        if reference and have_same_packets(own, reference, self._topology):
            return f"{self._outcome(observation, phase)}; the same packets"
        told = in_brief(observation.host, own, self._topology, self._reading(observation, phase).symptom)
        packets = told if own else "no packet of its own was seen"
        return f"{self._outcome(observation, phase)}; {packets}"

    def _outcome(self, observation: Observation, phase: Phase) -> str:
        return outcome(observation, self._reading(observation, phase))

    def _reading(self, observation: Observation, phase: Phase) -> Reading:
        return self._readings[phase.name][observation.probe]

    def proof(self) -> Iterator[Section]:
        phase = self._phase("faulty")
        if phase is not None and phase.proofs:
            told = [line for proof in phase.proofs for line in self._filled(proof, "    ")]
            yield self._section("The fault, in the lab's own words", told)

    def repaired(self) -> Iterator[Section]:
        phase = self._phase("repaired")
        if phase is not None and phase.observations:
            briefs = [(probe, self._in_brief(each, phase)) for probe, each in phase.observations.items()]
            yield self._table("Once the fault is taken out", briefs)

    def claims(self, judgements: Sequence[Judgement], all_claims: bool) -> Iterator[Section]:
        told = [each for each in judgements if all_claims or each.outcome != "held"]
        if told:
            heading = "What was claimed" if all_claims else "Claims that did not hold"
            yield self._section(heading, [line for each in told for line in self._judged(each)])

    def _judged(self, judgement: Judgement) -> Iterator[Painted]:
        mark, ink = MARKS[judgement.outcome]
        where = f"{judgement.claim.phase}: " if judgement.claim.phase else ""
        first, *more = self._filled(f"{mark} {where}{judgement.claim.says}", "    ")
        yield joined([self._style.paint(first[: len(mark)], ink), self._style.paint(first[len(mark) :])])
        yield from more
        if judgement.outcome != "held":
            for name, value in (("expected", judgement.expected), ("seen    ", judgement.seen)):
                yield from self._wrapped(f"    {name} {value}", " " * 13)

    def verdict(self, judgements: Sequence[Judgement], cause_title: str, culprit: str | None) -> Section:
        at = f", at {culprit}" if culprit else ""
        said = self._filled(f"{cause_title}{at}.", ink="bold")
        evidence = [line for each in self._evidence(judgements) for line in self._filled(f"- {each}", "  ")]
        proven, ink = _proven([judgement.outcome for judgement in judgements])
        return self._section("Verdict", [*said, *evidence, *self._filled(proven, ink=ink)])

    def _evidence(self, judgements: Sequence[Judgement]) -> Iterator[str]:
        """The claims about packets that held while the fault was in place: why the verdict is what it is."""
        held = {judgement.claim.id for judgement in judgements if judgement.outcome == "held"}
        phase = self._phase("faulty")
        for number, claim in enumerate(self._scenario.answer.faulty.evidence, 1):
            if phase is not None and f"faulty/evidence/{number}" in held:
                trails = trails_of(self._own(phase.observations[claim.probe], phase), self._topology)
                yield evidence_sentence(claim, trails, self._topology, phase.baseline_rtt_ms)

    def lesson(self) -> Iterator[Section]:
        if self._scenario.answer.lesson:
            yield self._section("Lesson", self._filled(self._scenario.answer.lesson))

    def _phase(self, name: PhaseName) -> Phase | None:
        return next((phase for phase in self._run.phases if phase.name == name), None)

    def _own(self, observation: Observation, phase: Phase | None) -> Sequence[CapturedPacket]:
        rtt_ms = phase.baseline_rtt_ms if phase else None
        return packets_of(observation, self._packets, self._topology, rtt_ms)

    def _filled(self, text: str, indent: str = "", ink: Ink | None = None) -> list[Painted]:
        """Prose, in as many lines as it takes."""
        lines = filled(self._style.plain(" ".join(text.split())), self._style.width, indent)
        return [self._style.paint(line, ink) for line in lines]

    def _wrapped(self, line: str, indent: str, after: str = "") -> list[Painted]:
        """One line of a program's words, its blanks as they are; in a few lines where it is long, the rest cut off."""
        width = self._style.width
        shown = cut(self._style.plain(line), MOST_LINES_OF_ONE * (width - len(indent)))
        return [self._style.paint(part) for part in wrapped(shown, width, indent, after)]

    def _heading(self, heading: str) -> list[Painted]:
        return self._filled(heading, ink="bold")

    def _section(self, heading: str, lines: Iterable[Painted]) -> Section:
        return Section(heading, joined([*self._heading(heading), *lines], "\n"))

    def _table(self, heading: str, rows: Sequence[tuple[str, str]]) -> Section:
        plain = [(self._style.plain(name), self._style.plain(said)) for name, said in rows]
        lines = definitions(plain, self._style.width, before="  ")
        return self._section(heading, [self._style.paint(line) for line in lines])


def _proven(outcomes: Sequence[Outcome]) -> tuple[str, Ink]:
    """How many claims held, and the colour of that."""
    held = f"{outcomes.count('held')} of {len(outcomes)} claims held"
    if "broken" in outcomes:
        return f"Not borne out: {held}, {outcomes.count('broken')} are broken.", "red"
    if "could-not-measure" in outcomes:
        return f"Not proven: {held}, {outcomes.count('could-not-measure')} could not be measured.", "yellow"
    return f"{held}.", "green"
