"""The sign-on's hosts in one server: each name answers what it answers at AWS."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Host, Route, Router

from whodunet.aws.account.grants import GrantRefused
from whodunet.aws.programs.sign_on.code_pages import CodePages
from whodunet.aws.programs.sign_on.desk import Desk, StalePage, stale_page
from whodunet.aws.programs.sign_on.device_pages import DevicePages
from whodunet.aws.programs.sign_on.exchange import RequestIds
from whodunet.aws.programs.sign_on.office import Office
from whodunet.aws.programs.sign_on.oidc import Oidc, grant_refused
from whodunet.aws.programs.sign_on.portal import Portal, PortalRefused, portal_refused


def application(office: Office) -> Starlette:
    """The sign-on of one company."""
    settings, desk = office.settings, Desk(office)
    device_pages = DevicePages(desk)
    routes: list[BaseRoute] = [
        _host(settings.oidc_host, Oidc(office).routes() + CodePages(desk).routes()),
        _host(settings.portal_host, Portal(office).routes()),
        _host(settings.device_host, device_pages.routes()),
        _host(settings.start_host, device_pages.start_routes()),
    ]
    refusals = {GrantRefused: grant_refused, PortalRefused: portal_refused, StalePage: stale_page}
    return Starlette(routes=routes, middleware=[Middleware(RequestIds)], exception_handlers=refusals)


def _host(name: str, routes: list[Route]) -> Host:
    return Host(name, Router(routes))
