"""What the AWS CLI hands over: the answer of StartSession, and how to reach the service again.

Source: aws-cli, customizations/sessionmanager.py: RESPONSE REGION StartSession PROFILE REQUEST ENDPOINT-URL, where
RESPONSE is JSON or, for plugins after 1.2.497.0, the name of the environment variable that holds it.
"""

from __future__ import annotations

import json
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_FEWEST, _MOST = 3, 6
_OPERATION = "StartSession"
_RESPONSE_VARIABLE = "AWS_SSM_START_SESSION_RESPONSE"
_SSH_DOCUMENT = "AWS-StartSSHSession"


class InvalidArguments(Exception):
    """The arguments start no session; the message says in one line why."""


@dataclass(frozen=True)
class Invocation:
    """One session to join."""

    session_id: str
    stream_url: str
    token: str = field(repr=False)
    region: str
    profile: str = ""  # empty: the default one
    endpoint_url: str = ""  # where ResumeSession and TerminateSession go; empty: the region's own
    document: str = ""

    @property
    def carries_ssh(self) -> bool:
        """Whether standard output is another program's, so that not a word of ours may be on it."""
        return self.document == _SSH_DOCUMENT


def read_invocation(arguments: Sequence[str], environment: MutableMapping[str, str]) -> Invocation:
    """The session that the arguments are about; its token leaves the environment, where others would inherit it.

    Raises:
        InvalidArguments: if they are not what the AWS CLI passes.
    """
    _require(_FEWEST <= len(arguments) <= _MOST, f"unknown operation {arguments[0]!r}; try `aws ssm start-session`")
    response, region, operation, profile, request, endpoint_url = (*arguments, *[""] * (_MOST - len(arguments)))
    _require(operation == _OPERATION, f"unknown operation {operation!r}; there is {_OPERATION} only")
    _require(bool(region), "the second argument, the region, is empty")
    answer = _read_object("RESPONSE", _response(response, environment))
    return Invocation(
        session_id=_text(answer, "SessionId"),
        stream_url=_stream_url(_text(answer, "StreamUrl")),
        token=_text(answer, "TokenValue"),
        region=region,
        profile=profile,
        endpoint_url=endpoint_url,
        document=str(_read_object("REQUEST", request or "{}").get("DocumentName", "")),
    )


def _response(argument: str, environment: MutableMapping[str, str]) -> str:
    if not argument.startswith(_RESPONSE_VARIABLE):
        return argument
    response = environment.pop(argument, None)
    if response is None:
        raise InvalidArguments(f"the environment has no variable {argument}")
    return response


def _read_object(name: str, text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidArguments(f"{name} is not JSON: {error}") from error
    _require(isinstance(found, dict), f"{name} is not a JSON object")
    return dict(found)


def _text(answer: dict[str, object], key: str) -> str:
    found = answer.get(key)
    _require(isinstance(found, str) and found != "", f"RESPONSE has no {key}")
    return str(found)


def _stream_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    _require(usable, f"StreamUrl {url!r} is not an address of a WebSocket")
    return url


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise InvalidArguments(otherwise)
