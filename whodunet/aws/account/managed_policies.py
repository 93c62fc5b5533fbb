"""Policies that a role can have by name, with the actions that AWS publishes for them.

Source: AWS Managed Policy Reference Guide; of ReadOnlyAccess, the services that there are here.
"""

from __future__ import annotations

from collections.abc import Mapping

from whodunet.aws.account.policies import IamPolicy


def _allow(*actions: str) -> IamPolicy:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return IamPolicy.from_document({"Version": "2012-10-17", "Statement": [statement]})


def _of(service: str, names: str) -> tuple[str, ...]:
    return tuple(f"{service}:{name}" for name in names.split())


MANAGED_POLICIES: Mapping[str, IamPolicy] = {
    "AmazonSSMManagedInstanceCore": _allow(
        *_of(
            "ssm",
            "DescribeAssociation GetDeployablePatchSnapshotForInstance GetDocument DescribeDocument GetManifest"
            " GetParameter GetParameters ListAssociations ListInstanceAssociations PutInventory PutComplianceItems"
            " PutConfigurePackageResult UpdateAssociationStatus UpdateInstanceAssociationStatus"
            " UpdateInstanceInformation",
        ),
        *_of("ssmmessages", "CreateControlChannel CreateDataChannel OpenControlChannel OpenDataChannel"),
        *_of("ec2messages", "AcknowledgeMessage DeleteMessage FailMessage GetEndpoint GetMessages SendReply"),
    ),
    "AmazonSSMReadOnlyAccess": _allow(*_of("ssm", "Describe* Get* List*")),
    "ReadOnlyAccess": _allow(
        *_of("ssm", "Describe* Get* List*"), *_of("ec2", "Describe*"), *_of("sts", "GetCallerIdentity")
    ),
    "AdministratorAccess": _allow("*"),
}
