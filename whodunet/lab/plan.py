"""What a lab is told at its start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from whodunet.lab import messages
from whodunet.lab.host_root import Shared
from whodunet.variation import AS_STATED, Variation

BESIDE: Final = Path("/run/lab/beside")  # where a lab has what it was given of other places

APPS: Final = Path("/run/lab/apps")  # where it has a Ryu app that runs in place of the policies
_MOST_APP_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class OtherController:
    """A Ryu app that runs in place of the policies."""

    app: str  # a module's name, or where the lab has its file
    files: Mapping[str, str] = field(default_factory=dict)  # name and text of each: the lab itself may not read them

    @classmethod
    def of_file(cls, app: Path) -> Self:
        """The app of a file, with the modules beside it, unless they are too much.

        Raises:
            OSError: when it cannot be read.
        """
        texts = {path.name: path.read_text(encoding="utf-8") for path in [app, *_modules_beside(app)]}
        return cls(str(APPS / app.name), texts)


@dataclass(frozen=True)
class LabOptions:
    """What a person wants to be special about the lab of a scenario."""

    shares: tuple[Shared, ...] = ()  # what is shown on the hosts
    other_controller: OtherController | None = None


NOTHING_SPECIAL: Final = LabOptions()


@dataclass(frozen=True)
class Plan:
    """Everything that a lab's server needs to bring it up."""

    name: str
    topology_file: str
    topology: str
    ryu_app: str  # the file that knows Ryu
    policies: Mapping[str, Mapping[str, object]] = field(default_factory=dict)  # by switch, whole
    uplinks: Mapping[str, str] = field(default_factory=dict)  # by host
    other_controller: OtherController | None = None
    keep: tuple[str, ...] = ()  # directories that have to stay visible to the lab itself
    shares: tuple[Shared, ...] = ()  # what a person wants to see on the hosts
    scenario: str = ""
    variation: Variation = AS_STATED
    places: tuple[str, ...] = ()  # folders beside the project's own; the lab itself may not be able to read them
    beside: Mapping[str, str] = field(default_factory=dict)  # so this is what it needs of them: path below and text

    def to_json(self) -> str:
        """One line of JSON."""
        return messages.to_json(self)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """The plan that `to_json` wrote."""
        return messages.from_json(text, cls)


def _modules_beside(app: Path) -> list[Path]:
    found = [path for path in sorted(app.parent.glob("*.py")) if path.is_file() and os.access(path, os.R_OK)]
    return found if sum(path.stat().st_size for path in found) <= _MOST_APP_BYTES else []
