"""How long to wait before an attempt."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class BackOff:
    """Waits between attempts: none before the first, then twice as long each time, less a random part of up to half.

    The random part keeps those who lost the same service from coming back all at once.
    """

    first_s: float = 0.25
    most_s: float = 30.0
    _next_s: float = field(default=0.0, init=False)

    def wait_s(self, chance: float) -> float:
        """How long to wait before the attempt that follows; `chance` is a random number from 0 to 1."""
        wait_s = self._next_s * (1 - chance / 2)
        self._next_s = min(self.most_s, max(self.first_s, 2 * self._next_s))
        return wait_s

    def reset(self) -> None:
        """An attempt was a success; what follows is the first attempt again."""
        self._next_s = 0.0
