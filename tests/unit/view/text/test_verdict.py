"""A verdict on a terminal."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest

from whodunet.diagnosis.verdict import Citation, Cost, HopInterval, Party, Verdict
from whodunet.evidence.packets import CapturedPacket
from whodunet.evidence.symptom import Symptom
from whodunet.view.text.style import Style
from whodunet.view.text.verdict import render_verdict


@pytest.fixture
def packets(case: ModuleType) -> tuple[CapturedPacket, ...]:
    """The client's SYN and the RST that answered it."""
    return tuple(each for each in case.reference_packets()[:4] if each.point == "client-eth0")


@pytest.fixture
def verdict(packets: tuple[CapturedPacket, ...]) -> Verdict:
    said = "Your connection is refused by a box 1 hop away (10.8.0.1), not by 10.0.1.10, which was never asked."
    citations = (
        Citation("return-ttl", "the RST comes with a TTL of 64: its sender is 1 hop away", packets, "RFC 791"),
        Citation("path", "the way to the destination leads past 100.64.4.2, 6 hops away"),
    )
    return Verdict(
        "10.0.1.10",
        22,
        "ipv4",
        Symptom.REFUSED,
        frozenset({Party.FIRST_HOP}),
        frozenset({"egress-reset", "egress-reset-before-routing"}),
        None,
        HopInterval(1, 1),
        "10.8.0.1",
        "high",
        said,
        citations,
        settled_by=("a capture behind the box",),
        next_steps=("Ask whoever runs 10.8.0.1 for its rule about port 22.", "Try another port."),
        not_seen=("the destination's own rules",),
        steps=("10.0.1.10 is an address.", "Port 22: 4 x RST."),
        cost=Cost(2.93, 42, 1, is_privileged=True),
    )


def shown(verdict: Verdict, width: int = 80, *, explains: bool = False) -> str:
    return render_verdict(verdict, Style(width), explains=explains)


def test_what_whoever_reads_nothing_else_has_to_know_comes_first(verdict: Verdict) -> None:
    lines = shown(verdict).splitlines()
    assert lines[0] == "10.0.1.10 port 22: refused"
    assert lines[2].startswith("Your connection is refused by a box 1 hop away (10.8.0.1), not by")
    assert "who         first hop, 1 hop away, 10.8.0.1" in lines
    assert "cause       egress-reset or egress-reset-before-routing" in lines
    assert "confidence  high" in lines
    assert lines[-1] == "2.9 s, 42 packets sent, 1 whole connection, by raw packets"


def test_each_fact_has_its_packets_below_it_as_tcpdump_shows_them(verdict: Verdict) -> None:
    text = " ".join(shown(verdict).split())
    assert "1. the RST comes with a TTL of 64: its sender is 1 hop away" in text
    assert "IP 10.8.0.10.50000 > 10.0.1.10.22: Flags [S], seq 1000" in text
    assert "(client-eth0, out, TTL 64, id 1)" in text
    assert text.index("Flags [R.]") < text.index("2. the way to the destination")


def test_explaining_shows_the_steps_each_rules_source_and_every_packet(
    verdict: Verdict, packets: tuple[CapturedPacket, ...]
) -> None:
    many = replace(verdict, evidence=(replace(verdict.evidence[0], packets=packets * 4),))
    brief, explained = shown(many), shown(many, explains=True)
    assert "4 more; --explain shows all" in brief
    assert "more; --explain" not in explained
    assert explained.count("Flags [R.]") == 4
    assert "rule return-ttl: RFC 791" in explained
    assert "rule return-ttl" not in brief
    assert "2. Port 22: 4 x RST." in explained
    assert "Step by step" not in brief


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_longer_than_the_terminal_is_wide(verdict: Verdict, width: int) -> None:
    long = replace(verdict, causes=frozenset(f"cause-number-{number}" for number in range(30)), cause_class="a-class")
    assert max(map(len, shown(long, width, explains=True).splitlines())) <= width


def test_what_there_is_nothing_to_say_of_has_no_heading(verdict: Verdict) -> None:
    bare = replace(verdict, evidence=(), settled_by=(), next_steps=(), not_seen=(), steps=())
    text = shown(bare, explains=True)
    assert not any(heading in text for heading in ("Evidence", "settled", "next", "Not seen", "Step by step"))
    assert "\n\n\n" not in text


def test_what_cannot_be_told_is_said_so(verdict: Verdict) -> None:
    unknown = replace(verdict, parties=frozenset(), causes=frozenset(), hops=None, box=None, confidence="low")
    assert "who         cannot be told from here" in shown(unknown)


def test_a_peers_control_characters_reach_no_terminal(verdict: Verdict) -> None:
    assert "\x1b" not in shown(replace(verdict, host="evil\x1b[2J", summary="it says \x1b[31mroot\x1b[0m"))


def test_of_a_capture_nothing_was_sent(verdict: Verdict) -> None:
    assert shown(replace(verdict, cost=Cost())).splitlines()[-1].startswith("nothing was sent")
