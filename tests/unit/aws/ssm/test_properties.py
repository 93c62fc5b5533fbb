from __future__ import annotations

import pytest
from pydantic import JsonValue

from whodunet.aws.ssm.documents import DEFAULT_DOCUMENT, DOCUMENTS, flatten, substitute
from whodunet.aws.ssm.properties import CommandProperties, LinuxCommand, PortProperties, ShellInputs
from whodunet.aws.ssm.violations import MalformedPayload


def properties_of(name: str, **given: str) -> JsonValue:
    """The properties of a session that was started with these parameters."""
    document = DOCUMENTS[name]
    return substitute(document.properties, flatten(document, {key: [value] for key, value in given.items()}))


def test_a_forward_leads_to_the_instance_itself() -> None:
    port = PortProperties.from_json(properties_of("AWS-StartPortForwardingSession", portNumber="8080"))
    assert (port.forward, port.address, port.local_port_number) == (True, ("localhost", 8080), "0")


def test_a_forward_to_a_remote_host_leads_there() -> None:
    remote = properties_of("AWS-StartPortForwardingSessionToRemoteHost", host="db", portNumber="5432")
    assert PortProperties.from_json(remote).address == ("db", 5432)


def test_ssh_is_no_forward() -> None:
    port = PortProperties.from_json(properties_of("AWS-StartSSHSession"))
    assert (port.forward, port.address) == (False, ("localhost", 22))


def test_a_command_is_for_linux() -> None:
    command = CommandProperties.from_json(properties_of("AWS-StartNonInteractiveCommand", command="id -un"))
    assert command == CommandProperties(linux=LinuxCommand(commands="id -un", run_as_elevated=False))


def test_properties_are_written_as_documents_have_them() -> None:
    assert PortProperties(port_number="22").to_json() == {"portNumber": "22"}
    assert CommandProperties(linux=LinuxCommand(commands="id")).to_json() == {"linux": {"commands": "id"}}


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        (None, "PortProperties: "),
        ({}, "portNumber: Field required"),
        ({"portNumber": 22}, "portNumber: Input should be a valid string"),
        ({"portNumber": "{{ portNumber }}"}, "portNumber: String should match"),
        ({"portNumber": "65536"}, "portNumber: Value error, is not a port"),
        ({"portNumber": "22", "host": None}, "host: Input should be a valid string"),
    ],
)
def test_properties_that_lead_nowhere_are_malformed(properties: JsonValue, why: str) -> None:
    with pytest.raises(MalformedPayload, match=why):
        PortProperties.from_json(properties)


@pytest.mark.parametrize("text", [True, "true", "True", "1"])
def test_a_command_may_have_its_outputs_apart(text: JsonValue) -> None:
    linux: dict[str, JsonValue] = {"commands": "id", "separateOutputStream": text, "stdErrSeparatorPrefix": "ERR:"}
    command = CommandProperties.from_json({"linux": linux}).linux
    assert (command.separate_output_stream, command.std_err_separator_prefix) == (True, "ERR:")


@pytest.mark.parametrize(
    ("linux", "why"),
    [
        ({"commands": " "}, "linux.commands: String should match"),
        ({"commands": "id", "separateOutputStream": "perhaps"}, "linux.separateOutputStream: Input should be"),
        ({"commands": "id", "stdOutSeparatorPrefix": "\x1b[1m"}, "linux.stdOutSeparatorPrefix: String should match"),
    ],
)
def test_a_command_that_cannot_be_run_is_malformed(linux: dict[str, JsonValue], why: str) -> None:
    with pytest.raises(MalformedPayload, match=why):
        CommandProperties.from_json({"linux": linux})


def test_the_default_documents_inputs_ask_for_nothing() -> None:
    inputs = ShellInputs.from_json(DOCUMENTS[DEFAULT_DOCUMENT].inputs)
    assert inputs == ShellInputs()


def test_inputs_may_name_a_user_and_a_profile() -> None:
    inputs = ShellInputs.from_json({"runAsEnabled": True, "runAsDefaultUser": "bob", "shellProfile": {"linux": "date"}})
    assert (inputs.run_as_enabled, inputs.run_as_default_user, inputs.shell_profile.linux) == (True, "bob", "date")
