"""What the user is to type next is what the user can type."""

from __future__ import annotations

import pytest

from whodunet.cli.hints import CALLED_AS, command
from whodunet.cli.labs import whats_next


def test_a_hint_names_what_was_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CALLED_AS, raising=False)
    assert command("down one") == "whodunet down one"
    monkeypatch.setenv(CALLED_AS, "./lab")
    assert command("down one") == "./lab down one"


def test_a_blank_in_its_path_is_quoted_for_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CALLED_AS, "/home/ann/my lab/lab")
    assert command("down one") == "'/home/ann/my lab/lab' down one"


def test_what_comes_next_once_a_lab_is_up_is_typed_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CALLED_AS, "./lab")
    assert whats_next(["one"], "client").splitlines()[2:] == [
        "  next:        ./lab shell one client",
        "  in the end:  ./lab down one",
    ]
