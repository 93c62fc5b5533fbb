"""The page for a program that opened the browser itself, and listens for its answer on the same machine."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Final

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from whodunet.aws.account.authorization_code import CodeRequest
from whodunet.aws.account.grants import GrantError, GrantRefused, GrantType
from whodunet.aws.account.sign_on_clients import RegisteredClient
from whodunet.aws.programs.sign_on import pages
from whodunet.aws.programs.sign_on.desk import WHO, Desk
from whodunet.aws.programs.sign_on.office import new_id

_USE: Final = "sign-on form for a browser"
_FIXED: Final = {"response_type": "code", "code_challenge_method": "S256"}


class CodePages:
    """The page of oidc.<region>.amazonaws.com."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """Where it is."""
        return [
            Route("/authorize", self._show, methods=["GET"]),
            Route("/authorize", self._answer, methods=["POST"]),
        ]

    async def _show(self, request: Request) -> Response:
        try:
            asked = _code_request(request.query_params)
            client = self._client(asked)
        except GrantRefused as refused:  # not told to the redirect address: it may be anybody's
            return self._desk.html(pages.outcome("This request cannot be allowed", str(refused)), 400)
        return self._desk.html(pages.approval(self._question(asked, client)))

    async def _answer(self, request: Request) -> Response:
        answer = await self._desk.answer(request, _USE)
        asked = CodeRequest(*(answer.about.text(each.name) for each in fields(CodeRequest)))
        client = self._client(asked)
        if answer.allows and answer.person is None:
            return self._desk.html(pages.approval(self._question(asked, client), WHO))
        self._desk.record(request, answer, {"client": client.name, "redirectUri": asked.redirect_uri})
        if not answer.allows or answer.person is None:
            return self._desk.redirect(asked.denied())
        office = self._desk.office
        return self._desk.redirect(asked.allowed(office.codes.issue(asked, answer.person, new_id(), office.clock())))

    def _client(self, asked: CodeRequest) -> RegisteredClient:
        """The program that asks; raises GrantRefused if it may not, or wants the code somewhere else."""
        client = self._desk.office.clients.known(asked.client_id, self._desk.office.clock())
        client.check_grant(GrantType.AUTHORIZATION_CODE)
        if not client.redirects_to(asked.redirect_uri):
            raise GrantRefused(GrantError.INVALID_REQUEST, "the redirect address is not the one that was registered")
        return client

    def _question(self, asked: CodeRequest, client: RegisteredClient) -> pages.PageQuestion:
        facts = {"Answers go to": asked.redirect_uri}
        return self._desk.question(client.name, facts, asdict(asked), _USE)


def _code_request(query: QueryParams) -> CodeRequest:
    """What a program's address asks for; raises GrantRefused (invalid_request) if it is not complete."""
    for name, value in _FIXED.items():
        if query.get(name) != value:
            raise GrantRefused(GrantError.INVALID_REQUEST, f"{name} has to be {value}")
    given = {name: query.get(name, "") for name in ("client_id", "redirect_uri", "state", "code_challenge")}
    for name, value in given.items():
        if not value:
            raise GrantRefused(GrantError.INVALID_REQUEST, f"{name} is missing")
    return CodeRequest(given["client_id"], given["redirect_uri"], given["state"], given["code_challenge"])
