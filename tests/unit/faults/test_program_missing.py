"""A program is missing when the shell does not find it, wherever it was."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.unit.faults.stand_in import StandIn
from whodunet.errors import CannotRun
from whodunet.faults.program_missing import ProgramMissing

NC = ProgramMissing(node="client", program="nc")


def test_it_is_hidden_wherever_the_path_finds_it_and_nothing_else_is() -> None:
    network = StandIn()
    NC.inject(network)
    assert NC.proof(network) == "client: nc: command not found"
    machine = network.machines["client"]
    assert machine.folder("/usr/bin") == {"ssh", "curl"}
    assert machine.folder("/opt/bin") == set()
    assert machine.folder("/usr/local/bin") == {"helper"}
    assert "nc" in network.machines["instance"].folder("/usr/bin")


def test_a_program_that_is_still_found_is_not_missing() -> None:
    network = StandIn()
    NC.inject(network)
    network.says = {"command -v nc": "/usr/local/bin/nc\n"}
    assert NC.proof(network) is None


def test_a_program_that_cannot_be_hidden_is_told() -> None:
    network = StandIn(says={"command -v nc": "/usr/bin/nc\n"})
    with pytest.raises(CannotRun, match="client: /usr/bin/nc could not be hidden"):
        NC.inject(network)


def test_what_is_not_there_cannot_be_taken_away() -> None:
    with pytest.raises(CannotRun, match="client has no program telnet"):
        ProgramMissing(node="client", program="telnet").inject(StandIn())


@pytest.mark.parametrize("name", ["/usr/bin/nc", "nc; reboot", "-v", ""])
def test_a_program_is_named_as_it_is_typed(name: str) -> None:
    with pytest.raises(ValidationError, match="is not a program name"):
        ProgramMissing(node="client", program=name)
