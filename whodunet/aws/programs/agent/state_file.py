"""The agent's state, for whoever waits for it: one line in a file."""

from __future__ import annotations

import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)


class StateFile:
    """Holds the last state that was told; a reader sees a whole line or none."""

    def __init__(self, path: Path | None) -> None:
        """Without a path, states are only logged."""
        self._path = path
        self._state = ""

    def tell(self, state: str) -> None:
        """Writes the state if it is another one than before."""
        line = " ".join(state.split())
        if line == self._state:
            return
        self._state = line
        log.info("%s", line)
        if self._path is not None:
            self._write(self._path, line)

    def _write(self, path: Path, line: str) -> None:
        new = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            new.write_text(line + "\n")
            new.replace(path)
        except OSError as error:
            log.warning("%s: %s", path, error.strerror)
