"""In which variation a network is built: the seed of its particulars, and the family that probes go over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from whodunet.evidence.topology import Family


@dataclass(frozen=True)
class Variation:
    """One of the networks that a topology's file can describe."""

    seed: int | None = None  # 0 to 2**32 - 1; None: the particulars that the file states
    family: Family = "ipv4"  # that scenarios' probes go over; the network has both


AS_STATED: Final = Variation()
