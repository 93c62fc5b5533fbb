"""An Instance Connect Endpoint without a network: tunnels are asked for as the AWS CLI asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Keys

from tests.unit.aws.programs.control_plane.plane import DEVELOPER, INSTANCE, REGION, SETTINGS, Conversation, Plane
from whodunet.aws.account.seal import Credentials

ENDPOINT: Final = "eice-0123456789abcdef0"
NAME: Final = f"{ENDPOINT}.0a1b2c3d.ec2-instance-connect-endpoint.{REGION}.amazonaws.com"
DUALSTACK_NAME: Final = NAME.replace("amazonaws.com", "api.aws")
ENDPOINTS: Final = {
    ENDPOINT: {
        "dns_name": NAME,
        "dualstack_dns_name": DUALSTACK_NAME,
        "beside": INSTANCE,
        "vpc_cidrs": ["10.0.0.0/16", "fd00:10::/56"],
    }
}
ASKED: Final[Mapping[str, str]] = {
    "instanceConnectEndpointId": ENDPOINT,
    "remotePort": "22",
    "privateIpAddress": "10.0.1.10",
}
MAY_OPEN: Final = {
    "Effect": "Allow",
    "Action": "ec2-instance-connect:OpenTunnel",
    "Resource": f"arn:aws:ec2:*:*:instance-connect-endpoint/{ENDPOINT}",
    "Condition": {
        "NumericEquals": {"ec2-instance-connect:remotePort": "22"},
        "IpAddress": {"ec2-instance-connect:privateIpAddress": "10.0.1.0/24"},
        "NumericLessThanEquals": {"ec2-instance-connect:maxTunnelDuration": "3600"},
    },
}
MAY_SEND: Final = {
    "Effect": "Allow",
    "Action": "ec2-instance-connect:SendSSHPublicKey",
    "Resource": f"arn:aws:ec2:*:*:instance/{INSTANCE}",
    "Condition": {"StringEquals": {"ec2:osuser": "ec2-user"}},
}


def plane_with_endpoint(folder: Path, **settings: Any) -> Plane:
    """A control plane whose account has an endpoint, and a developer who may use it."""
    statements = [*DEVELOPER["Statement"], MAY_OPEN, MAY_SEND]
    developer = {"policies": [{"Version": "2012-10-17", "Statement": statements}]}
    roles = {**SETTINGS["roles"], "Developer": developer}
    keys = {"managed_keys": folder / "keys"}
    return Plane(folder / "records", roles=roles, connect_endpoints=ENDPOINTS, **keys, **settings)


def presigned(plane: Plane, keys: Credentials, asked: Mapping[str, str] = ASKED, region: str = REGION) -> str:
    """The path and query of a request for a tunnel, signed for a minute as the AWS CLI does it."""
    request = AWSRequest("GET", f"https://{NAME}/openTunnel", params=dict(asked))
    signer = SigV4QueryAuth(
        Keys(keys.access_key_id, keys.secret_access_key, keys.session_token), "ec2-instance-connect", region, expires=60
    )
    with patch("botocore.auth.get_current_datetime", return_value=datetime.fromtimestamp(plane.clock().epoch_s, UTC)):
        signer.add_auth(request)
    return f"/openTunnel?{request.prepare().url.partition('?')[2]}"


def asking(plane: Plane, url: str, **headers: str) -> Conversation:
    """The WebSocket of a tunnel."""
    return Conversation(plane.app, url, {"host": NAME, **headers})


class Instance:
    """What a tunnel connects to: a server that a test plays, in place of `asyncio.open_connection`."""

    def __init__(self) -> None:
        self.asked: tuple[str, int] | None = None
        self.heard = b""
        self.is_closed = False

    @cached_property
    def says(self) -> asyncio.StreamReader:
        """What it sends; asked for where a loop runs."""
        return asyncio.StreamReader()

    async def connect(self, address: str, port: int) -> tuple[asyncio.StreamReader, Any]:
        """Accepts."""
        self.asked = address, port
        return self.says, self

    def write(self, content: bytes) -> None:
        self.heard += content

    async def drain(self) -> None:
        await asyncio.sleep(0)

    def close(self) -> None:
        self.is_closed = True
