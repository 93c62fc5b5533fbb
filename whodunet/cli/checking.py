"""The command that checks scenarios: check."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from whodunet.cli import naming
from whodunet.cli.exit_status import exit_status
from whodunet.cli.output import errors_name, require_room
from whodunet.cli.parsing import Commands, add_jobs_option, positive
from whodunet.cli.terminal import hanging
from whodunet.errors import InvalidInput, Problem, WhodunetError

if TYPE_CHECKING:
    from whodunet.cases.judging import Judgement
    from whodunet.cases.recording import Recording
    from whodunet.cases.scenario import Scenario
    from whodunet.loading.library import Library


def add_commands(commands: Commands) -> None:
    """Adds this file's command."""
    checking = commands.add_parser("check", help="check that scenarios show what they claim", description=check.__doc__)
    naming.complete(
        checking.add_argument("scenarios", metavar="NAME", nargs="*", help="names or YAML files"), naming.scenarios
    )
    checking.add_argument("--all", action="store_true", help="all scenarios that come with the lab")
    checking.add_argument("--repeat", type=positive, default=1, metavar="N", help="play each N times; all have to hold")
    add_jobs_option(checking)
    checking.add_argument("--junit", type=Path, metavar="FILE", help="write the judgements as JUnit XML")
    checking.add_argument("--json", action="store_true", help="print the judgements as JSON")
    checking.set_defaults(run=check)


@dataclass(frozen=True)
class Checked:
    """What came of one play of a scenario: a recording, or why there is none."""

    name: str  # the scenario's; numbered where there are several plays of that name
    took_s: float
    recording: Recording | None = None
    failure: str | None = None
    twin: Judgement | None = None  # of the comparison with the scenario's twin, where there is one

    @property
    def outcome(self) -> str:
        """The worst of all claims; a scenario that could not be played could not be measured."""
        return self.recording.outcome if self.recording else "could-not-measure"


def check(options: argparse.Namespace) -> int:
    """Plays scenarios, several at a time, and tells for each whether its claims hold, with its fault and without."""
    from whodunet.loading.library import Library, find_scenario, scenario_names

    names = scenario_names() if options.all else options.scenarios
    if not names:
        raise InvalidInput(Problem("check", "no scenario is named", "name some, or use --all"))
    library = Library()
    asked = _read_all([find_scenario(name) for name in names], library)
    with _report_file(options.junit) as write:
        played = _check_side_by_side(_with_twins(asked, library) * options.repeat, library, options)
        checked = list(_compared_with_twins(played, {scenario.file for scenario in asked}, library))
        _report(checked, options, write)
    return exit_status([each.outcome for each in checked])


@contextmanager
def _report_file(path: Path | None) -> Iterator[Callable[[str], object] | None]:
    """What writes the report in the end; that it can be written is found out at once, and nothing of it is left
    when what is to be reported fails.

    Raises:
        OSError: when the file cannot be written.
    """
    if path is None:
        yield None
        return
    is_new = not path.exists()
    with open(path, "ab") as file:
        require_room(file.fileno(), str(path))

    def write(text: str) -> None:
        with errors_name(str(path)):
            path.write_text(text, encoding="utf-8")

    try:
        yield write
    except BaseException:
        if is_new:
            path.unlink(missing_ok=True)
        raise


def _read_all(paths: Sequence[Path], library: Library) -> list[Scenario]:
    """All scenarios; every problem of every file at once."""
    scenarios: list[Scenario] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            scenarios.append(library.scenario(path))
        except InvalidInput as error:
            problems += error.problems
    if problems:
        raise InvalidInput(*problems)
    return scenarios


def _with_twins(scenarios: Sequence[Scenario], library: Library) -> list[Scenario]:
    """The scenarios, and behind them the twins that they name: what is said of twins can only be seen in both."""
    twins = {twin.file: twin for scenario in scenarios if (twin := library.twin(scenario))}
    named = {scenario.file for scenario in scenarios}
    return [*scenarios, *(twin for file, twin in twins.items() if file not in named)]


def _compared_with_twins(checked: Sequence[Checked], named: set[str], library: Library) -> Iterator[Checked]:
    """What was checked; each play of a scenario that names a twin is judged beside a play of that one, too.

    Args:
        named: the files of the scenarios that were asked for, not of those that are there as twins alone.
    """
    from whodunet.cases.twins import judge_twin

    plays: dict[str, list[Recording]] = {}
    for recording in (each.recording for each in checked if each.recording):
        plays.setdefault(recording.scenario.file, []).append(recording)
    so_far: Counter[str] = Counter()
    for each in checked:
        file = each.recording.scenario.file if each.recording else ""
        twin = library.twin(each.recording.scenario) if each.recording and file in named else None
        others = plays.get(twin.file, []) if twin else []
        if each.recording and others:
            judgement = judge_twin(each.recording, others[so_far[file] % len(others)])
            judgements = (*each.recording.judgements, judgement)
            yield replace(each, recording=replace(each.recording, judgements=judgements), twin=judgement)
        else:
            yield each
        so_far[file] += 1


def _check_side_by_side(scenarios: Sequence[Scenario], library: Library, options: argparse.Namespace) -> list[Checked]:
    """Checks several scenarios at a time; an interruption ends all their labs at once."""
    from whodunet.scheduling import SideBySide, Task, expected_s

    labels = numbered([scenario.question.name for scenario in scenarios])
    tasks = {
        label: Task(
            partial(_check_one, label, scenario, library),
            expected_s(scenario, library.of(scenario).topology(scenario.question.topology)),
        )
        for label, scenario in zip(labels, scenarios, strict=True)
    }
    checks = SideBySide(tasks, options.jobs)
    try:
        for done in as_completed(checks.results.values()):
            if not options.json:
                print("\n".join(_lines(done.result())), flush=True)
    except BaseException:
        checks.end()
        raise
    return [done.result() for done in checks.results.values()]


def numbered(names: Sequence[str]) -> list[str]:
    """The names, with a number behind each that is there more than once, so that all differ."""
    several = {name for name, times in Counter(names).items() if times > 1}
    so_far: Counter[str] = Counter()
    labels = []
    for name in names:
        so_far[name] += 1
        labels.append(f"{name} #{so_far[name]}" if name in several else name)
    return labels


def _check_one(name: str, scenario: Scenario, library: Library) -> Checked:
    from whodunet import engine

    started = time.monotonic()
    try:
        recording = engine.play(scenario, library, lambda text: None)
    except (WhodunetError, OSError) as error:
        return Checked(name, time.monotonic() - started, failure=str(error))
    return Checked(name, time.monotonic() - started, recording)


def _lines(checked: Checked) -> Iterator[str]:
    yield f"{checked.outcome:17} {checked.name} ({checked.took_s:.1f} s)"
    recording = checked.recording
    if recording is None:
        yield hanging(str(checked.failure))
        return
    for each in recording.judgements:
        if each.outcome != "held":
            yield hanging(f"{each.claim.id}: expected {each.expected}, seen {each.seen}")
    yield from (hanging(f"note: {note}") for note in recording.run.notes)


def _twin_lines(checked: Checked) -> Iterator[str]:
    if checked.twin is not None:
        yield f"{checked.twin.outcome:17} {checked.name}: {checked.twin.claim.says}"
        if checked.twin.outcome != "held":
            yield hanging(f"expected {checked.twin.expected}, seen {checked.twin.seen}")


def _report(
    checked: Sequence[Checked], options: argparse.Namespace, write_junit: Callable[[str], object] | None
) -> None:
    from whodunet.view.json_report import as_json as report
    from whodunet.view.junit import render_junit

    recordings = {each.name: each.recording for each in checked if each.recording}
    failures = {each.name: each.failure for each in checked if each.failure}
    if options.json:
        reports = {name: report(each) for name, each in recordings.items()}
        print(json.dumps({"reports": reports, "failures": failures}, indent=2, ensure_ascii=False))
    else:
        print("".join(f"{line}\n" for each in checked for line in _twin_lines(each)), end="")
        held = sum(each.outcome == "held" for each in checked)
        print(f"{held} of {len(checked)} {'plays' if options.repeat > 1 else 'scenarios'} held")
    sys.stdout.flush()
    if write_junit:
        judged = {name: each.judgements for name, each in recordings.items()}
        write_junit(render_junit(judged, {each.name: each.took_s for each in checked}, failures))
