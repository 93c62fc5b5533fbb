"""Names that are gone, or lead elsewhere, are so in both families."""

from __future__ import annotations

from typing import Final

import pytest

from tests.unit.faults.stand_in import TOPOLOGY, StandIn
from whodunet.faults.dns_record import DnsRecordMissing
from whodunet.faults.vpc_endpoint import VpcEndpoint

GONE: Final = DnsRecordMissing(node="corp-dns", name="instance.cloud.example")
SSM: Final = "ssm.eu-central-1.amazonaws.com"
PUBLIC: Final = VpcEndpoint(node="endpoints", resolver="vpc-dns", services=(SSM,), state="private-dns-off")


def test_a_name_that_is_gone_has_no_address_of_either_family() -> None:
    network = StandIn()
    GONE.inject(network)
    assert (
        GONE.proof(network) == "instance.cloud.example A: status NXDOMAIN\ninstance.cloud.example AAAA: status NXDOMAIN"
    )


@pytest.mark.parametrize("status", ["SERVFAIL", "REFUSED", "NOERROR"])
def test_a_name_that_is_answered_otherwise_in_one_family_is_not_gone(status: str) -> None:
    network = StandIn()
    GONE.inject(network)
    answer = f";; ->>HEADER<<- opcode: QUERY, status: {status}, id: 7"
    network.says = {"dig +noall +comments +tries=1 +time=2 @127.0.0.1 instance.cloud.example AAAA": answer}
    assert GONE.proof(network) is None
    assert "instance.cloud.example A: status NXDOMAIN" in str(GONE.remains(network))


def test_the_other_names_stay() -> None:
    network = StandIn()
    GONE.inject(network)
    left = network.settings["corp-dns"]["dnsmasq"]["records"]
    assert left == {
        name: each for name, each in StandIn().settings["corp-dns"]["dnsmasq"]["records"].items() if name != GONE.name
    }


@pytest.mark.parametrize(
    ("fault", "key", "fix"),
    [
        (DnsRecordMissing(node="client", name="instance.cloud.example"), ("node",), "corp-dns"),
        (
            DnsRecordMissing(node="corp-dns", name="instanc.cloud.example"),
            ("name",),
            "did you mean instance.cloud.example?",
        ),
        (PUBLIC.model_copy(update={"resolver": "client"}), ("resolver",), "vpc-dns"),
        (PUBLIC.model_copy(update={"services": (SSM, "nothing.example")}), ("services", 1), ""),
    ],
)
def test_only_a_record_that_is_there_can_go(
    fault: DnsRecordMissing | VpcEndpoint, key: tuple[str | int, ...], fix: str
) -> None:
    (misfit,) = fault.misfits(TOPOLOGY)
    assert misfit.key == key
    assert fix in misfit.fix


def test_inside_the_vpc_the_name_has_the_public_address_of_each_family() -> None:
    network = StandIn()
    PUBLIC.inject(network)
    assert PUBLIC.proof(network) == f"{SSM} is 198.51.100.10 in the VPC\n{SSM} is 2001:db8::10 in the VPC"


@pytest.mark.parametrize(("kind", "address"), [("AAAA", "fd00:10:0:1::20"), ("AAAA", "")])
def test_a_name_that_is_private_in_one_family_is_not_public(kind: str, address: str) -> None:
    network = StandIn()
    PUBLIC.inject(network)
    network.says = {f"dig +short +tries=1 +time=2 @127.0.0.1 {SSM} {kind}": address}
    assert PUBLIC.proof(network) is None
    assert PUBLIC.remains(network)


def test_a_name_that_has_no_address_at_all_is_not_back() -> None:
    assert PUBLIC.remains(StandIn(says={"dig ": ""})) == f"{SSM} is unknown"


@pytest.mark.parametrize(("services", "service"), [((SSM,), "ssm"), ((SSM, "sts.amazonaws.com"), "several")])
def test_whose_the_names_are_is_a_fact(services: tuple[str, ...], service: str) -> None:
    assert PUBLIC.model_copy(update={"services": services}).facts(TOPOLOGY)["service"] == service
