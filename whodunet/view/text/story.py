"""A story as text for a terminal, section by section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatchmethod
from typing import Final

from whodunet.cases.findings import Outcome
from whodunet.cases.judging import Judgement
from whodunet.view.models.screen import LeftOut, Screen
from whodunet.view.models.story import (
    AnswerAtHost,
    Beginning,
    FaultSeen,
    HopByHop,
    Judged,
    Lesson,
    NoWitness,
    OnceRepaired,
    OtherProbes,
    Section,
    Story,
    UserSaw,
    Verdict,
)
from whodunet.view.text.columns import cut, definitions, filled, wrapped
from whodunet.view.text.ladder import render_ladder
from whodunet.view.text.style import Ink, Painted, Style, joined
from whodunet.view.words.packets import tcpdump_line
from whodunet.view.words.probes import in_brief, sentence
from whodunet.view.words.story import heading, how_far_proven, who_did_it

MOST_LINES_OF_ONE: Final = 4  # that one line of a program's output is wrapped to
MARKS: Final[Mapping[Outcome, tuple[str, Ink]]] = {
    "held": ("✓", "green"),
    "broken": ("✗", "red"),
    "could-not-measure": ("?", "yellow"),
}


@dataclass(frozen=True)
class TextSection:
    """A section of a story as text."""

    heading: str
    text: Painted  # heading included


def render_story(told: Sequence[TextSection]) -> Painted:
    """The whole story, a line free between its sections."""
    return joined([joined([section.text for section in told], "\n\n"), joined([])], "\n")


def sections(story: Story, style: Style) -> list[TextSection]:
    """The story section by section. No line is longer than the style's width."""
    writer = _Writer(style)
    return [writer.section(section) for section in story.sections]


@dataclass(frozen=True)
class _Writer:
    style: Style

    def section(self, section: Section) -> TextSection:
        """A section below its heading."""
        headed = heading(section)
        return TextSection(headed, joined([*self._filled(headed, ink="bold"), *self._told(section)], "\n"))

    @singledispatchmethod
    def _told(self, section: Section) -> Iterator[Painted]:
        """What a section says, line by line; a function each kind of section."""
        raise NotImplementedError(type(section).__name__)

    @_told.register
    def _beginning(self, section: Beginning) -> Iterator[Painted]:
        yield from (self.style.paint(""), *self._filled(section.story))

    @_told.register
    def _user_saw(self, section: UserSaw) -> Iterator[Painted]:
        return (line for screen in section.screens for line in self._screen(screen))

    @_told.register
    def _no_witness(self, section: NoWitness) -> Iterator[Painted]:
        return (line for each in section.damage for line in self._filled(each, "    "))

    @_told.register
    def _answer(self, section: AnswerAtHost) -> Iterator[Painted]:
        yield from self._wrapped(f"{section.host}$ tcpdump -n -i {section.point}", "    ")
        for packet in section.packets:
            yield from self._wrapped(tcpdump_line(packet), "    ", after=",")
        for reason in section.reasons:
            yield from self._filled(sentence(reason))

    @_told.register
    def _hop_by_hop(self, section: HopByHop) -> Iterator[Painted]:
        if section.ladder.rows:
            yield render_ladder(section.ladder, self.style)
        else:
            yield from self._filled("No packet was seen at any capture point, the sender's own included.")

    @_told.register
    def _in_brief(self, section: OtherProbes | OnceRepaired) -> Iterator[Painted]:
        rows = [(self.style.plain(each.probe), self.style.plain(in_brief(each))) for each in section.briefs]
        return (self.style.paint(line) for line in definitions(rows, self.style.width, before="  "))

    @_told.register
    def _fault_seen(self, section: FaultSeen) -> Iterator[Painted]:
        return (line for each in section.signs for line in self._filled(each, "    "))

    @_told.register
    def _judged(self, section: Judged) -> Iterator[Painted]:
        return (line for each in section.judgements for line in self._judgement(each))

    @_told.register
    def _verdict(self, section: Verdict) -> Iterator[Painted]:
        yield from self._filled(who_did_it(section), ink="bold")
        for each in section.evidence:
            yield from self._filled(f"- {each}", "  ")
        ink: Ink = "red" if section.broken else "yellow" if section.not_measured else "green"
        yield from self._filled(how_far_proven(section), ink=ink)

    @_told.register
    def _lesson(self, section: Lesson) -> Iterator[Painted]:
        return iter(self._filled(section.text))

    def _screen(self, screen: Screen) -> Iterator[Painted]:
        lines = f"{screen.host}$ {screen.command}".split("\n") + [_printed(each) for each in screen.printed]
        lines += [f"({screen.failure})"] if screen.failure else []
        return (part for line in lines for part in self._wrapped(line, "    "))

    def _judgement(self, judgement: Judgement) -> Iterator[Painted]:
        mark, ink = MARKS[judgement.outcome]
        where = f"{judgement.claim.phase}: " if judgement.claim.phase else ""
        first, *more = self._filled(f"{mark} {where}{judgement.claim.says}", "    ")
        yield joined([self.style.paint(first[: len(mark)], ink), self.style.paint(first[len(mark) :])])
        yield from more
        if judgement.outcome != "held":
            for name, value in (("expected", judgement.expected), ("seen    ", judgement.seen)):
                yield from self._wrapped(f"    {name} {value}", " " * 13)

    def _filled(self, text: str, indent: str = "", ink: Ink | None = None) -> list[Painted]:
        """Prose, in as many lines as it takes."""
        lines = filled(self.style.plain(" ".join(text.split())), self.style.width, indent)
        return [self.style.paint(line, ink) for line in lines]

    def _wrapped(self, line: str, indent: str, after: str = "") -> list[Painted]:
        """One line of a program's words, its blanks as they are; in a few lines where it is long, the rest cut off."""
        width = self.style.width
        shown = cut(self.style.plain(line), MOST_LINES_OF_ONE * (width - len(indent)))
        return [self.style.paint(part) for part in wrapped(shown, width, indent, after)]


def _printed(line: str | LeftOut) -> str:
    if isinstance(line, str):
        return line
    return f"… {line.lines} more lines" if line.is_middle else f"… {line.lines} lines left out"
