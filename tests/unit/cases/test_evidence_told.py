"""A claim that held is told with what was measured."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from whodunet.cases.claims import evidence_told
from whodunet.cases.evidence_fields.after import After


def test_evidence_of_time_is_the_soonest_answers(case: ModuleType) -> None:
    packets = [
        packet
        for port, answer_ms in ((50000, 30), (50001, 3))
        for packet in (
            *case.seen(case.tcp("S", port=port), port - 50000, *case.TO_FIREWALL),
            *case.seen(case.tcp("R.", answer=True, port=port, ack=1001), port - 50000 + answer_ms, *case.FROM_FIREWALL),
        )
    ]
    claim = case.claim(packet="RST", after=After(packet="SYN", at="client-eth0", below_rtt=0.1))

    sentence = evidence_told(claim, case.left(packets))

    assert (
        sentence
        == "The RST of ssh came 3.0 ms after the SYN, the soonest of 2, against a baseline round trip of 41.0 ms."
    )


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"at_least": {"client-eth0": 1}}, "The SYN of ssh was seen once at client-eth0."),
        ({"not_seen_at": ("r1-eth0", "r1-eth1")}, "The SYN of ssh was not seen at r1-eth0 or r1-eth1."),
        ({"ttl": {"client-eth0": 64}}, "The SYN of ssh had TTL 64 at client-eth0: no router passed it on."),
        (
            {"last_seen_at": "fw-eth0", "not_seen_at": ("r1-eth0",), "at_least": {"client-eth0": 1}},
            "The SYN of ssh got as far as fw-eth0 and no further; r1-eth0 saw nothing of it; client-eth0 saw it once.",
        ),
    ],
)
def test_evidence_is_a_sentence_whatever_the_claim_says_of_it(
    case: ModuleType, said: dict[str, Any], sentence: str
) -> None:
    evidence = case.left(case.seen(case.tcp("S"), 10, *case.TO_FIREWALL))

    assert evidence_told(case.claim(packet="SYN", **said), evidence) == sentence
