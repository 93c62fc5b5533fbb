"""The exit status is 0 only for a command that held and was heard; every failure is one line."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from whodunet.cli import main as command_line
from whodunet.errors import CannotRun, InvalidInput, Problem

FUNCTION = f'whodunet() {{ {sys.executable} -P -m whodunet.cli.main "$@"; }}; '


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a line of bash does; `whodunet` is the command."""
    whole = os.environ | {"COLUMNS": "80"} | environment
    return subprocess.run(
        ["bash", "-c", FUNCTION + line], capture_output=True, text=True, env=whole, check=False, timeout=60
    )


@pytest.mark.parametrize("command", ["list", "--help", "schema", "truth healthy", "--version", "help up"])
def test_output_that_nobody_reads_is_not_a_success(command: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    arguments = [sys.executable, "-P", "-m", "whodunet.cli.main", *command.split()]
    done = subprocess.run(arguments, stdout=writing, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    os.close(writing)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


def test_output_that_is_read_in_part_is_not_a_success() -> None:
    """The reader goes when it has seen the beginning of more than a pipe holds."""
    many = "; ".join(
        ["import sys, whodunet.cli.main as m", "m._run = lambda _: print('x' * 10**6)", "sys.exit(m.main([]))"]
    )
    done = shell(f'{sys.executable} -P -c "{many}" | head -c 1; echo " ${{PIPESTATUS[0]}}"')
    assert (done.stdout, done.stderr) == ("x 141\n", "")


@pytest.mark.parametrize("command", ["list", "--help", "--version", "check no-such-case"])
@pytest.mark.parametrize(
    ("redirection", "why"),
    [
        (">/dev/full", "standard output: No space left on device"),
        (">&-", "standard output is closed; send it to a file, or to /dev/null"),
        ("1</dev/null", "standard output: Bad file descriptor"),
    ],
)
def test_output_that_cannot_be_written_is_told_in_one_line_before_anything_starts(
    command: str, redirection: str, why: str
) -> None:
    done = shell(f"whodunet {command} {redirection}")
    assert (done.returncode, done.stderr) == (3, f"whodunet: {why}\n")


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "<&-"])
def test_a_command_does_its_work_also_where_nobody_can_hear_its_progress(redirection: str) -> None:
    heard, unheard = shell("whodunet list"), shell(f"whodunet list {redirection}")
    assert (unheard.returncode, unheard.stdout) == (0, heard.stdout)
    assert shell(f"whodunet run no-such {redirection}").returncode == 2


def test_a_closed_stream_is_no_place_for_a_file_of_ours() -> None:
    """Or a socket would get number 1, and what is printed would go to whoever is at its other end."""
    source = "import os; from whodunet.cli.output import open_closed_streams; open_closed_streams()"
    reuse = "import sys; sys.exit(os.open('/dev/zero', os.O_RDONLY))"
    done = shell(f'{sys.executable} -P -c "{source}; {reuse}" <&- 2>&-')
    assert done.returncode > 2


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (InvalidInput(Problem("x.yaml:1", "is empty", "write it")), 2, "x.yaml:1: is empty; write it"),
        (CannotRun("no lab is running"), 3, "no lab is running"),
        (FileNotFoundError(2, "No such file or directory", "x"), 3, "x: No such file or directory"),
        (OSError(28, "No space left on device"), 3, "No space left on device"),
        (BrokenPipeError(32, "Broken pipe"), 3, "Broken pipe"),  # not that of standard output, which is read
        (KeyboardInterrupt(), 130, "interrupted; nothing is left running"),
        (command_line.Ended(signal.SIGTERM), 143, "interrupted; nothing is left running"),
        (
            ZeroDivisionError("x"),
            3,
            "a mistake in whodunet itself: ZeroDivisionError: x; WHODUNET_TRACEBACK=1 shows where",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_every_error_is_one_line_and_a_status_that_says_of_which_kind(
    error: BaseException, status: int, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> int:
        raise error

    monkeypatch.setattr(command_line, "_run", fail)
    assert command_line.main([]) == status
    assert capsys.readouterr().err == f"whodunet: {line}\n"


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """As nohup wants it."""
    done = shell("trap '' HUP; whodunet list >/dev/null & wait $!; echo $?; kill -HUP $$; echo on")
    assert done.stdout == "0\non\n"


@pytest.mark.parametrize(
    ("arguments", "shown", "complaint"),
    [
        ("check --repaet 3", "usage: whodunet check", "unrecognized arguments: --repaet; did you mean --repeat?"),
        ("up healthy extra", "usage: whodunet up", "unrecognized arguments: extra"),
        ("check --jobs none", "usage: whodunet check", "none is not a number of at least 1"),
        ("runs --older-than soon", "usage: whodunet runs", "soon is not a number of days"),
        ("vpn sideways", "whodunet: sideways", "is not a state of the VPN; use one of: on, off"),
        ("fault of", "whodunet: of", "is not a change of a fault; did you mean off?"),
        ("dwon", "usage: whodunet [-h]", "invalid choice: dwon; did you mean down?"),
        ("down --al", "usage: whodunet down", "unrecognized arguments: --al; did you mean --all?"),
        ("capture", "usage: whodunet capture", "required: -o/--output"),
    ],
)
def test_a_mistake_shows_the_usage_of_its_command_or_the_word(arguments: str, shown: str, complaint: str) -> None:
    done = shell(f"whodunet {arguments}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(shown)
    assert complaint in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("command", ["run", "truth", "show", "check", "frobnicate", "vpn"])
def test_what_was_typed_steers_no_terminal(command: str) -> None:
    done = shell(f"whodunet {command} $'\\e[31mred\\a' --no-such-option=$'\\e[2J'; whodunet {command} $'\\e[31mred\\a'")
    assert done.returncode in (2, 3)
    assert {"\x1b", "\a"} & set(done.stdout + done.stderr) == set()


def every_command() -> list[str]:
    return [*command_line.make_parser().parse_args(["help"]).commands]


@pytest.mark.parametrize("command", every_command())
def test_help_fits_80_columns_and_is_the_same_by_either_way(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert command_line.main(["help", command]) == 0
    helped = capsys.readouterr().out
    assert command_line.main([command, "--help"]) == 0
    assert capsys.readouterr().out == helped
    assert [line for line in helped.splitlines() if len(line) > 80] == []


def test_the_help_of_all_commands_fits_80_columns_and_tells_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert command_line.main(["help"]) == 0
    helped = capsys.readouterr().out
    assert [line for line in helped.splitlines() if len(line) > 80] == []
    assert {*every_command()} <= {word.strip("(),") for word in helped.split()}


def test_the_list_fits_80_columns_and_tells_every_scenario() -> None:
    lines = shell("whodunet list").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "vpn-egress-reset" in {line.split(" ")[0] for line in lines}
    assert not [line for line in lines if line.startswith("_")]


@pytest.mark.parametrize(
    "command", ["--help", "list", "truth ssm-session", "causes", "schema", "version", "runs", "ps"]
)
def test_what_needs_no_lab_imports_neither_mininet_nor_scapy(command: str) -> None:
    seen = shell(f"{sys.executable} -P -X importtime -m whodunet.cli.main {command} 2>&1 >/dev/null")
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in seen.stdout.splitlines()}
    assert "argparse" in imported
    assert imported & {"mininet", "scapy", "ryu"} == set()


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("whodunet tru", {"truth"}),
        ("whodunet help fau", {"fault"}),
        ("whodunet truth vpn-", {"vpn-egress-reset"}),
        ("whodunet causes egress-reset-c", {"egress-reset-copies-ttl"}),
        ("whodunet causes --class direction-", {"direction-unknown"}),
        ("whodunet causes --party na", {"names"}),
        ("whodunet fault o", {"on", "off"}),
        ("whodunet show quick-", {"quick-20250101-120000-1"}),
        ("whodunet check --re", {"--repeat"}),
    ],
)
def test_completion_knows_commands_and_names(line: str, completed: set[str], tmp_path: Path) -> None:
    (tmp_path / "whodunet/runs/quick-20250101-120000-1").mkdir(parents=True)
    asked = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(tmp_path / "completed"),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "XDG_STATE_HOME": str(tmp_path),
    }
    shell("whodunet", **asked)
    found = (tmp_path / "completed").read_text(encoding="utf-8").replace("\013", " ").split()
    assert completed <= {each.strip() for each in found}


class Terminal(io.StringIO):
    """Standard error at a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def told(arguments: list[str], stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines on standard error."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "stderr", stream)
    command_line.main(arguments)
    return stream.getvalue().splitlines()


def test_an_error_is_broken_between_words_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = told(["run", "nope.yaml"], Terminal(), monkeypatch)
    assert len(lines) == 2
    assert max(map(len, lines)) <= 80
    assert " ".join(lines).endswith("; name a scenario (`whodunet list`) or an existing file")


def test_a_path_in_an_error_is_never_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    path = "-".join(20 * ["long"]) + ".yaml"
    assert any(path in line for line in told(["run", path], Terminal(), monkeypatch))


def test_an_error_is_one_line_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(told(["run", "nope.yaml"], io.StringIO(), monkeypatch)) == 1


def test_a_shell_without_a_host_is_told_what_it_needs_and_no_more() -> None:
    done = shell("whodunet shell")
    assert done.stderr.splitlines()[-1] == "whodunet shell: error: the following arguments are required: [LAB] HOST"
