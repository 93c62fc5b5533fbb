"""A sandbox made as a lab's is, to see what this machine allows in it; the doctor runs it as a process of its own.

Prints one line of JSON: the kernel's reasons against TAP interfaces and netem, null where there is none. Where there is
no sandbox, it says why on standard error, and its exit status is not 0.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from whodunet.errors import CannotRun
from whodunet.lab import links, sandbox


def main() -> int:
    """Enters a sandbox; returns its exit status."""
    keep = (Path(sys.prefix), Path(sys.base_prefix), Path(__file__).resolve().parents[2])

    def look() -> int:
        sandbox.hide_machine(keep)
        found = {"tun": _tun_refusal(), "netem": links.netem_refusal()}
        os.write(1, json.dumps(found).encode() + b"\n")
        return 0

    try:
        return sandbox.wait(sandbox.enter(look, keep))
    except CannotRun as error:
        print(f"whodunet: {error}", file=sys.stderr)
        return 3


def _tun_refusal() -> str | None:
    try:
        os.close(os.open(links.TUN, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return error.strerror or str(error)
    return None


if __name__ == "__main__":
    sys.exit(main())
