"""Recorded runs, judged again without a lab: a right record holds, a wrong one is found out."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from whodunet.cases.recording import Recording
from whodunet.cli.main import main
from whodunet.errors import InvalidInput
from whodunet.lab.pcap_reader import read_capture
from whodunet.loading.library import Library
from whodunet.records import CAPTURE_FILE, RUN_FILE, SCENARIO_FILE, TOPOLOGY_FILE
from whodunet.replay import read_record

DATA = Path(__file__).parent / "data"
REFERENCE, SSHD_DOWN, GROUP_DROP = "vpn-egress-reset", "sshd-down", "security-group-drop"
TWO_FAULTS = "reset-before-empty-group"
VERDICTS = {
    REFERENCE: "An egress firewall resets the connection in the destination's name, at egress-fw.",
    SSHD_DOWN: "The destination is reached and nothing listens on the port, at instance.",
    GROUP_DROP: "The security group lets nothing in, at sg.",
    TWO_FAULTS: "An egress firewall resets the connection in the destination's name, at egress-fw. "
    "Behind it: The security group lets nothing in, at sg.",
}


@pytest.fixture(scope="session")
def library() -> Library:
    """What the records refer to."""
    return Library()


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A copy of the reference record, to be damaged."""
    return Path(shutil.copytree(DATA / REFERENCE, tmp_path / "record"))


def not_held(recording: Recording) -> dict[str, str]:
    return {each.claim.id: each.outcome for each in recording.judgements if each.outcome != "held"}


@pytest.mark.parametrize("name", VERDICTS)
def test_a_record_that_held_still_holds(name: str, library: Library) -> None:
    assert not_held(read_record(DATA / name, library)) == {}


@pytest.mark.parametrize("name", VERDICTS)
def test_show_tells_the_verdict_of_a_record(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(DATA / name)]) == 0

    story = capsys.readouterr().out
    assert f"Verdict {VERDICTS[name]} " in " ".join(story.split())
    assert "\nLesson\n" in story


def test_the_symptoms_of_two_refusals_are_the_same_and_the_ladders_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    ends = []
    for name in (REFERENCE, SSHD_DOWN):
        main(["show", str(DATA / name)])
        story = capsys.readouterr().out
        assert "ssh: connect to host 10.0.1.10 port 22: Connection refused\n" in story
        [rst] = [line for line in story.splitlines() if "RST seq 0 ack 1" in line and "◀" in line]
        ends.append(rst.split("◀")[1].count("○"))
    assert ends == [0, 8]  # from the next node; through eight nodes from the last


MOMENTS = ("started_ns", "ended_ns", "started_boot_ns", "ended_boot_ns")


def with_packets_of(other: Recording, recording: Recording) -> Recording:
    """A recording judged by the capture of another, each probe at the time at which the other's ran."""
    capture = DATA / other.scenario.question.name / CAPTURE_FILE
    phases = []
    for phase in recording.run.phases:
        theirs = other.run.phase(phase.name).observations
        observations = {
            name: replace(seen, **{moment: getattr(theirs[name], moment) for moment in MOMENTS})
            for name, seen in phase.observations.items()
            if name in theirs
        }
        settled_ns = other.run.phase(phase.name).settled_ns
        phases.append(replace(phase, observations={**phase.observations, **observations}, settled_ns=settled_ns))
    run = replace(recording.run, phases=tuple(phases), capture=other.run.capture)
    return Recording.judged(recording.scenario, recording.topology, run, read_capture(capture))


def test_with_each_others_packets_two_refusals_break_exactly_what_the_packets_told(library: Library) -> None:
    reference, sshd_down = (read_record(DATA / name, library) for name in (REFERENCE, SSHD_DOWN))

    evidence = ("faulty/evidence/1", "faulty/evidence/2", "faulty/evidence/3", "repaired/evidence/1")
    contradicted = ("repaired/symptom/ssh", "repaired/symptom/curl")
    assert not_held(with_packets_of(sshd_down, reference)) == {
        **dict.fromkeys((*evidence, "repaired/symptom/nc"), "broken"),  # nc is silent, and the packets speak
        **dict.fromkeys(contradicted, "could-not-measure"),
    }
    assert not_held(with_packets_of(reference, sshd_down)) == {
        **dict.fromkeys(("faulty/evidence/1", "faulty/evidence/2"), "broken"),
        **dict.fromkeys(
            ("faulty/symptom/ping", "repaired/symptom/ping", "repaired/symptom/nc", *contradicted), "could-not-measure"
        ),
    }


ABOUT_PACKETS = ("faulty/evidence/1", "faulty/evidence/2", "faulty/evidence/3", "repaired/evidence/1")
NOT_MEASURED = dict.fromkeys(ABOUT_PACKETS, "could-not-measure")


def test_a_capture_of_another_run_proves_nothing_about_packets(damaged: Path, library: Library) -> None:
    shutil.copy(DATA / SSHD_DOWN / CAPTURE_FILE, damaged)

    assert not_held(read_record(damaged, library)) == NOT_MEASURED


@pytest.mark.parametrize("place", [9, 37, 5_000, 20_002, 60_001, -1, -40])
def test_a_capture_with_one_bit_flipped_proves_nothing_about_packets(
    place: int, damaged: Path, library: Library
) -> None:
    capture = bytearray((damaged / CAPTURE_FILE).read_bytes())
    capture[place] ^= 0b100
    (damaged / CAPTURE_FILE).write_bytes(capture)

    assert not_held(read_record(damaged, library)) == NOT_MEASURED


def test_show_says_what_is_wrong_with_a_capture(damaged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = (damaged / CAPTURE_FILE).read_bytes()
    (damaged / CAPTURE_FILE).write_bytes(capture[:-3])

    assert main(["show", str(damaged)]) == 3

    story = " ".join(capsys.readouterr().out.split())
    assert (
        "The capture is not a witness the capture could not be read to its end: it breaks off inside the block" in story
    )
    assert "the capture is not the one that was recorded: its SHA-256 differs" in story
    assert "4 could not be measured" in story


def test_a_record_that_does_not_say_what_was_captured_proves_nothing_about_packets(
    damaged: Path, library: Library
) -> None:
    kept = json.loads((damaged / RUN_FILE).read_text(encoding="utf-8"))
    del kept["capture"]
    (damaged / RUN_FILE).write_text(json.dumps(kept), encoding="utf-8")

    assert not_held(read_record(damaged, library)) == NOT_MEASURED


@pytest.mark.parametrize("key", ["started_ns", "ended_ns"])
def test_a_probe_whose_clock_was_stepped_proves_nothing_about_packets(
    key: str, damaged: Path, library: Library
) -> None:
    kept = json.loads((damaged / RUN_FILE).read_text(encoding="utf-8"))
    kept["phases"][0]["observations"]["ssh"][key] += 3_600 * 10**9
    (damaged / RUN_FILE).write_text(json.dumps(kept), encoding="utf-8")

    recording = read_record(damaged, library)

    of_the_probe = ("faulty/evidence/1", "faulty/evidence/2")
    assert not_held(recording) == dict.fromkeys(of_the_probe, "could-not-measure")
    [seen] = {each.seen for each in recording.judgements if each.claim.id in of_the_probe}
    assert seen == "the clock was +3600.000 s off the recorder's while the probe ran"


def complaint(record: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What `whodunet show` says of a record that it refuses: one line, no traceback."""
    assert main(["show", str(record)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    [line] = printed.err.splitlines()
    return line.removeprefix(f"whodunet: {record}").lstrip("/")


@pytest.mark.parametrize("missing", [RUN_FILE, SCENARIO_FILE, CAPTURE_FILE])
def test_an_incomplete_record_is_refused(missing: str, damaged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (damaged / missing).unlink()

    assert complaint(damaged, capsys) == (
        f": holds no complete record: {missing} is missing; name a folder that a finished `whodunet run` made"
    )


def test_a_run_that_breaks_off_is_refused(damaged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (damaged / RUN_FILE).read_text(encoding="utf-8")
    (damaged / RUN_FILE).write_text(text[: len(text) // 2], encoding="utf-8")

    said = complaint(damaged, capsys)

    assert said.startswith("run.json: Invalid JSON: EOF while parsing")
    assert said.endswith("run the scenario again")


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe{}", b"", b"{}", b"null", b"[]", b'"run"', b"{" * 100_000, b"\x00", b'{"scenario": "\xe9"}'],
    ids=lambda content: content[:12].decode(errors="replace"),
)
def test_a_run_file_that_holds_no_run_is_refused(
    content: bytes, damaged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (damaged / RUN_FILE).write_bytes(content)

    assert main(["show", str(damaged)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    for line in printed.err.splitlines():
        assert line.startswith(f"whodunet: {damaged}/run.json: ")
        assert line.endswith("run the scenario again")


@pytest.mark.parametrize("name", [RUN_FILE, SCENARIO_FILE, CAPTURE_FILE])
def test_a_folder_in_the_place_of_a_file_is_refused(
    name: str, damaged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (damaged / name).unlink()
    (damaged / name).mkdir()

    assert complaint(damaged, capsys).startswith(f": holds no complete record: {name} is no file; ")


@pytest.mark.parametrize("wrong", ["x", 1e400, True, []], ids=repr)
def test_a_baseline_that_is_no_time_is_refused(
    wrong: object, damaged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = json.loads((damaged / RUN_FILE).read_text(encoding="utf-8"))
    run["phases"][1]["baseline_rtt_ms"] = wrong
    (damaged / RUN_FILE).write_text(json.dumps(run), encoding="utf-8")

    assert complaint(damaged, capsys).startswith("run.json: phases.1.baseline_rtt_ms: ")


def test_a_run_without_phases_proves_nothing(damaged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = json.loads((damaged / RUN_FILE).read_text(encoding="utf-8"))
    (damaged / RUN_FILE).write_text(json.dumps(run | {"phases": []}), encoding="utf-8")

    assert main(["show", str(damaged)]) == 3
    assert "Traceback" not in capsys.readouterr().err


def test_a_run_with_an_unknown_key_is_refused(damaged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (damaged / RUN_FILE).read_text(encoding="utf-8")
    (damaged / RUN_FILE).write_text(text.replace('"notes":', '"remarks":'), encoding="utf-8")

    assert complaint(damaged, capsys).startswith("run.json: remarks: ")


def test_what_is_no_capture_is_refused(damaged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (damaged / CAPTURE_FILE).write_bytes(b"GIF89a" * 9)

    assert complaint(damaged, capsys).startswith("capture.pcapng: is not a pcapng file: it begins with 47 49 46 38")


def test_a_capture_that_breaks_off_is_no_proof(damaged: Path, library: Library) -> None:
    capture = (damaged / CAPTURE_FILE).read_bytes()
    (damaged / CAPTURE_FILE).write_bytes(capture[:4000])

    with_holes = read_record(damaged, library)

    assert not_held(with_holes) == NOT_MEASURED


def test_a_record_that_does_not_exist_is_refused(tmp_path: Path, library: Library) -> None:
    with pytest.raises(InvalidInput, match="holds no complete record"):
        read_record(tmp_path / "nothing", library)


def test_a_record_of_a_network_that_no_file_describes_any_more_is_judged_with_its_own(
    damaged: Path, library: Library
) -> None:
    for name in (RUN_FILE, SCENARIO_FILE, TOPOLOGY_FILE):
        text = (damaged / name).read_text(encoding="utf-8")
        (damaged / name).write_text(text.replace("corporate_vpn", "a_network_of_long_ago"), encoding="utf-8")

    recording = read_record(damaged, library)

    assert "a_network_of_long_ago" not in library.topology_names()
    assert recording.topology.name == "a_network_of_long_ago"
    assert not_held(recording) == {}


def test_what_a_scenario_refers_to_is_what_its_network_was_then(damaged: Path, library: Library) -> None:
    text = (damaged / SCENARIO_FILE).read_text(encoding="utf-8")
    (damaged / SCENARIO_FILE).write_text(text.replace("10.0.1.10", "{instance}"), encoding="utf-8")
    then = (damaged / TOPOLOGY_FILE).read_text(encoding="utf-8")
    (damaged / TOPOLOGY_FILE).write_text(then.replace('"10.0.1.10/24"', '"10.77.0.9/24"'), encoding="utf-8")

    assert "10.77.0.9" in read_record(damaged, library).scenario.question.probes["ssh"].command


def test_a_record_without_its_network_is_refused_with_the_fix(
    damaged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (damaged / TOPOLOGY_FILE).unlink()

    said = complaint(damaged, capsys)
    assert said == ": was kept by an earlier version, which did not keep the network with it; run the scenario again"


def test_a_damaged_network_is_refused_with_its_place(damaged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    then = json.loads((damaged / TOPOLOGY_FILE).read_text(encoding="utf-8"))
    (damaged / TOPOLOGY_FILE).write_text(json.dumps(then | {"links": 7}), encoding="utf-8")

    assert complaint(damaged, capsys).startswith("topology.json: links: ")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"10.0.1.10/24"', '"10.0.1.999/24"', "interfaces.instance-eth0.addresses: '10.0.1.999/24' is no address"),
        ('"node": "instance"', '"node": "nobody"', "interfaces.instance-eth0: is of nobody, which is not a node"),
        ('"10.0.0.0/16"', '"everything"', "networks.vpc: 'everything' is no network"),
        ('"seed": null', '"seed": 7', "is another network than that of run.json and scenario.yaml"),
        ('"family": "ipv4"', '"family": "ipv6"', "is another network than that of run.json and scenario.yaml"),
        ('"name": "corporate_vpn"', '"name": "x"', "is another network than that of run.json and scenario.yaml"),
    ],
)
def test_a_network_that_contradicts_itself_or_the_rest_of_its_record_is_refused(
    old: str, new: str, said: str, damaged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    then = (damaged / TOPOLOGY_FILE).read_text(encoding="utf-8")
    assert old in then
    (damaged / TOPOLOGY_FILE).write_text(then.replace(old, new), encoding="utf-8")

    assert main(["show", str(damaged)]) == 2
    assert f"topology.json: {said}" in capsys.readouterr().err


TELL_AND_LIST_MODULES = """
import sys
from whodunet.cli.main import main
status = main(["show", sys.argv[1]])
print(*sys.modules)
sys.exit(status)
"""


def test_show_needs_neither_mininet_nor_ryu_nor_the_file_of_the_network() -> None:
    told = subprocess.run(
        [sys.executable, "-c", TELL_AND_LIST_MODULES, str(DATA / REFERENCE)], capture_output=True, text=True, check=True
    )

    modules = told.stdout.split()
    assert "whodunet.replay" in modules
    roots = {name.partition(".")[0] for name in modules}
    assert roots.isdisjoint({"mininet", "ryu", "eventlet", "topologies"})
    assert [name for name in modules if name.startswith("whodunet_file_corporate_vpn")] == []


@pytest.mark.parametrize("name", VERDICTS)
def test_a_record_in_the_repository_is_small_and_names_no_machine(name: str) -> None:
    sizes = [path.stat().st_size for path in (DATA / name).iterdir()]
    kernel = re.search(r'"kernel": "([^"]*)"', (DATA / name / RUN_FILE).read_text(encoding="utf-8"))

    assert sum(sizes) < 256 * 1024
    assert kernel is not None
    assert re.fullmatch(r"Linux [\d.]+", kernel[1])


def test_of_two_faults_the_second_is_told_with_its_own_packets_once_the_first_is_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["show", str(DATA / TWO_FAULTS)]) == 0
    story = capsys.readouterr().out
    revealed = story.index("Once the first fault is taken out")
    assert revealed < story.index("hop by hop (timed out") < story.index("Once every fault is taken out")
    assert story.index("hop by hop (refused") < revealed


def test_a_record_without_what_the_first_fault_hid_proves_nothing_of_it(library: Library, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(DATA / TWO_FAULTS, tmp_path / "record"))
    run = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
    del run["phases"][1]
    (folder / RUN_FILE).write_text(json.dumps(run), encoding="utf-8")
    outcomes = not_held(read_record(folder, library))
    assert outcomes["first removed/fault gone"] == "could-not-measure"
    assert outcomes["symptom changes when the last fault is taken out"] == "could-not-measure"
    assert not [claim for claim in outcomes if claim.startswith(("faulty/", "repaired/"))]
