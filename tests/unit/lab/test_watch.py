"""Who notices what becomes of a lab: a daemon that has ended is the reason for whatever fails without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from whodunet.lab.watch import Watch


@dataclass
class StandInDaemon:
    name: str
    ended: str | None = None
    reactions: list[Callable[[str], None]] = field(default_factory=list)

    def how_it_ended(self) -> str | None:
        return self.ended

    def when_ended(self, react: Callable[[str], None]) -> None:
        self.reactions.append(react)


FAILURE = "ovs-vsctl: database connection failed"


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        (None, FAILURE),
        ("was ended by SIGKILL", "ovsdb-server was ended by SIGKILL; the lab ends with it"),
    ],
)
def test_what_fails_after_a_daemon_ended_failed_because_of_it(ended: str | None, reason: str) -> None:
    watch = Watch(lambda _: None, lambda _: None)
    watch.ends_with(StandInDaemon("ovsdb-server", ended), StandInDaemon("ovs-vswitchd"))  # type: ignore[arg-type]
    assert watch.reason_of(FAILURE) == reason


def test_the_lab_ends_with_a_daemon_that_it_needs() -> None:
    reasons: list[str] = []
    daemon = StandInDaemon("ovs-vswitchd")
    Watch(lambda _: None, reasons.append).ends_with(daemon)  # type: ignore[arg-type]
    daemon.reactions[0]("ovs-vswitchd ended with exit status 1")
    assert reasons == ["ovs-vswitchd ended with exit status 1; the lab ends with it"]
