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
