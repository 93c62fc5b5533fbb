"""The topology with Session Manager, its links without delay: what limits a session then is its programs."""

from __future__ import annotations

from typing import Any

from whodunet import catalogue

delayed = catalogue.load_module(catalogue.folder("topologies") / "session_manager.py")
Delayed: Any = delayed.SessionManager


class Undelayed(Delayed):
    """See above."""

    def connect(self, one: str, other: str, *, delay_ms: float = 0, **properties: Any) -> None:
        """Cables two nodes, and leaves the delay away."""
        super().connect(one, other, **properties)


topos = {"session_manager": Undelayed}
