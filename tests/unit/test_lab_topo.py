"""What a topology names, as scenarios refer to it."""

from __future__ import annotations

from typing import ClassVar

from whodunet.address_plan import AddressPlan
from whodunet.cases.references import References
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
