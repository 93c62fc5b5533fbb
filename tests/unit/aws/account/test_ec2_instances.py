"""Instances as EC2 describes them."""

from __future__ import annotations

import pytest

from whodunet.aws.account.account import Account, Instance
from whodunet.aws.account.ec2_instances import DescriptionFilter, UnknownFilter, describe, reservation
from whodunet.aws.account.instance_metadata import resource_id

ONE = "i-0abcd1234efgh5678"
TAGS = {"Name": "web", "Stage": "test:one"}
ACCOUNT = Account(
    region="eu-central-1",
    account_id="123456789012",
    roles={},
    instances={ONE: Instance("InstanceRole", TAGS, "10.0.1.10", "eu-central-1a")},
)


def test_an_instance_is_what_its_account_and_its_metadata_say() -> None:
    told = describe(ACCOUNT, ONE, 1_800_000_000)
    assert (told["instanceId"], told["privateIpAddress"]) == (ONE, "10.0.1.10")
    assert told["privateDnsName"] == "ip-10-0-1-10.eu-central-1.compute.internal"
    assert told["placement"] == {"availabilityZone": "eu-central-1a", "groupName": "", "tenancy": "default"}
    assert told["launchTime"] == "2027-01-15T08:00:00Z"
    assert (told["vpcId"], told["subnetId"]) == (resource_id("vpc", ONE), resource_id("subnet", ONE))
    assert told["tagSet"] == [{"key": "Name", "value": "web"}, {"key": "Stage", "value": "test:one"}]
    assert reservation(ACCOUNT, ONE, 1_800_000_000)["instancesSet"] == [told]


@pytest.mark.parametrize(
    ("name", "values", "fits"),
    [
        ("instance-id", ["i-0", ONE], True),
        ("instance-state-name", ["running"], True),
        ("instance-state-name", ["stopped", "terminated"], False),
        ("instance-state-code", ["16"], True),
        ("private-ip-address", ["10.0.1.1?"], True),
        ("private-ip-address", ["10.0.1"], False),
        ("availability-zone", ["eu-central-1*"], True),
        ("ip-address", ["*"], False),
        ("tag:Name", ["w*"], True),
        ("tag:Stage", ["test*"], True),
        ("tag:name", ["web"], False),
        ("tag-key", ["Stage"], True),
        ("tag-key", ["Owner"], False),
        ("vpc-id", [], False),
    ],
)
def test_a_filter_looks_at_its_property(name: str, values: list[str], fits: bool) -> None:
    assert DescriptionFilter(name, values).fits(describe(ACCOUNT, ONE, 0), TAGS) is fits


def test_a_filter_that_there_is_not_is_unknown() -> None:
    with pytest.raises(UnknownFilter, match="color"):
        DescriptionFilter("color", ["blue"]).fits(describe(ACCOUNT, ONE, 0), TAGS)
