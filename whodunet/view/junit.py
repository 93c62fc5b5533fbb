"""Judgements and grades as JUnit XML, one test case a claim or a case, for continuous integration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from whodunet.cases.judging import Judgement
from whodunet.grading.report import GradedCase, GradeReport
from whodunet.grading.scoring import Outcome
from whodunet.view.models.grade import answer_of, outcome_of, truth_of
from whodunet.view.visible import visible

_TAGS = {"broken": "failure", "could-not-measure": "error"}  # "could not measure" is neither a pass nor a skip


def render_junit(
    judged: Mapping[str, Sequence[Judgement]],
    durations_s: Mapping[str, float] | None = None,
    failures: Mapping[str, str] | None = None,
) -> str:
    """The XML document: a test suite a scenario, in the order given; a broken claim is a failure.

    Args:
        judged: judgements by scenario name.
        durations_s: how long each scenario took, where it is known.
        failures: why a scenario could not be played; an error, for none of its claims was judged.
    """
    root = ElementTree.Element("testsuites", name="whodunet")
    for scenario, judgements in judged.items():
        _suite(root, scenario, judgements, (durations_s or {}).get(scenario))
    for scenario, why in (failures or {}).items():
        suite = ElementTree.SubElement(root, "testsuite", name=scenario, tests="1", failures="0", errors="1")
        case = ElementTree.SubElement(suite, "testcase", classname=scenario, name="is played")
        ElementTree.SubElement(case, "error", message=why).text = why
    return _document(root)


def render_grades(report: GradeReport) -> str:
    """The XML document of a graded tool: a wrong verdict, or none, is a failure; a network that changed is an error."""
    root = ElementTree.Element("testsuites", name="whodunet")
    suite = ElementTree.SubElement(root, "testsuite", name=report.tool, tests=str(len(report.cases)))
    cases = [_graded(suite, case) for case in report.cases]
    for tag in ("failure", "error"):
        suite.set(f"{tag}s", str(sum(case.find(tag) is not None for case in cases)))
    return _document(root)


def _graded(suite: ElementTree.Element, graded: GradedCase) -> ElementTree.Element:
    case = ElementTree.SubElement(suite, "testcase", classname=suite.get("name", ""), name=graded.name)
    outcome, said = outcome_of(graded), f"said {answer_of(graded)}; it is {truth_of(graded)}"
    if graded.cost is not None:
        case.set("time", f"{graded.cost.took_s:.3f}")
    if graded.score is None:
        ElementTree.SubElement(case, "error", message=f"{outcome}: {graded.invalid}")
    elif outcome in (Outcome.WRONG, Outcome.WRONG_WITH_CONFIDENCE, Outcome.NO_VERDICT):
        ElementTree.SubElement(case, "failure", message=f"{outcome}: {graded.no_verdict or said}")
    record = f"\nrecord: {graded.record}" if graded.record else ""
    ElementTree.SubElement(case, "system-out").text = f"{outcome}: {said}{record}"
    return case


def _document(root: ElementTree.Element) -> str:
    for element in root.iter():
        _make_writable(element)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(root: ElementTree.Element, scenario: str, judgements: Sequence[Judgement], duration_s: float | None) -> None:
    outcomes = [judgement.outcome for judgement in judgements]
    suite = ElementTree.SubElement(root, "testsuite", name=scenario, tests=str(len(outcomes)))
    suite.set("failures", str(outcomes.count("broken")))
    suite.set("errors", str(outcomes.count("could-not-measure")))
    if duration_s is not None:
        suite.set("time", f"{duration_s:.3f}")
    for judgement in judgements:
        case = ElementTree.SubElement(suite, "testcase", classname=scenario, name=judgement.claim.id)
        if judgement.outcome in _TAGS:
            message = f"{judgement.claim.says}: expected {judgement.expected}; seen {judgement.seen}"
            ElementTree.SubElement(case, _TAGS[judgement.outcome], message=message).text = message


def _make_writable(element: ElementTree.Element) -> None:
    """Escapes what XML 1.0 has no way to write, whatever name or output it came from."""
    element.attrib = {name: visible(value) for name, value in element.attrib.items()}
    element.text = element.text and visible(element.text)
