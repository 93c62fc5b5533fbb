"""A session through Session Manager: time to the first prompt, echo of a typed letter, throughput of a port forward.

All by the real AWS CLI on the lab's client. What a session adds is compared, in the same lab and in turns, with what
the CLI takes by itself (`aws --version`, and one call: `aws sts get-caller-identity`) and with the path's round trip.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import Table, Target, percentile
from benchmarks.labs import lab_name, lab_of
from whodunet.engine import plan_for
from whodunet.lab.sandboxed import SandboxedLab
from whodunet.loading.library import Library, find_scenario

_CLIENT: Final = Path(__file__).with_name("session_client.py")
_UNDELAYED: Final = Path(__file__).with_name("undelayed.py")
_LETTERS: Final = 100
_MEBIBYTES: Final = 64


def measure(runs: int) -> Table:
    """Prompts `runs` times in turns with the bare CLI, 100 letters, and 64 MiB `runs` times without delay."""
    with lab_of("ssm-session") as lab:
        turns = _on_client(lab, "prompt", runs)
        letters_ms = _on_client(lab, "echo", _LETTERS)
        rtt_ms = lab.baseline_rtt_ms() or 0.0
    with _undelayed_lab() as lab:
        rates = [_download(lab) for _ in range(runs)]
    floors = [turn["version_s"] + turn["identity_s"] for turn in turns]
    ratio = statistics.median(turn["prompt_s"] / floor for turn, floor in zip(turns, floors, strict=True))
    above_ms = statistics.median(letters_ms) - rtt_ms
    targets = (
        Target("times the bare CLI until the first prompt, median of turns", ratio, 1.5),
        Target("milliseconds that an echo takes above the round trip, median", above_ms, 5),
        Target("Mbit/s through a port forward without delay, median", statistics.median(rates), 50, is_least=True),
    )
    rows = [
        _row("first prompt, s", [turn["prompt_s"] for turn in turns]),
        _row("aws --version and one call, s", floors),
        _row("echo of a letter, ms", letters_ms),
        _row("round trip of the path, ms", [rtt_ms]),
        _row("port forward, Mbit/s", rates),
    ]
    return Table("A session through Session Manager", ("what", "median", "least", "most", "runs"), rows, targets)


def _row(what: str, figures: list[float]) -> list[str | float | None]:
    return [what, percentile(figures, 0.5), min(figures), max(figures), len(figures)]


def _on_client(lab: SandboxedLab, kind: str, number: int) -> Any:
    done = lab.execute("client", f"python3 -I - {kind} {number}", _CLIENT.read_text(encoding="utf-8"), deadline_s=300)
    assert done.exit_status == 0, done.stderr
    return json.loads(done.stdout)


@contextmanager
def _undelayed_lab() -> Iterator[SandboxedLab]:
    library = Library()
    scenario = library.scenario(find_scenario("ssm-session"))
    plan = replace(
        plan_for(scenario, library, lab_name(1)), topology_file=str(_UNDELAYED), keep=(str(_UNDELAYED.parent),)
    )
    with SandboxedLab.start(plan) as lab:
        yield lab


def _download(lab: SandboxedLab) -> float:
    """Mbit/s of one download; the instance sends zeros, which nothing on the way compresses."""
    lab.execute("instance", f"(head -c {_MEBIBYTES}M /dev/zero | ncat -l 8000 --send-only) >/dev/null 2>&1 &")
    rate: float = _on_client(lab, "download", _MEBIBYTES)
    return rate
