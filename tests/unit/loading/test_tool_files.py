"""Tool files are strict: each problem is told with its line and its fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from whodunet.cases.causes import Taxonomy
from whodunet.errors import InvalidInput
from whodunet.loading.tool_files import find_tool, read_tool

NOTHING_KNOWN = Taxonomy({}, {})
NO_EXPRESSION = (
    "4: patterns[0].when: is not a regular expression: missing ), unterminated subpattern at position 0; "
    "see Python's `re`; `.` and `(` stand for more"
)
NO_PARTY = (
    "5: patterns[1].parties[0]: is \"destinaton\"; use one of: 'configuration', 'this machine', 'local network', "
    "'resolver', 'proxy', 'first hop', 'path', 'cloud edge', 'destination', 'service' or 'nobody'"
)


def problems(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput) as refused:
        read_tool(path, NOTHING_KNOWN)
    return [str(problem).removeprefix(f"{path}:") for problem in refused.value.problems]


def test_a_tool_is_named_after_its_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("title: Mine\ncommand: mine {host} {port}\n", encoding="utf-8")
    tool = read_tool(path, NOTHING_KNOWN)
    assert (tool.name, tool.title, tool.patterns, tool.runs_as) == ("mine", "Mine", None, "root")


def test_every_problem_is_told_with_its_line(tmp_path: Path) -> None:
    text = 'title: x\ncommand: nc {hots}\ntime_limit_s: "4"\nruns_as: admin\ntime_limit: 4\n'
    assert problems(tmp_path, text) == [
        "2: command: has {hots}, which stands for nothing; did you mean host?",
        '3: time_limit_s: is "4"; write 4 without quotes',
        "4: runs_as: is \"admin\"; use one of: 'root' or 'user'",
        "5: time_limit: unknown key; did you mean time_limit_s?",
    ]


def test_patterns_are_checked_before_anything_runs(tmp_path: Path) -> None:
    text = 'title: x\ncommand: nc\npatterns:\n  - {when: "("}\n  - {when: "(?P<hops>1)", parties: [destinaton]}\n'
    assert problems(tmp_path, text) == [
        NO_EXPRESSION,
        NO_PARTY,
        "5: patterns[1].when: has a group named hops; did you mean hop?",
    ]


def test_causes_and_classes_have_to_exist(tmp_path: Path) -> None:
    text = "title: x\ncommand: nc\npatterns:\n  - {when: x, causes: [egress-rst], cause_class: silent}\n"
    assert problems(tmp_path, text) == [
        "4: patterns[0].cause_class: is silent, which is not a class of causes; there is none",
        "4: patterns[0].causes[0]: is egress-rst, which is not a cause; `whodunet causes` lists all that there are",
    ]


def test_a_tool_is_found_by_its_path_or_by_the_name_of_one_that_comes_along(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").touch()
    assert find_tool(str(tmp_path / "mine.yaml")) == tmp_path / "mine.yaml"
    assert find_tool("nc").name == "nc.yaml"


@pytest.mark.parametrize(
    ("name", "told"), [("./mine.yaml", "does not exist"), ("ncc", "is not a tool; did you mean nc?")]
)
def test_a_tool_that_is_not_there_is_told(name: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=f"--tool {name}: {told}".replace("?", r"\?")):
        find_tool(name)
