"""What must not be used again: remembered for as long as it would be good for anything."""

from __future__ import annotations


class Remembered:
    """Keys with an end, a bounded number of them; beyond it, what ends first is forgotten first."""

    def __init__(self, limit: int = 10_000) -> None:
        self._limit = limit
        self._expires_at_s: dict[str, float] = {}

    def add(self, key: str, expires_at_s: float, now_s: float) -> None:
        """Remembers a key until its time is over."""
        kept = {each: end for each, end in self._expires_at_s.items() if end > now_s}
        if len(kept) >= self._limit:
            del kept[min(kept, key=kept.__getitem__)]
        self._expires_at_s = {**kept, key: expires_at_s}

    def __contains__(self, key: str) -> bool:
        return key in self._expires_at_s
