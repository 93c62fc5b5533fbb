"""Key pairs for ssh, made by the machine's ssh-keygen."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from whodunet.lab.processes import check


@dataclass(frozen=True)
class Key:
    """A key pair, as files hold it."""

    private: str
    public: str


def new_key(comment: str) -> Key:
    """A new Ed25519 key without a passphrase.

    Raises:
        CannotRun: when ssh-keygen fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "key")
        check(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])
        return Key(path.read_text(encoding="ascii"), path.with_suffix(".pub").read_text(encoding="ascii"))
