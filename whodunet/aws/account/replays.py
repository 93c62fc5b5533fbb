"""Which signatures were seen before, so that a recorded request is worth nothing."""

from __future__ import annotations

from dataclasses import dataclass

REPEAT_WITHIN_S = 5.0

Attempt = tuple[str, str]  # amz-sdk-invocation-id, amz-sdk-request; empty where a client sends none


@dataclass(slots=True)
class _First:
    seen_at_s: float
    source: str
    attempts: set[Attempt]


class SeenSignatures:
    """Remembers each signature for as long as its request could be valid; the caller has checked it."""

    def __init__(self, keep_s: float) -> None:
        self._keep_s = keep_s
        self._seen: dict[str, _First] = {}  # oldest first

    def __len__(self) -> int:
        return len(self._seen)

    def admits(self, signature: str, source: str, attempt: Attempt, now_s: float) -> bool:
        """Whether the request is not a replay.

        Two equal requests within one second have equal signatures. An honest repeat comes from the same address, soon,
        and as another attempt.
        """
        self._forget_before(now_s - self._keep_s)
        first = self._seen.get(signature)
        if first is None:
            self._seen[signature] = _First(now_s, source, {attempt})
            return True
        soon = now_s - first.seen_at_s <= REPEAT_WITHIN_S
        if not soon or source != first.source or attempt in first.attempts:
            return False
        first.attempts.add(attempt)
        return True

    def _forget_before(self, moment_s: float) -> None:
        while self._seen:
            oldest = next(iter(self._seen))
            if self._seen[oldest].seen_at_s >= moment_s:
                return
            del self._seen[oldest]
