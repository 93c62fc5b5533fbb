"""How much and how fast may be sent."""

from __future__ import annotations

import time
from itertools import pairwise

from whodunet.diagnosis.probes import NotLooked
from whodunet.probing.allowance import GAP_S, MOST_HANDSHAKES, MOST_PACKETS, Allowance


def test_no_more_packets_than_allowed_are_sent() -> None:
    allowance = Allowance()
    assert allowance.refusal(MOST_PACKETS - 1) is None
    assert allowance.refusal(2) == NotLooked(f"a diagnosis sends at most {MOST_PACKETS} packets")
    assert allowance.refusal(1) is None
    assert allowance.packets_sent == MOST_PACKETS


def test_what_was_taken_and_not_needed_may_be_used_again() -> None:
    allowance = Allowance()
    assert allowance.refusal(MOST_PACKETS) is None
    allowance.correct(-10)
    assert allowance.refusal(10) is None


def test_fewer_than_ten_whole_connections_are_made() -> None:
    allowance = Allowance()
    refusals = [allowance.refusal(1, is_handshake=True) for _ in range(MOST_HANDSHAKES + 1)]
    assert refusals[:-1] == [None] * MOST_HANDSHAKES
    assert isinstance(refusals[-1], NotLooked)
    assert MOST_HANDSHAKES < 10


def test_packets_have_turns_one_gap_apart() -> None:
    allowance = Allowance()
    began = time.monotonic()
    turns = [allowance.next_turn() for _ in range(4)]
    assert turns[0] >= began
    assert all(later - sooner > 0.99 * GAP_S for sooner, later in pairwise(turns))
