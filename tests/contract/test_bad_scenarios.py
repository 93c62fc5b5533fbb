"""Every bad file of tests/data/bad_scenarios gives exactly the messages that stand at its top after `# expect:`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from whodunet import catalogue
from whodunet.errors import InvalidInput, Problem
from whodunet.loading.library import Library, find_scenario
from whodunet.loading.scenario_file import read_scenario

FOLDER: Final = Path(__file__).parents[1] / "data" / "bad_scenarios"
FILES: Final = sorted(FOLDER.glob("*.yaml"))
KNOWN: Final = Library()
EXPECT: Final = "# expect: "
EVERY_KIND: Final = "EVERY-KIND"  # stands in a message for all kinds of faults that there are
KEYS: Final = ("title", "story", "topology", "faults", "probes", "answer", "setup", "vantage", "evidence", "symptoms")
GOOD: Final = (catalogue.folder("scenarios") / "vpn-egress-reset.yaml").read_text(encoding="utf-8")


def complaints(path: Path) -> list[str]:
    with pytest.raises(InvalidInput) as refused:
        Library().scenario(path)
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_bad_file_is_refused_with_exactly_its_messages(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    lines = path.read_text(encoding="utf-8").replace(EVERY_KIND, ", ".join(sorted(KNOWN.fault_kinds()))).splitlines()
    assert complaints(path) == [line.removeprefix(EXPECT) for line in lines if line.startswith(EXPECT)]


def test_each_message_names_file_and_line_and_ends_with_a_mend() -> None:
    lines = [line for path in FILES for line in path.read_text(encoding="utf-8").splitlines() if EXPECT in line]
    assert len(lines) > 80
    for line in lines:
        place, _, fix = line.removeprefix(EXPECT).partition("; ")
        assert place.split(":")[0].endswith(".yaml")
        assert place.split(":")[1].isdigit()
        assert fix


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("title: gestört\n".encode("latin-1"))
    assert complaints(path) == [f"{path}: is not UTF-8: byte 0xf6 at 11; save it as UTF-8"]


def test_a_folder_a_pipe_and_a_device_are_refused_without_being_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for path, kind in ((tmp_path, "a folder"), (tmp_path / "pipe.yaml", "a pipe"), (Path("/dev/zero"), "a device")):
        assert complaints(path) == [f"{path}: is {kind}; name a readable YAML file"]


def test_a_file_larger_than_any_scenario_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text("title: " + "x" * 1_000_000)
    assert complaints(path) == [f"{path}: is larger than 1000000 bytes; name a file of less"]


@pytest.mark.parametrize("text", ["[" * 500_000, "{a: " * 200_000, "- " * 400_000, "? " * 400_000])
def test_nesting_however_deep_is_refused_at_once(tmp_path: Path, text: str) -> None:
    path = tmp_path / "deep.yaml"
    path.write_text(text)
    assert complaints(path) == [f"{path}:1: is nested more than 40 levels deep; write it flatter"]


@pytest.mark.parametrize("text", ["x: &a [*a]", "x: &a\n  <<: *a", "x: &a {y: {z: *a}}", "? &a [*a]\n: 1"])
def test_an_alias_inside_of_what_it_stands_for_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "endless.yaml"
    path.write_text(text)
    [complaint] = complaints(path)
    assert "holds more than 50000 values, with every alias written out" in complaint


@pytest.mark.parametrize("text", ["!!timestamp x", "!!bool x", '!!int ""', "!!float x"])
def test_what_is_not_of_the_type_that_its_tag_says_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tagged.yaml"
    path.write_text(f"title: {text}")
    [complaint] = complaints(path)
    assert complaint.startswith(f"{path}:1: cannot be read as plain values: ")


def test_a_file_in_former_words_is_the_one_in_present_words(tmp_path: Path) -> None:
    present = GOOD.replace("  policies:\n", "  policies:\n    egress-fw: {rules: [{action: allow}]}\n")
    former = present.replace("kind: firewall-rule", "kind: firewall-entry").replace("rules: [{", "entries: [{")
    assert former.count("entr") == 2
    for name, text in (("former", former), ("present", present)):
        (tmp_path / f"{name}.yaml").write_text(text)
    former_staging, staging = (
        Library().scenario(tmp_path / f"{name}.yaml").staging.model_dump() for name in ("former", "present")
    )
    assert former_staging == staging


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        (
            "no/such.yaml",
            "no/such.yaml: does not exist; name a scenario (`whodunet list`) or an existing file",
        ),
        ("vpn-egress-rest", "vpn-egress-rest: is not a scenario; did you mean vpn-egress-reset?"),
    ],
)
def test_a_scenario_that_does_not_exist_is_refused(name: str, complaint: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        find_scenario(name)
    assert str(refused.value) == complaint


def read(text: str) -> None:
    """Reads a text; every error but InvalidInput is the lab's own mistake."""
    problems: tuple[Problem, ...] = ()
    try:
        read_scenario(text, "fuzz", "fuzz.yaml", KNOWN)
    except InvalidInput as error:
        problems = error.problems or (Problem("", "", ""),)
    assert all(problem.place and problem.wrong and problem.fix for problem in problems)


words = st.sampled_from([*KEYS, "kind", "firewall-rule", "corporate_vpn", "ssh", "none", "client", "!!set", "&a", "*a"])
marks = st.sampled_from([": ", "\n", "\n  ", "\n- ", "{", "}", "[", "]", ", ", "? ", "|", "'", '"', "#", "0x", ".nan"])


@settings(max_examples=300, deadline=None)
@given(st.lists(words | marks | st.text(max_size=3), max_size=40).map("".join))
@example("title: 0b_")
@example("a: &a [*a]")
@example("title: " + "9" * 5000)
def test_no_text_does_worse_than_being_refused(text: str) -> None:
    read(text)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), plain))
def test_no_mapping_of_known_keys_does_worse_than_being_refused(content: dict[str, object]) -> None:
    import yaml

    read(yaml.safe_dump(content))


FAULTS: Final[tuple[dict[str, object], ...]] = (
    {
        "kind": "firewall-rule",
        "switch": "egress-fw",
        "source": "10.8.0.0/24",
        "protocol": "tcp",
        "port": 22,
        "action": "drop",
    },
    {"kind": "security-group-inbound", "switch": "sg", "group": "instance-sg", "inbound": [{"protocol": "tcp"}]},
    {"kind": "network-acl", "node": "vpc-router", "interface": "sg-eth1", "direction": "inbound", "ports": [22, 22]},
    {"kind": "packet-filter", "node": "vpn-gw", "hook": "forward", "payload": "GET ", "verdict": "drop"},
    {"kind": "service", "node": "instance", "service": "sshd", "state": "stopped"},
    {"kind": "dns-record-missing", "node": "corp-dns", "name": "instance.cloud.example"},
    {"kind": "role-policies-missing", "node": "endpoints", "bearer": "client", "role": "Developer"},
    {"kind": "arp-silence", "node": "vpn-gw", "interface": "vpn-gw-eth0", "neighbour": "client"},
    {"kind": "clock-skew", "node": "client", "offset_s": 3600},
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(FAULTS), st.data())
def test_no_fault_and_no_policy_does_worse_than_being_refused(fault: dict[str, object], data: st.DataObject) -> None:
    import yaml

    content = yaml.safe_load(GOOD)
    changed = fault | {data.draw(st.sampled_from(sorted(fault))): data.draw(plain)}
    policies = data.draw(
        st.sampled_from([{}, {"sg": {"groups": data.draw(plain)}}, {"sg": {"interfaces": data.draw(plain)}}])
    )
    content |= {"faults": [data.draw(st.sampled_from([fault, changed]))], "setup": {"policies": policies}}
    read(yaml.safe_dump(content))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_damage_to_a_good_file_does_worse_than_being_refused(data: st.DataObject) -> None:
    lines = GOOD.splitlines()
    line = data.draw(st.integers(0, len(lines) - 1))
    lines[line : line + data.draw(st.integers(0, 3))] = data.draw(st.lists(words | marks, max_size=3))
    read("\n".join(lines))
