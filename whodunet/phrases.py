"""Counts and lists as a sentence has them."""

from __future__ import annotations

from collections.abc import Sequence


def listed(names: Sequence[str], last: str = "and") -> str:
    """Names as in a sentence: "a, b and c"; empty for none."""
    return f" {last} ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def times(count: int) -> str:
    """How often: "never", "once", "twice", "3 times"."""
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def routers(count: int) -> str:
    """How many routers: "no router", "one router", "2 routers"."""
    return "no router" if count == 0 else "one router" if count == 1 else f"{count} routers"
