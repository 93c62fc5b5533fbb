"""The command that plays a scenario and tells its story: run."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from whodunet.cli import naming, terminal
from whodunet.cli.exit_status import exit_status
from whodunet.cli.output import tell as say
from whodunet.cli.parsing import Commands, add_variation_options, variation

if TYPE_CHECKING:
    from whodunet.cases.recording import Recording
    from whodunet.lab.launching import LabProcess
    from whodunet.loading.library import Library


def add_commands(commands: Commands) -> None:
    """Adds this file's commands."""
    run = commands.add_parser("run", help="play a scenario and tell its story", description=play.__doc__)
    naming.complete(
        run.add_argument("scenario", metavar="NAME", help="a scenario's name, or a YAML file"), naming.scenarios
    )
    add_variation_options(run)
    add_claims_option(run)
    run.add_argument(
        "--realistic",
        action="store_true",
        help="let commands wait for a connection as long as the kernel does (minutes), not as long as they limit it",
    )
    instead = run.add_mutually_exclusive_group()
    instead.add_argument("--json", action="store_true", help="print the result as JSON instead of the story")
    instead.add_argument("--suggest", action="store_true", help="print evidence that held, as YAML to paste, instead")
    run.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="keep the record there (default: a new folder, named at the end)"
    )
    run.set_defaults(run=play)


def add_claims_option(parser: argparse.ArgumentParser) -> None:
    """For commands that tell a run's story."""
    parser.add_argument("--all-claims", action="store_true", help="list the claims that held, too")


def play(options: argparse.Namespace) -> int:
    """Plays a scenario in a lab of its own, tells what the user saw and what the packets did, and keeps the record."""
    from whodunet.lab.launching import LabProcess

    with LabProcess(options.scenario) as process:  # first: it imports Mininet while this process reads the scenario
        return _play(options, process)


def _play(options: argparse.Namespace, process: LabProcess) -> int:
    from whodunet.loading.library import Library

    library = Library(variation=variation(options))
    recording, folder = record(
        options.scenario, library, process, progress(options.json), options.keep, realistic=options.realistic
    )
    if options.suggest:
        _suggest(recording, library)
    else:
        tell_story(recording, library, options)
    if not options.json:
        tell_record(folder, before="# " if options.suggest else "")
    return exit_status([recording.outcome])


def _suggest(recording: Recording, library: Library) -> None:
    from whodunet.cases.references import References
    from whodunet.cases.suggesting import suggested
    from whodunet.view.text.suggestion import render_suggestion

    references = References(recording.topology, recording.scenario.staging.setup.uplinks)
    claims = suggested(recording, library.of(recording.scenario).evidence_fields())
    print(render_suggestion(claims, references), end="")


def record(
    name: str,
    library: Library,
    process: LabProcess,
    tell: Callable[[str], None],
    keep: Path | None = None,
    *,
    realistic: bool = False,
) -> tuple[Recording, Path]:
    """Plays a scenario in that process; what was recorded, and the folder that keeps it.

    Args:
        realistic: without the limits of time that its commands set themselves.
    """
    from whodunet import engine
    from whodunet.cases.realistic import without_limits
    from whodunet.loading.library import find_scenario
    from whodunet.records import new_record, new_run_folder

    scenario = library.scenario(find_scenario(name))
    if realistic:
        scenario = without_limits(scenario)
    folder = keep or new_run_folder(scenario.question.name)
    with new_record(folder, scenario.source):
        return engine.play(scenario, library, tell, folder, process), folder


def progress(is_quiet: bool) -> Callable[[str], None]:
    """Tells on standard error how far the lab is, with the time since the start; in lines that fit the terminal."""
    started = time.monotonic()

    def tell(text: str) -> None:
        if not is_quiet:
            say(terminal.fitted(f"[{time.monotonic() - started:5.1f} s] {text}"))

    return tell


def tell_story(recording: Recording, library: Library, options: argparse.Namespace) -> None:
    """Prints the story of a run, or with --json the run."""
    from whodunet.view.json_report import as_json as report
    from whodunet.view.models.story import story_of
    from whodunet.view.text.story import render_story, sections

    if options.json:
        print(json.dumps(report(recording), indent=2, ensure_ascii=False))
        return
    story = story_of(recording, cause_titles(recording, library), all_claims=options.all_claims)
    terminal.show(render_story(sections(story, terminal.style())))


def tell_record(folder: Path, before: str = "") -> None:
    """Says where the record is; a path is never broken, and has a line of its own where both do not fit into one."""
    line = f"{before}record: {folder}"
    print(line if len(line) <= terminal.style().width else f"{before}record:\n{before}{folder}", flush=True)


def cause_titles(recording: Recording, library: Library) -> tuple[str, ...]:
    """Each cause in the taxonomy's words, the outermost first."""
    return library.of(recording.scenario).cause_titles(recording.scenario)
