"""What is recorded of a live lab is all that happened, and what is judged of it is true."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from whodunet.cases.recording import Recording
from whodunet.engine import play
from whodunet.lab.pcap_reader import read_capture
from whodunet.loading.library import Library
from whodunet.records import CAPTURE_FILE
from whodunet.replay import read_record
from whodunet.view.models.story import story_of
from whodunet.view.text.story import render_story, sections
from whodunet.view.text.style import Style

if TYPE_CHECKING:
    from tests.lab.conftest import StartLab

SCENARIO = r"""
title: nothing is wrong
story: A quick probe, a server that resets, and two questions from one port.
topology: corporate_vpn
probes:
  quick: {host: client, command: nc -z -w 3 10.0.1.10 22}
  garbage: {host: client, command: "(printf 'GET / HTTP/1.0\r\n\r\n'; sleep 1) | ncat -v -w 3 10.0.1.10 22"}
  one: {host: client, command: "dig -b 10.8.0.10#5555 +short instance.cloud.example"}
  other: {host: client, command: "dig -b 10.8.0.10#5555 +short instance.cloud.example"}
  large: {host: client, command: ping -c 1 -W 2 -s 3000 10.0.1.10}
  last: {host: client, command: nc -z -w 3 10.0.1.10 22}
answer:
  cause: none
  symptoms:
    quick: {symptom: connected}
    garbage: {symptom: reset}
    one: {symptom: connected}
    other: {symptom: connected}
    large: {symptom: connected}
    last: {symptom: connected}
  evidence:
    - {probe: last, packet: FIN, sender: client, seen_at: [instance-eth0]}
    - {probe: garbage, packet: RST, after: {packet: data, at: client-eth0, below_rtt: 0.3}}
    - probe: garbage
      packet: RST
      first_seen_at: instance-eth0
      after: {packet: data, at: client-eth0, sender: client, above_rtt: 0.9}
    - {probe: one, packet: DNS query, at_least: {client-eth0: 1}}
    - {probe: other, packet: DNS query, not_seen_at: [client-eth0]}
    - {probe: other, packet: DNS answer, seen_at: [client-eth0]}
"""


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record of the scenario above, as it was played."""
    folder = tmp_path_factory.mktemp("recordings")
    file = folder / "honest-answers.yaml"
    file.write_text(SCENARIO, encoding="utf-8")
    library = Library()
    play(library.scenario(file), library, lambda text: None, keep=folder / "record")
    return folder / "record"


@pytest.fixture(scope="module")
def recording(record: Path) -> Recording:
    """The record, read and judged."""
    return read_record(record, Library())


def test_every_frame_that_the_recorder_counted_is_read_again(record: Path, recording: Recording) -> None:
    assert recording.run.damage == ()
    assert recording.run.capture is not None
    assert sum(recording.run.capture.frames.values()) == len(read_capture(record / CAPTURE_FILE))
    assert set(recording.run.capture.frames) == set(recording.topology.interfaces)


def test_where_nothing_is_wrong_every_packet_of_every_probe_arrives(recording: Recording) -> None:
    for left in recording.evidence["faulty"].values():
        assert left.trails
        assert [trail.last.point for trail in left.trails if left.fate(trail) != "arrived"] == []


def test_claims_about_honest_answers_are_judged_by_what_was_answered(recording: Recording) -> None:
    outcomes = {judgement.claim.id: judgement.outcome for judgement in recording.judgements}

    assert {id_ for id_, outcome in outcomes.items() if outcome != "held"} == {
        "faulty/evidence/2",  # an honest RST takes a round trip
        "faulty/evidence/5",  # the second question from the port is the second probe's
    }
    assert outcomes["faulty/evidence/2"] == outcomes["faulty/evidence/5"] == "broken"


def test_every_fragment_of_a_large_ping_is_the_probes(recording: Recording) -> None:
    trails = recording.evidence["faulty"]["large"].trails

    offsets = {trail.first.ip.fragment_offset for trail in trails if trail.first.ip}
    assert offsets == {0, 1480, 2960}


def test_the_story_calls_nothing_dropped_and_no_honest_answer_too_soon(recording: Recording) -> None:
    story = render_story(sections(story_of(recording, ["Nothing is wrong"]), Style()))

    assert "×" not in story.replace("× dropped", "")
    assert "too soon" not in story


def test_it_is_recorded_what_packets_waited_for_a_processor(new_lab: StartLab) -> None:
    """Between two hosts four and more processes take turns; where others keep every processor busy, they wait."""
    asking = "ping -q -c 20 -i 0.05 10.0.1.1"
    crowd = f"for each in $(seq $((4 * $(nproc)))); do timeout 3 sh -c 'while :; do :; done' & done; {asking}; wait"
    waited_ns = []
    with new_lab("healthy") as lab:
        for command in (asking, crowd):
            with lab.capture() as before:
                lab.execute("client", command)
            with lab.capture() as after:
                assert before.waited_ns is not None
                assert after.waited_ns is not None
                waited_ns.append(after.waited_ns - before.waited_ns)
    alone_ns, crowded_ns = waited_ns
    assert alone_ns > 0
    assert crowded_ns > 5_000_000
