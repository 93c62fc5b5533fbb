"""Times as AWS writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_text(at_s: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC, whole seconds: 2027-01-15T08:00:00Z."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
