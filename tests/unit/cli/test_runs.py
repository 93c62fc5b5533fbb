"""Where a record is, is said so that it can be copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from whodunet.cli.runs import tell_record


def test_a_path_that_fits_stands_beside_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    tell_record(Path("/state/runs/healthy"))
    assert capsys.readouterr().out == "record: /state/runs/healthy\n"


@pytest.mark.parametrize("before", ["", "# "])
def test_a_path_that_does_not_has_a_line_of_its_own_and_is_whole(
    before: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    folder = Path("/home/ann/.local/state/whodunet/runs/vpn-egress-reset-20251127-152956-3931")
    tell_record(folder, before)
    assert capsys.readouterr().out == f"{before}record:\n{before}{folder}\n"
