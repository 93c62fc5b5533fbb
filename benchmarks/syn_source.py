"""Sends SYNs at a steady rate: run on a host of a lab as `python -I - ADDRESS PORT COUNT PER_SECOND` from its own text.

Each SYN is a connection of its own, given up at once, so none is sent a second time.
"""

from __future__ import annotations

import socket
import sys
import time


def main(address: str, port: int, count: int, per_second: float) -> None:
    """Sends `count` SYNs; one that is late does not delay the next."""
    started = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, started + number / per_second - time.monotonic()))
        with socket.socket() as client:
            client.setblocking(False)
            client.connect_ex((address, port))
    time.sleep(1)  # for the last answers to be recorded
    print(time.monotonic() - started - 1)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
