"""Capture reading as all else sees it: bytes in, packets out, whichever library dissects them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from whodunet.evidence.capture_summary import CaptureSummary
from whodunet.evidence.packets import CapturedPacket


@dataclass(frozen=True)
class CaptureContent:
    """What a capture holds, as far as it could be read."""

    packets: Sequence[CapturedPacket]  # in the file's order
    frames: Mapping[str, int]  # by capture point, 0 included
    stopped: str | None  # why something of the file was not read; None when all of it was
    sha256: str  # of the whole file, in hexadecimal

    def summary(self, clock_offset_ns: int | None = None) -> CaptureSummary:
        """What a record says of its capture, so that damage to it is noticed later."""
        unread = Counter(packet.point for packet in self.packets if packet.unread)
        return CaptureSummary(dict(self.frames), dict(unread), self.sha256, clock_offset_ns)


class CaptureReader(Protocol):
    """Reads captures. What it cannot read it never leaves out silently."""

    def __call__(self, capture: bytes, place: str = "the capture") -> CaptureContent:
        """All that a capture holds; reading ends where it makes no sense any more.

        Args:
            place: the capture, as messages name it.

        Raises:
            InvalidInput: when it is no capture at all.
        """
        ...
