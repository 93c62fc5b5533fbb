"""A small AWS account: roles with their policies, instances, the names of resources, and who may do what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from whodunet.aws.account.patterns import Context
from whodunet.aws.account.policies import AccessRequest, IamPolicy, Verdict, evaluate, evaluate_trust
from whodunet.aws.account.seal import Identity

ASSUME_ROLE = "sts:AssumeRole"


class NotAuthorised(Exception):
    """The caller may not do that; the message is the one that AWS gives."""


@dataclass(frozen=True, slots=True)
class Role:
    """What its bearers may do, and who may become one by sts:AssumeRole: nobody without a trust policy."""

    policies: tuple[IamPolicy, ...] = ()
    trust: IamPolicy | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """A machine, the role that its instance profile gives it, its tags, and where it is."""

    role: str
    tags: Mapping[str, str] = field(default_factory=dict)
    private_ip: str = ""
    availability_zone: str = ""


@dataclass(frozen=True, slots=True)
class ConnectEndpoint:
    """An Instance Connect Endpoint: its names, and the instance in whose subnet it has its interface."""

    dns_name: str  # which has addresses of IPv4 alone
    dualstack_dns_name: str
    beside: str
    availability_zone: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """One account in one region."""

    region: str
    account_id: str
    roles: Mapping[str, Role]
    instances: Mapping[str, Instance]
    connect_endpoints: Mapping[str, ConnectEndpoint] = field(default_factory=dict)
    endpoint_policy: IamPolicy | None = None  # of the VPC's interface endpoints; None: they let every call pass

    def authorise(self, identity: Identity, action: str, resource: str, circumstances: Context) -> None:
        """Raises NotAuthorised unless the policies of the caller's role, and of the endpoint, allow the action on it.

        Source: AWS PrivateLink Guide, "Control access to VPC endpoints using endpoint policies".
        """
        request = AccessRequest(action, resource, {**circumstances, **self._context(identity, resource)})
        kinds = [("identity-based", self._policies(identity))]
        kinds += [("VPC endpoint", (self.endpoint_policy,))] if self.endpoint_policy else []
        for kind, policies in kinds:
            verdict = evaluate(policies, request)
            if verdict is not Verdict.ALLOWED:
                raise NotAuthorised(_refusal(identity, request, verdict, kind))

    def authorise_assumption(self, identity: Identity, role_arn: str, circumstances: Context) -> Role:
        """The role, if the caller may assume it; raises NotAuthorised otherwise, for a role that is not there too.

        A trust policy that names the caller is enough; one that names the account leaves it to the caller's policies.

        Source: IAM User Guide, "Cross-account policy evaluation logic" and "IAM roles: trust policy".
        """
        request = AccessRequest(ASSUME_ROLE, role_arn, {**circumstances, **self._context(identity, role_arn)})
        role = self._role_of(role_arn)
        own = evaluate(self._policies(identity), request)
        if role is None or role.trust is None or own is Verdict.DENIED:
            raise NotAuthorised(_refusal(identity, request, None))
        named = evaluate_trust(role.trust, ("*", identity.arn, identity.role_arn), request)
        whole = evaluate_trust(role.trust, (self.account_id, f"arn:aws:iam::{self.account_id}:root"), request)
        trusted = named is Verdict.ALLOWED or (whole is Verdict.ALLOWED and own is Verdict.ALLOWED)
        if not trusted or Verdict.DENIED in (named, whole):
            raise NotAuthorised(_refusal(identity, request, None))
        return role

    def is_instance(self, identity: Identity, instance_id: str) -> bool:
        """Whether the caller is this instance itself: its own session of its own role."""
        instance = self.instances.get(instance_id)
        return instance is not None and identity == Identity(self.account_id, instance.role, instance_id)

    def instance_arn(self, instance_id: str) -> str:
        """An instance's name for policies."""
        return f"arn:aws:ec2:{self.region}:{self.account_id}:instance/{instance_id}"

    def connect_endpoint_arn(self, endpoint_id: str) -> str:
        """An Instance Connect Endpoint's name for policies."""
        return f"arn:aws:ec2:{self.region}:{self.account_id}:instance-connect-endpoint/{endpoint_id}"

    def session_arn(self, session_id: str) -> str:
        """A session's name for policies."""
        return f"arn:aws:ssm:{self.region}:{self.account_id}:session/{session_id}"

    def document_arn(self, name: str) -> str:
        """A document's name for policies; one of AWS's own belongs to no account."""
        owner = "" if name.startswith("AWS-") else self.account_id
        return f"arn:aws:ssm:{self.region}:{owner}:document/{name}"

    def service_arn(self, service: str) -> str:
        """The name that actions on nothing in particular are checked with."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:*"

    def _policies(self, identity: Identity) -> tuple[IamPolicy, ...]:
        role = self.roles.get(identity.role) if identity.account_id == self.account_id else None
        return () if role is None else role.policies

    def _role_of(self, role_arn: str) -> Role | None:
        prefix, slash, name = role_arn.rpartition("/")
        return self.roles.get(name) if prefix + slash == f"arn:aws:iam::{self.account_id}:role/" else None

    def _context(self, identity: Identity, resource: str) -> dict[str, str]:
        return {
            "aws:username": identity.session,  # AWS leaves it out for roles; our people have no other user name
            "aws:userid": identity.user_id,
            "aws:principalarn": identity.role_arn,
            "aws:principalaccount": identity.account_id,
            "aws:principaltype": "AssumedRole",
            "aws:requestedregion": self.region,
            **self._tags(resource),
        }

    def _tags(self, resource: str) -> dict[str, str]:
        prefix, slash, instance_id = resource.rpartition("/")
        instance = self.instances.get(instance_id) if prefix + slash == self.instance_arn("") else None
        tags = {} if instance is None else instance.tags
        both = (("ssm:resourcetag/", tags), ("aws:resourcetag/", tags))
        return {f"{prefix}{key}".lower(): value for prefix, tags in both for key, value in tags.items()}


def _refusal(identity: Identity, request: AccessRequest, verdict: Verdict | None, kind: str = "") -> str:
    """As AWS words it. Source: IAM User Guide, "Troubleshoot access denied error messages"."""
    article = "an" if kind.startswith("i") else "a"
    reasons: dict[Verdict | None, str] = {
        Verdict.NOT_ALLOWED: f" because no {kind} policy allows the {request.action} action",
        Verdict.DENIED: f" with an explicit deny in {article} {kind} policy",
    }
    refused = f"User: {identity.arn} is not authorized to perform: {request.action} on resource: {request.resource}"
    return refused + reasons.get(verdict, "")
