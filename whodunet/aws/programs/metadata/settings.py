"""What the metadata service is told about its instance."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from whodunet.aws.account.instance_metadata import IDENTITY_ROLE, InstanceFacts
from whodunet.aws.account.seal import Identity
from whodunet.aws.programs.settings import ServerSettings

_ENI_PREFIX = "0a:00"  # locally administered; the address makes the rest


class MetadataSettings(ServerSettings):
    """The configuration file."""

    region: str
    account_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]
    seal_key: Annotated[str, StringConstraints(pattern=r"^([0-9a-fA-F]{2})+$")]
    instance_id: Annotated[str, StringConstraints(min_length=1)]
    availability_zone: Annotated[str, StringConstraints(pattern=r"^[a-z]+(-[a-z]+)+-[0-9]+[a-z]$")]
    private_ip: IPv4Address
    hostname: Annotated[str, StringConstraints(min_length=1)]
    role: str | None = None  # none: no instance profile
    credential_lifetime_s: Annotated[int, Field(ge=1)] = 21600
    mac: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$")] | None = None
    vpc_cidr: IPv4Network = IPv4Network("10.0.0.0/16")
    subnet_cidr: IPv4Network | None = None  # none: the /24 around the private address
    managed_keys: Path | None = None  # none: nobody sends keys
    ipv6: IPv6Address | None = None  # none: the VPC has no block of IPv6
    vpc_ipv6_cidr: IPv6Network | None = None
    subnet_ipv6_cidr: IPv6Network | None = None

    @model_validator(mode="after")
    def _ipv6_is_whole(self) -> Self:
        given = (self.ipv6, self.vpc_ipv6_cidr, self.subnet_ipv6_cidr)
        if any(given) and not all(given):
            raise ValueError("ipv6, vpc_ipv6_cidr and subnet_ipv6_cidr are given together, or none of them")
        return self

    def instance(self, launched_at_s: float) -> InstanceFacts:
        """The instance, launched when its metadata service was."""
        return InstanceFacts(
            instance_id=self.instance_id,
            account_id=self.account_id,
            region=self.region,
            availability_zone=self.availability_zone,
            private_ip=str(self.private_ip),
            hostname=self.hostname,
            mac=self.mac or f"{_ENI_PREFIX}:{self.private_ip.packed.hex(':')}",
            vpc_cidr=str(self.vpc_cidr),
            subnet_cidr=str(self.subnet_cidr or IPv4Network((self.private_ip, 24), strict=False)),
            launched_at_s=launched_at_s,
            ipv6=str(self.ipv6 or ""),
            vpc_ipv6_cidr=str(self.vpc_ipv6_cidr or ""),
            subnet_ipv6_cidr=str(self.subnet_ipv6_cidr or ""),
        )

    def identity(self) -> Identity:
        """The instance itself."""
        return Identity(self.account_id, IDENTITY_ROLE, self.instance_id)

    def profile(self) -> Identity | None:
        """Whose credentials the instance profile gives, if there is one."""
        return None if self.role is None else Identity(self.account_id, self.role, self.instance_id)
