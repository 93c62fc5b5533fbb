"""Where the user's programs would go, of what ssh and the environment say."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from whodunet.diagnosis.probes import Configuration, ReadConfiguration
from whodunet.probing.configuration import read_configuration, ssh_settings

ASKED = ReadConfiguration("box", 22)


@pytest.fixture(autouse=True)
def _no_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def told(
    monkeypatch: pytest.MonkeyPatch, ssh: str, *, login: str = "", environment: Mapping[str, str] | None = None
) -> Configuration:
    """What is read where ssh prints this, and a login's `env` that; nothing: they fail."""

    def run(command: Sequence[str], **_: object) -> subprocess.CompletedProcess[str]:
        words = ssh if command[0] == "ssh" else login
        return subprocess.CompletedProcess(command, 0 if words else 255, words, "")

    monkeypatch.setattr(subprocess, "run", run)
    return read_configuration(ASKED, environment or {})


def test_ssh_says_where_it_would_go_and_through_whom(monkeypatch: pytest.MonkeyPatch) -> None:
    words = "user me\nhostname 10.0.1.10\nport 2222\nproxyjump me@jump:22\nproxycommand nc -X connect %h %p\n"
    found = told(monkeypatch, words)
    assert (found.hostname, found.port) == ("10.0.1.10", 2222)
    assert (found.proxy_jump, found.proxy_command) == ("me@jump:22", "nc -X connect %h %p")


def test_no_proxy_is_what_ssh_calls_none(monkeypatch: pytest.MonkeyPatch) -> None:
    found = told(monkeypatch, "hostname box\nport 22\nproxycommand none\n")
    assert found.proxy_command is None


def test_where_ssh_says_nothing_the_user_goes_where_they_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, "") == Configuration("box", 22)


def test_a_machine_without_ssh_is_configured_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert read_configuration(ASKED, {"PATH": "/nowhere"}) == Configuration("box", 22)


def test_a_port_that_was_typed_counts_more_than_a_configured_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "ssh"
    fake.write_text('#!/bin/sh\n[ "$2" = -p ] && echo port $3 || echo port 2200\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    where = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    assert read_configuration(ReadConfiguration("box", 22), where).port == 2200
    assert read_configuration(ReadConfiguration("box", 2222), where).port == 2222


def test_proxies_are_those_of_the_environment_but_for_hosts_that_go_without(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {"https_proxy": "http://proxy:3128", "ALL_PROXY": "socks5://other", "HTTP_PROXY": "http://not-curls"}
    found = told(monkeypatch, "", environment=own)
    assert (found.http_proxy, found.https_proxy) == ("socks5://other", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "box,.example")
    assert told(monkeypatch, "", environment=own).https_proxy is None


def test_where_the_environment_names_no_proxy_a_login_may(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, "", login="LANG=C\nhttps_proxy=http://proxy:3129\n").https_proxy == "http://proxy:3129"


def test_a_keyword_is_one_whatever_its_case() -> None:
    assert ssh_settings("ProxyJump jump\n") == {"proxyjump": "jump"}
