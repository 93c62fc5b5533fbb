"""The sign-on's pages: plain HTML that needs no script, for any browser, a text browser or a screen reader."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

ALLOW: Final = "Allow"
DENY: Final = "Deny"

_STYLE: Final = """
:root { color-scheme: light dark; font: 1.1rem/1.5 system-ui, sans-serif }
main { max-width: 34rem; margin: 3rem auto; padding: 0 1rem }
dt { font-weight: bold } dd { margin: 0 0 .6rem }
.code { font: bold 1.6rem/1.5 ui-monospace, monospace; letter-spacing: .1em }
.problem { border-left: .3rem solid #c00; padding-left: .7rem }
fieldset { margin: 1rem 0 } fieldset div { margin: .3rem 0 }
input { font: inherit } input[type=submit] { padding: .4rem 1.2rem; margin-right: .6rem }
"""


@dataclass(frozen=True, slots=True)
class PageQuestion:
    """What a person is asked to allow."""

    client_name: str
    account: str
    facts: Mapping[str, str]  # what helps to tell one's own request from a stranger's
    code: str | None  # what the program shows, to compare
    people: Mapping[str, Sequence[str]]  # the directory, with everybody's roles
    token: str  # comes back with the answer


def security_headers(form_targets: Sequence[str]) -> dict[str, str]:
    """Headers for every page: nothing is loaded, framed or kept, and forms lead to these origins alone."""
    style = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = [
        "default-src 'none'",
        f"style-src 'sha256-{style}'",
        " ".join(["form-action 'self'", *form_targets]),
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ]
    return {
        "Content-Security-Policy": "; ".join(policy),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def code_entry(action: str, problem: str = "") -> str:
    """Asks for the code that a program shows."""
    form = f"""<form method="get" action="{escape(action)}">
<p><label for="user_code">Code that the command line shows</label>
<input id="user_code" name="user_code" size="12" autocomplete="off" autocapitalize="characters" required autofocus></p>
<p><input type="submit" value="Next"></p>
</form>"""
    return _page("Sign in to the command line", _problem(problem) + form)


def approval(question: PageQuestion, problem: str = "") -> str:
    """Shows who asks for what, and lets a person answer."""
    name = escape(question.client_name)
    intro = f"<p>The program <strong>{name}</strong> asks to act for you in {escape(question.account)}.</p>"
    form = f"""<form method="post">
<input type="hidden" name="token" value="{escape(question.token)}">
<fieldset><legend>Sign in as</legend>
{_people(question.people)}
</fieldset>
<p><input type="submit" name="decision" value="{ALLOW}">
<input type="submit" name="decision" value="{DENY}" formnovalidate></p>
</form>"""
    return _page("Allow access?", _problem(problem) + intro + _code(question.code) + _facts(question.facts) + form)


def outcome(title: str, text: str) -> str:
    """Says what came of it."""
    return _page(title, f'<p role="status">{escape(text)}</p>')


def _people(people: Mapping[str, Sequence[str]]) -> str:
    only = " checked" if len(people) == 1 else ""
    return "\n".join(
        f'<div><label><input type="radio" name="person" value="{escape(person)}" required{only}> '
        f"{escape(person)} ({escape(', '.join(roles) or 'no role')})</label></div>"
        for person, roles in people.items()
    )


def _code(code: str | None) -> str:
    if code is None:
        return ""
    return f"""<p>The program has to show this code. If yours shows another one, deny it.</p>
<p class="code">{escape(code)}</p>"""


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>\n" for name, value in facts.items())
    return f"<dl>\n{rows}</dl>\n"


def _problem(problem: str) -> str:
    return f'<p class="problem" role="alert">{escape(problem)}</p>\n' if problem else ""


def _page(title: str, content: str) -> str:
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} - corp single sign-on</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
{content}
</main>
</body>
</html>
"""
