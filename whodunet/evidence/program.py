"""What the table of symptoms knows of one network program, and all that it knows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from whodunet.evidence.symptom_rows import Row


@dataclass(frozen=True)
class Program:
    """A network program: how one recognises it on a command line, and what its words mean."""

    rows: tuple[Row, ...]  # the first that fits decides
    names: tuple[str, ...] = ()  # every name under which it is called
    names_like: str = ""  # or a pattern of them: r"python[\d.]*"
    stood: str = ""  # what it prints once its connection stands: killed then, it stalled
    hands_on: bool = False  # text on its standard output came from the other side

    def shows_that_it_stood(self, output: str) -> bool:
        """True when the output shows that the connection was established."""
        return bool(self.stood) and re.search(self.stood, output, re.MULTILINE) is not None


@dataclass(frozen=True, eq=False)
class Programs:
    """The programs whose words are known, by the name of each one's file."""

    by_file: Mapping[str, Program] = field(default_factory=dict)

    def __getitem__(self, file: str) -> Program:
        return self.by_file[file]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_file)

    def called(self, name: str) -> str | None:
        """The program that is called so on a command line; None when none is known."""
        if name in self._by_name:
            return self._by_name[name]
        return next((file for file, program in self._patterns if re.fullmatch(program.names_like, name)), None)

    @cached_property
    def _by_name(self) -> Mapping[str, str]:
        return {name: file for file, program in self.by_file.items() for name in program.names}

    @cached_property
    def _patterns(self) -> Iterable[tuple[str, Program]]:
        return [(file, program) for file, program in self.by_file.items() if program.names_like]
