"""Completions for the names that commands take."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, Final

from whodunet.view.visible import visible_line

Names = Callable[..., list[str]]
_AT_ONCE_S: Final = 2.0  # nobody waits longer for a completion


def scenarios(**_: Any) -> list[str]:
    """Names of scenarios."""
    from whodunet import catalogue

    return catalogue.names("scenarios", ".yaml")


def labs(**_: Any) -> list[str]:
    """Names of running labs."""
    from whodunet.lab import control

    return control.running()


def hosts(parsed_args: argparse.Namespace | None = None, **_: Any) -> list[str]:
    """Hosts of the lab that is named so far, or of the only one; of several, the labs' names."""
    return _of_lab("hosts", parsed_args) or labs()


def switches(parsed_args: argparse.Namespace | None = None, **_: Any) -> list[str]:
    """Switches of the lab that is named so far, or of the only one."""
    return _of_lab("switches", parsed_args)


def records(**_: Any) -> list[str]:
    """Names of kept records."""
    from whodunet.records import records as kept

    return [record.name for record in kept()]


def _of_lab(kind: str, options: argparse.Namespace | None) -> list[str]:
    from whodunet.lab import control

    running = control.running()
    named = getattr(options, "lab", None)
    meant = [named] if named in running else running
    if len(meant) != 1:
        return []
    return list(control.Connection.to(meant[0]).ask("status", timeout_s=_AT_ONCE_S)[0][kind])


def complete(action: Any, names: Names) -> None:
    """Has the shell complete an argument with what a function returns, but for names that a terminal would obey."""

    def printable(**asked: Any) -> list[str]:
        return [name for name in names(**asked) if visible_line(name) == name]

    action.completer = printable
