from __future__ import annotations

import subprocess
import sys

import pytest

from whodunet.aws.programs.plugin.__main__ import main

HEAVY = {"asyncio", "pydantic", "websockets", "botocore", "ssl"}


def loaded_after(statement: str) -> set[str]:
    """The top-level modules that a Python has loaded after one statement."""
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-P", "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_without_arguments_it_says_that_it_is_installed_and_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert "The Session Manager plugin was installed successfully." in printed
    assert "aws ssm start-session --target" in printed


def test_the_version_is_one_that_gets_its_token_in_the_environment(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "1.2.764.0\n"


def test_nothing_heavy_is_loaded_for_the_version() -> None:
    assert not loaded_after("from whodunet.aws.programs.plugin.__main__ import main; main(['--version'])") & HEAVY


def test_a_session_is_joined_without_botocore() -> None:
    modules = loaded_after("import whodunet.aws.programs.plugin.client, whodunet.aws.programs.plugin.session_calls")
    assert "websockets" in modules
    assert "botocore" not in modules


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["help"], "unknown operation 'help'; try `aws ssm start-session`"),
        (["{}", "eu-central-1", "StopSession"], "unknown operation 'StopSession'; there is StartSession only"),
    ],
)
def test_arguments_that_start_nothing_get_one_line(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    assert capsys.readouterr().err == f"session-manager-plugin: {complaint}\n"
