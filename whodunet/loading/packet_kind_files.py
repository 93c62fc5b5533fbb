"""Files of a folder `packet_kinds`: kinds of packets for scenarios to name."""

from __future__ import annotations

from pathlib import Path

from whodunet import catalogue
from whodunet.catalogue import Catalogue
from whodunet.errors import InvalidInput, Problem
from whodunet.evidence import packet_kinds
from whodunet.evidence.packet_kinds import Kind


def learn_packet_kinds(places: Catalogue) -> None:
    """Has this process know the kinds of packets of a catalogue's places, beside those of its own.

    Raises:
        InvalidInput: when a file does not run, holds no kind, or one of a name that is taken.
    """
    for name, path in places.files("packet_kinds", ".py").items():
        text = path.read_bytes()
        if _learnt.get(name) != text:  # a record has a copy of what it was judged with
            packet_kinds.add(_kinds(path))
            _learnt[name] = text


_learnt: dict[str, bytes] = {}  # the files, by name, that this process has read


def _kinds(path: Path) -> tuple[Kind, ...]:
    kinds = catalogue.attribute(path, "KINDS")
    if not (isinstance(kinds, tuple) and kinds and all(isinstance(kind, Kind) for kind in kinds)):
        raise InvalidInput(Problem(str(path), "holds no kinds of packets in KINDS", "see docs/scenarios.md"))
    taken = [kind.name for kind in kinds if kind.name in packet_kinds.known()]
    if taken:
        raise InvalidInput(Problem(str(path), f"its kind {taken[0]} already exists", "give it another name"))
    return kinds
