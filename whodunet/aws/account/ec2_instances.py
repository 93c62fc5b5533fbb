"""An instance as EC2 describes it, and the filters that a description fits.

Source: Amazon EC2 API Reference, "Instance" and "DescribeInstances"; the keys are those of its XML.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from whodunet.aws.account.account import Account
from whodunet.aws.account.instance_metadata import INSTANCE_TYPE, resource_id
from whodunet.aws.account.patterns import matches
from whodunet.aws.account.timestamps import utc_text

Description = Mapping[str, object]

_RUNNING: Final = {"code": 16, "name": "running"}
INSTANCE_PROPERTIES: Final[Mapping[str, tuple[str, ...]]] = {  # where in the description to look
    "availability-zone": ("placement", "availabilityZone"),
    "dns-name": ("dnsName",),
    "image-id": ("imageId",),
    "instance-id": ("instanceId",),
    "instance-state-code": ("instanceState", "code"),
    "instance-state-name": ("instanceState", "name"),
    "instance-type": ("instanceType",),
    "ip-address": ("ipAddress",),
    "private-dns-name": ("privateDnsName",),
    "private-ip-address": ("privateIpAddress",),
    "subnet-id": ("subnetId",),
    "vpc-id": ("vpcId",),
}
_TAG: Final = "tag:"
_TAG_KEY: Final = "tag-key"


class UnknownFilter(ValueError):
    """There is no such filter; the text is its name."""


@dataclass(frozen=True, slots=True)
class DescriptionFilter:
    """What one property of what EC2 describes may be; `*` and `?` stand for other characters."""

    name: str
    values: Sequence[str]
    properties: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: INSTANCE_PROPERTIES)

    def fits(self, description: Description, tags: Mapping[str, str]) -> bool:
        """Whether that passes; raises UnknownFilter."""
        return any(
            matches(value, found, {}, arn=False) for found in self._found(description, tags) for value in self.values
        )

    def _found(self, description: Description, tags: Mapping[str, str]) -> Iterator[str]:
        if self.name.startswith(_TAG):
            value = tags.get(self.name.removeprefix(_TAG))
            yield from () if value is None else (value,)
        elif self.name == _TAG_KEY:
            yield from tags
        elif self.name in self.properties:
            found: object = description
            for key in self.properties[self.name]:
                found = found.get(key) if isinstance(found, Mapping) else None
            yield from () if found is None else (str(found),)
        else:
            raise UnknownFilter(self.name)


def describe(account: Account, instance_id: str, launched_at_s: float) -> Description:
    """One instance of the account: it runs in a private subnet, and has what its metadata service tells of it."""
    instance = account.instances[instance_id]
    name = (
        f"ip-{instance.private_ip.replace('.', '-')}.{account.region}.compute.internal" if instance.private_ip else ""
    )
    return {
        "instanceId": instance_id,
        "imageId": resource_id("ami", instance_id),
        "instanceState": _RUNNING,
        "privateDnsName": name,
        "dnsName": "",
        "reason": "",
        "amiLaunchIndex": 0,
        "productCodes": [],
        "instanceType": INSTANCE_TYPE,
        "launchTime": utc_text(launched_at_s),
        "placement": {"availabilityZone": instance.availability_zone, "groupName": "", "tenancy": "default"},
        "monitoring": {"state": "disabled"},
        "subnetId": resource_id("subnet", instance_id),
        "vpcId": resource_id("vpc", instance_id),
        **({"privateIpAddress": instance.private_ip} if instance.private_ip else {}),
        "sourceDestCheck": True,
        "architecture": "x86_64",
        "rootDeviceType": "ebs",
        "rootDeviceName": "/dev/xvda",
        "virtualizationType": "hvm",
        "tagSet": [{"key": key, "value": value} for key, value in instance.tags.items()],
        "hypervisor": "xen",
        "iamInstanceProfile": {"arn": f"arn:aws:iam::{account.account_id}:instance-profile/{instance.role}"},
    }


def reservation(account: Account, instance_id: str, launched_at_s: float) -> Description:
    """The launch that an instance came from: every one of its own."""
    return {
        "reservationId": resource_id("r", instance_id),
        "ownerId": account.account_id,
        "groupSet": [],
        "instancesSet": [describe(account, instance_id, launched_at_s)],
    }
