"""Causes: which faults they are, how they are found, and who looks the same."""

from __future__ import annotations

from collections.abc import Mapping

from whodunet.cases.causes import Cause, CauseClass, FaultFacts, Taxonomy, causes_of, rivals
from whodunet.evidence.symptom import Symptom


def cause(name: str, number: str, fault: FaultFacts | None = None, classes: tuple[str, ...] = ()) -> Cause:
    return Cause(
        name=name,
        id=number,
        party="somebody",
        title=f"It is {name}",
        looks_like=Symptom.TIMED_OUT,
        told_by="its look",
        fault=fault,
        classes=classes,
    )


def cause_class(name: str, number: str) -> CauseClass:
    return CauseClass(name=name, id=number, title="t", honest_answer="one of these", settled_by="asking")


def by_name(*causes: Cause) -> Mapping[str, Cause]:
    return {each.name: each for each in causes}


def test_a_fault_is_the_cause_that_asks_for_the_most_of_its_facts() -> None:
    wide, narrow = cause("wide", "Z01", {"kind": "drop"}), cause("narrow", "Z02", {"kind": "drop", "role": ("a", "b")})
    assert causes_of({"kind": "drop", "role": "b"}, (wide, narrow)) == (narrow,)
    assert causes_of({"kind": "drop", "role": "c"}, (wide, narrow)) == (wide,)
    assert causes_of({"kind": "reset"}, (wide, narrow)) == ()


def test_a_cause_that_nothing_makes_is_no_fault_and_nobodys_rival() -> None:
    unmade, made = cause("unmade", "Z01"), cause("made", "Z02", {"kind": "drop"})
    assert causes_of({"kind": "drop"}, (unmade, made)) == (made,)
    assert causes_of({}, (unmade,)) == ()
    assert list(rivals((unmade, cause("another", "Z03"), made))) == []


def test_two_that_ask_for_as_much_are_rivals_if_one_fault_may_have_it_all() -> None:
    one, other = cause("one", "Z01", {"kind": ("drop", "reset")}), cause("other", "Z02", {"kind": "reset"})
    assert list(rivals((one, other))) == [(one, other)]
    assert list(rivals((one, cause("third", "Z03", {"kind": "reject"})))) == []


def test_a_cause_and_a_class_are_found_by_name_and_by_id_in_either_case() -> None:
    drop, silent = cause("drop", "Z01"), cause_class("silent", "E3i")
    taxonomy = Taxonomy(by_name(drop), {"silent": silent})
    assert [taxonomy.cause(each) for each in ("drop", "Z01", "z01", "E3i")] == [drop, drop, drop, None]
    assert [taxonomy.cause_class(each) for each in ("silent", "E3i", "e3I", "Z01")] == [silent, silent, silent, None]


def test_the_members_of_a_class_are_those_that_say_so_by_their_ids() -> None:
    late, early = cause("a", "Z02", classes=("E1",)), cause("b", "Z01", classes=("E2", "E1"))
    first, second = cause_class("first", "E1"), cause_class("second", "E2")
    taxonomy = Taxonomy(by_name(late, early, cause("c", "Z00")), {"first": first, "second": second})
    assert taxonomy.members(first) == (early, late)
    assert taxonomy.classes_of(early) == (second, first)


def test_classes_come_by_the_numbers_of_their_ids() -> None:
    ids = ["E10", "E3i", "E2", "E3"]
    taxonomy = Taxonomy({}, {each: cause_class(each, each) for each in ids})
    assert [each.id for each in taxonomy.classes_in_order()] == ["E2", "E3", "E3i", "E10"]
