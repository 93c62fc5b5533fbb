"""Who the agent is: what the instance metadata service says, asked as IMDSv2 wants it."""

from __future__ import annotations

import functools
import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Final

from whodunet.aws.programs.agent import AGENT_VERSION
from whodunet.aws.programs.signed_http import CallFailed, Unreachable, what_failed
from whodunet.aws.ssm.forward_targets import AddressBlock

if TYPE_CHECKING:
    from botocore.httpsession import URLLib3Session

_SERVICE: Final = "http://169.254.169.254"  # AWS_EC2_METADATA_SERVICE_ENDPOINT names another, as for the SDKs
_TIMEOUT_S: Final = 2.0
_TOKEN_LIFETIME_S: Final = 21600
_REFRESH_BEFORE_S: Final = 600.0  # before they expire; the service has new ones by then
_PROFILE: Final = "meta-data/iam/security-credentials/"
_INTERFACES: Final = "meta-data/network/interfaces/macs/"


class NotThere(CallFailed):
    """The metadata service has nothing under this path."""


class NoInstanceProfile(CallFailed):
    """The instance has no role, so the agent may not speak for it."""


@dataclass(frozen=True, slots=True)
class FetchedCredentials:
    """The role's temporary credentials."""

    access_key: str
    secret_key: str
    token: str
    expires_at_s: float


@dataclass(frozen=True, slots=True)
class OwnInstance:
    """What does not change about an instance while it runs."""

    instance_id: str
    region: str
    availability_zone: str
    private_ip: str
    hostname: str
    vpc_networks: tuple[AddressBlock, ...]

    def description(self) -> dict[str, str]:
        """What UpdateInstanceInformation tells about the instance and its agent."""
        system = _system()
        return {
            "InstanceId": self.instance_id,
            "AgentName": "amazon-ssm-agent",
            "AgentVersion": AGENT_VERSION,
            "AgentStatus": "Active",
            "PlatformType": "Linux",
            "PlatformName": system.get("NAME", "Linux"),
            "PlatformVersion": system.get("VERSION_ID", ""),
            "IPAddress": self.private_ip,
            "ComputerName": self.hostname,
            "AvailabilityZone": self.availability_zone,
            "SSMConnectionChannel": "ssmmessages",
        }


class Metadata:
    """The metadata service; its methods block, and raise CallFailed."""

    def __init__(self, endpoint: str | None = None) -> None:
        """Asks nothing yet."""
        self._endpoint = endpoint or os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or _SERVICE
        self._token = ""

    def instance(self) -> OwnInstance:
        """Who this instance is."""
        document = _object(self.read("dynamic/instance-identity/document"), "the identity document")
        return OwnInstance(
            instance_id=self.read("meta-data/instance-id"),
            region=_text(document, "region"),
            availability_zone=_text(document, "availabilityZone"),
            private_ip=_text(document, "privateIp"),
            hostname=platform.node(),
            vpc_networks=self._vpc_networks(),
        )

    def role_credentials(self) -> FetchedCredentials:
        """The credentials of the instance's role; raises NoInstanceProfile if it has none."""
        try:
            role = self.read(_PROFILE).split("\n", 1)[0]
            found = _object(self.read(_PROFILE + role), "the role's credentials")
        except NotThere as missing:
            raise NoInstanceProfile("no instance profile") from missing
        return FetchedCredentials(
            access_key=_text(found, "AccessKeyId"),
            secret_key=_text(found, "SecretAccessKey"),
            token=_text(found, "Token"),
            expires_at_s=datetime.fromisoformat(_text(found, "Expiration")).timestamp(),
        )

    def read(self, path: str) -> str:
        """The text under a path below /latest/."""
        status, text = self._get(path)
        if status == 401:  # the token has expired
            self._token = ""
            status, text = self._get(path)
        if status == 404:
            raise NotThere(f"instance metadata: there is no {path}")
        if status != 200:
            raise Unreachable(f"instance metadata: HTTP {status} for {path}")
        return text

    def _get(self, path: str) -> tuple[int, str]:
        if not self._token:
            lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_LIFETIME_S)}
            status, token = self._ask("PUT", "api/token", lifetime)
            if status != 200:
                raise Unreachable(f"instance metadata: HTTP {status} for a token")
            self._token = token
        return self._ask("GET", path, {"X-aws-ec2-metadata-token": self._token})

    def _ask(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, str]:
        from botocore.awsrequest import AWSRequest
        from botocore.exceptions import BotoCoreError

        request = AWSRequest(method=method, url=f"{self._endpoint}/latest/{path}", headers=dict(headers))
        try:
            answer = _http().send(request.prepare())
        except BotoCoreError as error:
            raise Unreachable(f"instance metadata: {what_failed(error)}") from error
        return answer.status_code, answer.text

    def _vpc_networks(self) -> tuple[AddressBlock, ...]:
        """The blocks of both families; an instance outside a VPC has none, and a VPC need not have both."""
        interfaces = [f"{_INTERFACES}{line.rstrip('/')}" for line in self._lines(_INTERFACES)]
        try:
            ipv4 = [IPv4Network(line) for each in interfaces for line in self._lines(f"{each}/vpc-ipv4-cidr-blocks")]
            ipv6 = [IPv6Network(line) for each in interfaces for line in self._lines(f"{each}/vpc-ipv6-cidr-blocks")]
        except ValueError:
            return ()
        return (*ipv4, *ipv6)

    def _lines(self, path: str) -> list[str]:
        try:
            return self.read(path).split()
        except NotThere:
            return []


class FreshCredentials:
    """The role's credentials, asked for again before they expire; `get` blocks."""

    def __init__(self, ask: Callable[[], FetchedCredentials], clock: Callable[[], float] = time.time) -> None:
        """Asks when they are needed."""
        self._ask, self._clock = ask, clock
        self._held: FetchedCredentials | None = None

    def get(self) -> FetchedCredentials:
        """Credentials that are good for a while.

        Raises:
            CallFailed: when there are none; ones that are about to expire are used as long as they last.
        """
        held, now_s = self._held, self._clock()
        if held is not None and now_s < held.expires_at_s - _REFRESH_BEFORE_S:
            return held
        try:
            self._held = self._ask()
        except Unreachable:
            if held is None or now_s >= held.expires_at_s:
                raise
            return held
        return self._held


@functools.cache
def _http() -> URLLib3Session:
    """Connections of their own: metadata is never asked for through a proxy."""
    from botocore.httpsession import URLLib3Session

    return URLLib3Session(timeout=_TIMEOUT_S)


def _system() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def _object(text: str, what: str) -> dict[str, object]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise Unreachable(f"instance metadata: {what}: {error}") from error
    if not isinstance(content, dict):
        raise Unreachable(f"instance metadata: {what} is not an object")
    return content


def _text(content: Mapping[str, object], key: str) -> str:
    value = content.get(key)
    if not isinstance(value, str):
        raise Unreachable(f"instance metadata: {key} is missing")
    return value
