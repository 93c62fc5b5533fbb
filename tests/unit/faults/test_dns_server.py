"""What a DNS server answers wrongly is proven by its answers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.faults.stand_in import TOPOLOGY, StandIn
from whodunet.faults.dns_record_wrong import DnsRecordWrong
from whodunet.faults.dns_refused import DnsRefused

NAME = "instance.cloud.example"


def wrong(*addresses: str, node: str = "corp-dns", **values: Any) -> DnsRecordWrong:
    return DnsRecordWrong(node=node, **{"name": NAME, "addresses": addresses} | values)


@pytest.mark.parametrize(
    ("fault", "leads_to"),
    [
        (wrong("127.0.0.1", "::1"), "the asker"),
        (wrong("10.0.1.20"), "elsewhere"),
        (wrong("10.0.1.10", node="home-gw"), "inside"),
        (wrong("10.0.1.20", node="home-gw"), "elsewhere"),
        (wrong("fd00:10:0:1::20", keeps_other_family=True), "elsewhere over IPv6"),
        (wrong("fd00:10:0:1::20"), "elsewhere"),
    ],
)
def test_where_a_name_leads_is_a_fact(fault: DnsRecordWrong, leads_to: str) -> None:
    assert fault.facts(TOPOLOGY)["leads_to"] == leads_to


def test_the_other_familys_address_stays_only_where_it_is_kept() -> None:
    for keeps, left in ((True, ["10.0.1.10", "fd00:10:0:1::20"]), (False, ["fd00:10:0:1::20"])):
        network = StandIn()
        wrong("fd00:10:0:1::20", keeps_other_family=keeps).inject(network)
        assert network.settings["corp-dns"]["dnsmasq"]["records"][NAME] == left


def test_a_wildcard_is_asked_for_a_name_below_it_that_nobody_has() -> None:
    network = StandIn()
    fault = wrong("10.0.1.20", name="*.cloud.example")
    fault.inject(network)
    assert fault.proof(network) == "whoever.cloud.example A: 10.0.1.20"


def test_an_answer_with_another_address_beside_it_is_not_proof() -> None:
    assert wrong("10.0.1.20").proof(StandIn(says={"dig ": "10.0.1.20\n10.0.1.10\n"})) is None


def test_what_a_name_has_anyway_is_no_fault() -> None:
    assert [misfit.key for misfit in wrong("10.0.1.10").misfits(TOPOLOGY)] == [("addresses",)]


@pytest.mark.parametrize("status", ["NXDOMAIN", "SERVFAIL", "NOERROR"])
def test_only_refused_is_refused(status: str) -> None:
    fault = DnsRefused(node="corp-dns", name=NAME)
    network = StandIn()
    fault.inject(network)
    assert fault.proof(network) == f"{NAME} A: status REFUSED\n{NAME} AAAA: status REFUSED"
    network.says = {"dig +noall": f";; ->>HEADER<<- opcode: QUERY, status: {status}, id: 7"}
    assert fault.proof(network) is None


def test_of_one_type_the_other_is_answered() -> None:
    fault = DnsRefused(node="corp-dns", name=NAME, types=("AAAA",))
    network = StandIn()
    fault.inject(network)
    assert fault.proof(network) == f"{NAME} A: status NOERROR\n{NAME} AAAA: status REFUSED"
