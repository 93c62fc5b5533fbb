"""A tool on the client of a real lab: what it finds there, what is read of it, and when there is no score."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from whodunet.cases.record_json import from_json
from whodunet.diagnosis.verdict import Party
from whodunet.evidence.observation import Observation, Run
from whodunet.grader import Bench, CaseToGrade, grade_case
from whodunet.grading.report import GradedCase
from whodunet.grading.scoring import Outcome
from whodunet.grading.tool import Tool, VerdictPattern
from whodunet.loading.library import Library, find_scenario
from whodunet.variation import Variation

LOOK_AROUND = r"""
id; hostname; env; ps axww; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n'
ip address; ip route show table all; ip rule; nft list ruleset 2>&1; ss -an; grep CapEff /proc/self/status
find / -xdev -path /usr -prune -o -path /opt/whodunet/packages -prune -o -path /opt/whodunet-itself -prune \
    -o -path /proc -prune -o -path /sys -prune -o -print -type f -size -64k -exec cat {{}} + 2>/dev/null
ls -R /opt/whodunet-itself/whodunet; : {whodunet}
"""


def graded(tool: Tool, scenario: str, keep: Path | None = None, seed: int | None = None) -> GradedCase:
    case = CaseToGrade.of(find_scenario(scenario), Library(variation=Variation(seed)))
    return grade_case(Bench.of(tool, Path()), case, lambda text: None, keep)


def run_of(record: Path) -> Observation:
    run = from_json(Run, (record / "run.json").read_bytes(), "run.json")
    ((_, observation),) = run.phases[0].observations.items()
    return observation


@pytest.mark.parametrize("runs_as", ["root", "user"])
def test_nothing_on_the_client_tells_the_case_its_cause_or_its_culprit(
    runs_as: Literal["root", "user"], tmp_path: Path
) -> None:
    spy = Tool(name="spy", title="spy", command=LOOK_AROUND, runs_as=runs_as, patterns=())
    keep = tmp_path / "record"

    case = graded(spy, "path-reset", keep, seed=20)
    seen = run_of(keep).output

    assert case.invalid is None
    assert "PATH=" in seen
    assert "egress_firewall.py" not in seen  # nor any topology or policy
    for told in ("path-reset", "transit1", "firewall-rule", "reset", "corporate_vpn", "scenario", "--seed"):
        assert told not in _without_fixed_words(seen), told
    has_capabilities = "CapEff:\t0000000000000000" not in seen
    assert has_capabilities == (runs_as == "root")


def _without_fixed_words(seen: str) -> str:
    """Without the listing of whodunet's own modules, which are the same in every lab, and the command itself."""
    return seen.partition("/opt/whodunet-itself/whodunet:")[0].replace(LOOK_AROUND, "")


def test_a_tool_that_takes_the_fault_away_gets_no_score() -> None:
    flush = Tool(name="flush", title="flush", command="nft flush ruleset; nc -z {host} {port}", patterns=())

    case = graded(flush, "local-output-reset")

    assert case.score is None
    assert case.invalid is not None
    assert "was not in place any more when the tool had run" in case.invalid


def test_an_analyser_gets_what_the_client_captured_of_its_users_tries_and_sends_nothing() -> None:
    refused = VerdictPattern(when=r"Flags \[R\.\]", parties=(Party.FIRST_HOP,))
    pings = VerdictPattern(when="echo request", parties=(Party.SERVICE,))  # of the lab's own baseline
    reader = Tool(
        name="tcpdump", title="tcpdump", command="tcpdump -n -r {capture} tcp or icmp", patterns=(pings, refused)
    )

    case = graded(reader, "egress-reset-spoofed-ttl")

    assert case.score is not None
    assert case.score.party.outcome is Outcome.EXACT, case.said
    assert case.cost is not None
    assert case.cost.packets_sent == 0


def test_packets_and_handshakes_are_counted_where_they_are_seen_and_not_where_the_tool_says() -> None:
    twice = Tool(name="nc", title="nc", command="nc -z {host} {port}; nc -z {host} {port}; echo 0 packets", patterns=())

    case = graded(twice, "healthy")

    assert case.cost is not None
    assert case.cost.full_handshakes == 2
    assert case.cost.packets_sent >= 6
