"""What a scenario asks of whoever plays it."""

from __future__ import annotations

from whodunet.cases.scenario import Probe, Question

NAMES = ("ssh", "nc", "curl", "ping")


def question(*, probes_in_order: bool) -> Question:
    probes = {name: Probe(host="client", command=name) for name in NAMES}
    return Question(
        name="n", title="t", story="s", topology="t", vantage="client", probes=probes, probes_in_order=probes_in_order
    )


def test_a_seed_draws_the_order_of_probes_and_each_still_runs_once() -> None:
    orders = {question(probes_in_order=False).order(seed) for seed in range(20)}
    assert len(orders) > 5
    assert all(sorted(order) == sorted(NAMES) for order in orders)


def test_the_order_stays_where_it_matters_and_where_no_seed_is_given() -> None:
    assert {question(probes_in_order=True).order(seed) for seed in range(20)} == {NAMES}
    assert question(probes_in_order=False).order(None) == NAMES
