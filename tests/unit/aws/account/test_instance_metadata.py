"""The metadata tree: what EC2 tells about an instance, at the paths where EC2 tells it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whodunet.aws.account.instance_metadata import BorneRole, InstanceFacts, metadata, read, zone_id
from whodunet.aws.account.seal import Credentials

INSTANCE = InstanceFacts(
    instance_id="i-0abcd1234efgh5678",
    account_id="123456789012",
    region="eu-central-1",
    availability_zone="eu-central-1a",
    private_ip="10.0.1.10",
    hostname="ip-10-0-1-10.eu-central-1.compute.internal",
    mac="0a:00:0a:00:01:0a",
    vpc_cidr="10.0.0.0/16",
    subnet_cidr="10.0.1.0/24",
    launched_at_s=1_800_000_000.0,
)
IDENTITY = BorneRole("aws:ec2-instance", Credentials("ASIA0", "hidden", "own", 1_800_021_600), 1_800_000_000.0)
PROFILE = BorneRole("InstanceRole", Credentials("ASIA1", "secret", "token", 1_800_021_600), 1_800_000_000.0)
TREE = metadata(INSTANCE, IDENTITY, PROFILE)
WITHOUT_ROLE = metadata(INSTANCE, IDENTITY, None)
INTERFACE = "latest/meta-data/network/interfaces/macs/0a:00:0a:00:01:0a"


def text(path: str) -> str:
    """What is at a path that is there."""
    found = read(TREE, path)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("latest/meta-data/instance-id", "i-0abcd1234efgh5678"),
        ("latest/meta-data/local-ipv4", "10.0.1.10"),
        ("latest/meta-data/mac", "0a:00:0a:00:01:0a"),
        ("latest/meta-data/placement/region", "eu-central-1"),
        ("latest/meta-data/placement/availability-zone", "eu-central-1a"),
        ("latest/meta-data/placement/availability-zone-id", "euc1-az1"),
        ("latest/meta-data/services/domain", "amazonaws.com"),
        ("latest/meta-data/services/partition", "aws"),
        (f"{INTERFACE}/vpc-ipv4-cidr-block", "10.0.0.0/16"),
        (f"{INTERFACE}/subnet-ipv4-cidr-block", "10.0.1.0/24"),
        (f"{INTERFACE}/local-ipv4s", "10.0.1.10"),
        ("2021-07-15/meta-data/instance-id", "i-0abcd1234efgh5678"),
    ],
)
def test_a_fact_is_where_ec2_has_it(path: str, value: str) -> None:
    assert read(TREE, path) == value


def test_a_directory_lists_its_names_and_marks_directories() -> None:
    assert text("latest/meta-data/placement/").split("\n") == ["availability-zone", "availability-zone-id", "region"]
    assert "placement/" in text("latest/meta-data/").split("\n")
    assert "instance-id" in text("latest/meta-data/").split("\n")
    assert text("latest/meta-data/iam/security-credentials/") == "InstanceRole"


def test_above_the_categories_nothing_is_marked_as_on_ec2() -> None:
    assert text("latest/") == "dynamic\nmeta-data"
    assert text("").split("\n")[0] == "1.0"
    assert text("").split("\n")[-1] == "latest"


def test_a_directory_answers_without_its_slash() -> None:
    assert text("latest/meta-data") == text("latest/meta-data/")


@pytest.mark.parametrize(
    "path",
    [
        "latest/meta-data/public-ipv4",
        "latest/meta-data/public-keys/",
        "latest/meta-data/instance-id/more",
        "latest/user-data",
        "earliest/meta-data",
    ],
)
def test_a_private_instance_without_keys_or_user_data_has_nothing_there(path: str) -> None:
    assert read(TREE, path) is None


@pytest.mark.parametrize("path", ["iam", "iam/", "iam/info", "iam/security-credentials/"])
def test_without_a_profile_there_is_nothing_of_iam(path: str) -> None:
    assert read(WITHOUT_ROLE, f"latest/meta-data/{path}") is None
    assert "iam/" not in (read(WITHOUT_ROLE, "latest/meta-data/") or "").split("\n")


def test_an_instances_own_identity_is_there_with_and_without_a_profile() -> None:
    for tree in (TREE, WITHOUT_ROLE):
        own = "latest/meta-data/identity-credentials/ec2"
        assert json.loads(read(tree, f"{own}/security-credentials/ec2-instance") or "")["AccessKeyId"] == "ASIA0"
        assert json.loads(read(tree, f"{own}/info") or "")["AccountId"] == "123456789012"


def test_credentials_have_the_keys_of_ec2() -> None:
    assert json.loads(text("latest/meta-data/iam/security-credentials/InstanceRole")) == {
        "Code": "Success",
        "LastUpdated": "2027-01-15T08:00:00Z",
        "Type": "AWS-HMAC",
        "AccessKeyId": "ASIA1",
        "SecretAccessKey": "secret",
        "Token": "token",
        "Expiration": "2027-01-15T14:00:00Z",
    }


def test_the_profile_is_told_by_its_arn() -> None:
    told = json.loads(text("latest/meta-data/iam/info"))
    assert told["InstanceProfileArn"] == "arn:aws:iam::123456789012:instance-profile/InstanceRole"
    assert told["InstanceProfileId"].startswith("AIPA")
    assert len(told["InstanceProfileId"]) == 21


def test_the_identity_document_says_who_and_where_the_instance_is() -> None:
    document = json.loads(text("latest/dynamic/instance-identity/document"))
    assert document["instanceId"] == "i-0abcd1234efgh5678"
    assert document["accountId"] == "123456789012"
    assert document["region"] == "eu-central-1"
    assert document["availabilityZone"] == "eu-central-1a"
    assert document["privateIp"] == "10.0.1.10"
    assert document["pendingTime"] == "2027-01-15T08:00:00Z"
    assert document["version"] == "2017-09-30"
    assert document["imageId"] == text("latest/meta-data/ami-id")


def test_two_instances_have_interfaces_of_their_own() -> None:
    other = metadata(replace(INSTANCE, instance_id="i-1"), IDENTITY, None)
    assert read(other, f"{INTERFACE}/interface-id") != read(TREE, f"{INTERFACE}/interface-id")


@pytest.mark.parametrize(
    ("zone", "identifier"),
    [
        ("eu-central-1a", "euc1-az1"),
        ("us-east-1f", "use1-az6"),
        ("ap-southeast-2c", "apse2-az3"),
        ("us-gov-west-1b", "usgw1-az2"),
    ],
)
def test_a_zone_has_its_identifier(zone: str, identifier: str) -> None:
    assert zone_id(zone) == identifier


@given(st.text(max_size=60))
def test_any_path_is_answered(path: str) -> None:
    found = read(TREE, path)
    assert found is None or found
