"""The audit trail as a file: one event a line, several programs may write to it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from whodunet.aws.account.cloudtrail import Moment, Record

_FILE = "cloudtrail.jsonl"
_MODE = 0o600


class Event(Protocol):
    """Something that can be told as a record."""

    def record(self, moment: Moment) -> Record:
        """The record of what happened at a moment."""


class AuditTrail:
    """Appends events; each is in the file when `append` returns."""

    def __init__(self, records: Path, region: str, account_id: str, clock: Callable[[], float] = time.time) -> None:
        """Opens the trail in a directory, which is made if need be; raises OSError."""
        records.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(records / _FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)
        self._region = region
        self._account_id = account_id
        self._clock = clock

    def append(self, event: Event) -> None:
        """Writes one event, with one write: no other program's line gets into it."""
        moment = Moment(str(uuid4()), self._clock(), self._region, self._account_id)
        os.write(self._descriptor, json.dumps(event.record(moment)).encode() + b"\n")

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)
