from __future__ import annotations

import logging
from pathlib import Path

import pytest

from whodunet.aws.programs.agent.state_file import StateFile


def test_the_file_holds_the_last_state_as_one_line(tmp_path: Path) -> None:
    state = StateFile(tmp_path / "state")
    for said in ("starting", "offline: AccessDenied:\n no"):
        state.tell(said)
    assert (tmp_path / "state").read_text() == "offline: AccessDenied: no\n"
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_state_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    state = StateFile(tmp_path / "state")
    for _ in range(3):
        state.tell("offline: connect timed out")
    assert len(caplog.records) == 1


def test_a_place_that_cannot_be_written_is_said_and_no_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    StateFile(tmp_path / "missing" / "state").tell("online")
    assert "No such file or directory" in caplog.text


def test_without_a_file_states_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    StateFile(None).tell("online")
    assert "online" in caplog.text
