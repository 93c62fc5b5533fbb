"""Labs to measure, brought up as a person does it (`whodunet up`) or held by this process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from whodunet.engine import plan_for
from whodunet.errors import CannotRun
from whodunet.lab.programs import LAB_PATH
from whodunet.lab.sandboxed import SandboxedLab
from whodunet.loading.library import Library, find_scenario

WHODUNET = (sys.executable, "-P", "-m", "whodunet.cli.main")


def environment() -> dict[str, str]:
    """This process's environment, less what would have Python compile every module at every start.

    With the directories of Open vSwitch's daemons, which an ordinary user's PATH lacks.
    """
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return own | {"PATH": f"{os.environ.get('PATH', '')}:{LAB_PATH}"}


@dataclass(frozen=True)
class Ended:
    """A command that ran to its end."""

    wall_s: float
    cpu_s: float  # its own and that of all processes that were waited for below it
    all_cpu_s: float  # and that of all others
    exit_status: int


def lab_name(number: int) -> str:
    """A name that no other lab of this user has."""
    return f"bench-{os.getpid()}-{number}"


def whodunet(*arguments: str) -> str:
    """Runs the command; returns all that it printed.

    Raises:
        CannotRun: with what it said, when it fails.
    """
    command = [*WHODUNET, *arguments]
    with tempfile.TemporaryFile("w+") as said:  # not a pipe: a lab that stays keeps open what it was started with
        ended = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment()
        )
        said.seek(0)
        output = said.read()
    if ended.returncode != 0:
        raise CannotRun(f"whodunet {' '.join(arguments)}: {output.strip()}")
    return output


@contextmanager
def lab_of(scenario_name: str) -> Iterator[SandboxedLab]:
    """A lab with the scenario's fault in place; it ends with the `with`."""
    library = Library()
    scenario = library.scenario(find_scenario(scenario_name))
    with SandboxedLab.start(plan_for(scenario, library, lab_name(0))) as lab:
        for fault in scenario.staging.faults:
            lab.inject(fault)
        yield lab
