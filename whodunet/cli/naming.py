"""Completions for the names that commands take."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from whodunet.view.visible import visible_line

if TYPE_CHECKING:
    from whodunet.lab.requests import LabStatus

Names = Callable[..., list[str]]
_AT_ONCE_S: Final = 2.0  # nobody waits longer for a completion


def scenarios(**_: object) -> list[str]:
    """Names of scenarios."""
    return _names("scenarios")


def tools(**_: object) -> list[str]:
    """Names of the tools that come with the lab."""
    return _names("tools")


def causes_and_classes(**_: object) -> list[str]:
    """Names of causes, and of classes of those that look the same."""
    return [*_names("causes"), *cause_classes()]


def cause_classes(**_: object) -> list[str]:
    """Names of classes of causes."""
    return _names("cause_classes")


def parties(**_: object) -> list[str]:
    """Whoever would have to change something."""
    from whodunet.loading.library import Library

    return sorted({cause.party for cause in Library().causes().values()})


def _names(kind: str) -> list[str]:
    from whodunet import catalogue

    return catalogue.names(kind, ".yaml")


def labs(**_: object) -> list[str]:
    """Names of running labs."""
    from whodunet.lab import control

    return control.running()


def labs_or(words: Sequence[str]) -> Names:
    """Of a command that may have a lab's name in front of its words."""
    return lambda **_: [*words, *labs()]


def hosts(parsed_args: argparse.Namespace | None = None, **_: object) -> list[str]:
    """Hosts of the lab that is named so far, or of the only one; of several, the labs' names."""
    status = _status(parsed_args)
    return list(status.hosts) if status else labs()


def switches(parsed_args: argparse.Namespace | None = None, **_: object) -> list[str]:
    """Switches of the lab that is named so far, or of the only one."""
    status = _status(parsed_args)
    return list(status.switches) if status else []


def records(**_: object) -> list[str]:
    """Names of kept records."""
    from whodunet.records import records as kept

    return [record.name for record in kept()]


def _status(options: argparse.Namespace | None) -> LabStatus | None:
    """What the lab is that is meant; None when several could be."""
    from whodunet.lab import control
    from whodunet.lab.client import LabClient

    running = control.running()
    named = getattr(options, "lab", None)
    meant = [named] if named in running else running
    if len(meant) != 1:
        return None
    with LabClient.to(meant[0]) as lab:
        return lab.status(_AT_ONCE_S)


def complete(action: argparse.Action, names: Names) -> None:
    """Has the shell complete an argument with what a function returns, but for names that a terminal would obey."""

    def printable(**asked: object) -> list[str]:
        return [name for name in names(**asked) if visible_line(name) == name]

    action.completer = printable  # type: ignore[attr-defined]  # where argcomplete looks for it
