"""The properties of a session's type, as the handshake carries them after substitution, and a document's inputs."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, ValidationError
from pydantic.alias_generators import to_camel

from whodunet.aws.ssm.violations import MalformedPayload

LOCAL_FORWARD = "LocalPortForwarding"
_Prefix = Annotated[str, Field(pattern=r"^[0-9a-zA-Z\r\n_:-]{0,30}$")]  # Source: amazon-ssm-agent, observed behaviour


def _port(text: str) -> str:
    if int(text) >= 2**16:
        raise ValueError("is not a port")
    return text


_PortText = Annotated[str, Field(pattern=r"^[0-9]{1,5}$"), AfterValidator(_port)]  # numbers travel as text


class _Properties(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, alias_generator=to_camel, populate_by_name=True)

    @classmethod
    def from_json(cls, properties: JsonValue) -> Self:
        """Reads the properties; raises MalformedPayload with the first key that is missing or wrong."""
        try:
            return cls.model_validate(properties)
        except ValidationError as error:
            first = error.errors()[0]
            raise MalformedPayload(f"{cls.__name__}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error

    def to_json(self) -> dict[str, JsonValue]:
        """The properties as documents and handshakes write them."""
        properties: dict[str, JsonValue] = self.model_dump(by_alias=True, exclude_defaults=True)
        return properties


class PortProperties(_Properties):
    """Where a Port session leads; without a type it carries the raw bytes of the client's stdin and stdout."""

    port_number: _PortText
    local_port_number: _PortText = "0"  # 0: any free one
    host: str = ""  # empty: the instance itself
    type: str = ""

    @property
    def forward(self) -> bool:
        """Whether the client listens on a port, rather than on its stdin."""
        return self.type == LOCAL_FORWARD

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that the agent has to dial."""
        return self.host or "localhost", int(self.port_number)


class LinuxCommand(_Properties):
    """What a command session runs on Linux."""

    commands: Annotated[str, Field(pattern=r"\S")]
    run_as_elevated: bool = False
    separate_output_stream: Annotated[bool, Field(strict=False)] = False  # travels as text, too
    std_out_separator_prefix: _Prefix = ""
    std_err_separator_prefix: _Prefix = ""


class CommandProperties(_Properties):
    """The command of an InteractiveCommands or NonInteractiveCommands session."""

    linux: LinuxCommand


class ShellProfile(_Properties):
    """What a shell runs first."""

    linux: str = ""


class ShellInputs(_Properties):
    """The account's settings for sessions, as far as they are the agent's."""

    kms_key_id: str = ""
    run_as_enabled: bool = False
    run_as_default_user: str = ""
    shell_profile: ShellProfile = ShellProfile()
