"""`whodunet diagnose`: what may be asked, what is refused, and what the exit status says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from whodunet.cli.diagnosing import Destination, destination, exit_status_of
from whodunet.cli.main import main
from whodunet.diagnosis.verdict import Party, Verdict
from whodunet.errors import InvalidInput
from whodunet.evidence.symptom import Symptom


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["diagnose", *words]) == 2
    return capsys.readouterr().err.removeprefix("whodunet: ").rstrip()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("box", Destination("box")),
        ("box.cloud.example", Destination("box.cloud.example")),
        ("ec2-user@10.0.1.10", Destination("10.0.1.10")),
        ("10.0.1.10:2222", Destination("10.0.1.10", 2222)),
        ("fd00::10", Destination("fd00::10")),
        ("fe80::1%eth0", Destination("fe80::1%eth0")),
        ("[fd00::10]", Destination("fd00::10")),
        ("[fd00::10]:2222", Destination("fd00::10", 2222)),
        ("https://box.example/path?x=1", Destination("box.example", 443, "tls")),
        ("http://box:8080", Destination("box", 8080, "http")),
        ("ssh://me@box", Destination("box", 22, "ssh")),
        ("https://me:secret@[fd00::10]:8443/", Destination("fd00::10", 8443, "tls")),
        ("telnet://box:23", Destination("box", 23)),
    ],
)
def test_a_destination_may_be_written_as_ssh_or_curl_take_it(typed: str, meant: Destination) -> None:
    assert destination(typed) == meant


@pytest.mark.parametrize(
    "typed", ["", "a b", "-oProxyCommand=x", "box:x", "box:0", "[fd00::10", "a/b", "user@", "http://"]
)
def test_what_is_no_destination_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInput):
        destination(typed)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "2²", "nothing-that-is-served"])
def test_what_is_no_port_is_refused_by_its_name(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys, "127.0.0.1", "--", port).startswith(f"PORT {port}: is no port")


def test_somebody_has_to_be_asked_about(capsys: pytest.CaptureFixture[str]) -> None:
    assert refusal(capsys).startswith("HOST: is missing; ")


def test_a_file_that_is_no_capture_is_refused_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = tmp_path / "words.pcap"
    words.write_text("no packets")
    assert refusal(capsys, "--pcap", str(words)).startswith(f"{words}: ")
    assert refusal(capsys, "--pcap", str(tmp_path / "absent")).startswith(f"{tmp_path}/absent: cannot be read")


def test_nothing_is_kept_of_packets_that_are_not_sent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from whodunet.pcapng import section_header

    capture = tmp_path / "empty.pcapng"
    capture.write_bytes(section_header())
    assert refusal(capsys, "--pcap", str(capture), "--write", "x").startswith("--write: ")


def verdict(*parties: Party) -> Verdict:
    who = frozenset(parties)
    return Verdict("box", 22, "ipv4", Symptom.UNKNOWN, who, frozenset(), None, None, None, "low", "", ())


def test_the_exit_status_tells_whether_somebody_is_to_blame() -> None:
    assert exit_status_of(verdict(Party.NOBODY)) == 0
    assert exit_status_of(verdict(Party.PATH)) == 1
    assert exit_status_of(verdict(Party.PATH, Party.DESTINATION)) == 1
    assert exit_status_of(verdict(Party.PROXY, Party.NOBODY)) == 3
    assert exit_status_of(verdict()) == 3
    assert exit_status_of(verdict(*set(Party) - {Party.NOBODY})) == 3


def test_the_published_form_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "verdict"]) == 0
    assert "schema_version" in json.loads(capsys.readouterr().out)["properties"]
