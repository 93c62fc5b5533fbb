"""A verdict as text for a terminal: first what whoever reads nothing else has to know, then what shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from whodunet.diagnosis.verdict import Citation, Verdict
from whodunet.evidence.packets import CapturedPacket
from whodunet.view.models.numbering import Numbering
from whodunet.view.text.columns import definitions, filled, wrapped
from whodunet.view.text.style import Ink, Painted, Style, joined
from whodunet.view.words import verdict as words
from whodunet.view.words.packets import tcpdump_line

_FEW_PACKETS: Final = 4  # of one fact; --explain shows all
_INDENT: Final = "    "


def render_verdict(verdict: Verdict, style: Style, *, explains: bool = False) -> Painted:
    """The verdict; no line is longer than the style's width.

    Args:
        explains: also the reasoning step by step, each rule's source, and all packets.
    """
    writer = _Writer(verdict, style, explains)
    return joined([joined(section, "\n") for section in writer.sections() if section], "\n\n")


@dataclass(frozen=True)
class _Writer:
    verdict: Verdict
    style: Style
    explains: bool

    def sections(self) -> Iterator[list[Painted]]:
        verdict = self.verdict
        yield list(self._filled(words.target(verdict), "", "bold"))
        yield list(self._filled(verdict.summary, ""))
        yield list(self._account())
        if self.explains:
            yield self._list("Step by step", verdict.steps, is_numbered=True)
        yield list(self._evidence())
        yield self._list("Would be settled by", verdict.settled_by)
        yield self._list("What to do next", verdict.next_steps, is_numbered=True)
        yield self._list("Not seen from here", verdict.not_seen)
        yield list(self._filled(words.cost(verdict.cost), "", "dim"))

    def _account(self) -> Iterator[Painted]:
        verdict = self.verdict
        rows = [("who", words.who(verdict)), ("cause", words.causes(verdict)), ("confidence", verdict.confidence)]
        plain = [(name, self.style.plain(said)) for name, said in rows]
        return map(self.style.paint, definitions(plain, self.style.width))

    def _evidence(self) -> Iterator[Painted]:
        if not self.verdict.evidence:
            return
        yield self.style.paint("Evidence", "bold")
        numbering = Numbering(packet for citation in self.verdict.evidence for packet in citation.packets)
        for number, citation in enumerate(self.verdict.evidence, 1):
            yield from self._item(f"{number}. ", citation.says)
            yield from self._packets(citation, numbering)
            if self.explains and citation.source:
                yield from self._filled(f"rule {citation.signal}: {citation.source}", _INDENT, "dim")

    def _packets(self, citation: Citation, numbering: Numbering) -> Iterator[Painted]:
        shown = citation.packets if self.explains else citation.packets[:_FEW_PACKETS]
        for packet in shown:
            yield from self._packet(packet, numbering)
        left = len(citation.packets) - len(shown)
        if left:
            yield self.style.paint(f"{_INDENT}and {left} more; --explain shows all", "dim")

    def _packet(self, packet: CapturedPacket, numbering: Numbering) -> Iterator[Painted]:
        line = f"{tcpdump_line(numbering.of(packet))} ({words.headers(packet)})"
        hanging = _INDENT + "  "
        return map(self.style.paint, wrapped(_INDENT + self.style.plain(line), self.style.width, hanging))

    def _list(self, heading: str, said: Sequence[str], *, is_numbered: bool = False) -> list[Painted]:
        if not said:
            return []
        items = [(f"{number}. " if is_numbered else "- ", each) for number, each in enumerate(said, 1)]
        lines = (line for before, each in items for line in self._item(before, each))
        return [self.style.paint(heading, "bold"), *lines]

    def _item(self, before: str, said: str) -> Iterator[Painted]:
        text = before + self.style.plain(" ".join(said.split()))
        return map(self.style.paint, wrapped(text, self.style.width, " " * len(before)))

    def _filled(self, text: str, before: str, ink: Ink | None = None) -> Iterator[Painted]:
        lines = filled(self.style.plain(text), self.style.width - len(before)) if text else []
        return (self.style.paint(before + line, ink) for line in lines)
