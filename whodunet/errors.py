"""What can go wrong, as three kinds that the command line turns into exit statuses 2 and 3."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in what a person wrote: where it is, what is wrong, and what would fix it."""

    place: str  # "scenarios/x.yaml:12: faults[0].node", a command-line argument, ...
    wrong: str
    fix: str

    def __str__(self) -> str:
        return f"{self.place}: {self.wrong}; {self.fix}"


class WhodunetError(Exception):
    """Base of all errors that are reported in one line, without a traceback."""


class InvalidInput(WhodunetError):
    """A person's input cannot be used; carries every problem found, not the first only."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class CannotRun(WhodunetError):
    """The machine or the lab could not do what was asked; the message names the fix where there is one."""
