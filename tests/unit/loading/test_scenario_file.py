"""A case of one family is refused over the other, before what it refers to is looked for."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from whodunet.errors import InvalidInput
from whodunet.evidence.topology import FAMILIES, Family
from whodunet.loading.library import Library
from whodunet.loading.scenario_file import NotOverFamily
from whodunet.variation import Variation

CASE: Final = """
title: t
story: s
topology: corporate_vpn
family: {only: FAMILY, because: the other has no broadcast}
probes: {ping: {host: client, command: "ping {vpc}"}}
answer:
  cause: none
  symptoms: {ping: {symptom: connected}}
"""


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return tmp_path / "case.yaml"


@pytest.mark.parametrize("only", FAMILIES)
def test_a_case_of_one_family_is_read_over_that_one_and_refused_over_the_other(case: Path, only: Family) -> None:
    other: Family = "ipv6" if only == "ipv4" else "ipv4"
    case.write_text(CASE.replace("FAMILY", only))
    read = Library(variation=Variation(family=only)).scenario(case)
    assert read.family is not None
    assert (read.family.only, read.family.because) == (only, "the other has no broadcast")
    with pytest.raises(NotOverFamily) as refused:
        Library(variation=Variation(family=other)).scenario(case)
    assert refused.value.because == "the other has no broadcast"
    wrong = f"{case}:5: family: holds over {only} only: the other has no broadcast; use --family {only}"
    assert str(refused.value) == wrong


def test_over_the_other_family_nothing_else_is_told_of_a_case_of_one(case: Path) -> None:
    case.write_text(CASE.replace("FAMILY", "ipv4").replace("{vpc}", "{what.only.ipv4.has}"))
    with pytest.raises(NotOverFamily):
        Library(variation=Variation(family="ipv6")).scenario(case)
    with pytest.raises(InvalidInput) as refused:
        Library().scenario(case)
    assert not isinstance(refused.value, NotOverFamily)


def test_a_twin_is_a_file_beside_the_scenario_or_one_of_the_library(tmp_path: Path) -> None:
    probe = '{ssh: {host: client, command: "ssh {instance}"}}'
    for name, fault, cause, culprit, twin in (
        (
            "one",
            "{kind: service, node: instance, service: sshd, state: stopped}",
            "service-not-listening",
            "instance",
            "",
        ),
        (
            "other",
            "{kind: firewall-rule, switch: egress-fw, protocol: tcp, action: reset}",
            "egress-reset",
            "egress-fw",
            "\n  twin_of: one",
        ),
    ):
        (tmp_path / f"{name}.yaml").write_text(
            f"title: t\nstory: s\ntopology: corporate_vpn\nfaults: [{fault}]\nprobes: {probe}\n"
            f"answer:\n  cause: {cause}\n  culprit: {culprit}{twin}\n"
            "  symptoms: {ssh: {symptom: refused}}\n  repaired: {symptoms: {ssh: {symptom: connected}}}\n"
        )
    library = Library()
    twin_of_other = library.twin(library.scenario(tmp_path / "other.yaml"))
    assert twin_of_other is not None
    assert twin_of_other.question.name == "one"
    down = library.twin(library.scenario(library.catalogue.files("scenarios", ".yaml")["sshd-down"]))
    assert down is not None
    assert down.question.name == "vpn-egress-reset"


def test_a_copy_of_a_scenario_in_a_record_needs_no_twin_beside_it(case: Path) -> None:
    text = Library().catalogue.files("scenarios", ".yaml")["sshd-down"].read_text(encoding="utf-8")
    case.write_text(text.replace("twin_of: vpn-egress-reset", "twin_of: one-that-is-elsewhere"))
    assert Library().scenario(case, "sshd-down").answer.twin_of == "one-that-is-elsewhere"
    with pytest.raises(InvalidInput, match="one-that-is-elsewhere, which is not a scenario"):
        Library().scenario(case)


FENCE: Final = """
class Fence:
    @classmethod
    def from_config(cls, config, ports, place):
        int(config["port"])
        return cls()

    def flow_entries(self):
        return ()

    def answer(self, frame, in_port):
        return ()


POLICY = Fence
"""


def test_a_policy_and_a_fault_that_refer_to_nothing_are_not_read_before_they_do(case: Path) -> None:
    (case.parent / "controllers").mkdir()
    (case.parent / "controllers" / "fence.py").write_text(FENCE)
    setup = 'setup: {policies: {egress-fw: {controller: fence, port: "{nosuch}"}}}'
    fault = 'faults: [{kind: network-acl, node: nosuch, ports: ["{nosuch}", 22]}]'
    repaired = "  repaired: {symptoms: {ping: {symptom: connected}}}\n"
    case.write_text(f"{CASE.replace('family', '# family')}{repaired}{setup}\n{fault}\n")
    with pytest.raises(InvalidInput) as refused:
        Library().scenario(case)
    places = [problem.place.rpartition(": ")[2] for problem in refused.value.problems]
    assert places == ["setup.policies.egress-fw.port", "faults[0].ports[0]"]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_security_group_lets_a_ping_in_over_the_family_of_the_probes(case: Path, family: Family) -> None:
    rule = '{protocol: "{family.icmp}", source: "{anywhere}"}'
    groups = f"{{instance-sg: {{inbound: [{rule}]}}, endpoints-sg: {{inbound: []}}}}"
    case.write_text(f"{CASE.replace('family', '# family')}setup: {{policies: {{sg: {{groups: {groups}}}}}}}\n")
    scenario = Library(variation=Variation(family=family)).scenario(case)
    inbound = scenario.staging.setup.policies["sg"]["groups"]["instance-sg"]["inbound"]
    expected = {"ipv4": ("icmp", "0.0.0.0/0"), "ipv6": ("icmpv6", "::/0")}[family]
    assert inbound == [dict(zip(("protocol", "source"), expected, strict=True))]
