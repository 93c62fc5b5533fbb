"""What a record says of its capture, so that a capture that is damaged, cut or another's is not a witness."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pydantic import ConfigDict  # a dictionary when it runs

_MOST_NAMED = 3


@dataclass(frozen=True)
class CaptureSummary:
    """What a capture held when it was recorded."""

    __pydantic_config__: ClassVar[ConfigDict] = {"extra": "forbid"}

    frames: Mapping[str, int] = field(default_factory=dict)  # by capture point, those without a frame included
    not_understood: Mapping[str, int] = field(default_factory=dict)  # of them; capture points without one left out
    sha256: str = ""  # of the whole file, in hexadecimal
    clock_offset_ns: int | None = None  # CLOCK_REALTIME minus CLOCK_BOOTTIME, as the recorder read them at the end


def damage(recorded: CaptureSummary | None, read: CaptureSummary, stopped: str | None) -> Iterator[str]:
    """Why a capture that was read is not what was recorded, a sentence each; nothing when it is.

    Args:
        recorded: what the record says; None for a record that says nothing.
        stopped: why reading ended before the end of the file.
    """
    if stopped is not None:
        yield f"the capture could not be read to its end: {stopped}"
    if recorded is None:
        yield "the record does not say what its capture held"
        return
    counts = [
        (each, read.frames.get(each, 0), recorded.frames.get(each, 0)) for each in {**recorded.frames, **read.frames}
    ]
    differ = [f"{now} instead of {was} frames at {point}" for point, now, was in counts if now != was]
    if differ:
        more = f" and {len(differ) - _MOST_NAMED} more capture points" if len(differ) > _MOST_NAMED else ""
        yield f"the capture holds {', '.join(differ[:_MOST_NAMED])}{more}"
    if recorded.sha256 and recorded.sha256 != read.sha256:
        yield "the capture is not the one that was recorded: its SHA-256 differs"
