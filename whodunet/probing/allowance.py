"""How much a diagnosis may send, and how fast: it must not become the trouble that it looks for."""

from __future__ import annotations

import threading
import time
from typing import Final

from whodunet.diagnosis.probes import NotLooked

MOST_PACKETS: Final = 100
# OpenSSH 9.8 and later shut out a client that connects and says nothing more than a few times. Source: sshd_config(5),
# PerSourcePenalties
MOST_HANDSHAKES: Final = 9
GAP_S: Final = 0.02  # between two packets


class Allowance:
    """What is left of it; may be asked by several threads."""

    def __init__(self) -> None:
        self.packets_sent = 0
        self.full_handshakes = 0
        self._next_at = 0.0
        self._lock = threading.Lock()

    def refusal(self, packets: int, *, is_handshake: bool = False) -> NotLooked | None:
        """None, and then these are taken; else why they may not be sent."""
        with self._lock:
            if self.packets_sent + packets > MOST_PACKETS:
                return NotLooked(f"a diagnosis sends at most {MOST_PACKETS} packets")
            if is_handshake and self.full_handshakes >= MOST_HANDSHAKES:
                return NotLooked(f"a diagnosis makes at most {MOST_HANDSHAKES} whole connections")
            self.packets_sent += packets
            self.full_handshakes += is_handshake
            return None

    def correct(self, packets: int, handshakes: int = 0) -> None:
        """Adds what was sent beyond what was taken; less than 0: not all of it was needed."""
        with self._lock:
            self.packets_sent += packets
            self.full_handshakes += handshakes

    def next_turn(self) -> float:
        """When the next packet may leave, by the monotonic clock; nobody else has that turn."""
        with self._lock:
            turn = max(time.monotonic(), self._next_at)
            self._next_at = turn + GAP_S
        return turn

    def await_turn(self) -> None:
        """Waits until the next packet may leave."""
        time.sleep(max(0.0, self.next_turn() - time.monotonic()))
