"""The service as this instance sees it: its calls and its channels, signed with the role's credentials."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol
from urllib.parse import urlsplit

from websockets.exceptions import WebSocketException

from whodunet.aws.programs.agent.instance import FreshCredentials, OwnInstance
from whodunet.aws.programs.awaiting import in_thread
from whodunet.aws.programs.signed_http import (
    ServiceName,
    Unreachable,
    call,
    channel_headers,
    channel_url,
    create_channel_token,
)
from whodunet.aws.programs.web_socket import Socket, open_socket
from whodunet.aws.ssm.create_channel import AgentChannel
from whodunet.aws.ssm.payloads import OpenChannel


class CloudCalls(Protocol):
    """All that the agent asks of Systems Manager; the methods raise CallFailed."""

    instance: OwnInstance

    async def call(self, service: ServiceName, operation: str, body: Mapping[str, object]) -> dict[str, object]:
        """The answer to a call."""

    async def open_channel(self, channel: AgentChannel, opening: Callable[[str], OpenChannel]) -> Socket:
        """A channel's WebSocket, on which the first text was sent: the one that `opening` makes of the token."""


class SignedCloudCalls:
    """The service over the network."""

    def __init__(self, instance: OwnInstance, credentials: FreshCredentials) -> None:
        """Asks nothing yet."""
        self.instance = instance
        self._credentials = credentials

    async def call(self, service: ServiceName, operation: str, body: Mapping[str, object]) -> dict[str, object]:
        """Makes a call."""
        credentials = await in_thread(self._credentials.get)
        return await in_thread(partial(call, service, operation, body, self.instance.region, credentials))

    async def open_channel(self, channel: AgentChannel, opening: Callable[[str], OpenChannel]) -> Socket:
        """Asks for a token, and opens the WebSocket with it."""
        region = self.instance.region
        credentials = await in_thread(self._credentials.get)
        token = await in_thread(partial(create_channel_token, channel, region, credentials))
        url = channel_url(channel, region)
        headers = channel_headers(url, region, credentials)
        try:
            return await open_socket(url, headers, opening(token).to_payload().decode())
        except (OSError, WebSocketException) as failure:
            raise Unreachable(f"{urlsplit(url).netloc}: {failure}") from failure
