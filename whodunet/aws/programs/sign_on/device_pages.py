"""The pages for a program that shows a code: enter it, compare it, allow or deny."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from whodunet.aws.account.device_authorization import DeviceAuthorization, State
from whodunet.aws.programs.sign_on import pages
from whodunet.aws.programs.sign_on.desk import WHO, Desk, StalePage

_USE: Final = "sign-on form for a device"
_NO_SUCH_CODE: Final = "No program waits with this code: it is mistyped, was used, or is older than ten minutes."


class DevicePages:
    """The pages of device.sso.<region>.amazonaws.com and of the company's own address."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """The pages of the device host."""
        return [Route("/", self._show, methods=["GET"]), Route("/", self._answer, methods=["POST"])]

    def start_routes(self) -> list[Route]:
        """The page at the company's address, with and without a slash."""
        path = self._desk.office.settings.start_path.rstrip("/")
        return [Route(each, self._enter, methods=["GET"]) for each in sorted({path or "/", f"{path}/", "/"})]

    async def _enter(self, _: Request) -> Response:
        return self._desk.html(pages.code_entry(self._desk.device_page))

    async def _show(self, request: Request) -> Response:
        code = request.query_params.get("user_code", "")
        if not code:
            return await self._enter(request)
        waiting = self._pending(code)
        if waiting is None:
            return self._desk.html(pages.code_entry(self._desk.device_page, _NO_SUCH_CODE))
        return self._desk.html(pages.approval(self._question(waiting)))

    async def _answer(self, request: Request) -> Response:
        answer = await self._desk.answer(request, _USE)
        waiting = self._pending(answer.about.text("user_code"))
        if waiting is None:
            raise StalePage
        if answer.allows and answer.person is None:
            return self._desk.html(pages.approval(self._question(waiting), WHO))
        waiting.state = State.ALLOWED if answer.allows else State.DENIED
        waiting.person = answer.person or ""
        self._desk.record(request, answer, {"client": waiting.client_name, "userCode": waiting.user_code})
        return self._desk.html(_done(waiting))

    def _pending(self, code: str) -> DeviceAuthorization | None:
        return self._desk.office.devices.pending(code, self._desk.office.clock())

    def _question(self, waiting: DeviceAuthorization) -> pages.PageQuestion:
        facts = {"Asked from": waiting.asked_from}
        about = {"user_code": waiting.user_code}
        return self._desk.question(waiting.client_name, facts, about, _USE, waiting.user_code)


def _done(decided: DeviceAuthorization) -> str:
    if decided.state is State.DENIED:
        return pages.outcome("Access denied", "The program gets nothing. You can close this page.")
    text = f"{decided.client_name} now acts for {decided.person}."
    return pages.outcome("Access allowed", f"{text} You can close this page and return to the command line.")
