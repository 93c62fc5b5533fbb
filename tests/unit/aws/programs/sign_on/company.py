"""A company's sign-on with a clock that tests put forward, its clients and its people's browsers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

from tests.unit.aws.programs.asgi import Answer, ask
from whodunet.aws.account.grants import GrantType
from whodunet.aws.programs.audit_trail import AuditTrail
from whodunet.aws.programs.sign_on.office import Office
from whodunet.aws.programs.sign_on.settings import SignOnSettings
from whodunet.aws.programs.sign_on.virtual_hosts import application

NOW_S: Final = 1_800_000_000.0
START_URL: Final = "https://corp.awsapps.com/start"
OIDC: Final = "https://oidc.eu-central-1.amazonaws.com"
PORTAL: Final = "https://portal.sso.eu-central-1.amazonaws.com"
DEVICE: Final = "https://device.sso.eu-central-1.amazonaws.com/"
CALLBACK: Final = "http://127.0.0.1/oauth/callback"
CONFIGURATION: Final[Mapping[str, Any]] = {
    "region": "eu-central-1",
    "account_id": "123456789012",
    "account_name": "fintech-platform",
    "listen": [["10.9.1.20", 443]],
    "certificate": "/certificate.pem",
    "private_key": "/private-key.pem",
    "seal_key": "00ff",
    "records": "/records",
    "start_url": START_URL,
    "people": {"ann": {"roles": ["Developer", "Auditor"]}, "bob": {"roles": ["ReadOnly"]}, "eve": {}},
    "token_lifetime_s": 3600,
    "session_lifetime_s": 28800,
    "credential_lifetime_s": 900,
}


class Company:
    """The whole service, asked as programs and browsers ask it."""

    def __init__(self, records: Path) -> None:
        self.now_s = NOW_S
        self.records = records
        self.settings = SignOnSettings.model_validate_json(json.dumps(CONFIGURATION))
        self._trail = AuditTrail(records, "eu-central-1", "123456789012", lambda: self.now_s)
        self.restart()

    def restart(self) -> None:
        """Forgets what is in memory."""
        self.office = Office.open(self.settings, self._trail, lambda: self.now_s)
        self.app = application(self.office)

    def close(self) -> None:
        """Closes the audit trail."""
        self._trail.close()

    def trail(self) -> list[dict[str, Any]]:
        """All that was recorded."""
        return [json.loads(line) for line in (self.records / "cloudtrail.jsonl").read_text().splitlines()]

    def post(self, path: str, **body: Any) -> Answer:
        """A call of the token service."""
        return ask(self.app, "POST", OIDC + path, json.dumps(body).encode())

    def client(self, **changes: Any) -> dict[str, str]:
        """A registered client's id and secret, as its calls carry them."""
        asked = {"clientName": "botocore-client-corp", "clientType": "public", "scopes": ["sso:account:access"]}
        answer = json.loads(self.post("/client/register", **{**asked, **changes}).text)
        return {"clientId": answer["clientId"], "clientSecret": answer["clientSecret"]}

    def start(self, client: Mapping[str, str]) -> dict[str, Any]:
        """A started device authorisation."""
        started: dict[str, Any] = json.loads(self.post("/device_authorization", **client, startUrl=START_URL).text)
        return started

    def poll(self, client: Mapping[str, str], device_code: str) -> Answer:
        """What a device's poll is answered with."""
        return self.post("/token", **client, grantType=GrantType.DEVICE_CODE, deviceCode=device_code)

    def sign_in(self, person: str, client: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The tokens of a person who has just signed in."""
        client = client or self.client()
        started = self.start(client)
        self.browse(started["verificationUriComplete"]).answer(person, "Allow")
        tokens: dict[str, Any] = json.loads(self.poll(client, started["deviceCode"]).text)
        return tokens

    def portal(self, method: str, path: str, access_token: str, **query: str) -> Answer:
        """A call of the portal."""
        url = f"{PORTAL}{path}?{urlencode(query)}"
        return ask(self.app, method, url, headers={"x-amz-sso_bearer_token": access_token})

    def browse(self, url: str) -> Browser:
        """A browser that has opened an address."""
        return Browser(self, url, ask(self.app, "GET", url, headers={"User-Agent": "w3m/0.5.3"}))


class Browser:
    """A browser without script or cookies, on one page."""

    def __init__(self, company: Company, url: str, page: Answer) -> None:
        self._company = company
        self._url = url
        self.page = page
        self.form = _Form(page.text)

    def answer(self, person: str | None, decision: str) -> Browser:
        """Chooses a person, and presses a button."""
        chosen = {"person": person} if person else {}
        return self.submit({**self.form.hidden, **chosen, "decision": decision})

    def submit(self, fields: Mapping[str, str]) -> Browser:
        """Sends the form with these fields."""
        url = urljoin(self._url, self.form.attributes.get("action") or self._url)
        if self.form.attributes["method"] == "get":
            return self._company.browse(f"{url}?{urlencode(fields)}")
        headers = {"User-Agent": "w3m/0.5.3", "Content-Type": "application/x-www-form-urlencoded"}
        return Browser(self._company, url, ask(self._company.app, "POST", url, urlencode(fields).encode(), headers))

    @property
    def brought(self) -> dict[str, str]:
        """What a redirect brings to the program."""
        query = parse_qs(urlsplit(self.page.headers["location"]).query)
        return {name: values[0] for name, values in query.items()}


class _Form(HTMLParser):
    """The form on a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.attributes: dict[str, str] = {}
        self.inputs: list[dict[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.attributes = attributes
        if tag == "input":
            self.inputs.append(attributes)

    @property
    def hidden(self) -> dict[str, str]:
        """The fields that nobody sees."""
        return {field["name"]: field["value"] for field in self.inputs if field.get("type") == "hidden"}

    def values(self, name: str) -> list[str]:
        """What can be chosen for a name."""
        return [field.get("value", "") for field in self.inputs if field.get("name") == name]
