"""Cases of a corpus: the question holds what the client saw, and the answer what is true of it."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from whodunet.cli.main import main
from whodunet.corpus import ANSWER_FILE, QUESTION_CAPTURE, QUESTION_FILE, TRUTH_CAPTURE, read_answer, read_question
from whodunet.errors import InvalidInput
from whodunet.evidence.packets import CapturedPacket, kinds
from whodunet.evidence.provenance import Provenance
from whodunet.lab.pcap_reader import read_capture

RECORDS = Path(__file__).parent / "data"
CORPUS = Path(__file__).parents[1] / "data" / "corpus"
FILES = {QUESTION_CAPTURE, QUESTION_FILE, TRUTH_CAPTURE, ANSWER_FILE}


def write(folder: Path, *records: str, options: tuple[str, ...] = ()) -> None:
    """Writes the cases of some records."""
    assert main(["record", *(f"--from={RECORDS / each}" for each in records), "-o", str(folder), *options]) == 0


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cases of all kept records."""
    folder = tmp_path_factory.mktemp("cases")
    write(folder, *(each.name for each in RECORDS.iterdir()))
    return folder


def known_packets(case: Path) -> list[tuple[CapturedPacket, Provenance | None]]:
    return list(zip(read_capture(case / QUESTION_CAPTURE), read_answer(case).packets, strict=True))


def test_the_question_is_the_clients_own_capture_while_the_fault_was_in_place(cases: Path) -> None:
    case = cases / "vpn-egress-reset"
    question = read_question(case)
    times = [time for each in question.observations.values() for time in (each.started_ns, each.ended_ns)]
    packets = read_capture(case / QUESTION_CAPTURE)

    assert {each.name for each in case.iterdir()} == FILES
    assert {packet.point for packet in packets} == {"client-eth0"}
    assert min(times) <= packets[0].time_ns
    repaired = json.loads((RECORDS / "vpn-egress-reset" / "run.json").read_text())["phases"][1]["observations"]
    assert packets[-1].time_ns < min(each["started_ns"] for each in repaired.values())


def test_nothing_that_belongs_to_the_question_names_the_case_or_its_cause(cases: Path) -> None:
    case = cases / "vpn-egress-reset"
    told = (case / QUESTION_FILE).read_text()
    for word in ("vpn-egress-reset", "egress-fw", "egress-reset", "The instance never", "spoofed", "culprit"):
        assert word not in told
        assert word.encode() not in (case / QUESTION_CAPTURE).read_bytes()


def test_a_forged_refusal_is_known_for_what_it_is_and_a_genuine_one_too(cases: Path) -> None:
    senders = {
        name: {
            (provenance.sender, provenance.in_name_of, provenance.ending)
            for packet, provenance in known_packets(cases / name)
            if "RST" in kinds(packet) and packet.direction == "in" and provenance is not None
        }
        for name in ("vpn-egress-reset", "sshd-down")
    }
    assert senders == {
        "vpn-egress-reset": {("egress-fw", "instance", "arrived")},
        "sshd-down": {("instance", None, "arrived")},
    }


def test_a_packet_that_never_arrives_is_known_to_end_where_it_was_dropped(cases: Path) -> None:
    case = cases / "security-group-drop"
    whole_ttl = [(packet, known) for packet, known in known_packets(case) if packet.ip and packet.ip.ttl == 64]
    ends = {known for packet, known in whole_ttl if "SYN" in kinds(packet)}
    assert ends == {Provenance("client", None, "dropped", "sg")}


def test_the_answer_names_every_cause_with_its_party_and_culprit_and_each_symptom(cases: Path) -> None:
    answer = read_answer(cases / "reset-before-empty-group")
    assert [(each.cause, each.culprit) for each in answer.causes] == [
        ("egress-reset", "egress-fw"),
        ("security-group-empty", "sg"),
    ]
    assert all(each.party for each in answer.causes)
    assert answer.symptoms["ssh"] == "refused"
    assert answer.scenario == "reset-before-empty-group"


def test_every_packet_of_the_truth_has_a_comment_and_is_otherwise_the_recorded_one(cases: Path) -> None:
    case = cases / "vpn-egress-reset"
    recorded = Counter(read_capture(RECORDS / "vpn-egress-reset" / "capture.pcapng"))
    truth = read_capture(case / TRUTH_CAPTURE)
    text = (case / TRUTH_CAPTURE).read_bytes()

    assert Counter(truth) <= recorded
    assert {packet.point for packet in truth} > {"client-eth0", "egress-fw-eth1"}
    assert text.count(b"genuine, sent by ") + text.count(b"spoofed, sent by ") == len(truth)
    assert text.count(b"spoofed, sent by egress-fw in the name of instance; reached client") > 0


def test_packets_are_cut_and_still_tell_who_sent_them(cases: Path, tmp_path: Path) -> None:
    write(tmp_path, "sshd-down", options=("--snaplen", "66"))
    whole, cut = cases / "sshd-down", tmp_path / "sshd-down"
    assert (cut / TRUTH_CAPTURE).stat().st_size < (whole / TRUTH_CAPTURE).stat().st_size
    assert read_answer(cut) == read_answer(whole)
    headers, of_whole = (
        [(each.time_ns, each.length, each.ip and each.ip.ttl, each.tcp and each.tcp.flags) for each in packets]
        for packets in (read_capture(cut / QUESTION_CAPTURE), read_capture(whole / QUESTION_CAPTURE))
    )
    assert headers == of_whole


def test_of_a_record_whose_claims_do_not_hold_no_case_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "damaged"
    shutil.copytree(RECORDS / "sshd-down", record)
    run = record / "run.json"
    run.write_text(run.read_text().replace("Connection refused", "Connection accepted"))

    assert main(["record", "--from", str(record), "-o", str(tmp_path / "corpus")]) == 1

    assert capsys.readouterr().out.startswith("not written: damaged\n  ")
    assert not (tmp_path / "corpus").exists()


def test_a_folder_with_something_in_it_is_not_written_into(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = cases / "sshd-down"
    before = (case / ANSWER_FILE).read_bytes()
    assert main(["record", "--from", str(RECORDS / "sshd-down"), "-o", str(cases)]) == 2
    assert f"{case}: is not empty; name another folder: -o FOLDER" in capsys.readouterr().err.replace("\n", " ")
    assert (case / ANSWER_FILE).read_bytes() == before


@pytest.mark.parametrize(
    ("text", "wrong"), [(None, "cannot be read: No such file or directory"), ("{}", "Field required")]
)
def test_a_folder_that_is_no_case_is_refused_with_its_place(tmp_path: Path, text: str | None, wrong: str) -> None:
    if text is not None:
        (tmp_path / QUESTION_FILE).write_text(text)
    with pytest.raises(InvalidInput, match=f"{QUESTION_FILE}.*{wrong}.*`whodunet record`"):
        read_question(tmp_path)


# The corpus that comes with the tests.


@pytest.mark.parametrize("case", sorted(CORPUS.iterdir()), ids=lambda case: case.name)
def test_the_truth_about_a_kept_case_fits_its_packets(case: Path) -> None:
    """Whatever goes out at the vantage it sent itself, what comes in has arrived, and none but a culprit spoofs."""
    question, answer = read_question(case), read_answer(case)
    packets = known_packets(case)
    known = [provenance for _, provenance in packets if provenance is not None]

    assert {each.host for each in question.observations.values()} == {question.vantage}
    assert len(known) == len(packets) > 0
    for (packet, _), provenance in zip(packets, known, strict=True):
        assert (provenance.sender == question.vantage) == (packet.direction == "out")
        assert packet.direction == "out" or provenance.ending in ("arrived", "on its link")
    assert {each.sender for each in known if each.in_name_of} <= {each.culprit for each in answer.causes}
