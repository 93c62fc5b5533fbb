"""The command that makes a corpus of captures whose truth is known: record."""

from __future__ import annotations

import argparse
import re
import tempfile
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Final

from whodunet.cli import naming
from whodunet.cli.checking import numbered
from whodunet.cli.exit_status import exit_status
from whodunet.cli.parsing import Commands, add_jobs_option, add_seeds_options, positive, variations
from whodunet.cli.terminal import hanging
from whodunet.errors import InvalidInput, Problem, WhodunetError

if TYPE_CHECKING:
    from whodunet.cases.scenario import Scenario
    from whodunet.loading.library import Library

_COULD_NOT: Final = "could-not-measure"


def add_commands(commands: Commands) -> None:
    """Adds this file's command."""
    recording = commands.add_parser(
        "record", help="captures whose truth is known: question and answer", description=record.__doc__
    )
    naming.complete(
        recording.add_argument("scenarios", metavar="NAME", nargs="*", help="names or YAML files"), naming.scenarios
    )
    recording.add_argument("--all", action="store_true", help="all scenarios that come with the lab")
    naming.complete(
        recording.add_argument(
            "--from", dest="runs", action="append", default=[], metavar="RUN",
            help="of the record of a run, by its name or folder, instead of a new play; may be repeated",
        ),
        naming.records,
    )  # fmt: skip
    recording.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FOLDER", help="where each case gets a folder of its own"
    )
    recording.add_argument(
        "--snaplen", type=positive, metavar="BYTES", help="keep no more than the first BYTES of each packet"
    )
    add_seeds_options(recording)
    add_jobs_option(recording)
    recording.set_defaults(run=record)


@dataclass(frozen=True)
class Written:
    """What came of one case."""

    folder: Path
    outcome: str
    failure: str = ""

    def lines(self) -> str:
        """As the command tells it."""
        told = f"wrote {self.folder}" if self.outcome == "held" else f"not written: {self.folder.name}"
        return told if not self.failure else f"{told}\n{hanging(self.failure)}"


def record(options: argparse.Namespace) -> int:
    """Writes cases for those who diagnose from captures alone: what the client saw, and apart from it the truth.

    Each case is a folder: question.pcapng and question.json hold what somebody at the client can know; truth.pcapng
    holds every interface, each packet with a comment that says who really sent it; answer.json says the rest.
    """
    from whodunet.loading.library import Library, find_scenario, scenario_names
    from whodunet.records import find_record

    names = scenario_names() if options.all else options.scenarios
    if not names and not options.runs:
        raise InvalidInput(Problem("record", "no scenario is named", "name some, use --all, or give records by --from"))
    written = [_from_record(find_record(run), options) for run in options.runs]
    for each in written:
        print(each.lines(), flush=True)
    libraries = [Library(variation=each) for each in variations(options)] if names else []
    written += _play(_readable([find_scenario(name) for name in names], libraries, options.all), options)
    return exit_status([each.outcome for each in written])


def _from_record(record: Path, options: argparse.Namespace) -> Written:
    from whodunet.loading.library import Library

    folder = _new_folder(options.output / record.resolve().name)
    return _write(folder, record, Library(), options.snaplen)


def _readable(paths: list[Path], libraries: list[Library], is_all: bool) -> list[tuple[Scenario, Library]]:
    """The scenarios in each variation; where all are asked for, without those of the other family."""
    from whodunet.loading.scenario_file import NotOverFamily

    plays = []
    for library, path in product(libraries, paths):
        try:
            plays.append((library.scenario(path), library))
        except NotOverFamily:
            if not is_all:
                raise
    return plays


def _play(plays: list[tuple[Scenario, Library]], options: argparse.Namespace) -> list[Written]:
    from whodunet.lab.launching import started_warm
    from whodunet.records import record_name
    from whodunet.scheduling import SideBySide, Task, expected_s

    tasks = {}
    labels = numbered([library.variation.of(scenario.question.name) for scenario, library in plays])
    for label, (scenario, library) in zip(labels, plays, strict=True):
        folder = _new_folder(options.output / re.sub("-+", "-", record_name(label)))
        topology = library.of(scenario).topology(scenario.question.topology)
        play = partial(_play_one, folder, scenario, library, options.snaplen)
        tasks[folder] = Task(play, expected_s(scenario, topology))
    with started_warm(len(tasks)):
        plays_of_all = SideBySide(tasks, options.jobs)
        try:
            for _, done in plays_of_all.finished():
                print(done.result().lines(), flush=True)
        except BaseException:
            plays_of_all.end()
            raise
    return [done.result() for done in plays_of_all.results.values()]


def _play_one(folder: Path, scenario: Scenario, library: Library, snaplen: int | None) -> Written:
    from whodunet import engine
    from whodunet.records import new_record

    with tempfile.TemporaryDirectory(prefix="whodunet-record-") as kept:
        record = Path(kept) / "record"
        try:
            with new_record(record, scenario.source):
                engine.play(scenario, library, lambda text: None, record)
            return _write(folder, record, library, snaplen)
        except (WhodunetError, OSError) as error:
            return Written(folder, _COULD_NOT, str(error))


def _write(folder: Path, record: Path, library: Library, snaplen: int | None) -> Written:
    from whodunet.corpus import write_case

    recording = write_case(folder, record, library, snaplen)
    wrong = [f"{each.claim.id}: expected {each.expected}, seen {each.seen}" for each in recording.judgements
             if each.outcome != "held"]  # fmt: skip
    return Written(folder, recording.outcome, "\n".join(wrong))


def _new_folder(folder: Path) -> Path:
    """A case's folder, with nothing in it.

    Raises:
        InvalidInput: when it has.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise InvalidInput(Problem(str(folder), "is not empty", "name another folder: -o FOLDER"))
    return folder
