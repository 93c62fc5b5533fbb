"""The command that checks scenarios: check."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from whodunet import catalogue
from whodunet.cli import naming
from whodunet.cli.exit_status import exit_status
from whodunet.cli.output import report_file
from whodunet.cli.parsing import Commands, add_jobs_option, add_seeds_options, positive, variations
from whodunet.cli.runs import tell_record
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
    add_seeds_options(checking)
    add_jobs_option(checking)
    checking.add_argument("--junit", type=Path, metavar="FILE", help="write the judgements as JUnit XML")
    checking.add_argument("--json", action="store_true", help="print the judgements as JSON")
    checking.add_argument("--keep", type=Path, metavar="FOLDER", help="keep there the records of what did not hold")
    checking.set_defaults(run=check)


@dataclass(frozen=True)
class Play:
    """A scenario that is to be played, and the library of the variation to play it in."""

    scenario: Scenario = field(compare=False)
    library: Library
    file: str

    @classmethod
    def of(cls, scenario: Scenario, library: Library) -> Play:
        """The play of a scenario that the library has read."""
        return cls(scenario, library, scenario.file)

    @property
    def name(self) -> str:
        """The scenario's, and what its network is asked to be."""
        return self.library.variation.of(self.scenario.question.name)

    @property
    def twin(self) -> Play | None:
        """That of the scenario's twin, in the same variation."""
        twin = self.library.twin(self.scenario)
        return Play.of(twin, self.library) if twin else None


@dataclass(frozen=True)
class Checked:
    """What came of one play of a scenario: a recording, or why there is none."""

    play: Play
    name: str  # the play's; numbered where there are several of that name
    took_s: float
    recording: Recording | None = None
    record: Path | None = None  # the folder that keeps it, if it is to be kept
    failure: str | None = None
    twin: Judgement | None = None  # of the comparison with the scenario's twin, where there is one

    @property
    def outcome(self) -> str:
        """The worst of all claims; a scenario that could not be played could not be measured."""
        return self.recording.outcome if self.recording else "could-not-measure"


def check(options: argparse.Namespace) -> int:
    """Plays scenarios, several at a time, and tells for each whether its claims hold, with its fault and without.

    Waits are short: commands limit how long they try to connect. `run --realistic` lets them wait as the kernel does.
    """
    from whodunet.loading.library import Library, find_scenario, scenario_names

    names = scenario_names() if options.all else options.scenarios
    if not names:
        raise InvalidInput(Problem("check", "no scenario is named", "name some, or use --all"))
    if options.keep is not None:
        from whodunet.records import require_empty

        require_empty(options.keep)
    libraries = [Library(variation=each) for each in variations(options)]
    asked, left_out = _read_all([find_scenario(name) for name in names], libraries, options.all)
    with report_file(options.junit) as write:
        if not options.json:
            print("".join(f"{'not played':17} {name}: {because}\n" for name, because in left_out.items()), end="")
        played = _check_side_by_side(_with_twins(asked) * options.repeat, options)
        checked = list(_compared_with_twins(played, set(asked)))
        _report(checked, left_out, options, write)
        _keep_only_what_did_not_hold(checked, options)
    return exit_status([each.outcome for each in checked])


def _read_all(paths: Sequence[Path], libraries: Sequence[Library], is_all: bool) -> tuple[list[Play], dict[str, str]]:
    """All plays, and why scenarios are left out of them that are about the other family.

    Where all scenarios are asked for and none by its name, those are left out, too, that take newer programs than this
    machine has.

    Raises:
        InvalidInput: with every problem of every file at once; when no scenario is left.
    """
    from whodunet.engine import require_services_of
    from whodunet.lab.programs import lacking_version
    from whodunet.loading.scenario_file import NotOverFamily

    plays: list[Play] = []
    left_out: dict[str, str] = {}
    problems: list[Problem] = []
    others: dict[Path, NotOverFamily] = {}
    for library, path in product(libraries, paths):
        try:
            play = Play.of(library.scenario(path), library)
            require_services_of(play.scenario, library)
            lacking = lacking_version(play.scenario.question.requires) if is_all else None
            if lacking is not None:
                left_out[path.stem] = lacking
            else:
                plays.append(play)
        except NotOverFamily as error:
            others[path] = error
        except InvalidInput as error:
            problems += error.problems
    if not plays:
        problems += [problem for error in others.values() for problem in error.problems]
    if problems:
        raise InvalidInput(*dict.fromkeys(problems))
    return plays, left_out | {path.stem: error.because for path, error in others.items()}


def _with_twins(plays: Sequence[Play]) -> list[Play]:
    """The plays, and behind them those of the twins that they name: what is said of twins can only be seen in both."""
    twins = dict.fromkeys(twin for play in plays if (twin := play.twin))
    return [*plays, *(twin for twin in twins if twin not in plays)]


def _compared_with_twins(checked: Sequence[Checked], asked: Collection[Play]) -> Iterator[Checked]:
    """What was checked; each play of a scenario that names a twin is judged beside a play of that one, too.

    Args:
        asked: what is not there as a twin alone.
    """
    from whodunet.cases.twins import judge_twin

    recordings: dict[Play, list[Recording]] = {}
    for each in checked:
        recordings.setdefault(each.play, []).extend([each.recording] if each.recording else [])
    so_far: Counter[Play] = Counter()
    for each in checked:
        twin = each.play.twin if each.play in asked else None
        others = recordings[twin] if twin else []
        if each.recording and others:
            judgement = judge_twin(each.recording, others[so_far[each.play] % len(others)])
            judgements = (*each.recording.judgements, judgement)
            yield replace(each, recording=replace(each.recording, judgements=judgements), twin=judgement)
        else:
            yield each
        so_far[each.play] += 1


def _check_side_by_side(plays: Sequence[Play], options: argparse.Namespace) -> list[Checked]:
    """Checks several scenarios at a time; an interruption ends all their labs at once."""
    from whodunet.lab.launching import started_warm
    from whodunet.records import record_name
    from whodunet.scheduling import SideBySide, Task, expected_s

    tasks = {
        label: Task(
            partial(_check_one, label, play, options.keep and options.keep / record_name(label)),
            expected_s(play.scenario, play.library.of(play.scenario).topology(play.scenario.question.topology)),
        )
        for label, play in zip(numbered([play.name for play in plays]), plays, strict=True)
    }
    with started_warm(len(tasks)):
        checks = SideBySide(tasks, options.jobs)
        try:
            for _, done in checks.finished():
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


def _check_one(name: str, play: Play, keep: Path | None) -> Checked:
    from whodunet import engine
    from whodunet.records import new_record

    started = time.monotonic()
    try:
        with new_record(keep, play.scenario.source) if keep else nullcontext():
            recording = engine.play(play.scenario, play.library, lambda text: None, keep)
    except Exception as error:
        mistake = catalogue.mistake_in_a_file(error)
        if mistake is not None:  # in something that one scenario uses: the others go on
            return Checked(play, name, time.monotonic() - started, failure=str(mistake))
        if not isinstance(error, WhodunetError | OSError):
            raise
        return Checked(play, name, time.monotonic() - started, failure=str(error))
    return Checked(play, name, time.monotonic() - started, recording, keep)


def _keep_only_what_did_not_hold(checked: Iterable[Checked], options: argparse.Namespace) -> None:
    """Only now, because a comparison with a twin may say that a play did not hold."""
    for each in checked:
        if each.record is not None and each.outcome == "held":
            shutil.rmtree(each.record)
        elif each.record is not None and not options.json:
            tell_record(each.record)
    if options.keep is not None:
        with suppress(OSError):  # others are in it, or it never came to be
            options.keep.rmdir()


def _lines(checked: Checked) -> Iterator[str]:
    yield f"{checked.outcome:17} {checked.name} ({checked.took_s:.1f} s)"
    recording = checked.recording
    if recording is None:
        yield hanging(str(checked.failure))
        return
    yield from map(hanging, _not_held(recording))
    yield from (hanging(f"note: {note}") for note in recording.run.notes)


def _not_held(recording: Recording) -> Iterator[str]:
    """What did not hold; a fault that could not be seen first, and of what was not played for that only how much."""
    failed = {phase.name for phase in recording.run.phases if phase.failure is not None}
    played = {phase.name for phase in recording.run.phases} - failed
    told = [each for each in recording.judgements if each.outcome != "held"]
    following: list[Judgement] = []
    if failed:
        following = [each for each in told if each.outcome == "could-not-measure" and each.claim.phase not in played]
        told = sorted((each for each in told if each not in following), key=lambda each: each.claim.phase not in failed)
    for each in told:
        yield f"{each.claim.id}: expected {each.expected}, seen {each.seen}"
    if following:
        yield f"and {len(following)} claim{'s' * (len(following) > 1)} that could therefore not be measured"


def _twin_lines(checked: Checked) -> Iterator[str]:
    if checked.twin is not None:
        yield f"{checked.twin.outcome:17} {checked.name}: {checked.twin.claim.says}"
        if checked.twin.outcome != "held":
            yield hanging(f"expected {checked.twin.expected}, seen {checked.twin.seen}")


def _report(
    checked: Sequence[Checked],
    left_out: Mapping[str, str],
    options: argparse.Namespace,
    write_junit: Callable[[str], object] | None,
) -> None:
    from whodunet.view.json_report import as_json as report
    from whodunet.view.junit import render_junit

    recordings = {each.name: each.recording for each in checked if each.recording}
    failures = {each.name: each.failure for each in checked if each.failure}
    if options.json:
        reports = {name: report(each) for name, each in recordings.items()}
        print(
            json.dumps({"reports": reports, "failures": failures, "not_played": left_out}, indent=2, ensure_ascii=False)
        )
    else:
        print("".join(f"{line}\n" for each in checked for line in _twin_lines(each)), end="")
        held = sum(each.outcome == "held" for each in checked)
        several = options.repeat > 1 or len(variations(options)) > 1
        print(f"{held} of {len(checked)} {'plays' if several else 'scenarios'} held")
    sys.stdout.flush()
    if write_junit:
        judged = {name: each.judgements for name, each in recordings.items()}
        write_junit(render_junit(judged, {each.name: each.took_s for each in checked}, failures))
