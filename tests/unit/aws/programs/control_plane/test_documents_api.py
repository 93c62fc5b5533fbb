"""ssm's operations on the documents of sessions and commands."""

from __future__ import annotations

import pytest

from tests.unit.aws.programs.control_plane.plane import Plane, play
from whodunet.aws.ssm.commands import COMMAND_DOCUMENTS
from whodunet.aws.ssm.documents import DOCUMENTS, SessionDocument


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_documents_text_is_the_document(plane: Plane, name: str) -> None:
    async def story() -> None:
        answer = (await plane.ssm("GetDocument", Name=name)).json
        assert SessionDocument.from_json(answer["Content"]) == DOCUMENTS[name]
        assert (answer["Name"], answer["DocumentType"], answer["DocumentFormat"]) == (name, "Session", "JSON")

    play(story)


def test_a_document_is_described_with_its_parameters(plane: Plane) -> None:
    async def story() -> None:
        told = (await plane.ssm("DescribeDocument", Name="AWS-StartSSHSession")).json["Document"]
        assert (told["Owner"], told["Status"], told["SchemaVersion"]) == ("Amazon", "Active", "1.0")
        assert told["Parameters"] == [
            {"Name": "portNumber", "Type": "String", "Description": "Port on the instance", "DefaultValue": "22"}
        ]

    play(story)


def test_a_parameter_without_a_default_has_none(plane: Plane) -> None:
    async def story() -> None:
        told = (await plane.ssm("DescribeDocument", Name="AWS-StartInteractiveCommand")).json["Document"]
        assert "DefaultValue" not in told["Parameters"][0]

    play(story)


def test_all_documents_are_listed_in_pages(plane: Plane) -> None:
    async def story() -> None:
        first = (await plane.ssm("ListDocuments", MaxResults=4)).json
        rest = (await plane.ssm("ListDocuments", MaxResults=4, NextToken=first["NextToken"])).json
        listed = first["DocumentIdentifiers"] + rest["DocumentIdentifiers"]
        assert [it["Name"] for it in listed] == [*DOCUMENTS, *COMMAND_DOCUMENTS]
        assert [it["DocumentType"] for it in listed] == ["Session"] * len(DOCUMENTS) + ["Command"] * len(
            COMMAND_DOCUMENTS
        )

    play(story)


@pytest.mark.parametrize("operation", ["GetDocument", "DescribeDocument"])
def test_a_document_that_is_not_there_is_invalid(plane: Plane, operation: str) -> None:
    async def story() -> None:
        answer = await plane.ssm(operation, Name="AWS-StartNothing")
        assert answer.error == ("InvalidDocument", "Document with name AWS-StartNothing does not exist.")

    play(story)
