"""Spreads the labs of `grade` over the workers of a Dask cluster; each has whodunet and what its labs need.

Dask is the scheduler. A worker grades as many cases at a time as it has threads.
Source: distributed.dask.org, "Client".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from whodunet import catalogue
from whodunet.catalogue import Catalogue
from whodunet.errors import CannotRun
from whodunet.grader import Bench, CaseToGrade, grade_case
from whodunet.grading.report import GradedCase
from whodunet.loading.library import Library, find_scenario
from whodunet.records import record_name
from whodunet.variation import Variation

_CONNECTS_WITHIN_S = 20


def grade_all_on(address: str, bench: Bench, cases: Sequence[CaseToGrade], keep: Path | None) -> Iterator[GradedCase]:
    """Grades cases on the workers of the cluster whose scheduler has an address; tells of each as soon as it is done.

    A tool's shares, a scenario of one's own, and the folder of the records have to be at the same place on every
    worker, as on a file system that they share; what comes with whodunet, each takes from its own.

    Raises:
        CannotRun: when Dask is not installed, or nobody answers there.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise CannotRun("--dask takes Dask, not installed here; fix: pip install 'whodunet[dask]'") from error
    places = catalogue.given().places
    try:
        client = Client(address, timeout=_CONNECTS_WITHIN_S)
    except (OSError, ValueError) as error:
        raise CannotRun(f"--dask {address}: no scheduler answers there: {error}") from error
    with client:
        grading = [
            client.submit(
                _grade,
                bench,
                _where(case),
                case.library.variation,
                places,
                keep and keep.resolve() / record_name(case.name),
                pure=False,
            )
            for case in cases
        ]
        for done in as_completed(grading):
            yield done.result()


def _where(case: CaseToGrade) -> str:
    """A scenario as every worker finds it: one that comes along by its name, else by its path."""
    own = catalogue.folder("scenarios").resolve()
    file = Path(case.scenario.file)
    return file.stem if file.parent == own else str(file)


def _grade(
    bench: Bench, scenario: str, variation: Variation, places: tuple[Path, ...], keep: Path | None
) -> GradedCase:
    """On a worker: makes the case there, and grades it."""
    library = Library(Catalogue(places), variation)
    return grade_case(bench, CaseToGrade.of(find_scenario(scenario), library), lambda text: None, keep)
