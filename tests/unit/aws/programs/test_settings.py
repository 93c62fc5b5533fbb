"""How programs read their configuration: one file, or one line and status 2."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import field_validator

from whodunet.aws.programs.settings import Listen, Settings, read_settings


class Lamp(Settings):
    """A small configuration."""

    listen: Listen
    colour: str = "white"

    @field_validator("colour")
    @classmethod
    def _known(cls, colour: str) -> str:
        if colour != "white":
            raise ValueError(f"there is no {colour} light")
        return colour


def written(directory: Path, content: str) -> list[str]:
    """The command line for a file with this content."""
    path = directory / "lamp.json"
    path.write_text(content)
    return [str(path)]


def test_a_file_is_read(tmp_path: Path) -> None:
    assert read_settings(Lamp, written(tmp_path, '{"listen": ["10.0.1.20", 443]}')) == Lamp(listen=("10.0.1.20", 443))


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("{", "{path}: Invalid JSON: EOF while parsing an object at line 1 column 1"),
        ("{}", "{path}: listen: Field required"),
        ('{"listen": ["10.0.1.20"]}', "{path}: listen.1: Field required"),
        ('{"listen": ["10.0.1.20", 443], "shade": 1}', "{path}: shade: Extra inputs are not permitted"),
        ('{"listen": ["10.0.1.20", 443], "colour": "red"}', "{path}: colour: there is no red light"),
    ],
)
def test_a_bad_file_ends_the_program_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, line: str
) -> None:
    arguments = written(tmp_path, content)
    with pytest.raises(SystemExit) as ended:
        read_settings(Lamp, arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err == line.format(path=arguments[0]) + "\n"


@pytest.mark.parametrize("arguments", [[], ["one", "two"]])
def test_without_one_argument_there_is_a_line_too(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        read_settings(Lamp, arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err == "usage: one argument, the configuration file\n"


def test_a_file_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_settings(Lamp, [str(tmp_path / "lamp.json")])
    assert capsys.readouterr().err == f"{tmp_path}/lamp.json: No such file or directory\n"
