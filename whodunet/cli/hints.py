"""What to type next, as the user would type it."""

from __future__ import annotations

import os
import shlex
from typing import Final

CALLED_AS: Final = "WHODUNET_CALLED_AS"  # set by `./lab`, which runs this program in its .venv


def command(words: str) -> str:
    """A command line of this program: with what the user calls it by, which is `whodunet` unless `./lab` was called."""
    return f"{shlex.quote(os.environ.get(CALLED_AS) or 'whodunet')} {words}"
