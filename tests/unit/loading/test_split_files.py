"""Splits are found by their name, and without a version the latest is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from whodunet import catalogue
from whodunet.errors import InvalidInput
from whodunet.loading.split_files import find_split


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(catalogue, "_given", [tmp_path])
    (tmp_path / "splits").mkdir()
    for version in (2, 10):
        text = f"title: t\nseed: {version}\nscenarios: [healthy]\n"
        (tmp_path / "splits" / f"mine-{version}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_the_latest_version_is_the_one_of_the_highest_number(mine: Path) -> None:
    assert find_split("mine").name == "mine-10"
    assert find_split("mine-2").seed == 2


def test_a_split_that_does_not_exist_is_told_with_the_nearest(mine: Path) -> None:
    with pytest.raises(InvalidInput, match=r"--split tset: is not a split; did you mean test-1\?"):
        find_split("tset")


def test_a_split_whose_file_is_wrong_is_told_with_its_line(mine: Path) -> None:
    (mine / "splits" / "mine-11.yaml").write_text("title: t\nscenarios: [healthy]\nseeds: 1\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"mine-11\.yaml:3: seeds: unknown key; did you mean seed\?"):
        find_split("mine")
