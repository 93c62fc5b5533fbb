"""A program of the machine that something in a lab cannot do without, and the Debian package that brings it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class DebianProgram:
    """A program by the name that is typed, and what a person who lacks it needs to know."""

    name: str
    package: str
    purpose: str
    is_optional: bool = False  # True: only some of the cases that come with whodunet need it


AWS_CLI: Final = DebianProgram("aws", "awscli", "opens sessions through Session Manager", is_optional=True)
