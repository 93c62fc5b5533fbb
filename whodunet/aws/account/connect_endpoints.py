"""An Instance Connect Endpoint as EC2 describes it.

Source: Amazon EC2 API Reference, "Ec2InstanceConnectEndpoint" and "DescribeInstanceConnectEndpoints"; the keys are
those of its XML.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from whodunet.aws.account.account import Account
from whodunet.aws.account.ec2_instances import Description
from whodunet.aws.account.instance_metadata import resource_id
from whodunet.aws.account.timestamps import utc_text

ENDPOINT_PROPERTIES: Final[Mapping[str, tuple[str, ...]]] = {  # by filter, where in the description to look
    "availability-zone": ("availabilityZone",),
    "instance-connect-endpoint-id": ("instanceConnectEndpointId",),
    "state": ("state",),
    "subnet-id": ("subnetId",),
    "vpc-id": ("vpcId",),
}


def describe_endpoint(account: Account, endpoint_id: str, created_at_s: float) -> Description:
    """One endpoint of the account: it is there, and connects to instances with its own address."""
    endpoint = account.connect_endpoints[endpoint_id]
    return {
        "ownerId": account.account_id,
        "instanceConnectEndpointId": endpoint_id,
        "instanceConnectEndpointArn": account.connect_endpoint_arn(endpoint_id),
        "state": "create-complete",
        "stateMessage": "",
        "dnsName": endpoint.dns_name,
        "ipAddressType": "dualstack",
        "publicDnsNames": {
            "ipv4": {"dnsName": endpoint.dns_name},
            "dualstack": {"dnsName": endpoint.dualstack_dns_name},
        },
        "networkInterfaceIdSet": [resource_id("eni", endpoint_id)],
        "vpcId": resource_id("vpc", endpoint.beside),
        "availabilityZone": endpoint.availability_zone,
        "createdAt": utc_text(created_at_s),
        "subnetId": resource_id("subnet", endpoint.beside),
        "preserveClientIp": False,
        "securityGroupIdSet": [resource_id("sg", endpoint_id)],
        "tagSet": [],
    }
