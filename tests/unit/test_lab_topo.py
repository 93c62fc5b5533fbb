"""What a topology names, as scenarios refer to it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from whodunet.address_plan import AddressPlan
from whodunet.cases.references import References
from whodunet.errors import InvalidInput
from whodunet.lab_topo import LabTopo, describe


class Leg(LabTopo):
    baseline: ClassVar[tuple[str, str]] = ("one", "other.nic")

    def build(self, *args: object, **params: object) -> None:
        leg = AddressPlan(self.draws).network("leg", "10.1.0.0/24", "fd00:1::/64")
        self.network("leg", leg)
        self.network("stated", "10.2.0.0/24", "fd00:2::/64")
        self.host("one", "client")
        self.host("other", "server")
        self.connect("one", "other", addresses=(leg.host(1), leg.host(2)), labels=("nic", "nic"))


def test_a_network_is_known_by_its_name_whether_planned_or_stated() -> None:
    drawn = References(describe("leg", Leg(seed=7), "ipv6"))
    stated = References(describe("leg", Leg()))
    assert (stated.values["leg"], stated.values["stated"]) == ("10.1.0.0/24", "10.2.0.0/24")
    assert str(drawn.values["leg"]).startswith("fd")
    assert drawn.values["leg"] != "fd00:1::/64"


class _Doubled(Leg):
    def build(self, *args: object, **params: object) -> None:
        super().build(*args, **params)
        self.switch("other", "cloud security group", {"controller": "security_group"})


def test_a_node_that_is_added_twice_is_refused_with_both_places() -> None:
    with pytest.raises(InvalidInput) as refused:
        _Doubled()
    (problem,) = refused.value.problems
    file, _, line = problem.place.rpartition(":")
    assert file == __file__
    assert 'self.switch("other"' in Path(file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
    assert problem.wrong.startswith(f"adds other twice: as server in {__file__}:")
    assert problem.wrong.endswith(", and here as cloud security group")
