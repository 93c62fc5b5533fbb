"""Where in a scenario file which references are resolved, on the reference topology."""

from __future__ import annotations

from typing import Final

import pytest
import yaml
from pydantic import JsonValue

from whodunet.cases.references import References
from whodunet.loading.library import Library
from whodunet.loading.resolution import Resolution
from whodunet.loading.yaml_lines import Document
from whodunet.variation import Variation

TOPOLOGY: Final = Library().topology("corporate_vpn")
PORT: Final = "{instance.port.ssh}"


def resolved(content: JsonValue) -> JsonValue:
    document = Document(yaml.safe_dump(content), "case.yaml")
    resolution = Resolution(document, References(TOPOLOGY))
    assert resolution.problems == []
    return document.content


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"faults": [{"port": PORT, "ports": [PORT, PORT]}]}, {"faults": [{"port": 22, "ports": [22, 22]}]}),
        ({"setup": {"policies": {"sg": {"port": PORT}}}}, {"setup": {"policies": {"sg": {"port": 22}}}}),
        ({"answer": {"symptoms": {"ssh": {"output": [PORT]}}}}, {"answer": {"symptoms": {"ssh": {"output": ["22"]}}}}),
        ({"story": PORT}, {"story": "22"}),
        ({"probes": {"ssh": {"command": PORT}}}, {"probes": {"ssh": {"command": "22"}}}),
    ],
)
def test_a_port_is_a_number_where_the_lab_is_told_and_text_where_people_are(
    written: JsonValue, read: JsonValue
) -> None:
    assert resolved(written) == read


def test_capture_points_go_by_their_labels_in_evidence_of_every_phase() -> None:
    written: JsonValue = {"seen_at": ["client.vpn"], "ttl": {"egress-fw.inside": 64}, "after": {"at": "client.vpn"}}
    read: JsonValue = {"seen_at": ["client-eth0"], "ttl": {"egress-fw-eth1": 64}, "after": {"at": "client-eth0"}}
    later: dict[str, JsonValue] = {"evidence": [written]}
    assert resolved({"answer": {"evidence": [written], "behind": [later], "repaired": later}}) == {
        "answer": {"evidence": [read], "behind": [{"evidence": [read]}], "repaired": {"evidence": [read]}}
    }


def test_capture_points_go_by_their_labels_in_fields_that_are_yet_to_be_made() -> None:
    claim: JsonValue = {"between": {"from": "client.vpn", "through": ["sg.router"]}}
    read: JsonValue = {"between": {"from": "client-eth0", "through": ["sg-eth1"]}}
    assert resolved({"answer": {"evidence": [claim]}}) == {"answer": {"evidence": [read]}}


def test_a_fault_names_an_interface_by_its_label() -> None:
    assert resolved({"faults": [{"interface": "vpn-gw.inside"}]}) == {"faults": [{"interface": "vpn-gw-eth0"}]}


def test_a_label_elsewhere_is_text() -> None:
    written: JsonValue = {"story": "client.vpn", "answer": {"evidence": [{"probe": "client.vpn"}]}}
    assert resolved(written) == written


def test_keys_are_resolved_and_problems_still_name_what_stands_in_the_file() -> None:
    text = 'answer:\n  evidence:\n    - ttl:\n        client.vpn: 64\n        "{client.home}": 1\n'
    document = Document(text, "case.yaml")
    Resolution(document, References(TOPOLOGY))
    assert document.content == {"answer": {"evidence": [{"ttl": {"client-eth0": 64, "client-eth1": 1}}]}}
    places = [document.place(["answer", "evidence", 0, "ttl", point]) for point in ("client-eth0", "client-eth1")]
    assert places == [
        "case.yaml:4: answer.evidence[0].ttl.client.vpn",
        "case.yaml:5: answer.evidence[0].ttl.{client.home}",
    ]


def test_a_ttl_is_told_by_its_sender() -> None:
    claim: JsonValue = {"ttl": {"client.vpn": "as sent by instance", "instance.nic": "as sent by instance"}}
    assert resolved({"answer": {"evidence": [claim]}}) == {
        "answer": {"evidence": [{"ttl": {"client-eth0": 58, "instance-eth0": 64}}]}
    }


def test_a_fault_forges_a_ttl_that_is_told_by_its_sender_and_says_other_texts_as_they_are() -> None:
    forged: JsonValue = {"reset": {"ttl": {"egress-fw.inside": "as sent by instance"}}, "ttl": "31-255"}
    assert resolved({"faults": [forged]}) == {"faults": [{"reset": {"ttl": {"egress-fw-eth1": 58}}, "ttl": "31-255"}]}
    assert resolved({"faults": [{"reset": {"ttl": "copied"}}]}) == {"faults": [{"reset": {"ttl": "copied"}}]}


def test_the_same_file_is_another_case_with_every_seed_and_over_both_families() -> None:
    file = Library().catalogue.files("scenarios", ".yaml")["healthy"]
    commands = set()
    for seed in (None, 1, 2):
        for family in ("ipv4", "ipv6"):
            scenario = Library(variation=Variation(seed, family)).scenario(file)
            commands.add(scenario.question.probes["ssh"].command)
    assert len(commands) == 6


def test_what_an_unknown_topology_has_is_not_asked_for() -> None:
    document = Document('story: "{instance}"\nfaults: [{port: "{instance.port.ssh}"}]\n', "case.yaml")
    resolution = Resolution(document, None)
    assert (resolution.problems, resolution.unresolved) == (
        [],
        {"case.yaml:1: story", "case.yaml:2: faults[0].port"},
    )
