"""What a host asks, and whom: told by its own files, and by which of its DNS servers are any."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.faults.stand_in import BEFORE, TOPOLOGY, StandIn
from whodunet.faults.hosts_file import HostsFile
from whodunet.faults.resolver_settings import ResolverSettings


def settings(**values: Any) -> ResolverSettings:
    return ResolverSettings(node="client", **values)


@pytest.mark.parametrize(
    ("nameservers", "told"),
    [
        ((), "none"),
        (("10.0.1.20", "10.9.0.53"), "first-dead"),
        (("10.0.1.20",), "dead"),
        (("203.0.113.1",), "dead"),
        (("192.168.1.1",), "others"),
        (None, "right"),
    ],
)
def test_who_is_asked_is_told_by_whether_a_dns_server_is_there(nameservers: Any, told: str) -> None:
    assert settings(nameservers=nameservers, ndots=5).facts(TOPOLOGY)["nameservers"] == told


def test_what_is_not_stated_stays() -> None:
    network = StandIn()
    settings(ndots=5).inject(network)
    assert network.machines["client"].files["/etc/resolv.conf"] == f"{BEFORE['/etc/resolv.conf']}\noptions ndots:5"


@pytest.mark.parametrize(
    "file", ["nameserver 10.9.0.53", "nameserver 10.0.1.20\nnameserver 10.9.0.53", "search cloud.example"]
)
def test_other_servers_than_those_that_are_stated_are_not_proof(file: str) -> None:
    fault = settings(nameservers=("10.0.1.20",))
    network = StandIn(says={"cat /etc/resolv.conf": file})
    assert fault.proof(network) is None


def test_a_fault_that_changes_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="changes nothing"):
        settings(timeout_s=2)


def test_a_line_of_the_hosts_file_is_proven_by_what_the_library_finds_there() -> None:
    fault = HostsFile(node="client", name="instance.cloud.example", address="10.0.1.99")
    network = StandIn()
    fault.inject(network)
    assert fault.proof(network)
    network.says = {"getent": "10.0.1.10  STREAM instance.cloud.example\n"}
    assert fault.proof(network) is None


@pytest.mark.parametrize(
    ("address", "leads_to"), [("127.0.0.1", "the asker"), ("::", "the asker"), ("10.0.1.99", "elsewhere")]
)
def test_an_address_may_mean_whoever_asks(address: str, leads_to: str) -> None:
    fault = HostsFile(node="client", name="instance.cloud.example", address=address)
    assert fault.facts(TOPOLOGY)["leads_to"] == leads_to
