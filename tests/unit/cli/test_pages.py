"""Pages of the documentation in a terminal."""

from __future__ import annotations

import pytest

from whodunet.cli import main, pages

MARKDOWN = (
    """\
# Title

Some words that are [linked](there.md#here) and
go on, """
    + "word " * 20
    + """

- an item """
    + "word " * 20
    + """
  that goes on
    - one below it

```console
$ a command    as it is """
    + "x" * 80
    + """
```

    indented   as it is

| a | table |
"""
)


def test_prose_is_broken_to_the_terminals_width_and_listings_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    shown = pages.as_text(MARKDOWN).splitlines()
    assert shown[0] == "# Title"
    assert shown[2].startswith("Some words that are linked and go on, word")
    assert "- an item word word" in shown[6]
    assert "    - one below it" in shown
    assert "$ a command    as it is " + "x" * 80 in shown
    assert "    indented   as it is" in shown
    assert not any("```" in line for line in shown)
    assert [line for line in shown if len(line) > 60 and "$ a command" not in line] == []


def test_every_page_is_a_topic_but_for_those_that_a_command_tells_itself(capsys: pytest.CaptureFixture[str]) -> None:
    commands = main.make_parser().parse_args(["help"]).commands
    known = pages.topics()
    assert {"install", "scenarios", "security"} <= known.keys()
    for topic, title in known.items():
        assert main.main(["help", topic]) == 0
        first = f"usage: whodunet {topic}" if topic in commands else f"# {title}"
        assert capsys.readouterr().out.startswith(first)


def test_help_lists_the_topics_and_proposes_one_that_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["help"]) == 0
    assert "\nscenarios " in capsys.readouterr().out
    assert main.main(["help", "scenarois"]) == 2
    assert "scenarios" in capsys.readouterr().err
