"""The story says what the user saw, what the packets did, and who did it."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from whodunet.core.judging import judge
from whodunet.view.story import render_story
from whodunet.view.style import Style


def told(case: ModuleType, style: Style | None = None, packets: Any = None, **run: Any) -> str:
    scenario, topology = case.scenario(*case.FOUNDING_EVIDENCE), case.topology()
    seen = case.founding_packets() if packets is None else packets
    ran = case.run(**run)
    judgements = judge(scenario, ran, seen, topology)
    title = "The egress firewall resets the connection"
    return render_story(scenario, ran, seen, judgements, topology, cause_title=title, culprit="fw", style=style)


def test_it_begins_with_what_the_user_typed_and_saw(case: ModuleType) -> None:
    assert (
        "What the user saw\n"
        "client$ ssh 10.0.1.10 true\n"
        "ssh: connect to host 10.0.1.10 port 22: Connection refused\n"
        "  -> refused (exit status 255, 100 ms)\n"
    ) in told(case)


def test_the_clients_capture_reads_like_tcpdump(case: ModuleType) -> None:
    assert (
        "client$ tcpdump -n -i client-eth0\n"
        "22:13:20.010000 IP 10.8.0.10.50000 > 10.0.1.10.22: Flags [S], seq 1000, win 64240, length 0\n"
        "22:13:20.012010 IP 10.0.1.10.22 > 10.8.0.10.50000: Flags [R.], seq 0, ack 1001, win 64240, length 0\n"
    ) in told(case)


def test_it_reasons_with_baseline_and_ttl(case: ModuleType) -> None:
    story = told(case)

    assert "came 2.0 ms after the SYN; the baseline round trip is 41.0 ms: too soon for the whole path." in story
    assert "Its TTL is 64: if it was sent with 64, it passed no router, and its sender is one hop away." in story


def test_it_shows_the_difference_once_the_fault_is_taken_out(case: ModuleType) -> None:
    after = told(case).split("Once the fault is taken out")[1]

    assert "-> connected" in after
    assert "SYN-ACK ack 1 came 41.0 ms after the SYN" in after
    assert "it passed one router, and its sender is 2 hops away" in after


def test_it_ends_with_the_proof_and_the_culprit(case: ModuleType) -> None:
    story = told(case)

    assert "The fault, in the lab's own words\npriority=100,tcp,tp_dst=22 actions=CONTROLLER" in story
    assert story.endswith("Verdict\nThe egress firewall resets the connection, at fw\nproven: all 7 claims held\n")


def test_a_broken_claim_shows_both_sides_and_spoils_the_verdict(case: ModuleType) -> None:
    story = told(case, repaired=case.observation(start_ms=10_000, end_ms=10_300))

    assert "✗ repaired: ssh says connected\n    expected connected\n    seen     refused (exit status 255" in story
    assert "not borne out: 2 of 7 claims are broken" in story


def test_silence_is_told_as_silence(case: ModuleType) -> None:
    only_syn = list(case.seen(case.tcp("S"), 10, *case.TO_FIREWALL))

    assert "No answer to the SYN came back at client-eth0." in told(case, packets=only_syn)


def test_what_could_not_be_measured_is_marked_so(case: ModuleType) -> None:
    assert "? faulty: ssh says refused" in told(case, faulty=case.observation(failure="no such host"))


def test_a_flood_of_output_is_cut_in_the_middle(case: ModuleType) -> None:
    story = told(case, faulty=case.observation(stderr="".join(f"line {n}\n" for n in range(50)) + case.REFUSED))

    assert "line 5\n… 39 more lines\nline 45\n" in story


def test_plain_means_no_colour_and_ascii_means_ascii(case: ModuleType) -> None:
    assert "\x1b" not in told(case)
    assert told(case, Style(ascii_only=True)).isascii()
    assert "\x1b[32m✓\x1b[0m" in told(case, Style(colour=True))
