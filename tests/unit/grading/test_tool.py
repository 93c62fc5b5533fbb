"""Commands of tool files: what stands in braces."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from whodunet.grading.tool import PLACEHOLDERS, Tool, filled_in


def tool(command: str) -> Tool:
    return Tool(name="nc", title="netcat", command=command)


def test_placeholders_are_filled_in_and_braces_of_other_languages_stay() -> None:
    values = dict.fromkeys(PLACEHOLDERS, "?") | {"host": "10.0.0.1", "port": "22", "family.option": "-4"}
    command = "nc {family.option} {host} {port} | awk '{print $1}' ${HOME} {{host}}"
    assert filled_in(command, values) == "nc -4 10.0.0.1 22 | awk '{print $1}' ${HOME} {host}"


def test_a_placeholder_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValidationError, match=r"has \{hosst\}, which stands for nothing; did you mean host\?"):
        tool("nc {hosst}")


def test_a_tool_whose_command_names_the_capture_reads_it() -> None:
    assert tool("tshark -r {capture}").reads_capture
    assert not tool("tshark -r {{capture}} {host}").reads_capture
