"""Run Command: the documents that it knows, the order to an instance, and what the agent says of it.

Orders and replies travel on the control channel, as agent_job and agent_job_reply.

Source: AWS Systems Manager User Guide, "Command document plugin reference"; amazon-ssm-agent 3.3, observed behaviour;
the documents' texts are our own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic.alias_generators import to_camel

from whodunet.aws.ssm.payloads import Payload
from whodunet.aws.ssm.violations import InvalidParameters, MalformedPayload

SHELL_SCRIPT: Final = "aws:runShellScript"
OUTPUT_LENGTH: Final = 24_000  # characters of each that the agent reports, and GetCommandInvocation tells
ERROR_LENGTH: Final = 8_000
DEFAULT_EXECUTION_TIMEOUT_S: Final = 3600
_LONGEST_EXECUTION_S: Final = 172_800
_CUT_OFF: Final = "--output truncated--"
_ERROR_TITLE: Final = "\n----------ERROR-------\n"
_SUMMARY_LENGTH: Final = 2_500
_JOB_PREFIX: Final = "aws.ssm"
_PLACEHOLDER: Final = re.compile(r"\{\{ *([A-Za-z0-9_-]+) *\}\}")

ParameterValue = str | list[str]


class _Part(BaseModel):
    """A part of a document or a reply: camelCase keys, unknown ones ignored."""

    model_config = ConfigDict(strict=True, frozen=True, alias_generator=to_camel, populate_by_name=True)


class CommandParameter(_Part):
    """One parameter of a command document; without a default the caller has to set it."""

    type: Literal["String", "StringList"] = "String"
    description: str = ""
    default: ParameterValue | None = None
    allowed_pattern: str | None = None


class CommandDocument(_Part):
    """A document of schema version 1.2: one set of properties for each plugin."""

    schema_version: Literal["1.2"] = "1.2"
    description: str = ""
    parameters: dict[str, CommandParameter] = {}
    runtime_config: dict[str, JsonValue]

    def to_json(self) -> str:
        """The document's content as GetDocument gives it."""
        return self.model_dump_json(by_alias=True, exclude_none=True)


COMMAND_DOCUMENTS: Final[Mapping[str, CommandDocument]] = {
    "AWS-RunShellScript": CommandDocument(
        description="Commands in a shell, as root",
        parameters={
            "commands": CommandParameter(type="StringList", description="The lines of the script"),
            "workingDirectory": CommandParameter(description="Where it runs", default=""),
            "executionTimeout": CommandParameter(
                description="Seconds until it is ended",
                default=str(DEFAULT_EXECUTION_TIMEOUT_S),
                allowed_pattern=r"[1-9][0-9]{0,4}|1[0-6][0-9]{4}|17[0-1][0-9]{3}|172[0-7][0-9]{2}|172800",
            ),
        },
        runtime_config={
            SHELL_SCRIPT: {
                "properties": [
                    {
                        "id": f"0.{SHELL_SCRIPT}",
                        "runCommand": "{{ commands }}",
                        "workingDirectory": "{{ workingDirectory }}",
                        "timeoutSeconds": "{{ executionTimeout }}",
                    }
                ]
            }
        },
    )
}


def accept(document: CommandDocument, given: Mapping[str, Sequence[str]]) -> dict[str, ParameterValue]:
    """The values of all parameters of the document: the caller's, or the defaults.

    Raises:
        InvalidParameters: for a name that the document does not have, a list where one value belongs, none where there
            is no default, and a value that its pattern does not allow.
    """
    unknown = sorted(set(given) - set(document.parameters))
    if unknown:
        raise InvalidParameters(f"the document has no parameter {', '.join(unknown)}")
    return {name: _accepted(name, it, given.get(name)) for name, it in document.parameters.items()}


def _accepted(name: str, parameter: CommandParameter, given: Sequence[str] | None) -> ParameterValue:
    if given is None:
        if parameter.default is None:
            raise InvalidParameters(f"parameter {name} has no default and was not given")
        return parameter.default
    if parameter.type == "StringList":
        return list(given)
    if len(given) != 1:
        raise InvalidParameters(f"parameter {name} takes a list of exactly one value")
    if parameter.allowed_pattern is not None and not re.fullmatch(parameter.allowed_pattern, given[0]):
        raise InvalidParameters(f"parameter {name} does not match {parameter.allowed_pattern}")
    return given[0]


class ShellScript(_Part):
    """What aws:runShellScript is to do."""

    id: str = ""
    run_command: list[str]
    working_directory: str = ""
    timeout_seconds: str | int = str(DEFAULT_EXECUTION_TIMEOUT_S)

    @property
    def text(self) -> str:
        """The script."""
        return "\n".join(self.run_command) + "\n"

    @property
    def timeout_s(self) -> int:
        """Its limit; one that is none, or out of bounds, is the default, as the agent has it."""
        text = str(self.timeout_seconds)
        given = int(text) if text.isascii() and text.isdigit() else 0
        return given if 0 < given <= _LONGEST_EXECUTION_S else DEFAULT_EXECUTION_TIMEOUT_S


class CommandOrder(Payload):
    """What an instance is to run: the document, and the values of its parameters."""

    command_id: str
    document_name: str
    document_content: CommandDocument
    parameters: dict[str, ParameterValue] = Field(default_factory=dict)
    output_s3_key_prefix: str = Field("", alias="OutputS3KeyPrefix")
    output_s3_bucket_name: str = Field("", alias="OutputS3BucketName")
    cloud_watch_log_group_name: str = ""
    cloud_watch_output_enabled: str = "false"

    def shell_script(self) -> ShellScript:
        """The one script of the document, filled in; raises MalformedPayload if it is not one."""
        match self.document_content.runtime_config:
            case {"aws:runShellScript": {"properties": [dict() as properties]}} if (
                len(self.document_content.runtime_config) == 1
            ):
                pass
            case others:
                raise MalformedPayload(f"this agent runs one {SHELL_SCRIPT} a document, not {', '.join(others)}")
        defaults = {name: it.default for name, it in self.document_content.parameters.items() if it.default is not None}
        try:
            return ShellScript.model_validate(_filled_in(properties, {**defaults, **self.parameters}))
        except ValidationError as error:
            first = error.errors()[0]
            raise MalformedPayload(f"{SHELL_SCRIPT}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def _filled_in(
    properties: Mapping[str, JsonValue], values: Mapping[str, ParameterValue]
) -> dict[str, JsonValue | list[str]]:
    """The properties with each `{{ name }}` replaced: by a list where it stands alone, by text within other text."""

    def text(found: re.Match[str]) -> str:
        value = values.get(found[1], found[0])
        return value if isinstance(value, str) else "\n".join(value)

    def filled(value: JsonValue) -> JsonValue | list[str]:
        if isinstance(value, list):
            return [item for each in value for item in _spread(filled(each))]
        if not isinstance(value, str):
            return value
        alone = _PLACEHOLDER.fullmatch(value)
        whole = values.get(alone[1]) if alone else None
        return whole if isinstance(whole, list) else _PLACEHOLDER.sub(text, value)

    return {key: filled(value) for key, value in properties.items()}


def _spread(value: JsonValue | list[str]) -> Sequence[JsonValue]:
    return value if isinstance(value, list) else [value]


class JobTopic(StrEnum):
    """What a job is about."""

    SEND = "aws.ssm.sendCommand"
    CANCEL = "aws.ssm.cancelCommand"


def job_id(command_id: str, instance_id: str) -> str:
    """The name of a command's job for one instance."""
    return f"{_JOB_PREFIX}.{command_id}.{instance_id}"


def command_of(job: str) -> str:
    """The command that a job is of; raises MalformedPayload for a name that is none."""
    prefix, _, rest = job.partition(f"{_JOB_PREFIX}.")
    command_id, dot, instance_id = rest.rpartition(".")
    if prefix or not (command_id and dot and instance_id):
        raise MalformedPayload(f"AgentJob: JobId: {job} is not {_JOB_PREFIX}.COMMAND.INSTANCE")
    return command_id


class AgentJob(Payload):
    """The service's order to run a command, or to cancel one."""

    content: str  # a CommandOrder or a CommandCancellation as JSON, quoted
    job_id: str
    topic: str
    schema_version: int = 1


class CommandCancellation(Payload):
    """Which job is to be cancelled."""

    cancel_message_id: Annotated[str, Field(alias="CancelMessageId")]


class _Reply(Payload):
    """Whatever an agent says of a job; its keys are in camelCase."""

    model_config = ConfigDict(strict=True, frozen=True, alias_generator=to_camel, populate_by_name=True)


class JobCode(StrEnum):
    """What became of an order; only the first is a success."""

    ACCEPTED = "200"
    DUPLICATE = "51405"
    INVALID_DOCUMENT = "51406"
    UNREADABLE = "51408"


class AgentJobAck(_Reply):
    """The agent has an order, or cannot take it."""

    job_id: str
    acknowledged_message_id: UUID
    created_date: str
    status_code: str
    error_message: str = ""


class ResultStatus(StrEnum):
    """How far a command is on an instance, in the agent's words."""

    IN_PROGRESS = "InProgress"
    SUCCESS = "Success"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    CANCELLED = "Cancelled"


class PluginStatus(_Reply):
    """What one plugin of the document did."""

    status: str  # a ResultStatus; amazon-ssm-agent has more of them
    code: int
    name: str = SHELL_SCRIPT
    output: str = ""
    start_date_time: str = ""
    end_date_time: str = ""
    standard_output: str = ""
    standard_error: str = ""


class CommandReply(_Reply):
    """How far a command is, told when it begins and when it is over."""

    document_status: str
    document_trace_output: str = ""
    runtime_status: dict[str, PluginStatus] | None = None
    additional_info: dict[str, JsonValue] = Field(default_factory=dict)


class AgentJobReply(_Reply):
    """The message that a reply is in."""

    job_id: str
    content: str  # a CommandReply as JSON, quoted
    topic: str = JobTopic.SEND.value
    schema_version: int = 1

    @classmethod
    def of(cls, job: str, reply: CommandReply) -> Self:
        """The message for a reply."""
        return cls(job_id=job, content=reply.to_payload().decode())


class AgentJobReplyAck(_Reply):
    """The service has a reply; the agent sends it again otherwise."""

    job_id: str
    acknowledged_message_id: UUID


def cut_off(text: str, length: int) -> str:
    """The text as the agent reports it, at most so many characters and a note that there was more."""
    return text if len(text) <= length else text[: length - len(_CUT_OFF)] + _CUT_OFF


def summary(output: str, errors: str) -> str:
    """Both outputs as ListCommandInvocations shows them, in at most 2,500 characters."""
    return cut_off(output + (f"{_ERROR_TITLE}{errors}" if errors else ""), _SUMMARY_LENGTH)
