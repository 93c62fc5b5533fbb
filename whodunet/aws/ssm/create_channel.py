"""CreateControlChannel and CreateDataChannel: how an agent asks for the token that opens a channel.

Source: amazon-ssm-agent, observed behaviour: the answer has status 201 and is XML whose root may have any name.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID

from whodunet.aws.ssm.violations import MalformedPayload

_TOKEN = re.compile(r"<TokenValue>([^<]+)</TokenValue>")
_OF_IDENTIFIERS = "+=,.@-_"  # what a session's name may have beside letters and digits


@dataclass(frozen=True, slots=True)
class AgentChannel:
    """One of an agent's channels: where it is, for the call as for the WebSocket, and how it is asked for."""

    path: str
    query: str  # of the WebSocket
    asks_with: Mapping[str, str]  # beside what every call has

    def request(self, request_id: UUID) -> dict[str, str]:
        """The call's body."""
        return {"MessageSchemaVersion": "1.0", "RequestId": str(request_id), **self.asks_with}


def control_channel(instance_id: str) -> AgentChannel:
    """An instance's control channel."""
    return AgentChannel(f"/v1/control-channel/{_quoted(instance_id)}", "role=subscribe&stream=input", {})


def data_channel(session_id: str) -> AgentChannel:
    """A session's data channel; the agent names itself later, so its ClientId is empty."""
    return AgentChannel(f"/v1/data-channel/{_quoted(session_id)}", "role=publish_subscribe", {"ClientId": ""})


def token_of(answer: bytes) -> str:
    """The token in the answer; raises MalformedPayload if there is none."""
    found = _TOKEN.search(answer.decode(errors="replace"))
    if found is None:
        raise MalformedPayload("the answer has no TokenValue")
    return html.unescape(found[1])


def _quoted(identifier: str) -> str:
    return quote(identifier, safe=_OF_IDENTIFIERS)
