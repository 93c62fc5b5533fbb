"""`whodunet`: reads the command line, does what it says, and turns errors into one line and an exit status."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from whodunet import catalogue
from whodunet.cli import terminal
from whodunet.core.errors import CannotRun, InvalidInput, WhodunetError

HELD: Final = 0
DID_NOT_HOLD: Final = 1
INVALID_INPUT: Final = 2
COULD_NOT_RUN: Final = 3
INTERRUPTED: Final = 128 + signal.SIGINT

_DESCRIPTION: Final = """\
A network lab that reproduces misleading connection failures, and proves who caused them.

  whodunet demo                      the reference case, told from packets
  whodunet list                      all cases
  whodunet run sshd-down             play one case and tell its story
  whodunet up vpn-egress-reset       a lab to explore: then `whodunet shell client`
  whodunet check --all               does every case still show what it claims?
"""
_STATUSES: Final = """\
exit status: 0 held, 1 did not hold, 2 invalid input, 3 could not run, 130 interrupted
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    terminal.guard()
    parser = make_parser()
    _offer_completion(parser)
    options = parser.parse_args(arguments)
    _leave_first_process()
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        catalogue.look_in([*options.places_before, *options.places])
        status = run(options)
        sys.stdout.flush()
        return status
    except InvalidInput as error:
        return _complain(error, INVALID_INPUT)
    except (CannotRun, WhodunetError) as error:
        return _complain(error, COULD_NOT_RUN)
    except KeyboardInterrupt:
        print("\nwhodunet: interrupted; nothing is left running", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has had enough (`| head`); Python must not complain when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return HELD


def _leave_first_process() -> None:
    """Where this is the first process of a container, goes on in a child and reaps: a lab ends only when all that
    was its own is reaped, and nobody else could reap orphans.
    """
    if os.getpid() == 1:
        from whodunet.lab.linux import reap_until_end_of

        child = os.fork()
        if child != 0:
            os._exit(reap_until_end_of(child))


def _complain(error: WhodunetError, status: int) -> int:
    for line in str(error).splitlines() or [type(error).__name__]:
        # Indented lines are for copying into a file.
        print(line if line.startswith("    ") else f"whodunet: {line}", file=sys.stderr)
    return status


def make_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    from whodunet.cli import about, auditing, changes, copying, demo, labs, runs

    parser = argparse.ArgumentParser(
        prog="whodunet",
        description=_DESCRIPTION,
        epilog=_STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for part in (demo, runs, labs, copying, changes, auditing, about):
        part.add_commands(commands)
    for each in (parser, *commands.choices.values()):
        # Before the command or after it. Each has a list of its own, for a subcommand's would replace the other.
        each.add_argument(
            "--with",
            dest="places_before" if each is parser else "places",
            action="append",
            type=Path,
            default=[],
            metavar="DIR",
            help="look there, too, for causes/, faults/, services/, topologies/, controllers/ and scenarios/",
        )
    return parser


class _Version(argparse.Action):
    """Looks the version up when it is asked for: that takes as long as all of the rest."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version

        print(f"whodunet {version('whodunet')}")
        parser.exit()


def _offer_completion(parser: Any) -> None:
    """Answers the shell when it asks for completions, and only then imports what that takes."""
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser)


if __name__ == "__main__":
    sys.exit(main())
