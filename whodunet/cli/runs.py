"""Commands that play scenarios: run, check, show."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from whodunet.cli import naming, terminal
from whodunet.core.errors import CannotRun, InvalidInput, Problem


def add_commands(commands: Any) -> None:
    """Adds this file's commands."""
    run = commands.add_parser("run", help="play a scenario and tell its story", description=play.__doc__)
    naming.complete(
        run.add_argument("scenario", metavar="NAME", help="a scenario's name, or a YAML file"), naming.scenarios
    )
    _add_output_options(run)
    run.set_defaults(run=play)

    checking = commands.add_parser("check", help="check that scenarios show what they claim", description=check.__doc__)
    naming.complete(
        checking.add_argument("scenarios", metavar="NAME", nargs="*", help="names or YAML files"), naming.scenarios
    )
    checking.add_argument("--all", action="store_true", help="all scenarios that come with the lab")
    checking.add_argument(
        "--jobs",
        type=_positive,
        default=os.cpu_count() or 1,
        metavar="N",
        help="labs at a time (default: one per core)",
    )
    checking.add_argument("--junit", type=Path, metavar="FILE", help="write the judgements as JUnit XML")
    checking.add_argument("--json", action="store_true", help="print the judgements as JSON")
    checking.set_defaults(run=check)

    showing = commands.add_parser("show", help="tell the story of a kept record", description=show.__doc__)
    naming.complete(showing.add_argument("record", metavar="RUN", help="a record's name or folder"), naming.records)
    showing.add_argument("--json", action="store_true", help="print the record as JSON")
    add_claims_option(showing)
    showing.set_defaults(run=show)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def add_claims_option(parser: argparse.ArgumentParser) -> None:
    """Adds the option to list every claim."""
    parser.add_argument("--all-claims", action="store_true", help="list the claims that held, too")


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    add_claims_option(parser)
    parser.add_argument("--json", action="store_true", help="print the result as JSON instead of the story")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="keep the record there (default: a new folder, named at the end)"
    )


def play(options: argparse.Namespace) -> int:
    """Plays a scenario in a lab of its own, tells what the user saw and what the packets did, and keeps the record."""
    from whodunet.lab.launching import LabProcess

    with LabProcess(options.scenario) as process:  # first: it imports Mininet while this process reads the scenario
        return _play(options, process)


def _play(options: argparse.Namespace, process: Any) -> int:
    from whodunet.loading.library import Library

    library = Library()
    recording, folder = record(options.scenario, library, process, progress(options.json), options.keep)
    _tell(recording, library, options)
    if not options.json:
        print(f"record: {folder}")
    return exit_status([recording.outcome])


def record(
    name: str, library: Any, process: Any, tell: Callable[[str], None], keep: Path | None = None
) -> tuple[Any, Path]:
    """Plays a scenario in that process; what was recorded, and the folder that keeps it."""
    from whodunet import engine
    from whodunet.loading.library import find_scenario

    scenario = library.scenario(find_scenario(name))
    folder = keep or engine.new_run_folder(scenario.question.name)
    if keep and folder.exists() and any(folder.iterdir()):
        raise InvalidInput(Problem(f"--keep {folder}", "is not empty", "name a new folder"))
    return engine.play(scenario, library, tell, folder, process), folder


def progress(is_quiet: bool) -> Callable[[str], None]:
    """Tells on standard error how far the lab is, with the time since the start; in lines that fit the terminal."""
    from whodunet.view.columns import cut
    from whodunet.view.style import width_of
    from whodunet.view.visible import visible_line

    started, width = time.monotonic(), width_of(sys.stderr, os.environ)

    def tell(text: str) -> None:
        if not is_quiet:
            line = visible_line(" ".join(text.split()))
            print(cut(f"[{time.monotonic() - started:5.1f} s] {line}", width), file=sys.stderr, flush=True)

    return tell


def _tell(recording: Any, library: Any, options: argparse.Namespace) -> None:
    from whodunet.view.json_report import as_json as report
    from whodunet.view.story import render_story
    from whodunet.view.style import Style

    scenario = recording.scenario
    if options.json:
        print(
            json.dumps(
                report(scenario, recording.run, recording.judgements, recording.readings), indent=2, ensure_ascii=False
            )
        )
        return
    story = render_story(
        scenario,
        recording.run,
        recording.packets,
        recording.judgements,
        recording.topology,
        cause_title=cause_title(recording, library),
        culprit=scenario.answer.culprit,
        style=Style.of_terminal(sys.stdout, os.environ),
        all_claims=options.all_claims,
    )
    terminal.show(story)


def cause_title(recording: Any, library: Any) -> str:
    """The cause in the taxonomy's words."""
    return str(library.of(recording.scenario).cause_title(recording.scenario))


def exit_status(outcomes: Sequence[str]) -> int:
    """0 when all held, 1 when one did not, 3 when one could not be measured."""
    if "broken" in outcomes:
        return 1
    return 3 if "could-not-measure" in outcomes else 0


def check(options: argparse.Namespace) -> int:
    """Plays scenarios, several at a time, and tells for each whether its claims hold, with its fault and without."""
    from whodunet.loading.library import Library, find_scenario, scenario_names

    names = scenario_names() if options.all else options.scenarios
    if not names:
        raise InvalidInput(Problem("check", "no scenario is named", "name some, or use --all"))
    library = Library()
    scenarios = _read_all([find_scenario(name) for name in names], library)
    checked = _check_side_by_side(scenarios, library, options)
    results = {str(result["name"]): result for result in checked}
    _report(results, options)
    return exit_status([result["outcome"] for result in results.values()])


def _check_side_by_side(scenarios: Sequence[Any], library: Any, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Checks several scenarios at a time; an interruption ends all their labs at once."""
    from whodunet.lab.launching import end_all

    with ThreadPoolExecutor(options.jobs) as labs:
        checks = [labs.submit(_check_one, scenario, library) for scenario in scenarios]
        try:
            for done in as_completed(checks):
                if not options.json:
                    print(_one_line(done.result()), flush=True)
        except BaseException:
            labs.shutdown(wait=False, cancel_futures=True)
            end_all()
            raise
    return [done.result() for done in checks]


def _read_all(paths: Sequence[Path], library: Any) -> list[Any]:
    """All scenarios; every problem of every file at once."""
    scenarios: list[Any] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            scenarios.append(library.scenario(path))
        except InvalidInput as error:
            problems += error.problems
    if problems:
        raise InvalidInput(*problems)
    return scenarios


def _check_one(scenario: Any, library: Any) -> dict[str, Any]:
    from whodunet import engine

    started = time.monotonic()
    result: dict[str, Any] = {"name": scenario.question.name, "recording": None, "failure": None}
    try:
        recording = engine.play(scenario, library, lambda text: None)
        result |= {"outcome": recording.outcome, "recording": recording}
    except CannotRun as error:
        result |= {"outcome": "could-not-measure", "failure": str(error)}
    return result | {"took_s": time.monotonic() - started}


def _one_line(result: Mapping[str, Any]) -> str:
    line = f"{result['outcome']:17} {result['name']} ({result['took_s']:.1f} s)"
    recording = result["recording"]
    if recording is None:
        return f"{line}\n    {result['failure']}"
    judgements = [each for each in recording.judgements if each.outcome != "held"]
    details = [f"    {each.claim.id}: expected {each.expected}, seen {each.seen}" for each in judgements]
    return "\n".join([line, *details, *(f"    note: {note}" for note in recording.run.notes)])


def _report(results: Mapping[str, Mapping[str, Any]], options: argparse.Namespace) -> None:
    from whodunet.view.json_report import as_json as report
    from whodunet.view.junit import render_junit

    recordings = {name: result["recording"] for name, result in results.items() if result["recording"]}
    failures = {name: result["failure"] for name, result in results.items() if result["failure"]}
    if options.json:
        reports = {
            name: report(each.scenario, each.run, each.judgements, each.readings) for name, each in recordings.items()
        }
        print(json.dumps({"reports": reports, "failures": failures}, indent=2, ensure_ascii=False))
    else:
        held = sum(result["outcome"] == "held" for result in results.values())
        print(f"{held} of {len(results)} scenarios held")
    if options.junit:
        judged = {name: each.judgements for name, each in recordings.items()}
        durations = {name: float(result["took_s"]) for name, result in results.items()}
        options.junit.write_text(render_junit(judged, durations), encoding="utf-8")


def show(options: argparse.Namespace) -> int:
    """Judges a kept record again, without a lab, and tells its story."""
    from whodunet import engine
    from whodunet.loading.library import Library

    library = Library()
    folder = Path(options.record)
    if not folder.is_dir():
        folder = engine.runs_folder() / options.record
    recording = engine.read_record(folder, library)
    _tell(recording, library, options)
    return exit_status([recording.outcome])
