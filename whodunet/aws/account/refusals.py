"""What an AWS service says when it refuses a call: JSON, XML or a header, whichever its protocol has."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass

_CODES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (r"<Code>([^<]+)</Code>", r"<(\w+Exception)\b", r"<(\w+)[^<>]*>\s*<Message>")
)
_MESSAGE_ELEMENT = re.compile(r"<Message>([^<]+)</Message>", re.IGNORECASE)
_MOST_CHARACTERS = 500  # of a body that is not an answer of AWS; a proxy's page can be long


@dataclass(frozen=True, slots=True)
class Refusal:
    """The error's code, as AWS documents it, and its message; the code is `HTTP <status>` if there is none."""

    code: str
    message: str


def read_refusal(status: int, body: bytes, error_type: str = "") -> Refusal:
    """Reads an answer that is not a success, whatever it is.

    Args:
        error_type: the header x-amzn-ErrorType, in which REST services name the code.

    Source: Smithy, "AWS JSON 1.1 protocol" (Operation error serialization) and "AWS restXml protocol".
    """
    text = body.decode(errors="replace")
    code, message = _in_json(text) or _in_xml(text) or ("", " ".join(text.split())[:_MOST_CHARACTERS])
    return Refusal(_plain(error_type) or _plain(code) or f"HTTP {status}", message)


def _in_json(text: str) -> tuple[str, str] | None:
    try:
        content: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    code = content.get("__type") or content.get("code") or ""
    return str(code), str(content.get("message") or content.get("Message") or "")


def _in_xml(text: str) -> tuple[str, str] | None:
    code = next(filter(None, (pattern.search(text) for pattern in _CODES)), None)
    if code is None:
        return None
    message = _MESSAGE_ELEMENT.search(text)
    return html.unescape(code[1]), html.unescape(message[1]) if message else ""


def _plain(code: str) -> str:
    """The code without the namespace before it and the address behind it."""
    return code.rpartition("#")[2].partition(":")[0]
