"""The story says what the user saw, what the packets did, and who did it."""

from __future__ import annotations

import re
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from whodunet.evidence.packets import CapturedPacket
from whodunet.view.models.story import story_of
from whodunet.view.text.columns import columns_of
from whodunet.view.text.story import render_story, sections
from whodunet.view.text.style import Style


def told(
    case: ModuleType, style: Style | None = None, packets: Any = None, lesson: str = "", **options: Any
) -> str:  # fmt: skip
    scenario = case.scenario(*case.REFERENCE_EVIDENCE)
    scenario = scenario.model_copy(update={"answer": scenario.answer.model_copy(update={"lesson": lesson})})
    all_claims = options.pop("all_claims", False)
    recording = case.recording(scenario, case.run(**options), packets)
    story = story_of(recording, ["The egress firewall resets the connection"], all_claims=all_claims)
    return render_story(sections(story, style or Style()))


def test_it_begins_with_what_the_user_typed_and_saw(case: ModuleType) -> None:
    assert (
        "What the user saw\n"
        "client$ ssh 10.0.1.10 true\n"
        "ssh: connect to host 10.0.1.10 port 22: Connection refused\n"
        "\n"
        "The answer, as client sees it\n"
    ) in told(case)


def test_the_clients_capture_reads_like_tcpdump(case: ModuleType) -> None:
    assert (
        "client$ tcpdump -n -i client-eth0\n"
        "22:13:20.010000 IP 10.8.0.10.50000 > 10.0.1.10.22: Flags [S], seq 1000, win 64240, length 0\n"
        "22:13:20.012010 IP 10.0.1.10.22 > 10.8.0.10.50000: Flags [R.], seq 0, ack 1001, win 64240, length 0\n"
    ) in told(case, Style(width=120))


def test_it_reasons_with_baseline_and_ttl(case: ModuleType) -> None:
    story = " ".join(told(case).split())

    assert "came 2.0 ms after the SYN; the baseline round trip is 41.0 ms: too soon for the whole path." in story
    assert "Its TTL is 64: if it was sent with 64, it passed no router, and its sender is one hop away." in story


def test_it_shows_the_difference_once_the_fault_is_taken_out(case: ModuleType) -> None:
    assert (
        "Once the fault is taken out\n  ssh  connected after 300 ms; SYN-ACK after 41.0 ms, TTL 63\n"  # one router
    ) in told(case)


def test_it_ends_with_the_culprit_the_evidence_and_the_lesson(case: ModuleType) -> None:
    story = told(case, lesson="Look at the\nTTL.")

    assert "The fault, in the lab's own words\npriority=100,tcp,tp_dst=22 actions=CONTROLLER" in story
    assert story.endswith(
        "Verdict\n"
        "The egress firewall resets the connection, at fw.\n"
        "- The SYN of ssh was seen at client-eth0 and got as far as fw-eth0 and no\n"
        "  further; instance-eth0 saw nothing of it.\n"
        "- The RST of ssh was first seen at fw-eth0, in the name of instance; its TTL at\n"
        "  client-eth0 was 64: no router passed it on.\n"
        "7 of 7 claims held.\n"
        "\n"
        "Lesson\n"
        "Look at the TTL.\n"
    )


def test_claims_that_held_are_counted_and_listed_only_when_asked_for(case: ModuleType) -> None:
    assert "✓" not in told(case)
    assert told(case, all_claims=True).count("✓") == 7


def test_a_broken_claim_shows_both_sides_and_spoils_the_verdict(case: ModuleType) -> None:
    unchanged = case.observation(start_ms=20_000, end_ms=20_300)
    story = told(case, packets=case.packets_refused_twice(), repaired=unchanged)

    assert "✗ repaired: ssh says connected\n    expected connected\n    seen     refused (exit status 255" in story
    assert "Not borne out: 5 of 7 claims held, 2 are broken." in story


def test_words_that_no_rule_knows_are_shown(case: ModuleType) -> None:
    new = "ssh: a message of the year 2040"
    story = " ".join(told(case, packets=[], faulty=case.observation(stderr=f"{new}\r\n")).split())

    assert f'hop by hop (unknown after 100 ms, no rule knows "{new}")' in story
    assert f'seen unknown (exit status 255, 100 ms): no rule knows "{new}"' in story


def test_a_contradiction_between_words_and_packets_is_told(case: ModuleType) -> None:
    stands = [*case.seen(case.tcp("S"), 10, *case.WHOLE_WAY)]
    stands += case.seen(case.tcp("S.", answer=True, seq=7000, ack=1001, ip_id=0), 51, *case.WHOLE_WAY_BACK)
    stands += case.seen(case.tcp(".", seq=1001, ack=7001, ip_id=2), 52, *case.WHOLE_WAY)

    story = " ".join(told(case, packets=stands).split())

    assert "hop by hop (could not measure (ssh says refused, but its connection stood))" in story


def test_silence_is_told_as_silence(case: ModuleType) -> None:
    only_syn = list(case.seen(case.tcp("S"), 10, *case.TO_FIREWALL))

    assert "No answer to the SYN came back at client-eth0." in told(case, packets=only_syn)


def test_silence_is_told_with_the_place_where_the_packet_was_last_seen(case: ModuleType) -> None:
    only_syn = list(case.seen(case.tcp("S"), 10, *case.TO_FIREWALL))

    assert "No answer to the SYN came back at client-eth0.\nIt was last seen at fw-eth0.\n" in told(
        case, packets=only_syn
    )


def test_a_packet_on_its_way_at_the_end_is_explained_below_the_ladder(case: ModuleType) -> None:
    only_syn = list(case.seen(case.tcp("S"), 10, *case.TO_FIREWALL))

    story = told(case, packets=only_syn, settled_ns=case.T0 + 20 * case.MS)

    assert "? still on its way at the end" in story
    assert "on its way" not in told(case, packets=only_syn, settled_ns=case.T0 + 500 * case.MS)


def test_a_capture_that_is_no_witness_is_told_before_its_packets(case: ModuleType) -> None:
    story = told(case, damage=("the capture breaks off",))

    assert "The capture is not a witness\nthe capture breaks off\n\nThe answer, as client sees it" in story
    assert "Not proven" in story


def test_a_probe_without_packets_says_so(case: ModuleType) -> None:
    assert "No packet was seen at any capture point, the sender's own included." in told(case, packets=[])


def test_what_could_not_be_measured_is_marked_so(case: ModuleType) -> None:
    story = told(case, faulty=case.observation(failure="no such host"))

    assert "? faulty: ssh says refused" in story
    assert "Not proven: 3 of 7 claims held, 4 could not be measured." in story


def test_a_flood_of_output_is_cut_in_the_middle(case: ModuleType) -> None:
    story = told(case, faulty=case.observation(stderr="".join(f"line {n}\n" for n in range(50)) + case.REFUSED))

    assert "line 4\n… 41 more lines\nline 46\n" in story


def test_a_reset_of_a_standing_connection_is_set_against_its_handshake(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S"), 10, *case.WHOLE_WAY),
        *case.seen(case.tcp("S.", answer=True, seq=7000, ack=1001), 30, *case.WHOLE_WAY_BACK),
        *case.seen(case.tcp("P.", seq=1001, ack=7001, ip_id=2, payload=b"SSH-2.0-x\r\n"), 51, *case.TO_FIREWALL),
        *case.seen(case.tcp("R", answer=True, seq=7001, ip_id=0), 52, *case.FROM_FIREWALL),
    ]

    story = told(case, packets=packets)

    assert "RST seq 1 came 1.0 ms after the SSH banner" in story
    assert "The SYN-ACK of the same connection came with TTL 63: not from the same sender." in story


def test_a_reset_is_numbered_as_tcpdump_does(case: ModuleType) -> None:
    """Relative where the connection stood; as they are in what answers a SYN, and in a RST without ACK."""
    opened = [
        *case.seen(case.tcp("S"), 10, *case.WHOLE_WAY),
        *case.seen(case.tcp("S.", answer=True, seq=7000, ack=1001), 30, *case.WHOLE_WAY_BACK),
        *case.seen(case.tcp("P.", seq=1001, ack=7001, ip_id=2, payload=b"SSH-2.0-x\r\n"), 51, *case.TO_FIREWALL),
    ]
    standing = case.seen(case.tcp("R.", answer=True, seq=7001, ack=1012, ip_id=0), 52, *case.FROM_FIREWALL)
    bare = case.seen(case.tcp("R", answer=True, seq=7001, ip_id=0), 52, *case.FROM_FIREWALL)

    assert "Flags [R.], seq 1, ack 12," in " ".join(told(case, packets=[*opened, *standing]).split())
    assert "Flags [R], seq 7001," in " ".join(told(case, packets=[*opened, *bare]).split())
    assert "Flags [R.], seq 0, ack 1001," in " ".join(told(case).split())


def test_plain_means_no_colour_and_ascii_means_ascii(case: ModuleType) -> None:
    assert "\x1b" not in told(case)
    assert told(case, Style(ascii_only=True)).isascii()
    assert "\x1b[32m✓\x1b[0m" in told(case, Style(colour=True), all_claims=True)


def test_what_a_program_said_is_shown_and_never_obeyed(case: ModuleType) -> None:
    said = "\x1b]0;OWNED\x07\x9b2Jred \b\x7f\u202eexe\n"

    story = told(case, Style(colour=True), faulty=case.observation(stderr=said + case.REFUSED), all_claims=True)

    assert r"\u001b]0;OWNED\u0007\u009b2Jred \u0008\u007f\u202eexe" in story
    ours = re.sub(r"\x1b\[(?:0|1|2|31|32|33)m", "", story)
    assert [character for character in ours if not character.isprintable() and character != "\n"] == []


@pytest.mark.parametrize("width", [40, 60, 80])
def test_no_line_is_wider_than_the_style(case: ModuleType, width: int) -> None:
    said = "word " * 60 + "\n" + "x" * 5000 + "\n" + "東京" * 99 + "\n"

    story = told(case, Style(width=width), faulty=case.observation(stderr=said), all_claims=True, lesson="y" * 200)

    assert max(map(columns_of, story.splitlines())) <= width


def test_one_line_of_output_does_not_fill_the_screen(case: ModuleType) -> None:
    story = told(case, faulty=case.observation(stderr="x" * 5000 + "\n"))

    assert story.count("x" * 70) <= 4
    assert "…" in story


def test_a_mystery_names_neither_its_scenario_nor_its_culprit_before_the_verdict(case: ModuleType) -> None:
    recording = case.recording(case.scenario(*case.REFERENCE_EVIDENCE))

    def told_as(is_mystery: bool) -> str:
        return render_story(sections(story_of(recording, ["The firewall"], is_mystery=is_mystery), Style()))

    mystery = told_as(is_mystery=True)
    assert ("▲ the culprit" in told_as(is_mystery=False), "▲ the culprit" in mystery) == (True, False)
    assert mystery.startswith("refused by someone else\n")
    assert "The firewall, at fw." in mystery.partition("Verdict")[2]


def over_ipv6(case: ModuleType) -> list[CapturedPacket]:
    """The reference case over IPv6, with addresses that are written out."""
    return [
        *case.seen(case.tcp("S", version=6), 10, *case.TO_FIREWALL),
        *case.seen(case.tcp("R.", answer=True, seq=0, ack=1001, version=6), 12, *case.FROM_FIREWALL),
        *case.seen(case.tcp("S", port=50001, version=6), 10_010, *case.WHOLE_WAY),
        *case.seen(
            case.tcp("S.", answer=True, port=50001, seq=7000, ack=1001, version=6), 10_051, *case.WHOLE_WAY_BACK
        ),
    ]


def test_over_ipv6_it_reasons_with_hop_limits(case: ModuleType) -> None:
    story = " ".join(told(case, packets=over_ipv6(case)).split())

    assert "IP6 fd00:8::10.50000 > fd00:1::10.22: Flags [S], seq 1000, win 64240, length 0" in story
    assert "Its hop limit is 64: if it was sent with 64, it passed no router, and its sender is one hop away." in story
    assert "SYN-ACK after 41.0 ms, hop limit 63" in story
    assert "its hop limit at client-eth0 was 64: no router passed it on." in story
    assert "TTL" not in story


@pytest.mark.parametrize("width", [60, 80])
def test_an_address_of_ipv6_is_whole_and_no_line_wider_than_the_style(
    case: ModuleType, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    client, instance = (f"fd12:3456:789a:bcde:f012:3456:789a:bcd{digit}" for digit in "01")
    monkeypatch.setattr(case, "CLIENT_V6", client)
    monkeypatch.setattr(case, "INSTANCE_V6", instance)

    lines = told(case, Style(width=width), packets=over_ipv6(case)).splitlines()

    assert max(map(len, lines)) <= width
    assert sum(f"{client}.50000" in line for line in lines) == sum(f"{instance}.22" in line for line in lines) == 2


def test_each_sign_of_a_fault_is_a_paragraph_of_its_own(case: ModuleType) -> None:
    run = case.run()
    phases = (replace(run.phases[0], proofs=("mtu 1000\ntable inet", "sshd does not run")), *run.phases[1:])
    recording = case.recording(case.scenario(*case.REFERENCE_EVIDENCE), replace(run, phases=phases))

    story = render_story(sections(story_of(recording, ["The firewall"]), Style()))

    assert "The fault, in the lab's own words\nmtu 1000\ntable inet\nsshd does not run\n" in story


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "reference: refused"),
        ({"seed": 7}, "reference (--seed 7): refused"),
        ({"seed": 0, "family": "ipv6"}, "reference (--seed 0 --family ipv6): refused"),
    ],
)
def test_it_says_with_what_the_same_network_is_had_again(case: ModuleType, fields: dict[str, Any], named: str) -> None:
    assert told(case, **fields).startswith(named)
