"""The seat as a task of Inspect: a sample a case, the tools of the seat, and a scorer that grades as tools are graded.

Needs the extra `inspect`. Source: inspect.aisi.org.uk, Tasks, Tools and Scorers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cache, partial
from typing import Final, TypeVar

import pydantic_core
from anyio import to_thread
from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, generate, solver
from inspect_ai.tool import ToolDef, ToolError
from pydantic import ValidationError

from whodunet.agents.seat import Seat, brief_of
from whodunet.errors import InvalidInput, Problem, WhodunetError
from whodunet.evidence.topology import Family
from whodunet.grader import CaseToGrade, drawn_from, gradable
from whodunet.grading.submission import Submission
from whodunet.loading.library import Library, scenario_names
from whodunet.loading.split_files import find_split
from whodunet.scheduling import Gate
from whodunet.variation import Variation

_MOST_MESSAGES: Final = 100  # of one sample, so that a model which never submits comes to an end
_MOST_OUTPUT_BYTES: Final = 200_000  # of one tool; Inspect's own limit would cut the list of causes
_Told = TypeVar("_Told")


@task
def who_did_it(
    scenarios: str | list[str] = "",
    split: str | None = None,
    seed: int | None = None,
    cases: int | None = None,
    family: Family = "ipv4",
    minutes: float = 20,
) -> Task:
    """Who refused, dropped or broke a connection? Each sample is one lab, of which the model has the client.

    Args:
        scenarios: their names, separated by commas; without any, all that can be graded.
        split: a frozen list of scenarios instead, `development` or `test`, as `whodunet grade` has them.
        seed: draws networks and order, and each case with a twin; None: each scenario once, as its file states it.
        cases: how many are drawn.
        family: which addresses the cases go over.
        minutes: how long each seat lasts.
    """
    wanted = _cases(scenarios, split, seed, cases, family)
    return Task(
        dataset=[_sample(case, minutes) for case in wanted],
        setup=take_seat({case.name: case for case in wanted}, minutes),
        solver=generate(tool_calls="loop"),
        cleanup=_leave_seat,
        scorer=graded(),
        message_limit=_MOST_MESSAGES,
    )


def _cases(
    scenarios: str | list[str], split: str | None, seed: int | None, count: int | None, family: Family
) -> list[CaseToGrade]:
    given = scenarios.split(",") if isinstance(scenarios, str) else scenarios
    named = [name.strip() for name in given if name.strip()]
    frozen = find_split(split) if split is not None else None
    if frozen is not None and seed is None:
        seed = frozen.seed
        if seed is None:
            wrong = "is drawn from a seed that whoever grades chooses"
            raise InvalidInput(Problem(f"split={split}", wrong, "add -T seed=N"))
    names = named or (frozen.scenarios if frozen is not None else scenario_names())
    stated, left_out = gradable(Library(variation=Variation(None, family)), names)
    if named and left_out:
        raise InvalidInput(*(Problem(name, why, "leave it out") for name, why in left_out.items()))
    return stated if seed is None else drawn_from(stated, seed, count or len(stated))


def _sample(case: CaseToGrade, minutes: float) -> Sample:
    """What the model is told; the sample's id, which it is not told, is the case's name."""
    return Sample(input=brief_of(case, 60 * minutes), id=case.name)


# Seats: a lab can be in no message and no store, so they are here, by their sample's run.


@dataclass(frozen=True)
class _Taken:
    """A seat, and what ends its lab."""

    seat: Seat
    leave: ExitStack


_SEATS: Final[dict[str, _Taken]] = {}


@cache
def _gate() -> Gate:
    """Lets as many labs be at a time as the machine has room for, however many samples Inspect would run."""
    return Gate(None)


@solver
def take_seat(cases: dict[str, CaseToGrade], minutes: float) -> Solver:
    """Brings the sample's lab up and gives the model its tools; whatever solves the task comes after it."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        taken = await to_thread.run_sync(_take, cases[str(state.sample_id)], minutes)
        _SEATS[state.uuid] = taken
        state.tools = _tools(taken.seat)
        return state

    return solve


def _take(case: CaseToGrade, minutes: float) -> _Taken:
    with ExitStack() as leave:
        _gate().enter()
        leave.callback(_gate().leave)
        seat = leave.enter_context(Seat.taken(case, 60 * minutes, lambda text: None))
        return _Taken(seat, leave.pop_all())


async def _leave_seat(state: TaskState) -> None:
    """Ends the sample's lab, also when the sample has failed."""
    taken = _SEATS.pop(state.uuid, None)
    if taken is not None:
        await to_thread.run_sync(taken.leave.close)


def _tools(seat: Seat) -> list[ToolDef]:
    async def run(command: str, time_limit_s: float = 30) -> str:
        return _json(asdict(await _asked(partial(seat.run, command, time_limit_s))))

    async def packets(after: int = 0, most: int = 50) -> str:
        return _json([each.model_dump() for each in await _asked(partial(seat.packets, after, most))])

    async def causes() -> str:
        return _json([asdict(each) for each in seat.causes()])

    async def submit(verdict: str) -> str:
        try:
            submission = Submission.model_validate_json(verdict)
        except ValidationError as error:
            raise ToolError(f"the verdict makes no sense: {error}") from error
        await _asked(partial(seat.submit, submission))
        return "The verdict is in. There is nothing more to do."

    schema = json.dumps(Submission.model_json_schema())
    return [
        ToolDef(
            run,
            description="Run a shell command on the client, as root. What it leaves running has to give up its output.",
            parameters={"command": "as bash reads it", "time_limit_s": "after which it is killed"},
        ),
        ToolDef(
            packets,
            description="The packets that the client's interfaces have seen, in the form in which to cite them.",
            parameters={"after": "the number of the last that is known already", "most": "how many to tell"},
            max_output=_MOST_OUTPUT_BYTES,
        ),
        ToolDef(
            causes,
            description="The names of all causes that a verdict may name, with their classes.",
            max_output=_MOST_OUTPUT_BYTES,
        ),
        ToolDef(
            submit,
            description="Hand in the verdict, once. How good it was is not told here.",
            parameters={"verdict": f"a JSON object of this schema: {schema}"},
        ),
    ]


def _json(told: object) -> str:
    return pydantic_core.to_json(told).decode()


async def _asked(ask: Callable[[], _Told]) -> _Told:
    """Asks the seat without holding up other samples; what it refuses the model is told."""
    try:
        return await to_thread.run_sync(ask)
    except WhodunetError as error:
        raise ToolError(str(error)) from error


@scorer(metrics=[mean(), stderr()])
def graded() -> Scorer:
    """The points of the party; not a number where the case did not stay what it was, which Inspect leaves out."""

    async def score(state: TaskState, target: Target) -> Score:
        case = await to_thread.run_sync(_SEATS[state.uuid].seat.result)
        whole = json.loads(pydantic_core.to_json(case))
        if case.score is None:
            return Score(value=math.nan, explanation=case.invalid, metadata=whole)
        party, cause = case.score.party, case.score.cause
        return Score(
            value=party.points,
            answer=None if case.said is None else ", ".join(case.said.parties) or "cannot tell",
            explanation=f"party {party.outcome}, cause {cause.outcome}; it is {', '.join(case.truth.parties)}",
            metadata=whole,
        )

    return score
