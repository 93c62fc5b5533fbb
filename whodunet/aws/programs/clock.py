"""The one place where the Session Manager's programs read the clocks that the protocol is given."""

from __future__ import annotations

import time

from whodunet.aws.ssm.frames import Now


def now() -> Now:
    """This moment."""
    return Now(time.monotonic(), time.time_ns() // 1_000_000)
