"""CreateControlChannel and CreateDataChannel: how an agent asks for the token that opens a channel.

Source: amazon-ssm-agent, observed behaviour: the answer has status 201 and is XML whose root may have any name.
"""

from __future__ import annotations

import html
import re
from urllib.parse import quote
from uuid import UUID

from whodunet.core.ssm.errors import MalformedPayload

_TOKEN = re.compile(r"<TokenValue>([^<]+)</TokenValue>")
_OF_IDENTIFIERS = "+=,.@-_"  # what a session's name may have beside letters and digits


def control_channel(instance_id: str) -> str:
    """The path of an instance's control channel, for the call as for the WebSocket."""
    return f"/v1/control-channel/{quote(instance_id, safe=_OF_IDENTIFIERS)}"


def data_channel(session_id: str) -> str:
    """The path of a session's data channel, for the call as for the WebSocket."""
    return f"/v1/data-channel/{quote(session_id, safe=_OF_IDENTIFIERS)}"


def request(request_id: UUID) -> dict[str, str]:
    """The call's body; a data channel's agent identifies itself later, so its ClientId is empty."""
    return {"MessageSchemaVersion": "1.0", "RequestId": str(request_id), "ClientId": ""}


def token_of(answer: bytes) -> str:
    """The token in the answer; raises MalformedPayload if there is none."""
    found = _TOKEN.search(answer.decode(errors="replace"))
    if found is None:
        raise MalformedPayload("the answer has no TokenValue")
    return html.unescape(found[1])
