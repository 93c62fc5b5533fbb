"""Where pushed keys are kept between the service that takes them and the metadata services that hand them out.

At AWS that way is no part of anybody's network either. One file an instance, one key a line.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import ValidationError

from whodunet.aws.instance_connect.pushed_keys import PushedKey

_MODE = 0o600


class ManagedKeys:
    """The keys of all instances of an account."""

    def __init__(self, folder: Path) -> None:
        """The folder is made when the first key comes."""
        self._folder = folder

    def push(self, instance_id: str, key: PushedKey) -> None:
        """Keeps a key, with one write; raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._file(instance_id), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)
        try:
            os.write(descriptor, key.model_dump_json().encode() + b"\n")
        finally:
            os.close(descriptor)

    def of(self, instance_id: str) -> list[PushedKey]:
        """All that were ever sent to an instance, expired ones too, in their order."""
        try:
            lines = self._file(instance_id).read_bytes().splitlines()
        except FileNotFoundError:
            return []
        keys = []
        for line in lines:
            try:
                keys.append(PushedKey.model_validate_json(line))
            except ValidationError:  # a line that is still being written
                continue
        return keys

    def _file(self, instance_id: str) -> Path:
        return self._folder / f"{instance_id}.jsonl"
