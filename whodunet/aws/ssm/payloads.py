"""The JSON that frames carry, as types: unknown keys are ignored, wrong types are refused, nothing is converted."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_pascal

from whodunet.aws.ssm.documents import SessionDocument
from whodunet.aws.ssm.frames import FLAGS_CONTROL, Frame, MessageType, NewId, Now
from whodunet.aws.ssm.violations import MalformedPayload

Sequence = Annotated[int, Field(ge=0, lt=2**63)]
Cells = Annotated[int, Field(ge=0, lt=2**16)]  # a terminal's size is two unsigned shorts. Source: ioctl_tty(2)


class Payload(BaseModel):
    """One JSON object of the protocol; its keys are the fields' names in PascalCase unless a field says otherwise."""

    model_config = ConfigDict(strict=True, frozen=True, alias_generator=to_pascal, populate_by_name=True)

    def to_payload(self) -> bytes:
        """The bytes that `from_payload` reads back."""
        return self.model_dump_json(by_alias=True).encode()

    @classmethod
    def from_payload(cls, payload: bytes | str) -> Self:
        """Reads the object.

        Raises:
            MalformedPayload: with every key that is missing or of a wrong type.
        """
        try:
            return cls.model_validate_json(payload)
        except ValidationError as error:
            raise MalformedPayload(f"{cls.__name__}: {_problems(error)}") from error


class Acknowledge(Payload):
    """That one stream message has arrived; never more than this one."""

    acknowledged_message_type: str
    acknowledged_message_id: UUID
    acknowledged_message_sequence_number: Sequence
    is_sequential_message: bool = True


class SessionState(StrEnum):
    """What the agent tells the service about its end of a session."""

    CONNECTED = "Connected"
    TERMINATING = "Terminating"


class AgentSessionState(Payload):
    """The agent's state, told to the service alone."""

    session_state: SessionState
    session_id: str
    schema_version: int = 1


class ChannelClosed(Payload):
    """The end of a session, told by the service to either side; a client prints `output` if there is any."""

    message_id: UUID
    created_date: str
    session_id: str
    destination_id: str = ""
    message_type: str = str(MessageType.CHANNEL_CLOSED)
    schema_version: int = 1
    output: str = ""


class ShellContent(Payload):
    """What the agent is to run: the document, and its parameters as scalars."""

    document_name: str
    document_content: SessionDocument
    session_id: str
    parameters: dict[str, str] = {}
    run_as_user: str = ""
    session_owner: str = ""


class InteractiveShell(Payload):
    """The service's order to start a session, of whatever type; the agent answers with a data channel only."""

    content: str  # a ShellContent as JSON, quoted
    task_id: str
    topic: str = "aws.ssm.openShell"
    schema_version: int = 1

    @classmethod
    def of(cls, content: ShellContent) -> InteractiveShell:
        """The order for a session; the task has the session's identifier."""
        return cls(content=content.to_payload().decode(), task_id=content.session_id)

    def shell_content(self) -> ShellContent:
        """What to run; raises MalformedPayload as `from_payload` does."""
        return ShellContent.from_payload(self.content)


class TaskStatus(StrEnum):
    """How a session's task ended; a remote command's exit status is not part of it."""

    SUCCESS = "Success"
    FAILED = "Failed"


class AgentTaskComplete(Payload):
    """The agent's report that a session is over; it may come more than once."""

    task_id: str
    final_task_status: TaskStatus
    instance_id: str
    output: str = ""
    topic: str = str(MessageType.AGENT_TASK_COMPLETE)
    schema_version: int = 1
    is_routing_failure: bool = False
    aws_account_id: str = ""
    s3_bucket: str = ""
    s3_url_suffix: str = ""
    cwl_group: str = ""
    cwl_stream: str = ""
    retry_number: int = 0


class AgentTaskAcknowledge(Payload):
    """The service's answer to agent_task_complete, without which the agent repeats it."""

    message_id: UUID  # of the frame that is answered
    task_id: str
    topic: str = str(MessageType.AGENT_TASK_COMPLETE)
    schema_version: int = 1


class OpenChannel(Payload):
    """The text with which each side opens a channel; the token in it is its only way in."""

    request_id: str
    token_value: str
    message_schema_version: str = "1.0"


class OpenClientChannel(OpenChannel):
    """The plugin's first text on a data channel."""

    client_id: str
    client_version: str


class OpenAgentChannel(OpenChannel):
    """The agent's first text on a data channel."""

    client_instance_id: str
    client_id: str = ""  # amazon-ssm-agent leaves it empty


class OpenControlChannel(OpenChannel):
    """The agent's first text on its control channel."""

    agent_version: str
    platform_type: str = "linux"
    cookie: str | None = None


class Size(Payload):
    """The client's terminal."""

    model_config = ConfigDict(alias_generator=None)

    DEFAULT: ClassVar[Size]  # where the client has no terminal

    cols: Cells
    rows: Cells


Size.DEFAULT = Size(cols=300, rows=100)


class Flag(IntEnum):
    """What a port session says beside its bytes; the payload is one big-endian number of 4 bytes."""

    DISCONNECT_TO_PORT = 1  # the client's connection ended: close yours, dial again for the next bytes
    TERMINATE_SESSION = 2
    CONNECT_TO_PORT_ERROR = 3  # agent to client

    def to_payload(self) -> bytes:
        """The bytes that `from_payload` reads back."""
        return self.to_bytes(4, "big")

    @classmethod
    def from_payload(cls, payload: bytes) -> Flag:
        """Reads the flag; raises MalformedPayload if it has not 4 bytes or is none of the above."""
        if len(payload) != 4:
            raise MalformedPayload(f"Flag: has 4 bytes, this one has {len(payload)}")
        number = int.from_bytes(payload, "big")
        if number not in set(cls):
            raise MalformedPayload(f"Flag: {number} is unknown")
        return cls(number)


def acknowledge(received: Frame, new_id: NewId, now: Now) -> Frame:
    """The frame that acknowledges `received`."""
    payload = Acknowledge(
        acknowledged_message_type=str(received.message_type),
        acknowledged_message_id=received.message_id,
        acknowledged_message_sequence_number=received.sequence,
    )
    return control_frame(MessageType.ACKNOWLEDGE, payload.to_payload(), new_id, now)


def channel_closed(session_id: str, output: str, new_id: NewId, now: Now) -> Frame:
    """The frame that ends a session; its identifier is in the payload too."""
    message_id, created = new_id(), time_text(now.epoch_ms)
    payload = ChannelClosed(message_id=message_id, created_date=created, session_id=session_id, output=output)
    return control_frame(MessageType.CHANNEL_CLOSED, payload.to_payload(), lambda: message_id, now)


def time_text(epoch_ms: int) -> str:
    """A moment as payloads write it."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="milliseconds")


def control_frame(message_type: MessageType, payload: bytes, new_id: NewId, now: Now) -> Frame:
    """A frame outside the sequence of a stream: it has number 0 and nobody acknowledges it."""
    return Frame(message_type, new_id(), now.epoch_ms, payload, flags=FLAGS_CONTROL)


def _problems(error: ValidationError) -> str:
    return "; ".join(
        ": ".join(filter(None, (".".join(map(str, detail["loc"])), detail["msg"]))) for detail in error.errors()
    )
