"""Session documents: what a session runs, with parameters that a caller may set.

Source: AWS Systems Manager User Guide, "Session document schema"; the documents' texts are our own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from pydantic.alias_generators import to_camel

from whodunet.aws.ssm.violations import InvalidParameters, MalformedPayload

_PLACEHOLDER = re.compile(r"\{\{ *([A-Za-z0-9_-]+) *\}\}")


class SessionType(StrEnum):
    """What kind of session a document starts."""

    STANDARD_STREAM = "Standard_Stream"
    INTERACTIVE_COMMANDS = "InteractiveCommands"
    NON_INTERACTIVE_COMMANDS = "NonInteractiveCommands"
    PORT = "Port"

    @property
    def needs_handshake(self) -> bool:
        """Whether a client cannot know the type without a handshake; without one it concludes "a shell"."""
        return self in (SessionType.PORT, SessionType.NON_INTERACTIVE_COMMANDS)


class _Part(BaseModel):
    """A part of a document: camelCase keys, unknown ones ignored, as documents of other accounts have more."""

    model_config = ConfigDict(strict=True, frozen=True, alias_generator=to_camel, populate_by_name=True)


class Parameter(_Part):
    """One parameter of a document; without a default the caller has to set it."""

    type: str = "String"
    description: str = ""
    default: str | None = None
    allowed_pattern: str | None = None


class SessionDocument(_Part):
    """One document, as StartSession names it and interactive_shell carries it."""

    session_type: SessionType
    schema_version: str = "1.0"
    description: str = ""
    inputs: dict[str, JsonValue] | None = None
    parameters: dict[str, Parameter] | None = None
    properties: JsonValue = None

    def to_json(self) -> str:
        """The document's content as GetDocument gives it."""
        return self.model_dump_json(by_alias=True, exclude_none=True)

    @classmethod
    def from_json(cls, content: str | bytes) -> SessionDocument:
        """Reads a document; raises MalformedPayload with the first key that is wrong."""
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            first = error.errors()[0]
            raise MalformedPayload(f"document: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def flatten(document: SessionDocument, given: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """One scalar for each parameter of the document: the caller's only value, or the default.

    StartSession takes lists, the agent takes scalars and fails on a list.

    Raises:
        InvalidParameters: for a name that the document does not have, for no value or several, and for one that its
            pattern does not allow.
    """
    declared = document.parameters or {}
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise InvalidParameters(f"the document has no parameter {', '.join(unknown)}")
    return {name: _value(name, parameter, given.get(name)) for name, parameter in declared.items()}


def substitute(properties: JsonValue, parameters: Mapping[str, str]) -> JsonValue:
    """The properties with each `{{ name }}` replaced, inside longer texts too; an undeclared name stays as it is.

    A value is put in as it is: what looks like a placeholder in it is text.
    """
    if isinstance(properties, str):
        return _PLACEHOLDER.sub(lambda found: parameters.get(found[1], found[0]), properties)
    if isinstance(properties, list):
        return [substitute(item, parameters) for item in properties]
    if isinstance(properties, dict):
        return {key: substitute(item, parameters) for key, item in properties.items()}
    return properties


def _value(name: str, parameter: Parameter, given: Sequence[str] | None) -> str:
    if given is None:
        if parameter.default is None:
            raise InvalidParameters(f"parameter {name} has no default and was not given")
        return parameter.default
    if isinstance(given, str) or len(given) != 1:
        raise InvalidParameters(f"parameter {name} takes a list of exactly one value")
    if parameter.allowed_pattern is not None and not re.fullmatch(parameter.allowed_pattern, given[0]):
        raise InvalidParameters(f"parameter {name} does not match {parameter.allowed_pattern}")
    return given[0]


# Patterns in the syntax that Go reads too: the agent gets them with the document.
_PORT = r"([1-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_HOST = r"^[^,$^&()!;'\"<>`{}\[\]|#=\s]{1,253}$"


def _port_number(default: str, description: str = "Port on the instance") -> Parameter:
    return Parameter(description=description, default=default, allowed_pattern=rf"^{_PORT}$")


_LOCAL_PORT = Parameter(
    description="Port on the client; 0 is any free one", default="0", allowed_pattern=rf"^(0|{_PORT})$"
)
_FORWARD: dict[str, JsonValue] = {
    "portNumber": "{{ portNumber }}",
    "localPortNumber": "{{ localPortNumber }}",
    "type": "LocalPortForwarding",
}
_COMMAND: dict[str, JsonValue] = {"linux": {"commands": "{{ command }}", "runAsElevated": False}}

_SHELL_INPUTS: dict[str, JsonValue] = {
    "s3BucketName": "",
    "s3KeyPrefix": "",
    "s3EncryptionEnabled": True,
    "cloudWatchLogGroupName": "",
    "cloudWatchEncryptionEnabled": True,
    "cloudWatchStreamingEnabled": False,
    "kmsKeyId": "",
    "idleSessionTimeout": "20",
    "maxSessionDuration": "",
    "runAsEnabled": False,
    "runAsDefaultUser": "",
    "shellProfile": {"windows": "", "linux": ""},
}

DEFAULT_DOCUMENT = "SSM-SessionManagerRunShell"  # what StartSession starts if it names none

DOCUMENTS: Mapping[str, SessionDocument] = {
    DEFAULT_DOCUMENT: SessionDocument(
        description="A shell, with the region's settings",
        session_type=SessionType.STANDARD_STREAM,
        inputs=_SHELL_INPUTS,
    ),
    "AWS-StartInteractiveCommand": SessionDocument(
        description="One command on a terminal",
        session_type=SessionType.INTERACTIVE_COMMANDS,
        parameters={"command": Parameter(description="The command to run")},
        properties=_COMMAND,
    ),
    "AWS-StartNonInteractiveCommand": SessionDocument(
        description="One command without a terminal",
        session_type=SessionType.NON_INTERACTIVE_COMMANDS,
        parameters={"command": Parameter(description="The command to run")},
        properties=_COMMAND,
    ),
    "AWS-StartPortForwardingSession": SessionDocument(
        description="A port of the client leads to a port of the instance",
        session_type=SessionType.PORT,
        parameters={"portNumber": _port_number("80"), "localPortNumber": _LOCAL_PORT},
        properties=_FORWARD,
    ),
    "AWS-StartPortForwardingSessionToRemoteHost": SessionDocument(
        description="A port of the client leads to a port of a host that the instance reaches",
        session_type=SessionType.PORT,
        parameters={
            "host": Parameter(description="Name or address of the host", allowed_pattern=_HOST),
            "portNumber": _port_number("80", "Port on the host"),
            "localPortNumber": _LOCAL_PORT,
        },
        properties={**_FORWARD, "host": "{{ host }}"},
    ),
    "AWS-StartSSHSession": SessionDocument(
        description="ssh through the session: its bytes, raw",
        session_type=SessionType.PORT,
        parameters={"portNumber": _port_number("22")},
        properties={"portNumber": "{{ portNumber }}"},
    ),
}
