"""A program of the machine that something in a lab cannot do without."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """A program by the name that is typed, and what a person who lacks it needs to know."""

    name: str
    package: str  # of Debian, that brings it
    purpose: str
    is_optional: bool = False  # True: only some cases need it
