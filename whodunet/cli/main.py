"""`whodunet`: reads the command line, does what it says, and turns errors into one line and an exit status."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

from whodunet import catalogue
from whodunet.cli import terminal
from whodunet.cli.exit_status import BY_SIGNAL, COULD_NOT_RUN, HELD, INVALID_INPUT
from whodunet.cli.output import flush_or_drop, has_no_reader, open_closed_streams, require_writable, tell
from whodunet.cli.parsing import CommandParser
from whodunet.errors import InvalidInput, WhodunetError
from whodunet.importing import collect_rarely

_DESCRIPTION: Final = """\
A network lab that reproduces misleading connection failures, and proves who
caused them.

  whodunet demo                  the reference case, told from packets
  whodunet list                  all cases
  whodunet run sshd-down         play one case and tell its story
  whodunet up vpn-egress-reset   a lab to explore: then `whodunet shell client`
  whodunet check --all           does every case still show what it claims?
"""
_STATUSES: Final = """\
exit status: 0 held, 1 did not hold, 2 invalid input, 3 could not run;
130 interrupted, 141 nobody read the output to its end
"""


class Ended(KeyboardInterrupt):
    """A signal that ends this command; what it had begun is taken back on the way out, as with Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status, 0 only when it could also say what it had to say."""
    collect_rarely()
    try:
        open_closed_streams()
        terminal.guard()
        require_writable(sys.stdout)
        with _ended_by_signals():
            status = _run(arguments)
            sys.stdout.flush()
        return status
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("WHODUNET_TRACEBACK"):
            raise
        text, status = _explained(error)
        for line in text.splitlines():
            if line.startswith("    "):  # to be copied into a file
                tell(line)
            else:
                tell(terminal.unbroken_words(f"whodunet: {line}"))
        return status
    finally:
        flush_or_drop(sys.stdout)
        flush_or_drop(sys.stderr)


def command() -> NoReturn:
    """The program `whodunet`."""
    os._exit(main())  # everything is said by now, and Python would take a twentieth of a lab's start to end


def _run(arguments: Sequence[str] | None) -> int:
    parser = make_parser()
    _offer_completion(parser)
    try:
        options = parser.parse_args(arguments)
    except SystemExit as leaving:  # argparse has told its help, or a mistake
        return int(leaving.code or HELD)
    _leave_first_process()
    catalogue.look_in([*options.places_before, *options.places])
    run: Callable[[argparse.Namespace], int] = options.run
    return run(options)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Inside the `with`, SIGTERM and SIGHUP end the command as Ctrl-C does; one that is ignored (nohup) stays so."""

    def end(number: int, frame: FrameType | None) -> None:
        raise Ended(number)

    ours = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) is signal.SIG_DFL]
    for each in ours:
        signal.signal(each, end)
    try:
        yield
    finally:
        for each in ours:
            signal.signal(each, signal.SIG_DFL)


def _explained(error: Exception | KeyboardInterrupt) -> tuple[str, int]:
    """What to say of an error, a line for each thing that is wrong, and the exit status."""
    if isinstance(error, InvalidInput):
        return str(error), INVALID_INPUT
    if isinstance(error, WhodunetError):
        return str(error) or "failed, and does not say why", COULD_NOT_RUN
    if isinstance(error, KeyboardInterrupt):
        number = error.number if isinstance(error, Ended) else signal.SIGINT
        return "interrupted; nothing is left running", BY_SIGNAL + number
    if isinstance(error, BrokenPipeError) and has_no_reader(sys.stdout):
        return "", BY_SIGNAL + signal.SIGPIPE  # whoever read it has had enough (`| head`): nothing to complain of
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename is not None else ""
        return f"{where}{error.strerror or error}", COULD_NOT_RUN
    return _unexpected(error)


def _unexpected(error: Exception) -> tuple[str, int]:
    """Of an error that nobody foresaw; Python's own traceback would end with status 1: that a claim did not hold."""
    mistake = catalogue.mistake_in_a_file(error)
    if mistake is not None:
        return str(mistake), INVALID_INPUT
    fix = "WHODUNET_TRACEBACK=1 shows where"
    return f"a mistake in whodunet itself: {type(error).__name__}: {error}; {fix}", COULD_NOT_RUN


def _leave_first_process() -> None:
    """Where this is the first process of a container, goes on in a child and reaps: a lab ends only when all that
    was its own is reaped, and nobody else could reap orphans.
    """
    if os.getpid() == 1:
        from whodunet.lab.linux import reap_until_end_of

        child = os.fork()
        if child != 0:
            os._exit(reap_until_end_of(child))


def make_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    from whodunet.cli import (
        about,
        agents,
        auditing,
        causes,
        changes,
        checking,
        comparing,
        copying,
        demo,
        diagnosing,
        faults,
        grading,
        labs,
        recording,
        records,
        runs,
        writing,
    )

    parser = CommandParser(
        prog="whodunet",
        description=_DESCRIPTION,
        epilog=_STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    parser.set_defaults(parser=parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for part in (
        demo,
        runs,
        diagnosing,
        checking,
        grading,
        comparing,
        agents,
        records,
        recording,
        labs,
        copying,
        faults,
        changes,
        auditing,
        writing,
        causes,
        about,
    ):
        part.add_commands(commands)
    for each in dict.fromkeys((parser, *commands.choices.values())):  # an alias is the same parser again
        # Before the command or after it. Each has a list of its own, for a subcommand's would replace the other.
        each.add_argument(
            "--with",
            dest="places_before" if each is parser else "places",
            action="append",
            type=Path,
            default=[],
            metavar="DIR",
            help=f"look there, too, for scenarios/, {'/, '.join(catalogue.PARTS)}/",
        )
    return parser


class _Version(argparse.Action):
    """Looks the version up when it is asked for: that takes as long as all of the rest."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, *_: Any) -> None:
        from whodunet.cli.about import version

        parser.exit(version(namespace))


def _offer_completion(parser: Any) -> None:
    """Answers the shell when it asks for completions, and only then imports what that takes."""
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser)


if __name__ == "__main__":
    command()
