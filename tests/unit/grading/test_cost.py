"""What a tool sent is counted in the capture."""

from __future__ import annotations

from tests.unit import case
from whodunet.grading.cost import MeasuredCost

OUT, IN = "client-eth0 out", "client-eth0 in"


def test_a_handshake_is_full_when_the_syn_ack_is_acknowledged() -> None:
    packets = [
        *case.seen(case.tcp("S", seq=1000), 0, *case.WHOLE_WAY),
        *case.seen(case.tcp("S.", answer=True, seq=7000, ack=1001), 40, *case.WHOLE_WAY_BACK),
        *case.seen(case.tcp(".", seq=1001, ack=7001), 41, *case.WHOLE_WAY),
    ]
    assert MeasuredCost.of(0.1, "client", packets, case.topology()) == MeasuredCost(0.1, 2, 1)


def test_a_half_open_connection_that_is_reset_is_none() -> None:
    packets = [
        *case.seen(case.tcp("S", seq=1000), 0, OUT),
        *case.seen(case.tcp("S.", answer=True, seq=7000, ack=1001), 40, IN),
        *case.seen(case.tcp("R", seq=1001, ack=7001), 41, OUT),
    ]
    assert MeasuredCost.of(0.1, "client", packets, case.topology()) == MeasuredCost(0.1, 2, 0)


def test_what_others_send_is_not_counted() -> None:
    packets = list(case.seen(case.tcp("S.", answer=True), 0, *case.WHOLE_WAY_BACK))
    assert MeasuredCost.of(0.1, "client", packets, case.topology()).packets_sent == 0
