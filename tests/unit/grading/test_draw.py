"""What is drawn follows from the seed alone, and each case has a twin beside it where there is one."""

from __future__ import annotations

from tests.unit import case
from whodunet.cases.scenario import Probe, Scenario
from whodunet.grading.draw import drawn, twins_of


def scenario(name: str, command: str = "ssh h", culprit: str | None = "fw", twin_of: str | None = None) -> Scenario:
    whole = case.scenario()
    question = whole.question.model_copy(
        update={"name": name, "probes": {"ssh": Probe(host="client", command=command)}}
    )
    answer = whole.answer.model_copy(update={"culprit": culprit, "twin_of": twin_of})
    return whole.model_copy(update={"question": question, "answer": answer})


MANY = [
    scenario("one", twin_of="two"),
    scenario("two", culprit="instance"),
    scenario("three", "curl http://h"),
    scenario("four", "ssh -v h", culprit="r1"),
]


def test_a_draw_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    assert drawn(MANY, 7, 4) == drawn(MANY, 7, 4)
    assert len({drawn(MANY, seed, 4) for seed in range(20)}) > 10


def test_a_twin_is_in_the_draw_in_the_same_network() -> None:
    for seed in range(20):
        cases = drawn(MANY, seed, 6)[:-1]  # the last may have been cut off from its twin
        for each in cases[: cases.index(cases[-1])]:
            others = {other.scenario for other in cases if other.seed == each.seed} - {each.scenario}
            assert bool(others) == (each.scenario != "three")


def test_each_scenario_comes_once_before_any_comes_again_and_as_many_as_are_asked_for() -> None:
    cases = drawn(MANY, 3, 9)
    assert len(cases) == 9
    assert {each.scenario for each in cases[:5]} == {"one", "two", "three", "four"}
    assert len(set(cases)) == 9


def test_networks_are_drawn_and_not_counted() -> None:
    assert len({each.seed for each in drawn(MANY, 1, 12)}) > 5
    assert max(each.seed or 0 for each in drawn(MANY, 1, 12)) > 1_000_000


def test_a_twin_is_the_one_that_is_named_or_one_that_looks_the_same_for_another_culprit() -> None:
    twins = twins_of(MANY)
    assert twins["one"] == ("two",)
    assert twins["two"] == ("one",)
    assert set(twins["four"]) == {"one", "two"}  # another command line of the same program, refused as well
    assert twins["three"] == ()
