"""Several labs of one scenario, such as a class has them: all of them, or none."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from whodunet.cli.labs import staged_lab, whats_next
from whodunet.cli.output import tell
from whodunet.cli.parsing import variation
from whodunet.cli.terminal import filled
from whodunet.errors import CannotRun, InvalidInput, Problem
from whodunet.lab import control

if TYPE_CHECKING:
    from concurrent.futures import Future

    from whodunet.lab.plan import LabOptions
    from whodunet.lab.sandboxed import SandboxedLab


def bring_up_many(options: argparse.Namespace, special: LabOptions) -> int:
    """Brings up NAME-1 to NAME-N, some at a time, and leaves them running; when one fails, none is left.

    Raises:
        InvalidInput: when one of the names is taken.
        CannotRun: when one of them could not be brought up.
    """
    from whodunet.loading.library import Library, find_scenario

    library = Library(variation=variation(options))
    scenario = library.scenario(find_scenario(options.scenario))
    library.topology(scenario.question.topology)  # read once, before several threads want it
    names = _names(control.name_for(scenario.question.name) if options.name is None else options.name, options.count)
    labs = _bring_up_side_by_side(
        names, options.jobs, lambda name: staged_lab(scenario, library, options, name, special, lambda text: None)
    )
    print(filled(scenario.question.story))
    print(whats_next(names, scenario.question.vantage), flush=True)
    for lab in labs:
        lab.let_go()
    return 0


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
