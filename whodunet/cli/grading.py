"""The command that grades diagnostic tools: grade."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from whodunet.cli import naming
from whodunet.cli.exit_status import COULD_NOT_RUN, DID_NOT_HOLD, HELD
from whodunet.cli.output import report_file
from whodunet.cli.parsing import Commands, add_family_option, add_jobs_option, positive
from whodunet.cli.terminal import style
from whodunet.errors import InvalidInput, Problem
from whodunet.variation import Variation, read_seed

if TYPE_CHECKING:
    from whodunet.grader import Bench, CaseToGrade
    from whodunet.grading.report import Change, GradedCase, GradeReport
    from whodunet.loading.library import Library

_FAIL_ON: Final = ("regression", "wrong", "wrong-with-confidence")


def add_commands(commands: Commands) -> None:
    """Adds this file's command."""
    grading = commands.add_parser(
        "grade", help="grade a diagnostic tool against known truth", description=grade.__doc__
    )
    naming.complete(
        grading.add_argument(
            "scenarios", metavar="SCENARIO", nargs="*", help="names or YAML files (default: all that can be graded)"
        ),
        naming.scenarios,
    )
    naming.complete(
        grading.add_argument(
            "--tool", required=True, metavar="FILE", help="a tool file, or one that comes with the lab"
        ),
        naming.tools,
    )
    draws = "draw the cases: networks, order, and for each a twin with the same words and another culprit"
    grading.add_argument("--seed", type=read_seed, metavar="N", help=draws)
    grading.add_argument("--cases", type=positive, metavar="N", help="how many are drawn (default: each scenario once)")
    grading.add_argument("--split", metavar="NAME", help="draw of a frozen list of scenarios: development or test")
    add_family_option(grading)
    where = grading.add_mutually_exclusive_group()
    add_jobs_option(where)
    where.add_argument("--dask", metavar="ADDRESS", help="spread the labs over a Dask cluster: its scheduler's address")
    grading.add_argument("--shard", type=_shard, metavar="K/N", help="grade the K-th of N equal parts of the cases")
    grading.add_argument("--json", action="store_true", help="print the report as JSON instead of a table")
    grading.add_argument("--csv", type=Path, metavar="FILE", help="write the cases as CSV")
    grading.add_argument("--junit", type=Path, metavar="FILE", help="write the cases as JUnit XML")
    grading.add_argument("--html", type=Path, metavar="FILE", help="write one self-contained page")
    grading.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the records there (default: a new folder)")
    grading.add_argument("--against", type=Path, metavar="FILE", help="compare with an earlier report (of --json)")
    grading.add_argument("--fail-on", choices=_FAIL_ON, help="end with status 1 when there is one")
    grading.set_defaults(run=grade)


def grade(options: argparse.Namespace) -> int:
    """Runs a tool on the client of each case, in labs side by side, reads its verdict, and scores it against the truth.

    Ends with status 3 when the network of a case did not stay what it was to be, so that it has no score.
    """
    from whodunet.grader import Bench
    from whodunet.grading.report import regressions
    from whodunet.loading.library import Library
    from whodunet.loading.tool_files import find_tool, read_tool
    from whodunet.records import require_empty
    from whodunet.view.text.grade import render_case

    if options.fail_on == "regression" and options.against is None:
        wrong = "needs something to compare with"
        raise InvalidInput(Problem("--fail-on regression", wrong, "add --against EARLIER.json"))
    if options.keep is not None:
        require_empty(options.keep)
    earlier = _earlier(options.against)
    file = find_tool(options.tool)
    library = Library()
    bench = Bench.of(read_tool(file, library.taxonomy), file.parent)
    chosen = _chosen(options, library)
    folder = options.keep or _new_folder(bench.tool.name)
    done: dict[str, GradedCase] = {}
    with ExitStack() as files:
        written = [(files.enter_context(report_file(path)), render) for path, render in _files(options)]
        for graded in _grade_all(bench, chosen.cases, options, folder):
            done[graded.name] = graded
            if not options.json:
                print(render_case(graded, style()), flush=True)
        report = _report(bench, chosen, [done[case.name] for case in chosen.cases])
        worse = tuple(regressions(earlier, report)) if earlier else ()
        for write, render in written:
            if write is not None:
                write(render(report, worse))
    _tell(report, worse, options, folder)
    return _status(report, worse, options.fail_on)


_Render: TypeAlias = "Callable[[GradeReport, Sequence[Change]], str]"


def _grade_all(
    bench: Bench, cases: Sequence[CaseToGrade], options: argparse.Namespace, folder: Path
) -> Iterator[GradedCase]:
    if options.dask is None:
        from whodunet.grader import grade_all

        return grade_all(bench, cases, options.jobs, folder)
    from whodunet.cluster import grade_all_on

    return grade_all_on(options.dask, bench, cases, folder)


def _files(options: argparse.Namespace) -> list[tuple[Path | None, _Render]]:
    """Each file that can be asked for, and how its text is made."""
    from whodunet.view.html import render_html
    from whodunet.view.junit import render_grades
    from whodunet.view.spreadsheet import render_csv

    def page(report: GradeReport, worse: Sequence[Change]) -> str:
        where = options.html.resolve().parent
        records = {case.name: os.path.relpath(case.record, where) for case in report.cases if case.record}
        return render_html(report, worse, records)

    return [
        (options.csv, lambda report, _: render_csv(report)),
        (options.junit, lambda report, _: render_grades(report)),
        (options.html, page),
    ]


def _shard(text: str) -> tuple[int, int]:
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise argparse.ArgumentTypeError(f"{text} is not a part K/N, such as 1/4")
    return int(number), int(of)


def _earlier(path: Path | None) -> GradeReport | None:
    from whodunet.grading.report import from_json

    if path is None:
        return None
    try:
        return from_json(path.read_bytes(), str(path))
    except OSError as error:
        fix = "name what `whodunet grade --json` has printed"
        raise InvalidInput(Problem(f"--against {path}", f"cannot be read: {error.strerror or error}", fix)) from error


@dataclass(frozen=True)
class _Chosen:
    """What is graded."""

    cases: Sequence[CaseToGrade]
    left_out: Mapping[str, str] = field(default_factory=dict)  # why scenarios are not, which nobody named
    split: str | None = None
    seed: int | None = None  # that they were drawn from


def _chosen(options: argparse.Namespace, library: Library) -> _Chosen:
    """The cases of this part."""
    chosen = _named(options, library) if options.scenarios else _drawn(options, library)
    number, of = options.shard or (1, 1)
    if len(chosen.cases) < number:
        raise InvalidInput(Problem("grade", "no case is left to grade", "name a scenario, or leave --shard out"))
    return replace(chosen, cases=chosen.cases[number - 1 :: of])


def _named(options: argparse.Namespace, library: Library) -> _Chosen:
    from whodunet.grader import CaseToGrade
    from whodunet.loading.library import find_scenario

    if options.split or options.cases:
        wrong = "chooses scenarios, and some are named"
        raise InvalidInput(Problem("--split" if options.split else "--cases", wrong, "leave one of the two out"))
    library = library.at(library.catalogue, Variation(options.seed, options.family))
    return _Chosen([CaseToGrade.of(find_scenario(name), library) for name in dict.fromkeys(options.scenarios)])


def _drawn(options: argparse.Namespace, library: Library) -> _Chosen:
    from whodunet.grader import drawn_from, gradable
    from whodunet.loading.split_files import find_split

    split = find_split(options.split) if options.split else None
    seed = options.seed if split is None or options.seed is not None else split.seed
    if seed is None and (options.cases or split):
        wrong = "is drawn from a seed that whoever grades chooses" if split else "says how many are drawn"
        raise InvalidInput(Problem(f"--split {split.name}" if split else "--cases", wrong, "add --seed N"))
    of_family = library.at(library.catalogue, Variation(None, options.family))
    stated, left_out = gradable(of_family, split.scenarios if split else None)
    if seed is None:
        return _Chosen(stated, left_out)
    return _Chosen(
        drawn_from(stated, seed, options.cases or len(stated)), left_out, split.name if split else None, seed
    )


def _new_folder(tool: str) -> Path:
    from whodunet.records import grades_folder

    return grades_folder() / f"{tool}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"


def _report(bench: Bench, chosen: _Chosen, cases: Sequence[GradedCase]) -> GradeReport:
    from importlib import metadata

    from whodunet.grading.report import GradeReport

    return GradeReport(
        tool=bench.tool.name,
        title=bench.tool.title,
        runs_as=bench.tool.runs_as,
        whodunet=metadata.version("whodunet"),
        split=chosen.split,
        seed=chosen.seed,
        cases=tuple(cases),
        left_out=chosen.left_out,
    )


def _tell(report: GradeReport, worse: Sequence[Change], options: argparse.Namespace, folder: Path) -> None:
    from whodunet.grading.report import to_json
    from whodunet.view.text.grade import render_changes, render_grade

    if options.json:
        print(to_json(report), end="")
        return
    print(f"\n{render_grade(report, style())}")
    if options.against is not None:
        print(render_changes(worse, style()))
    if report.left_out:
        print(f"not graded: {len(report.left_out)} scenarios; --json and --html say why")
    print(f"records: {folder}")


def _status(report: GradeReport, worse: Sequence[Change], fail_on: str | None) -> int:
    """1 where there is what was not to be, 3 where a case has no score, else 0."""
    from whodunet.grading.scoring import Outcome

    scores = [case.score for case in report.cases if case.score is not None]
    outcomes = {part.outcome for score in scores for part in (score.party, score.cause)}
    wrong = {
        "wrong": {Outcome.WRONG, Outcome.WRONG_WITH_CONFIDENCE},
        "wrong-with-confidence": {Outcome.WRONG_WITH_CONFIDENCE},
    }
    if (fail_on == "regression" and worse) or outcomes & wrong.get(fail_on or "", set()):
        return DID_NOT_HOLD
    return HELD if len(scores) == len(report.cases) else COULD_NOT_RUN
