"""What the control plane is told about its account."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from whodunet.aws.account.account import Account, ConnectEndpoint, Instance, Role
from whodunet.aws.account.managed_policies import MANAGED_POLICIES
from whodunet.aws.account.policies import IamPolicy
from whodunet.aws.instance_connect.pushed_keys import LIFETIME_S
from whodunet.aws.programs.settings import ServerSettings, Settings


def _policy(value: object) -> object:
    return IamPolicy.from_document(value) if isinstance(value, dict) else value


def _known(value: str | IamPolicy) -> str | IamPolicy:
    if isinstance(value, str) and value not in MANAGED_POLICIES:
        raise ValueError(f"there is no managed policy {value}, only {', '.join(MANAGED_POLICIES)}")
    return value


AnyPolicy = Annotated[str | IamPolicy, BeforeValidator(_policy), AfterValidator(_known)]
Seconds = Annotated[float, Field(gt=0)]


class RoleSettings(Settings):
    """A role: managed policies by name, its own as documents."""

    policies: list[AnyPolicy]
    trust: Annotated[IamPolicy | None, BeforeValidator(_policy)] = None

    def role(self) -> Role:
        """The role with all its policies read."""
        policies = (MANAGED_POLICIES[it] if isinstance(it, str) else it for it in self.policies)
        return Role(tuple(policies), self.trust)


class InstanceSettings(Settings):
    """An instance, known by the role that its metadata service gives it."""

    role: str
    tags: Mapping[str, str] = Field(default_factory=dict)
    private_ip: IPv4Address | None = None
    availability_zone: str = ""

    def instance(self) -> Instance:
        """The instance."""
        return Instance(
            self.role, self.tags, "" if self.private_ip is None else str(self.private_ip), self.availability_zone
        )


class ConnectEndpointSettings(Settings):
    """An Instance Connect Endpoint of both families, in the subnet of an instance."""

    dns_name: str
    dualstack_dns_name: str
    beside: str
    vpc_cidrs: Annotated[tuple[IPv4Network | IPv6Network, ...], Field(min_length=1)]
    availability_zone: str = ""

    def endpoint(self) -> ConnectEndpoint:
        """The endpoint."""
        return ConnectEndpoint(self.dns_name, self.dualstack_dns_name, self.beside, self.availability_zone)


class ControlPlaneSettings(ServerSettings):
    """The configuration file."""

    region: str
    account_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]
    certificate: Path
    private_key: Path
    seal_key: Annotated[str, StringConstraints(pattern=r"^([0-9a-fA-F]{2})+$")]
    records: Path
    roles: dict[str, RoleSettings]
    instances: dict[str, InstanceSettings]
    connect_endpoints: dict[str, ConnectEndpointSettings] = Field(default_factory=dict)
    endpoint_policy: Annotated[IamPolicy | None, BeforeValidator(_policy)] = None  # of the VPC's interface endpoints
    tunnels_of: str | None = None  # the one whose tunnels are opened here; then nothing else is served
    managed_keys: Path | None = None  # none: nobody can send a key
    pushed_key_lifetime_s: Annotated[int, Field(ge=0)] = LIFETIME_S
    resume_within_s: Seconds = 60
    idle_timeout_s: Seconds = 1200
    client_ping_s: Seconds = 10
    lose_acknowledgements_pct: Annotated[float, Field(ge=0, le=100)] = 0

    @model_validator(mode="after")
    def _has_roles_of_instances(self) -> Self:
        for instance_id, instance in self.instances.items():
            if instance.role not in self.roles:
                raise ValueError(f"instances.{instance_id}.role: there is no role {instance.role}")
        return self

    @model_validator(mode="after")
    def _knows_endpoints(self) -> Self:
        for endpoint_id, endpoint in self.connect_endpoints.items():
            if endpoint.beside not in self.instances:
                raise ValueError(f"connect_endpoints.{endpoint_id}.beside: there is no instance {endpoint.beside}")
        if self.tunnels_of is not None and self.tunnels_of not in self.connect_endpoints:
            raise ValueError(f"tunnels_of: there is no endpoint {self.tunnels_of}")
        return self

    def account(self) -> Account:
        """The account that the roles and instances make."""
        return Account(
            region=self.region,
            account_id=self.account_id,
            roles={name: it.role() for name, it in self.roles.items()},
            instances={instance_id: it.instance() for instance_id, it in self.instances.items()},
            connect_endpoints={endpoint_id: it.endpoint() for endpoint_id, it in self.connect_endpoints.items()},
            endpoint_policy=self.endpoint_policy,
        )
