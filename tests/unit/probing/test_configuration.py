"""Where the user's programs would go, of what ssh and the environment say."""

from __future__ import annotations

import subprocess

import pytest

from whodunet.diagnosis.probes import Configuration, ReadConfiguration
from whodunet.probing.configuration import read_configuration, ssh_settings

ASKED = ReadConfiguration("box", 22)


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def told(monkeypatch: pytest.MonkeyPatch, words: str, status: int = 0) -> Configuration:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, status, words, "")

    monkeypatch.setattr(subprocess, "run", run)
    return read_configuration(ASKED, {})


def test_ssh_says_where_it_would_go_and_through_whom(monkeypatch: pytest.MonkeyPatch) -> None:
    words = "user me\nhostname 10.0.1.10\nport 2222\nproxyjump me@jump:22\nproxycommand nc -X connect %h %p\n"
    found = told(monkeypatch, words)
    assert (found.hostname, found.port) == ("10.0.1.10", 2222)
    assert (found.proxy_jump, found.proxy_command) == ("me@jump:22", "nc -X connect %h %p")


def test_no_proxy_is_what_ssh_calls_none(monkeypatch: pytest.MonkeyPatch) -> None:
    found = told(monkeypatch, "hostname box\nport 22\nproxycommand none\n")
    assert found.proxy_command is None


def test_where_ssh_says_nothing_the_user_goes_where_they_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, "", status=255) == Configuration("box", 22)


def test_a_machine_without_ssh_is_configured_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert read_configuration(ASKED, {}) == Configuration("box", 22)


def test_proxies_are_those_of_the_environment_but_for_hosts_that_go_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("all_proxy", "socks5://other")
    found = told(monkeypatch, "")
    assert (found.http_proxy, found.https_proxy) == ("socks5://other", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "box,.example")
    assert told(monkeypatch, "").https_proxy is None


def test_a_keyword_is_one_whatever_its_case() -> None:
    assert ssh_settings("ProxyJump jump\n") == {"proxyjump": "jump"}
