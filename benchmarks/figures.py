"""What a benchmark hands back: a table, targets, and how both are printed. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

Cell = str | float | None


@dataclass(frozen=True)
class Target:
    """A figure with its limit."""

    says: str
    seen: float
    limit: float
    is_least: bool = False  # True: the figure has to reach the limit; False: it must not pass it

    @property
    def is_met(self) -> bool:
        """True when the figure keeps the limit."""
        return self.seen >= self.limit if self.is_least else self.seen <= self.limit


@dataclass(frozen=True)
class Table:
    """The outcome of one benchmark."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    targets: Sequence[Target] = ()
    notes: Sequence[str] = field(default_factory=tuple)

    def as_json(self) -> dict[str, Any]:
        """The table as JSON has it; each row by its columns' names."""
        rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        targets = [asdict(target) | {"is_met": target.is_met} for target in self.targets]
        return {"title": self.title, "rows": rows, "targets": targets, "notes": list(self.notes)}

    def as_text(self) -> str:
        """The table for a terminal: first column to the left, figures to the right."""
        lines = [list(self.columns), *([_shown(cell) for cell in row] for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.columns))]
        printed = ["  ".join(_aligned(line, widths)).rstrip() for line in lines]
        verdicts = [f"{_verdict(target)}  {target.says}: {_limit(target)}" for target in self.targets]
        return "\n".join([self.title, *(f"  {line}" for line in [*printed, *verdicts, *self.notes])])


def _shown(cell: Cell) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, str):
        return cell
    return f"{cell:.0f}" if float(cell).is_integer() else f"{cell:.{2 if abs(cell) < 100 else 1}f}"


def _aligned(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]


def _verdict(target: Target) -> str:
    return "met   " if target.is_met else "MISSED"


def _limit(target: Target) -> str:
    return f"{_shown(target.seen)}, {'at least' if target.is_least else 'at most'} {_shown(target.limit)} wanted"


def percentile(figures: Sequence[float], part: float) -> float:
    """The smallest figure that `part` (0 to 1) of all figures do not pass; nearest rank, never between two figures."""
    in_order = sorted(figures)
    return in_order[max(0, math.ceil(part * len(in_order)) - 1)]
