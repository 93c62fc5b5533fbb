"""The command that shows the reference case: demo."""

from __future__ import annotations

import argparse
import sys
import termios
from contextlib import suppress

from whodunet.cli import terminal
from whodunet.cli.exit_status import exit_status
from whodunet.cli.parsing import Commands, add_seed_option
from whodunet.cli.runs import add_claims_option, cause_titles, progress, record, tell_record
from whodunet.variation import Variation

THE_CASE, THE_WAY_IN = "vpn-egress-reset", "ssm-session"


def add_commands(commands: Commands) -> None:
    """Adds this file's command."""
    parser = commands.add_parser("demo", help="the reference case, and the way in", description=demo.__doc__)
    add_claims_option(parser)
    add_seed_option(parser)
    parser.add_argument("--no-pause", action="store_true", help="do not wait for Enter between the sections")
    parser.set_defaults(run=demo)


def demo(options: argparse.Namespace) -> int:
    """Plays the reference case, in which ssh is refused, and then the way in: a session through Session Manager.

    At a terminal it waits for Enter before each section, so that there is time to guess; who did it comes last.
    """
    pauses = not options.no_pause and sys.stdin.isatty() and sys.stdout.isatty()
    drawn = Variation(options.seed)
    outcomes = [_play(THE_CASE, drawn, options.all_claims, pauses, is_quiet=False)]
    _go_on("the way in", pauses)
    print("=" * min(72, terminal.style().width), end="\n\n", flush=True)
    # By now a pager has the terminal (`| less`), and progress would be written across its page.
    outcomes.append(_play(THE_WAY_IN, drawn, options.all_claims, pauses, is_quiet=not sys.stdout.isatty()))
    return exit_status(outcomes)


def _play(name: str, drawn: Variation, all_claims: bool, pauses: bool, is_quiet: bool) -> str:
    """Plays a scenario and tells its story as a mystery; its outcome."""
    from whodunet.lab.launching import LabProcess
    from whodunet.loading.library import Library
    from whodunet.view.models.story import story_of
    from whodunet.view.text.story import sections

    library = Library(variation=drawn)
    with LabProcess(name) as process:
        recording, folder = record(name, library, process, progress(is_quiet))
    story = story_of(recording, cause_titles(recording, library), all_claims=all_claims, is_mystery=True)
    for number, section in enumerate(sections(story, terminal.style())):
        if number:
            _go_on(section.heading, pauses)
        terminal.show(section.text)
    print()
    tell_record(folder)
    return recording.outcome


def _go_on(what_comes: str, pauses: bool) -> None:
    """Leaves a line free, and where there are to be pauses waits for Enter; the end of the input is as good."""
    if pauses:
        with suppress(termios.error, OSError):  # no terminal after all
            termios.tcflush(sys.stdin, termios.TCIFLUSH)  # what was typed before is no answer to this
        print(f"\n[press Enter: {what_comes}] ", end="", flush=True)
        if not sys.stdin.readline():
            print()
    print()
