"""`whodunet causes`: which are listed, what is explained, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from whodunet import catalogue
from whodunet.cli.main import main

MINIMAL = "id: Z01\nparty: somebody\ntitle: It rains\nlooks_like: stalled\ntold_by: umbrellas\n"


def listed(capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    assert main(["causes", "--json", *options]) == 0
    return [each["id"] for each in json.loads(capsys.readouterr().out)]


def refusal(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["causes", *options]) == 2
    return capsys.readouterr().err.removeprefix("whodunet: ").rstrip()


def test_conditions_choose_those_of_which_all_is_so(capsys: pytest.CaptureFixture[str]) -> None:
    everything = listed(capsys)
    assert listed(capsys, "--party", "first hop") == [each for each in everything if each.startswith("K")]
    assert listed(capsys, "--party", "f") == [each for each in everything if each.startswith("F")]
    assert listed(capsys, "--class", "e10") == ["K01", "K02", "K03"]
    assert listed(capsys, "--class", "connected-and-silent", "--party", "service") == ["S01"]
    assert "H01" in listed(capsys, "--symptom", "refused")
    assert "H04" not in listed(capsys, "--symptom", "refused")


@pytest.mark.parametrize("name", ["egress-reset", "F01", "f01"])
def test_one_is_explained_by_name_or_id(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["causes", name]) == 0
    assert capsys.readouterr().out.startswith("F01 egress-reset\n")
    assert main(["causes", name, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["id"] == "F01"
    assert "vpn-egress-reset" in told["scenarios"]


def test_a_class_is_explained_with_its_members(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["causes", "E10", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["members"] == ["K01", "K02", "K03"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["egress-rest"], "egress-rest: is neither a cause nor a class of causes; did you mean egress-reset?"),
        (["zzz"], "zzz: is neither a cause nor a class of causes; `whodunet causes` lists all that there are"),
        (["--party", "first"], "--party first: is not a party; did you mean first hop?"),
        (
            ["--class", "neighbor-silent"],
            "--class neighbor-silent: is not a class of causes; did you mean neighbour-silent?",
        ),
        (["--class", "E10", "--party", "names"], "causes: none is all of that; leave one of the conditions out"),
        (
            ["F01", "--party", "F"],
            "causes F01: explains one, and the other options choose among many; name it alone, or with --json",
        ),
    ],
)
def test_what_does_not_exist_or_fit_is_refused(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refusal(capsys, *options) == said


def test_the_scenarios_list_has_them_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["causes"]) == 0
    told = capsys.readouterr().out
    assert main(["list", "--causes"]) == 0
    assert capsys.readouterr().out == told


def test_a_cause_of_a_folder_that_is_given_needs_five_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "_given", [])
    (tmp_path / "causes").mkdir()
    (tmp_path / "causes/rain.yaml").write_text(MINIMAL)
    assert main(["causes", "rain", "--with", str(tmp_path)]) == 0
    assert "no scenario yet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MINIMAL.replace("told_by: umbrellas\n", ""), "told_by: is missing; add it"),
        (MINIMAL + "classes: [E11, E99]\n", "classes: has E99, which is not a class; did you mean "),
        (
            MINIMAL + "fault: {kind: rain}\nnot_made: no clouds\n",
            "is said of a cause that a fault makes; keep one",
        ),
        (MINIMAL + "fault: {}\n", "fault: is empty; write at least one"),
        (MINIMAL.replace("Z01", "H01"), "id: is H01, as that of service-not-listening; choose another number"),
    ],
)
def test_a_cause_that_makes_no_sense_is_refused_with_its_place(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "_given", [])
    (tmp_path / "causes").mkdir()
    (tmp_path / "causes/rain.yaml").write_text(text)
    told = refusal(capsys, "--with", str(tmp_path))
    assert "rain.yaml" in told
    assert said in told


def test_a_class_may_be_ones_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "_given", [])
    for folder, name, text in (
        ("causes", "rain", MINIMAL + "classes: [E20]\n"),
        ("cause_classes", "wet", "id: E20\ntitle: All is wet\nhonest_answer: water\nsettled_by: looking up\n"),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{name}.yaml").write_text(text)
    assert main(["causes", "wet", "--with", str(tmp_path)]) == 0
    assert "Z01 rain" in capsys.readouterr().out
