"""Standard input and output through a tunnel of an Instance Connect Endpoint, as a client of ours opens it.

    python tunneler.py ENDPOINT_NAME ENDPOINT_ID ADDRESS PORT

The endpoint is called over the family of the address. A refused upgrade is told as its status and body, on standard
error, with exit status 1.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys

import botocore.session
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

CHUNK_BYTES = 65_000  # as much as the AWS CLI sends in one message


def signed_url(name: str, endpoint_id: str, address: str, port: str) -> str:
    """The request for a tunnel, with the credentials of the user's profile."""
    session = botocore.session.get_session()
    asked = {"instanceConnectEndpointId": endpoint_id, "remotePort": port, "privateIpAddress": address}
    request = AWSRequest("GET", f"https://{name}/openTunnel", params=asked)
    region, credentials = session.get_config_variable("region"), session.get_credentials().get_frozen_credentials()
    SigV4QueryAuth(credentials, "ec2-instance-connect", region, expires=60).add_auth(request)
    return str(request.prepare().url).replace("https:", "wss:", 1)


async def inwards(tunnel: ClientConnection) -> None:
    """Sends what is read; there is no half-close, so the end of it is nothing to tell."""
    loop = asyncio.get_running_loop()
    while chunk := await loop.run_in_executor(None, os.read, 0, CHUNK_BYTES):
        await tunnel.send(chunk)


async def main() -> int:
    family = socket.AF_INET6 if ":" in sys.argv[3] else socket.AF_INET
    trusting = ssl.create_default_context(cafile="/etc/ssl/certs/ca-certificates.crt")
    try:
        async with connect(
            signed_url(*sys.argv[1:]), ssl=trusting, family=family, compression=None, max_size=None
        ) as tunnel:
            reading = asyncio.create_task(inwards(tunnel))
            async for message in tunnel:
                content = message if isinstance(message, bytes) else message.encode()
                while content:
                    content = content[os.write(1, content) :]
            reading.cancel()
    except InvalidStatus as refused:
        print(refused.response.status_code, bytes(refused.response.body or b"").decode(), file=sys.stderr, flush=True)
        return 1
    return 0


status = asyncio.run(main())
sys.stdout.flush()
os._exit(status)  # a read of standard input that nobody ends keeps a thread
