"""What commands tell that need no lab."""

from __future__ import annotations

import json

import pytest
import yaml

from whodunet.cli.main import main
from whodunet.loading.library import Library


def known(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, str | int]:
    assert main(["list", "--references", "corporate_vpn", "--json", *options]) == 0
    return {str(name): value for name, value in json.loads(capsys.readouterr().out).items()}


def test_references_stand_for_what_a_seed_and_a_family_make_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    stated, drawn, over_ipv6 = known(capsys), known(capsys, "--seed", "3"), known(capsys, "--family", "ipv6")
    assert stated["{instance}"] == "10.0.1.10"
    assert drawn["{instance}"] != stated["{instance}"]
    assert over_ipv6["{instance}"] == "fd00:10:0:1::10"
    assert (stated["{family.icmp}"], over_ipv6["{family.icmp}"]) == ("icmp", "icmpv6")


@pytest.mark.parametrize("option", ["--references", "--policies"])
def test_a_topology_that_is_not_known_may_be_one_of_a_folder(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", option, "three_hosts_and_more"]) == 2
    hint = "(for one in a folder of yours: `whodunet --with DIR list ...`)"
    choices = f"use one of: {', '.join(Library().topology_names())}"
    assert capsys.readouterr().err == f"whodunet: three_hosts_and_more: is not a topology; {choices} {hint}\n"


def test_a_seed_is_refused_where_names_alone_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--seed", "3"]) == 2
    assert "add --references TOPOLOGY" in capsys.readouterr().err


def test_the_policies_of_a_topology_are_told_without_a_lab(capsys: pytest.CaptureFixture[str]) -> None:
    stated = Library().topology("corporate_vpn").policies
    assert main(["list", "--policies", "corporate_vpn"]) == 0
    told = capsys.readouterr().out
    assert yaml.safe_load(told) == stated
    assert list(yaml.safe_load(told)) == ["egress-fw", "sg"]
    assert main(["list", "--policies", "corporate_vpn", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == stated


def test_a_topology_that_does_not_exist_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--policies", "corporate_vp"]) == 2
    assert "corporate_vp: is not a topology; did you mean corporate_vpn?" in capsys.readouterr().err


def test_the_truth_of_several_faults_names_each_cause_in_order_and_each_state(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["truth", "reset-before-empty-group"]) == 0
    told = capsys.readouterr().out
    order = ["egress-reset", "egress-fw", "security-group-empty", "sg", "once the first fault", "once every fault"]
    assert [told.index(word) for word in order] == sorted(told.index(word) for word in order)
    assert main(["truth", "reset-before-empty-group", "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert [each["cause"] for each in plain["behind"]] == ["security-group-empty"]
    assert plain["first removed"]["symptoms"]["ssh"]["symptom"] == "timed out"


def test_the_truth_of_one_fault_names_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["truth", "sshd-down"]) == 0
    told = capsys.readouterr().out
    assert "behind" not in told
    assert "expected once the fault is taken out" in told
