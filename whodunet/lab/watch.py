"""Who notices what becomes of a lab: what ends it, what it goes on without, and what is told of it."""

from __future__ import annotations

import os
import selectors
import threading
from collections.abc import Callable, Mapping
from typing import Final

from whodunet.lab.processes import Daemon

STOPPED: Final = "stopped"  # why a lab ends that was asked to


class Watch:
    """What happens to one lab while it lives."""

    def __init__(self, progress: Callable[[str], None], end: Callable[[str], None]) -> None:
        """`progress` is told how far bring-up is; `end` ends the lab, for a reason."""
        self.progress = progress
        self.end = end
        self.notes: list[str] = []
        self.lost: list[str] = []
        self.is_up = False
        self._needed: list[Daemon] = []

    def note(self, sentence: str) -> None:
        """Keeps what a run's record has to say of its lab."""
        self.notes.append(sentence)
        self.progress(sentence)

    def ends_with(self, *daemons: Daemon) -> None:
        """The lab ends when one of these does: without it, what one sees would no longer be true."""
        for daemon in daemons:
            self._needed.append(daemon)
            daemon.when_ended(lambda ended: self.end(f"{ended}; the lab ends with it"))

    def reason_of(self, failure: str) -> str:
        """Why something failed: a daemon that has ended is the reason for whatever fails without it."""
        ends = ((daemon.name, daemon.how_it_ended()) for daemon in self._needed)
        return next((f"{name} {ended}; the lab ends with it" for name, ended in ends if ended), failure)

    def may_lose(self, *daemons: Daemon) -> None:
        """Once the lab is up, it goes on when one of these ends: root on a host can end them, as on any machine.

        It remembers that, for what a scenario claims may no longer be so.
        """

        def lose(ended: str) -> None:
            if not self.is_up:
                self.end(f"{ended}; the lab ends with it")
            self.lost.append(ended)
            self.note(ended)

        for daemon in daemons:
            daemon.when_ended(lose)

    def ends_with_hosts(self, first_processes: Mapping[str, int]) -> None:
        """The lab ends with the first process of any host, by whose name these are: for that host is no more."""
        watched = selectors.DefaultSelector()
        for host, pid in first_processes.items():
            watched.register(os.pidfd_open(pid), selectors.EVENT_READ, host)

        def watch() -> None:
            while not (ended := watched.select()):
                pass
            self.end(f"the first process of {ended[0][0].data} ended; the lab ends with it")

        threading.Thread(target=watch, daemon=True).start()
