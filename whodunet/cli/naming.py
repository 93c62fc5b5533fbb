"""Completions for the names that commands take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from whodunet.view.visible import visible_line


def scenarios(**_: Any) -> list[str]:
    """Names of scenarios."""
    from whodunet.loading.library import scenario_names

    return scenario_names()


def labs(**_: Any) -> list[str]:
    """Names of running labs."""
    from whodunet.lab import control

    return control.running()


def hosts(**_: Any) -> list[str]:
    """Hosts of the running lab, when there is one."""
    return _of_lab("hosts")


def switches(**_: Any) -> list[str]:
    """Switches of the running lab, when there is one."""
    return _of_lab("switches")


def records(**_: Any) -> list[str]:
    """Names of kept records."""
    from whodunet.engine import runs_folder

    return sorted(folder.name for folder in runs_folder().glob("*"))


def _of_lab(kind: str) -> list[str]:
    from whodunet.lab import control

    running = control.running()
    return list(control.Connection.to(running[0]).ask("status")[0][kind]) if running else []


def complete(action: Any, names: Callable[..., list[str]]) -> None:
    """Has the shell complete an argument with what a function returns, but for names that a terminal would obey."""

    def printable(**asked: Any) -> list[str]:
        return [name for name in names(**asked) if visible_line(name) == name]

    action.completer = printable
