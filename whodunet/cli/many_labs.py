"""Several labs of one scenario, such as a class has them: all of them, or none."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, Self

from whodunet.cli.labs import print_servers, staged_lab, told, whats_next
from whodunet.cli.output import tell
from whodunet.cli.parsing import variation
from whodunet.cli.servers import servers_of_labs, servers_table
from whodunet.cli.terminal import filled
from whodunet.errors import CannotRun, InvalidInput, Problem
from whodunet.lab import control
from whodunet.lab.neighbours import MORE_ROOM, labs_with_room
from whodunet.variation import HIGHEST_SEED, Variation

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from whodunet.cases.scenario import Scenario
    from whodunet.evidence.topology import Topology
    from whodunet.lab.plan import LabOptions
    from whodunet.lab.sandboxed import SandboxedLab
    from whodunet.loading.library import Library


@dataclass(frozen=True)
class _Case:
    """A scenario in one variation of its network, read once, before several threads want it."""

    library: Library
    scenario: Scenario
    topology: Topology

    @classmethod
    def read(cls, path: Path, library: Library) -> Self:
        scenario = library.scenario(path)
        return cls(library, scenario, library.of(scenario).topology(scenario.question.topology))


def bring_up_many(options: argparse.Namespace, special: LabOptions) -> int:
    """Brings up NAME-1 to NAME-N, some at a time, and leaves them running; when one fails, none is left.

    With a seed each has its own, one more than the lab before.

    Raises:
        InvalidInput: when one of the names is taken.
        CannotRun: when one of them could not be brought up.
    """
    from whodunet.lab.launching import started_warm
    from whodunet.loading.library import Library, find_scenario

    path = find_scenario(options.scenario)
    cases = [_Case.read(path, Library(variation=each)) for each in _variations(variation(options), options.count)]
    question = cases[0].scenario.question
    names = _names(control.name_for(question.name) if options.name is None else options.name, options.count)
    case_of = dict(zip(names, cycle(cases), strict=False))
    for note in (*cases[0].library.unused_seed(cases[0].topology), *_crowding(options.count, labs_with_room())):
        tell(note)

    def bring_up(name: str) -> SandboxedLab:
        case = case_of[name]
        return staged_lab(case.scenario, case.library, options, name, special, lambda text: None)

    with started_warm(len(names)):
        labs = _bring_up_side_by_side(names, options.jobs, bring_up)
    print(_stories({name: told(case.scenario.question, options) for name, case in case_of.items()}))
    if all(case.topology == cases[0].topology for case in cases):
        print_servers(servers_table(cases[0].topology, question.vantage))
    else:
        networks = {name: case.topology for name, case in case_of.items()}
        print_servers(servers_of_labs(networks, question.vantage))
    print(whats_next(names, question.vantage), flush=True)
    for lab in labs:
        lab.let_go()
    return 0


def _crowding(count: int, room: int | None) -> Iterator[str]:
    """That so many labs may be more than the machine's kernel has room for, where that is so."""
    if room is not None and count > room:
        yield (
            f"{count} labs may be too many for this machine's tables of neighbours, which take about {room}: then"
            f" a first packet is lost now and then, and comes a second later; as root, `{MORE_ROOM}` makes room"
        )


def _stories(stories: Mapping[str, str]) -> str:
    """The story of all labs; where ports and names in it differ, that of each."""
    if len({*stories.values()}) == 1:
        return filled(next(iter(stories.values())))
    return "\n\n".join(filled(f"{lab}: {story}") for lab, story in stories.items())


def _variations(first: Variation, count: int) -> list[Variation]:
    """Of each lab its own, where they are drawn from seeds; else the one of all of them.

    Raises:
        InvalidInput: when there are not so many seeds from the first one on.
    """
    if first.seed is None:
        return [first]
    last = first.seed + count - 1
    if last > HIGHEST_SEED:
        fix = f"begin with a lower one: --seed {max(0, HIGHEST_SEED - count + 1)}"
        raise InvalidInput(
            Problem(f"--seed {first.seed}", f"gives lab {count} the seed {last}, which is too high", fix)
        )
    return [replace(first, seed=seed) for seed in range(first.seed, last + 1)]


def _names(base: str, count: int) -> list[str]:
    names = [control.require_name(f"{base}-{number}") for number in range(1, count + 1)]
    taken = sorted(set(names) & set(control.running()))
    if taken:
        fix = "end it with `whodunet down`, or give others a name with --as"
        raise InvalidInput(*(Problem(name, "a lab of that name is running", fix) for name in taken))
    return names


def _bring_up_side_by_side(
    names: Sequence[str], jobs: int | None, bring_up: Callable[[str], SandboxedLab]
) -> list[SandboxedLab]:
    """The labs, in the order of their names; whatever interrupts it ends all of them."""
    from whodunet.lab.launching import end_all
    from whodunet.scheduling import SideBySide, Task

    coming = SideBySide({name: Task(partial(bring_up, name)) for name in names}, jobs)
    try:
        for count, (name, done) in enumerate(coming.finished(), 1):
            _check(done, name, len(names))
            tell(f"{name} is up ({count} of {len(names)})")
    except BaseException:
        coming.end()
        end_all()  # those that are up already, too
        raise
    return [coming.results[name].result() for name in names]


def _check(done: Future[SandboxedLab], name: str, count: int) -> None:
    try:
        done.result()
    except CannotRun as error:
        raise CannotRun(f"{name} could not be brought up, so none of the {count} labs is left: {error}") from error
