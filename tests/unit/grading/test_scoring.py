"""Saying what one believes pays best, and classes that nobody can tell apart count as one."""

from __future__ import annotations

import pytest

from tests.unit.grading.graded import DESTINATION_REFUSES, FIREWALL, NOTHING, said
from whodunet.diagnosis.verdict import Party
from whodunet.grading.scoring import Mark, Outcome, score
from whodunet.grading.submission import UNDETERMINED, NoVerdict, Submission

EXACT = Mark(Outcome.EXACT, 1.0)


def party(submission: Submission) -> tuple[Outcome, float]:
    mark = score(submission, FIREWALL).party
    return mark.outcome, mark.points


def test_the_right_party_is_exact() -> None:
    assert party(said(Party.FIRST_HOP)) == (Outcome.EXACT, 1.0)


def test_a_set_that_holds_the_truth_is_worth_one_part_in_as_many_as_it_has() -> None:
    assert party(said(Party.FIRST_HOP, Party.DESTINATION)) == (Outcome.IN_SET, 0.5)
    assert party(said(Party.FIRST_HOP, Party.DESTINATION, Party.PATH, Party.SERVICE)) == (Outcome.IN_SET, 0.25)


def test_who_cannot_tell_gets_more_than_who_is_wrong_and_confidence_makes_it_worse() -> None:
    assert party(UNDETERMINED) == (Outcome.UNDETERMINED, 0.25)
    assert party(said(Party.DESTINATION, confidence="low")) == (Outcome.WRONG, -0.25)
    assert party(said(Party.DESTINATION, confidence="medium")) == (Outcome.WRONG, -0.25)
    assert party(said(Party.DESTINATION, confidence="high")) == (Outcome.WRONG_WITH_CONFIDENCE, -1.0)


def test_a_set_without_the_truth_is_wrong_however_large() -> None:
    assert party(said(*(set(Party) - {Party.FIRST_HOP}), confidence="high")) == (Outcome.WRONG_WITH_CONFIDENCE, -1.0)


def test_no_verdict_is_worth_nothing() -> None:
    assert score(NoVerdict("it crashed"), FIREWALL).party == Mark(Outcome.NO_VERDICT, 0.0)


def test_where_several_parties_are_right_naming_both_is_exact() -> None:
    both = frozenset({Party.DESTINATION, Party.SERVICE})
    truth = type(DESTINATION_REFUSES)("service-not-listening", "instance", both, None)
    assert score(said(*both), truth).party == EXACT
    assert score(said(Party.SERVICE), truth).party == EXACT
    assert score(said(Party.SERVICE, Party.PATH), truth).party.points == 0.5


def test_naming_the_class_of_the_true_cause_scores_full_for_cause_and_party() -> None:
    verdict = said(Party.DESTINATION, Party.CLOUD_EDGE, cause_class="destination-refuses")
    assert score(verdict, DESTINATION_REFUSES).party == EXACT
    assert score(verdict, DESTINATION_REFUSES).cause == EXACT


def test_listing_all_members_of_the_class_is_naming_it() -> None:
    members = ("service-not-listening", "host-firewall-reset", "last-hop-reset-imitated")
    assert score(said(Party.DESTINATION, causes=members), DESTINATION_REFUSES).cause == EXACT
    assert score(said(Party.DESTINATION, causes=members[:2]), DESTINATION_REFUSES).cause.points == 0.5


def test_that_it_cannot_be_told_is_exact_where_the_class_of_the_truth_is_named() -> None:
    assert score(said(cause_class="destination-refuses"), DESTINATION_REFUSES).party == EXACT
    assert score(said(cause_class="destination-refuses"), FIREWALL).party.outcome is Outcome.UNDETERMINED


def test_another_class_counts_as_one_wrong_answer() -> None:
    other = said(Party.DESTINATION, cause_class="port-silent")
    assert score(other, DESTINATION_REFUSES).cause.outcome is Outcome.WRONG
    both = said(Party.DESTINATION, cause_class="port-silent", causes=("service-not-listening",))
    assert score(both, DESTINATION_REFUSES).cause == Mark(Outcome.IN_SET, 0.5)


def test_causes_beside_the_class_make_the_set_larger() -> None:
    verdict = said(Party.DESTINATION, cause_class="destination-refuses", causes=("service-not-listening", "path-reset"))
    assert score(verdict, DESTINATION_REFUSES).cause == Mark(Outcome.IN_SET, 0.5)


def test_one_member_of_the_class_is_wrong_when_the_truth_is_another() -> None:
    verdict = said(Party.DESTINATION, causes=("host-firewall-reset",), confidence="high")
    assert score(verdict, DESTINATION_REFUSES).cause.outcome is Outcome.WRONG_WITH_CONFIDENCE


def test_where_nothing_is_wrong_there_is_no_cause_to_name() -> None:
    assert score(said(Party.NOBODY), NOTHING).cause == EXACT
    assert score(said(Party.NOBODY), NOTHING).hops is None
    assert score(said(Party.FIRST_HOP), NOTHING).party.outcome is Outcome.WRONG
    assert score(said(Party.NOBODY), FIREWALL).cause.outcome is Outcome.UNDETERMINED


@pytest.mark.parametrize(
    ("nearest", "farthest", "points"), [(1, 1, 1.0), (0, 1, 1.0), (1, 2, 1.0), (0, 3, 1 / 3), (2, 2, -0.25)]
)
def test_two_neighbouring_hops_count_as_one(nearest: int, farthest: int, points: float) -> None:
    hops = {"nearest": nearest, "farthest": farthest}
    verdict = Submission.model_validate({"parties": {Party.FIRST_HOP}, "hops": hops})
    mark = score(verdict, FIREWALL).hops
    assert mark is not None
    assert mark.points == pytest.approx(points)


def test_hops_that_were_not_said_are_undetermined() -> None:
    mark = score(said(Party.FIRST_HOP), FIREWALL).hops
    assert mark is not None
    assert mark.outcome is Outcome.UNDETERMINED
