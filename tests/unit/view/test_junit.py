"""JUnit XML and JSON say the same as the judgements."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

from tests.unit.grading.graded import invalid, one_case, report, said
from whodunet.cases.claims import SymptomShown
from whodunet.cases.findings import Finding, Outcome
from whodunet.cases.judging import Judgement
from whodunet.cases.scenario import SymptomClaim
from whodunet.diagnosis.verdict import Party
from whodunet.evidence.symptom import Symptom
from whodunet.grading.submission import NoVerdict
from whodunet.view.json_report import as_json
from whodunet.view.junit import render_grades, render_junit

REFUSED = SymptomClaim(symptom=Symptom.REFUSED)


def judgement(probe: str, outcome: Outcome, expected: str = "", seen: str = "") -> Judgement:
    return Judgement(SymptomShown("faulty", probe, REFUSED), (Finding(outcome, expected, seen),))


HELD = judgement("ssh", "held", "refused", "refused")
BROKEN = judgement('"nc" & more', "broken", "<a>", "b\x1b[0m")
UNMEASURED = judgement("ping", "could-not-measure", "a", "b")


def test_each_claim_is_a_test_case_and_what_was_not_measured_is_an_error() -> None:
    root = ElementTree.fromstring(render_junit({"one": [HELD, BROKEN, UNMEASURED], "two": []}, {"one": 1.5}))

    one, two = root
    assert one.attrib == {"name": "one", "tests": "3", "failures": "1", "errors": "1", "time": "1.500"}
    assert two.attrib == {"name": "two", "tests": "0", "failures": "0", "errors": "0"}
    assert [case.get("name") for case in one] == [
        "faulty/symptom/ssh",
        'faulty/symptom/"nc" & more',
        "faulty/symptom/ping",
    ]
    assert [[child.tag for child in case] for case in one] == [[], ["failure"], ["error"]]


def test_any_text_survives_the_way_through_xml() -> None:
    root = ElementTree.fromstring(render_junit({"one": [BROKEN]}))

    assert root[0][0][0].get("message") == '"nc" & more says refused: expected <a>; seen b\\u001b[0m'


# Source: XML 1.0, section 2.2, Char: what it has no way to write, with both ends of each range.
FORBIDDEN = "\x00\x01\x08\x0b\x0c\x0e\x1f\ud800\udbff\udc00\udfff\ufffe\uffff"


def test_xml_is_well_formed_and_can_be_stored_whatever_a_name_or_an_output_holds() -> None:
    judgements = [judgement(FORBIDDEN, "broken", FORBIDDEN, FORBIDDEN), judgement(FORBIDDEN, "held")]

    document = render_junit({f"name {FORBIDDEN}": judgements}).encode("utf-8")

    assert len(ElementTree.fromstring(document).findall("./testsuite/testcase")) == 2


def test_the_json_report_holds_plain_values_under_its_documented_keys(case: ModuleType) -> None:
    recording = case.recording(case.scenario(*case.REFERENCE_EVIDENCE), case.run(dropped={"r1-eth0": 1}))

    report = json.loads(json.dumps(as_json(recording)))

    assert {key: report[key] for key in ("format", "scenario", "cause", "culprit", "outcome", "dropped")} == {
        "format": 1,
        "scenario": "reference",
        "cause": "egress-reset",
        "culprit": "fw",
        "outcome": "held",
        "dropped": {"r1-eth0": 1},
    }
    assert report["phases"][0]["probes"]["ssh"]["symptom"] == "refused"
    assert report["phases"][0]["probes"]["ssh"]["symptom_line"].endswith("port 22: Connection refused")
    assert report["claims"][1]["id"] == "faulty/symptom/ssh"
    documented = as_json.__doc__ or ""
    assert [key for key in keys_of(report) if f"`{key}`" not in documented] == []


def keys_of(value: Any) -> set[str]:
    """The keys of an object and of all objects in it, but those that are names of probes and capture points."""
    if isinstance(value, list):
        return {key for each in value for key in keys_of(each)}
    if not isinstance(value, dict):
        return set()
    own = {key for key in value if key not in ("ssh", "r1-eth0")}
    return own.union(*(keys_of(each) for each in value.values()))


def test_the_json_report_has_the_ladder_and_the_reasons_of_every_probe(case: ModuleType) -> None:
    report: Any = json.loads(json.dumps(as_json(case.recording(case.scenario(*case.REFERENCE_EVIDENCE)))))

    faulty, repaired = (phase["probes"]["ssh"] for phase in report["phases"])
    assert faulty["reasons"][0].startswith("RST seq 0 ack 1 came 2.0 ms after the SYN; the baseline round trip")
    assert faulty["ladder"]["nodes"] == ["client", "fw", "r1", "instance"]
    assert faulty["ladder"]["rows"][1] == {
        "time_ms": 2.0,
        "packet": "RST seq 0 ack 1",
        "nodes": ["fw", "client"],
        "encrypted": [],
        "goal": "client",
        "ending": "arrived",
        "left": False,
        "ttls": [64, 64],
        "spoofed": "instance",
        "sent_again_s": [],
    }
    assert [row["packet"] for row in repaired["ladder"]["rows"]] == ["SYN", "SYN-ACK ack 1"]


def test_a_scenario_that_could_not_be_played_is_an_error() -> None:
    suites = ElementTree.fromstring(render_junit({}, {"gone": 1.0}, {"gone": "no \x1b room"}))
    assert [(suite.get("name"), suite.get("tests"), suite.get("errors")) for suite in suites] == [("gone", "1", "1")]
    [error] = suites.iter("error")
    assert error.get("message") == "no \\u001b room"


def test_a_wrong_verdict_or_none_is_a_failure_and_a_network_that_changed_an_error() -> None:
    cases = [
        one_case(said(Party.FIRST_HOP)),
        one_case(said(Party.DESTINATION), name="wrong"),
        one_case(NoVerdict("it crashed\x1b"), name="none"),
        one_case(said(), name="cannot tell"),
        invalid("gone", "the fault vanished"),
    ]
    suite = ElementTree.fromstring(render_grades(report(*cases)))[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("5", "2", "1")
    told = {case.get("name"): [(each.tag, each.get("message")) for each in case[:-1]] for case in suite}
    assert told == {
        "reset": [],
        "wrong": [("failure", "wrong: said destination; it is first hop")],
        "none": [("failure", r"no verdict: it crashed\u001b")],
        "cannot tell": [],
        "gone": [("error", "environment invalid: the fault vanished")],
    }
