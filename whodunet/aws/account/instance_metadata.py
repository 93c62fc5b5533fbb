"""What an EC2 instance's metadata service tells, as one tree.

Source: EC2 User Guide, "Instance metadata categories" and "Instance identity documents".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from whodunet.aws.account.seal import Credentials
from whodunet.aws.account.timestamps import utc_text

Tree = Mapping[str, "str | Tree"]

VERSIONS: Final = (
    *("1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01"),
    *("2009-04-04", "2011-01-01", "2011-05-01", "2012-01-12", "2014-02-25", "2014-11-05", "2015-10-20", "2016-04-19"),
    *("2016-06-30", "2016-09-02", "2018-03-28", "2018-08-17", "2018-09-24", "2019-10-01", "2020-10-27", "2021-01-03"),
    *("2021-03-23", "2021-07-15", "2022-09-24", "latest"),
)
_DEPTH_WITH_SLASHES: Final = 2  # EC2 marks directories from /latest/meta-data/ on, not above
INSTANCE_TYPE: Final = "t3.micro"
IDENTITY_ROLE: Final = "aws:ec2-instance"  # every instance's, with or without a profile
_DIRECTIONS: Final = ("gov", "north", "south", "central", "east", "west")  # southeast, never eastsouth


@dataclass(frozen=True, slots=True)
class InstanceFacts:
    """An instance in a private subnet: it has no public address and no key of its owner."""

    instance_id: str
    account_id: str
    region: str
    availability_zone: str
    private_ip: str
    hostname: str
    mac: str
    vpc_cidr: str
    subnet_cidr: str
    launched_at_s: float
    ipv6: str = ""  # empty: the VPC has no block of IPv6
    vpc_ipv6_cidr: str = ""
    subnet_ipv6_cidr: str = ""


@dataclass(frozen=True, slots=True)
class BorneRole:
    """A role that the instance bears, with the credentials that it has now."""

    role: str
    credentials: Credentials
    issued_at_s: float


def metadata(
    instance: InstanceFacts, identity: BorneRole, profile: BorneRole | None, keys: Mapping[str, str] | None = None
) -> Tree:
    """All that the service has, by path; without an instance profile nothing of IAM.

    Args:
        identity: the role of the instance itself, with which AWS's own agents register it.
        keys: by user, the public keys that EC2 Instance Connect has pushed and that have not expired.
    """
    roles = {"identity-credentials": {"ec2": _identity(instance, identity)}}
    pushed = {"managed-ssh-keys": {"active-keys": dict(keys)}} if keys else {}
    iam = {} if profile is None else {"iam": _iam(instance, profile)}
    content: Tree = {
        "dynamic": {"instance-identity": {"document": _identity_document(instance)}},
        "meta-data": _meta_data(instance) | roles | pushed | iam,
    }
    return dict.fromkeys(VERSIONS, content)


def read(tree: Tree, path: str) -> str | None:
    """The text at a path, of a directory the names in it, one a line; None where there is nothing."""
    names = [name for name in path.split("/") if name]
    node: str | Tree = tree
    for name in names:
        if isinstance(node, str) or name not in node:
            return None
        node = node[name]
    return node if isinstance(node, str) else _listing(node, "/" if len(names) >= _DEPTH_WITH_SLASHES else "")


def zone_id(availability_zone: str) -> str:
    """The zone's identifier that is the same in every account: euc1-az1 for eu-central-1a, if `a` is its first."""
    area, *directions, number = availability_zone[:-1].split("-")
    letters = "".join(_abbreviated(direction) for direction in directions)
    return f"{area}{letters}{number}-az{ord(availability_zone[-1]) - ord('a') + 1}"


def _abbreviated(direction: str) -> str:
    """One letter for each part of a region's middle: se for southeast, g for gov."""
    return "".join(part[0] for part in _DIRECTIONS if part in direction)


def _listing(directory: Tree, mark: str) -> str:
    return "\n".join(name if isinstance(directory[name], str) else name + mark for name in sorted(directory))


def _meta_data(instance: InstanceFacts) -> dict[str, str | Tree]:
    return {
        "ami-id": resource_id("ami", instance.instance_id),
        "ami-launch-index": "0",
        "hostname": instance.hostname,
        "instance-action": "none",
        "instance-id": instance.instance_id,
        "instance-life-cycle": "on-demand",
        "instance-type": INSTANCE_TYPE,
        "local-hostname": instance.hostname,
        "local-ipv4": instance.private_ip,
        **({"ipv6": instance.ipv6} if instance.ipv6 else {}),
        "mac": instance.mac,
        "network": {"interfaces": {"macs": {instance.mac: _interface(instance)}}},
        "placement": {
            "availability-zone": instance.availability_zone,
            "availability-zone-id": zone_id(instance.availability_zone),
            "region": instance.region,
        },
        "profile": "default-hvm",
        "reservation-id": resource_id("r", instance.instance_id),
        "services": {"domain": "amazonaws.com", "partition": "aws"},
        "system": "nitro",
    }


def _interface(instance: InstanceFacts) -> Tree:
    return {
        "device-number": "0",
        "interface-id": resource_id("eni", instance.instance_id),
        "local-hostname": instance.hostname,
        "local-ipv4s": instance.private_ip,
        "mac": instance.mac,
        "owner-id": instance.account_id,
        "subnet-id": resource_id("subnet", instance.instance_id),
        "subnet-ipv4-cidr-block": instance.subnet_cidr,
        "vpc-id": resource_id("vpc", instance.instance_id),
        "vpc-ipv4-cidr-block": instance.vpc_cidr,
        "vpc-ipv4-cidr-blocks": instance.vpc_cidr,
    } | (_ipv6_of_interface(instance) if instance.ipv6 else {})


def _ipv6_of_interface(instance: InstanceFacts) -> dict[str, str]:
    return {
        "ipv6s": instance.ipv6,
        "subnet-ipv6-cidr-blocks": instance.subnet_ipv6_cidr,
        "vpc-ipv6-cidr-blocks": instance.vpc_ipv6_cidr,
    }


def _identity(instance: InstanceFacts, role: BorneRole) -> Tree:
    described = {
        "Code": "Success",
        "LastUpdated": utc_text(role.issued_at_s),
        "AccountId": instance.account_id,
    }
    return {"info": _json(described), "security-credentials": {"ec2-instance": _credentials(role)}}


def _iam(instance: InstanceFacts, profile: BorneRole) -> Tree:
    arn = f"arn:aws:iam::{instance.account_id}:instance-profile/{profile.role}"
    described = {
        "Code": "Success",
        "LastUpdated": utc_text(profile.issued_at_s),
        "InstanceProfileArn": arn,
        "InstanceProfileId": "AIPA" + hashlib.sha256(arn.encode()).hexdigest()[:17].upper(),
    }
    return {"info": _json(described), "security-credentials": {profile.role: _credentials(profile)}}


def _credentials(role: BorneRole) -> str:
    return _json(
        {
            "Code": "Success",
            "LastUpdated": utc_text(role.issued_at_s),
            "Type": "AWS-HMAC",
            "AccessKeyId": role.credentials.access_key_id,
            "SecretAccessKey": role.credentials.secret_access_key,
            "Token": role.credentials.session_token,
            "Expiration": utc_text(role.credentials.expires_at_s),
        }
    )


def _identity_document(instance: InstanceFacts) -> str:
    return _json(
        {
            "accountId": instance.account_id,
            "architecture": "x86_64",
            "availabilityZone": instance.availability_zone,
            "billingProducts": None,
            "devpayProductCodes": None,
            "imageId": resource_id("ami", instance.instance_id),
            "instanceId": instance.instance_id,
            "instanceType": INSTANCE_TYPE,
            "kernelId": None,
            "marketplaceProductCodes": None,
            "pendingTime": utc_text(instance.launched_at_s),
            "privateIp": instance.private_ip,
            "ramdiskId": None,
            "region": instance.region,
            "version": "2017-09-30",
        }
    )


def resource_id(kind: str, instance_id: str) -> str:
    """The identifier of something that belongs to the instance: always the same, and unlike another instance's."""
    return f"{kind}-0{hashlib.sha256(f'{kind} {instance_id}'.encode()).hexdigest()[:16]}"


def _json(content: Mapping[str, str | None]) -> str:
    return json.dumps(content, indent=2, separators=(",", " : "))
