"""The metadata service's configuration: what is derived from it, mistakes in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from whodunet.aws.account.seal import Identity
from whodunet.aws.programs.metadata.settings import MetadataSettings

CONFIGURATION = {
    "region": "eu-central-1",
    "account_id": "123456789012",
    "listen": [["169.254.169.254", 80]],
    "seal_key": "00ff",
    "instance_id": "i-1",
    "availability_zone": "eu-central-1a",
    "private_ip": "10.0.1.10",
    "hostname": "ip-10-0-1-10",
}


def settings(**changes: Any) -> MetadataSettings:
    """A configuration, read."""
    return MetadataSettings.model_validate_json(json.dumps({**CONFIGURATION, **changes}))


def test_the_interface_follows_from_the_address_unless_it_is_given() -> None:
    derived = settings().instance(0)
    assert (derived.mac, derived.subnet_cidr) == ("0a:00:0a:00:01:0a", "10.0.1.0/24")
    given = settings(mac="02:00:00:00:00:01", subnet_cidr="10.0.1.0/28").instance(0)
    assert (given.mac, given.subnet_cidr) == ("02:00:00:00:00:01", "10.0.1.0/28")


def test_without_a_role_there_is_no_profile() -> None:
    assert settings().profile() is None
    assert settings(role="InstanceRole").profile() == Identity("123456789012", "InstanceRole", "i-1")


@pytest.mark.parametrize(
    "changes",
    [
        {"private_ip": "10.0.1.300"},
        {"availability_zone": "Frankfurt"},
        {"mac": "02-00-00-00-00-01"},
        {"seal_key": "0"},
        {"credential_lifetime_s": 0},
        {"public_ip": "192.0.2.1"},
    ],
)
def test_a_mistake_is_refused_by_its_key(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(**changes)
    assert refused.value.errors()[0]["loc"] == (next(iter(changes)),)


def test_an_address_of_ipv6_needs_its_networks() -> None:
    with pytest.raises(ValidationError, match="are given together, or none of them"):
        settings(ipv6="fd00:10::a")
