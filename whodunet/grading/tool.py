"""A tool file: how a diagnostic program is run on the client, and how its verdict is read.

A tool either prints the published JSON of a verdict, or its file has patterns that say what its words mean.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from whodunet.cases.fields import ProgramName, refused
from whodunet.cases.references import BRACED
from whodunet.cases.strict import Strict
from whodunet.diagnosis.verdict import Confidence, Party
from whodunet.spelling import did_you_mean

PLACEHOLDERS: Final[Mapping[str, str]] = {
    "host": "name or address that the case is about, as its user typed it",
    "port": "port that the case is about",
    "family": "ipv4 or ipv6: the family of addresses that the case goes over",
    "family.option": "-4 or -6",
    "capture": "a file with what was captured on the client while its user tried; only then it is made",
    "whodunet": "the command that runs this whodunet on the client",
}
HOP_GROUP, BOX_GROUP = "hop", "box"  # named groups of a pattern: what they match is the verdict's, too


def _placeholders_in(command: str) -> tuple[str, ...]:
    return tuple(found["name"] for found in BRACED.finditer(command) if found["name"] is not None)


def _placeholders_exist(command: str) -> str:
    for name in _placeholders_in(command):
        if name not in PLACEHOLDERS:
            fix = did_you_mean(name, PLACEHOLDERS, f"write {{{{{name}}}}} for the text itself")
            raise refused(f"has {{{name}}}, which stands for nothing", fix)
    return command


def _regular_expression(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise refused(
            f"is not a regular expression: {error}", "see Python's `re`; `.` and `(` stand for more"
        ) from None
    for name in groups:
        if name not in (HOP_GROUP, BOX_GROUP):
            raise refused(f"has a group named {name}", did_you_mean(name, (HOP_GROUP, BOX_GROUP)))
    return pattern


class VerdictPattern(Strict):
    """What it means when a tool's output says something; one that names nobody means that the tool cannot tell."""

    when: Annotated[str, AfterValidator(_regular_expression)] = Field(
        default="", description="regular expression that a line of the output fits; groups `hop` and `box` are read"
    )
    exit_status: int | None = Field(default=None, description="with which the tool has to end besides")
    parties: tuple[Party, ...] = Field(default=(), description="who has to change something, by that")
    causes: tuple[str, ...] = Field(default=(), description="names of causes (`whodunet causes`) that it may be")
    cause_class: str | None = Field(default=None, description="name of a class of causes that look the same")
    confidence: Confidence = Field(default="medium", description="how surely the tool says it")


class Tool(Strict):
    """A diagnostic program. A file of YAML, named after it."""

    name: str
    title: str = Field(min_length=1, description="the tool in a few words, as tables have it")
    command: Annotated[str, AfterValidator(_placeholders_exist)] = Field(
        min_length=1,
        description=f"shell command on the client, with {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)}",
    )
    runs_as: Literal["root", "user"] = Field(default="root", description="root, or an ordinary user without privileges")
    time_limit_s: float = Field(
        default=30, gt=0, le=600, description="it is killed after this time; what it said counts"
    )
    needs: Mapping[ProgramName, str] = Field(
        default_factory=dict, description="programs of the machine that it takes: the Debian package of each"
    )
    shares: tuple[str, ...] = Field(
        default=(), description="DIR:PATH, folders beside this file that the client shows as PATH, read-only"
    )
    version: Annotated[str, AfterValidator(_placeholders_exist)] | None = Field(
        default=None, description="shell command whose first line of output tells the version"
    )
    patterns: tuple[VerdictPattern, ...] | None = Field(
        default=None, description="the first that fits is the verdict; without them it prints JSON"
    )

    @property
    def reads_capture(self) -> bool:
        """True for an analyser of captures, which gets the client's and sends nothing itself."""
        return "capture" in _placeholders_in(self.command)


def filled_in(command: str, values: Mapping[str, str]) -> str:
    """A command of a tool file with the placeholders filled in."""
    return BRACED.sub(lambda found: values[found["name"]] if found["name"] else f"{{{found['literal']}}}", command)
