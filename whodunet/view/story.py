"""The story of a finished run: what the user saw, what the packets did, and who did it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from whodunet.cases.claims import EvidenceShown, evidence_told
from whodunet.cases.findings import Outcome
from whodunet.cases.judging import Judgement
from whodunet.cases.recording import Recording
from whodunet.evidence.observation import Phase, PhaseName
from whodunet.evidence.probe_evidence import ProbeEvidence
from whodunet.view.columns import cut, definitions, filled, wrapped
from whodunet.view.ladder import render_ladder
from whodunet.view.reasons import have_same_packets, in_brief, reasons
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
    recording: Recording,
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
        cause_title: the cause in the taxonomy's words.
        culprit: the node or link; None when nothing is wrong.
        all_claims: lists the claims that held, too.
        is_mystery: leaves out what gives the culprit away before the verdict: the scenario's name, the marked column.
    """
    teller, judgements = _Teller(recording, style, None if is_mystery else culprit), recording.judgements
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
    def __init__(self, recording: Recording, style: Style, marked: str | None) -> None:
        self._scenario, self._run, self._topology = recording.scenario, recording.run, recording.topology
        self._evidence = recording.evidence
        self._style, self._marked = style, marked

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
        for probe, left in list(self._evidence.get("faulty", {}).items())[:1]:
            heading = f"The packets of {probe}, hop by hop ({_outcome(left)})"
            if not left.packets:
                none = "No packet was seen at any capture point, the sender's own included."
                yield self._section(heading, self._filled(none))
                return
            yield from self._answer(left)
            ladder = render_ladder(left, culprit=self._marked, style=self._style)
            yield self._section(heading, [ladder])

    def _answer(self, left: ProbeEvidence) -> Iterator[Section]:
        explained, host = left.explanation, left.observation.host
        if explained is None:
            return
        isns = Isns(left.packets)
        shown = [packet for packet in (explained.asked, explained.answer) if packet is not None]
        lines = self._wrapped(f"{host}$ tcpdump -n -i {explained.asked.point}", "    ")
        for packet in shown:
            lines += self._wrapped(tcpdump_line(packet, isns), "    ", after=",")
        for reason in reasons(explained, left, isns):
            lines += self._filled(reason)
        yield self._section(f"The answer, as {host} sees it", lines)

    def other_probes(self) -> Iterator[Section]:
        every = self._evidence.get("faulty", {})
        if len(every) < 2:
            return
        (_, main), *others = every.items()
        yield self._table("The other probes", [(probe, self._in_brief(each, main)) for probe, each in others])

    def _in_brief(self, left: ProbeEvidence, reference: ProbeEvidence | None = None) -> str:
        if reference is not None and reference.trails and have_same_packets(left, reference):
            return f"{_outcome(left)}; the same packets"
        packets = in_brief(left) if left.trails else "no packet of its own was seen"
        return f"{_outcome(left)}; {packets}"

    def proof(self) -> Iterator[Section]:
        phase = self._phase("faulty")
        if phase is not None and phase.proofs:
            told = [line for proof in phase.proofs for line in self._filled(proof, "    ")]
            yield self._section("The fault, in the lab's own words", told)

    def repaired(self) -> Iterator[Section]:
        every = self._evidence.get("repaired", {})
        if every:
            briefs = [(probe, self._in_brief(each)) for probe, each in every.items()]
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
        evidence = [line for each in self._borne_out(judgements) for line in self._filled(f"- {each}", "  ")]
        proven, ink = _proven([judgement.outcome for judgement in judgements])
        return self._section("Verdict", [*said, *evidence, *self._filled(proven, ink=ink)])

    def _borne_out(self, judgements: Sequence[Judgement]) -> Iterator[str]:
        """The claims about packets that held while the fault was in place: why the verdict is what it is."""
        for judgement in judgements:
            claim = judgement.claim
            if isinstance(claim, EvidenceShown) and claim.phase == "faulty" and judgement.outcome == "held":
                yield evidence_told(claim.claim, self._evidence["faulty"][claim.claim.probe])

    def lesson(self) -> Iterator[Section]:
        if self._scenario.answer.lesson:
            yield self._section("Lesson", self._filled(self._scenario.answer.lesson))

    def _phase(self, name: PhaseName) -> Phase | None:
        return next((phase for phase in self._run.phases if phase.name == name), None)

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


def _outcome(left: ProbeEvidence) -> str:
    return outcome(left.observation, left.reading)


def _proven(outcomes: Sequence[Outcome]) -> tuple[str, Ink]:
    """How many claims held, and the colour of that."""
    held = f"{outcomes.count('held')} of {len(outcomes)} claims held"
    if "broken" in outcomes:
        return f"Not borne out: {held}, {outcomes.count('broken')} are broken.", "red"
    if "could-not-measure" in outcomes:
        return f"Not proven: {held}, {outcomes.count('could-not-measure')} could not be measured.", "yellow"
    return f"{held}.", "green"
