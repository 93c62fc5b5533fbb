"""Two cases are twins when the same probe says the same in both, for another cause."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit import case
from whodunet.cases.recording import Recording
from whodunet.cases.scenario import Probe, Scenario
from whodunet.cases.twins import judge_twin, mismatches
from whodunet.evidence.observation import Observation


def other(scenario: Scenario | None = None, *, name: str = "other", **answer: Any) -> Scenario:
    """A case beside the reference case, with another answer."""
    whole = scenario or case.scenario()
    changes = {"cause": "service-not-listening", "culprit": "instance"} | answer
    question = whole.question.model_copy(update={"name": name})
    return whole.model_copy(update={"question": question, "answer": whole.answer.model_copy(update=changes)})


def with_probe(scenario: Scenario, host: str, command: str) -> Scenario:
    question = scenario.question.model_copy(update={"probes": {"ssh": Probe(host=host, command=command)}})
    return scenario.model_copy(update={"question": question})


def played(stderr: str, **more: Any) -> Recording:
    return case.recording(case.scenario(), case.run(faulty=case.observation(stderr=stderr, **more)))


def judged(one: Recording, twin: Recording) -> tuple[str, str, str]:
    judgement = judge_twin(one, twin)
    return judgement.outcome, judgement.expected, judgement.seen


def test_cases_with_one_first_probe_and_another_cause_are_twins() -> None:
    assert list(mismatches(case.scenario(), other())) == []


@pytest.mark.parametrize(("host", "command"), [("instance", "ssh 10.0.1.10 true"), ("client", "ssh 10.0.1.10 false")])
def test_cases_whose_first_probes_differ_are_no_twins(host: str, command: str) -> None:
    (wrong,) = mismatches(case.scenario(), with_probe(other(), host, command))
    assert wrong == (f"is other, whose first probe is `{command}` on {host}", "let both begin with the same probe")


def test_a_case_of_the_same_cause_and_culprit_is_no_twin() -> None:
    same = other(cause="egress-reset", culprit="fw")
    assert [wrong for wrong, _ in mismatches(case.scenario(), same)] == [
        "is other, whose cause and culprit are the same"
    ]
    assert list(mismatches(case.scenario(), other(cause="egress-reset", culprit="other-fw"))) == []


def test_a_case_that_shows_another_symptom_is_no_twin() -> None:
    scenario = other()
    healthy = scenario.model_copy(
        update={"answer": scenario.answer.model_copy(update={"faulty": scenario.answer.repaired})}
    )
    assert [wrong for wrong, _ in mismatches(case.scenario(), healthy)] == [
        "is other, whose first probe shows connected"
    ]


def test_the_same_words_with_other_figures_are_the_same() -> None:
    one = played("ssh: connect to host 10.0.1.10 port 22: Connection refused\r\n")
    twin = played("ssh: connect to host fd00:1::a port 2222: Connection refused\nreal 0m1.2s, 02:42:ac:11:00:02\n")
    same = played("ssh: connect to host 192.0.2.7 port 1: Connection refused\n")
    assert judged(one, same) == (
        "held",
        "as in reference: refused: ssh: connect to host # port #: Connection refused",
        "refused: ssh: connect to host # port #: Connection refused",
    )
    outcome, expected, _ = judged(one, twin)
    assert outcome == "broken"
    assert expected.endswith("ssh: connect to host # port #: Connection refused / real #m#s, #")


def test_what_is_said_again_and_again_is_said_once() -> None:
    line = "ssh: connect to host 10.0.1.10 port 22: Connection refused\n"
    assert judged(played(line), played(line * 3))[0] == "held"


def test_other_words_are_not_those_of_a_twin() -> None:
    one = played("ssh: connect to host 10.0.1.10 port 22: Connection refused\r\n")
    assert judged(one, played("ssh: connect to host 10.0.1.10 port 22: No route to host\r\n"))[0] == "broken"


def test_a_twin_that_could_not_be_measured_proves_nothing() -> None:
    refused = "ssh: connect to host 10.0.1.10 port 22: Connection refused\r\n"
    failed: Observation = case.observation(failure="no such host")
    lost = case.recording(case.scenario(), case.run(faulty=failed))
    assert judged(played(refused), lost) == (
        "could-not-measure",
        "the words of reference",
        "reference said nothing to compare",
    )
    assert judged(lost, played(refused))[0] == "could-not-measure"
