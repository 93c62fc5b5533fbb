"""Where people answer what programs ask: what the pages for it have in common.

Nobody has a password here, and a browser keeps nothing: who answers is chosen on the page. So there is no session that
another site's form could ride on; the token in the form makes sure that an answer belongs to a page that was shown,
to the request on that page, and comes within ten minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from whodunet.aws.account.cloudtrail import Failure
from whodunet.aws.account.device_authorization import LIFETIME_S
from whodunet.aws.account.grants import GrantError
from whodunet.aws.account.seal import InvalidToken, SealedClaims
from whodunet.aws.programs.sign_on import pages
from whodunet.aws.programs.sign_on.exchange import form
from whodunet.aws.programs.sign_on.office import Office

WHO: Final = "Choose who signs in."
_LOOPBACK: Final = ("http://127.0.0.1:*", "http://localhost:*")
_DENIED: Final = Failure(GrantError.ACCESS_DENIED.exception, "the person denied the request")


class StalePage(Exception):
    """An answer to nothing that still waits for one."""


@dataclass(frozen=True, slots=True)
class DeskAnswer:
    """What a person answered; to deny something one need not say who one is."""

    about: SealedClaims  # as the page was made with it
    person: str | None
    allows: bool


class Desk:
    """Shows pages, and reads what is answered on them."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.device_page = f"https://{office.settings.device_host}/"
        self._headers = pages.security_headers((self.device_page, *_LOOPBACK))

    def html(self, page: str, status: int = 200) -> Response:
        """A page."""
        return HTMLResponse(page, status, self._headers)

    def redirect(self, url: str) -> Response:
        """Leads the browser to another page, which it gets."""
        return RedirectResponse(url, 303, self._headers)

    def question(
        self, client_name: str, facts: Mapping[str, str], about: Mapping[str, object], use: str, code: str | None = None
    ) -> pages.PageQuestion:
        """A question to the directory's people; `about` comes back with the answer."""
        settings = self.office.settings
        account = f"account {settings.account_id}"
        return pages.PageQuestion(
            client_name=client_name,
            account=f"{account} ({settings.account_name})" if settings.account_name else account,
            facts=facts,
            code=code,
            people={person: entry.roles for person, entry in settings.people.items()},
            token=self.office.seal.seal(use, about, int(self.office.clock()) + LIFETIME_S),
        )

    async def answer(self, request: Request, use: str) -> DeskAnswer:
        """What was answered on a page for this use; raises StalePage if there was none, or too long ago."""
        fields = await form(request)
        try:
            about = self.office.seal.open(use, fields.get("token", ""), self.office.clock())
        except InvalidToken as error:
            raise StalePage from error
        person = fields.get("person")
        known = person if person in self.office.settings.people else None
        return DeskAnswer(about, known, fields.get("decision") == pages.ALLOW)

    def record(self, request: Request, answer: DeskAnswer, parameters: Mapping[str, object]) -> None:
        """Writes to the audit trail who answered what."""
        self.office.audit.decision(request, answer.person, parameters, None if answer.allows else _DENIED)


def stale_page(_: Request, __: Exception) -> Response:
    """What is shown for an answer that comes too late."""
    text = "The page is too old, or its request was answered already. Begin again on the command line."
    return HTMLResponse(pages.outcome("Nothing to answer", text), 400, pages.security_headers(()))
