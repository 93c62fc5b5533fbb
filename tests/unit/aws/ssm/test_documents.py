from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from whodunet.aws.ssm.documents import (
    DEFAULT_DOCUMENT,
    DOCUMENTS,
    Parameter,
    SessionDocument,
    SessionType,
    flatten,
    substitute,
)
from whodunet.aws.ssm.violations import InvalidParameters, MalformedPayload

FORWARD = DOCUMENTS["AWS-StartPortForwardingSession"]
REMOTE = DOCUMENTS["AWS-StartPortForwardingSessionToRemoteHost"]
COMMAND = DOCUMENTS["AWS-StartInteractiveCommand"]
SSH = DOCUMENTS["AWS-StartSSHSession"]


def test_each_document_starts_the_session_that_its_name_says() -> None:
    assert {name: document.session_type for name, document in DOCUMENTS.items()} == {
        DEFAULT_DOCUMENT: SessionType.STANDARD_STREAM,
        "AWS-StartInteractiveCommand": SessionType.INTERACTIVE_COMMANDS,
        "AWS-StartNonInteractiveCommand": SessionType.NON_INTERACTIVE_COMMANDS,
        "AWS-StartPortForwardingSession": SessionType.PORT,
        "AWS-StartPortForwardingSessionToRemoteHost": SessionType.PORT,
        "AWS-StartSSHSession": SessionType.PORT,
    }


def test_a_client_cannot_guess_ports_and_commands_without_a_terminal() -> None:
    assert [kind.value for kind in SessionType if kind.needs_handshake] == ["NonInteractiveCommands", "Port"]


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_is_read_back_from_its_json(document: SessionDocument) -> None:
    assert SessionDocument.from_json(document.to_json()) == document


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_names_parameters_that_it_has(document: SessionDocument) -> None:
    placeholders = set(re.findall(r"\{\{ (\w+) \}\}", document.to_json()))
    assert placeholders == set(document.parameters or {})


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_defaults_match_their_own_patterns(document: SessionDocument) -> None:
    given = {name: [it.default] for name, it in (document.parameters or {}).items() if it.default is not None}
    required = {name: ["host1"] for name, it in (document.parameters or {}).items() if it.default is None}
    assert flatten(document, given | required) == flatten(document, required)


def test_json_keys_are_written_as_in_amazons_documents() -> None:
    content = json.loads(FORWARD.to_json())
    assert set(content) == {"schemaVersion", "description", "sessionType", "parameters", "properties"}
    assert set(content["parameters"]["portNumber"]) == {"type", "description", "default", "allowedPattern"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{}", "sessionType: Field required"),
        ('{"sessionType": "Dance"}', "sessionType: Input should be"),
        ("nonsense", "Invalid JSON"),
    ],
)
def test_what_is_no_document_is_malformed(content: str, why: str) -> None:
    with pytest.raises(MalformedPayload, match=why):
        SessionDocument.from_json(content)


def test_lists_become_scalars_and_what_is_missing_has_its_default() -> None:
    assert flatten(FORWARD, {"portNumber": ["8080"]}) == {"portNumber": "8080", "localPortNumber": "0"}


def test_a_document_without_parameters_takes_none() -> None:
    assert flatten(DOCUMENTS[DEFAULT_DOCUMENT], {}) == {}
    with pytest.raises(InvalidParameters, match="no parameter command"):
        flatten(DOCUMENTS[DEFAULT_DOCUMENT], {"command": ["id"]})


@pytest.mark.parametrize(
    ("document", "given", "why"),
    [
        (COMMAND, {}, "parameter command has no default"),
        (COMMAND, {"command": []}, "exactly one value"),
        (COMMAND, {"command": ["a", "b"]}, "exactly one value"),
        (COMMAND, {"command": "id"}, "exactly one value"),
        (COMMAND, {"comand": ["a"], "command": ["a"]}, "no parameter comand"),
        (SSH, {"portNumber": ["0"]}, "portNumber does not match"),
        (SSH, {"portNumber": ["65536"]}, "portNumber does not match"),
        (SSH, {"portNumber": ["22\n"]}, "portNumber does not match"),
        (SSH, {"portNumber": ["22; id"]}, "portNumber does not match"),
        (REMOTE, {"host": ["a b"]}, "host does not match"),
        (REMOTE, {"host": [""]}, "host does not match"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(
    document: SessionDocument, given: dict[str, list[str]], why: str
) -> None:
    with pytest.raises(InvalidParameters, match=why):
        flatten(document, given)


@given(st.integers(0, 99_999))
def test_a_port_is_a_number_from_1_to_65535(port: int) -> None:
    try:
        allowed = flatten(SSH, {"portNumber": [str(port)]}) == {"portNumber": str(port)}
    except InvalidParameters:
        allowed = False
    assert allowed == (1 <= port <= 65535)


@pytest.mark.parametrize("host", ["db.internal", "10.0.2.7", "fd00::7"])
def test_names_and_addresses_are_hosts(host: str) -> None:
    assert flatten(REMOTE, {"host": [host]})["host"] == host


def test_parameters_are_put_where_the_document_names_them() -> None:
    assert substitute(REMOTE.properties, flatten(REMOTE, {"host": ["db"], "portNumber": ["5432"]})) == {
        "portNumber": "5432",
        "localPortNumber": "0",
        "type": "LocalPortForwarding",
        "host": "db",
    }


def test_parameters_are_put_into_the_middle_of_texts_and_lists() -> None:
    properties: JsonValue = {"linux": {"commands": ["tail {{ options }} {{file}}"], "runAsElevated": False}}
    assert substitute(properties, {"options": "-n 5", "file": "/var/log/syslog"}) == {
        "linux": {"commands": ["tail -n 5 /var/log/syslog"], "runAsElevated": False}
    }


def test_a_value_is_never_substituted_itself() -> None:
    assert substitute("{{ a }}", {"a": "{{ b }} \\1", "b": "secret"}) == "{{ b }} \\1"


def test_an_undeclared_name_stays_as_it_is() -> None:
    assert substitute("{{ nobody }}", {"a": "1"}) == "{{ nobody }}"


def test_a_parameter_without_a_pattern_takes_anything() -> None:
    document = SessionDocument(session_type=SessionType.PORT, parameters={"x": Parameter()})
    assert flatten(document, {"x": ["\n;"]}) == {"x": "\n;"}
