"""Which numbers of a stream were acknowledged, in little room."""

from __future__ import annotations

MOST_OUTSTANDING = 100_000  # as many as the agent keeps for resending


class AcknowledgedNumbers:
    """One run of acknowledged numbers, which grows at its upper end, and the few others.

    A number counts only if it was seen on the stream before, so a peer cannot fill the memory, nor take a message away
    by acknowledging it in advance. The run begins at the first number seen: after a restart of the control plane that
    is not 0.
    """

    def __init__(self) -> None:
        self._outstanding: set[int] = set()  # seen, not acknowledged
        self._run: range | None = None
        self._others: set[int] = set()

    def __contains__(self, number: int) -> bool:
        return number in self._others or (self._run is not None and number in self._run)

    def seen(self, number: int) -> None:
        """A message with this number has passed."""
        if number not in self and len(self._outstanding) < MOST_OUTSTANDING:
            self._run = range(number, number) if self._run is None else self._run
            self._outstanding.add(number)

    def add(self, number: int) -> None:
        """A message with this number was acknowledged."""
        if self._run is None or number not in self._outstanding or len(self._others) >= MOST_OUTSTANDING:
            return
        self._outstanding.discard(number)
        self._others.add(number)
        end = self._run.stop
        while end in self._others:
            self._others.discard(end)
            end += 1
        self._run = range(self._run.start, end)
