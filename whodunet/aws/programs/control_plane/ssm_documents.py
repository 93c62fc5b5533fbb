"""The operations of ssm on the documents of sessions and commands."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Final

from pydantic import Field

from whodunet.aws.account.account import Account
from whodunet.aws.programs.control_plane.api_errors import INVALID_DOCUMENT, ApiError
from whodunet.aws.programs.control_plane.gate import Permission
from whodunet.aws.programs.control_plane.operations import Answer, Call, Operation, Operations, Request
from whodunet.aws.programs.control_plane.ssm_sessions import paged
from whodunet.aws.ssm.commands import COMMAND_DOCUMENTS, CommandDocument
from whodunet.aws.ssm.documents import DOCUMENTS, SessionDocument

AnyDocument = SessionDocument | CommandDocument

_ALL: Final[Mapping[str, AnyDocument]] = {**DOCUMENTS, **COMMAND_DOCUMENTS}
_COMMON: Final = {"DocumentVersion": "1", "DocumentFormat": "JSON"}


class _OfDocument(Request):
    action: ClassVar[str]

    name: str

    def permissions(self, account: Account) -> Iterable[Permission]:
        """On the document."""
        yield Permission(self.action, account.document_arn(self.name))


class GetDocument(_OfDocument):
    """Its content."""

    action: ClassVar[str] = "ssm:GetDocument"


class DescribeDocument(_OfDocument):
    """What it is for."""

    action: ClassVar[str] = "ssm:DescribeDocument"


class ListDocuments(Request):
    """Which there are."""

    max_results: Annotated[int, Field(ge=1, le=50)] = 50
    next_token: str = "0"

    def permissions(self, account: Account) -> Iterable[Permission]:
        """On nothing in particular."""
        yield Permission("ssm:ListDocuments", account.service_arn("ssm"))


class SsmDocuments:
    """Answers them."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def operations(self) -> Operations:
        """By name."""
        return {
            "GetDocument": Operation(GetDocument, self.get),
            "DescribeDocument": Operation(DescribeDocument, self.describe),
            "ListDocuments": Operation(ListDocuments, self.list),
        }

    async def get(self, request: GetDocument, call: Call) -> Answer:
        """The document's text."""
        document = _find(request.name)
        kind = {"DocumentType": _type_of(document)}
        return {"Name": request.name, "Status": "Active", "Content": document.to_json(), **kind, **_COMMON}

    async def describe(self, request: DescribeDocument, call: Call) -> Answer:
        """The document's description."""
        return {"Document": self._description(request.name, _find(request.name))}

    async def list(self, request: ListDocuments, call: Call) -> Answer:
        """A page of them."""
        known = [self._identifier(name, document) for name, document in _ALL.items()]
        page, next_token = paged(known, request.next_token, request.max_results)
        return {"DocumentIdentifiers": page, **next_token}

    def _identifier(self, name: str, document: AnyDocument) -> Answer:
        return {
            "Name": name,
            "Owner": "Amazon" if name.startswith("AWS-") else self._account.account_id,
            "PlatformTypes": ["Linux"],
            "SchemaVersion": document.schema_version,
            "Tags": [],
            "DocumentType": _type_of(document),
            **_COMMON,
        }

    def _description(self, name: str, document: AnyDocument) -> Answer:
        return {
            **self._identifier(name, document),
            "Hash": hashlib.sha256(document.to_json().encode()).hexdigest(),
            "HashType": "Sha256",
            "Status": "Active",
            "Description": document.description,
            "Parameters": _parameters(document),
            "LatestVersion": "1",
            "DefaultVersion": "1",
        }


def _find(name: str) -> AnyDocument:
    document = _ALL.get(name.rpartition("/")[2])
    if document is None:
        raise ApiError(INVALID_DOCUMENT, f"Document with name {name} does not exist.")
    return document


def _type_of(document: AnyDocument) -> str:
    return "Session" if isinstance(document, SessionDocument) else "Command"


def _parameters(document: AnyDocument) -> list[Answer]:
    return [
        {
            "Name": name,
            "Type": parameter.type,
            "Description": parameter.description,
            **({} if parameter.default is None else {"DefaultValue": parameter.default}),
        }
        for name, parameter in (document.parameters or {}).items()
    ]
