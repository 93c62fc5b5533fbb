"""What commands tell that need no lab."""

from __future__ import annotations

import json

import pytest
import yaml

from whodunet.cli import main as command_line
from whodunet.loading.library import Library


def test_the_policies_of_a_topology_are_told_without_a_lab(capsys: pytest.CaptureFixture[str]) -> None:
    stated = Library().topology("corporate_vpn").policies
    assert command_line.main(["list", "--policies", "corporate_vpn"]) == 0
    told = capsys.readouterr().out
    assert yaml.safe_load(told) == stated
    assert list(yaml.safe_load(told)) == ["egress-fw", "sg"]
    assert command_line.main(["list", "--policies", "corporate_vpn", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == stated


def test_a_topology_that_does_not_exist_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["list", "--policies", "corporate_vp"]) == 2
    assert "corporate_vp: is not a topology; did you mean corporate_vpn?" in capsys.readouterr().err


def known(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, str | int]:
    assert command_line.main(["list", "--references", "corporate_vpn", "--json", *options]) == 0
    return {str(name): value for name, value in json.loads(capsys.readouterr().out).items()}


def test_references_stand_for_what_a_seed_and_a_family_make_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    stated, drawn, over_ipv6 = known(capsys), known(capsys, "--seed", "3"), known(capsys, "--family", "ipv6")
    assert stated["{instance}"] == "10.0.1.10"
    assert drawn["{instance}"] != stated["{instance}"]
    assert over_ipv6["{instance}"] == "fd00:10:0:1::10"
    assert (stated["{family.icmp}"], over_ipv6["{family.icmp}"]) == ("icmp", "icmpv6")


def test_the_references_of_an_unknown_topology_are_told_to_be_of_a_folder_perhaps(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command_line.main(["list", "--references", "two_hosts"]) == 2
    hint = "(for one in a folder of yours: `whodunet --with DIR list --references two_hosts`)"
    choices = "use one of: corporate_vpn, session_manager"
    assert capsys.readouterr().err == f"whodunet: two_hosts: is not a topology; {choices} {hint}\n"


def test_a_seed_is_refused_where_names_alone_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.main(["list", "--seed", "3"]) == 2
    assert "add --references TOPOLOGY" in capsys.readouterr().err
