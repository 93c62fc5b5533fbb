"""Scenario files name what their topology and its seed decide; a number stands where the case is about that number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from pydantic import JsonValue

from whodunet import catalogue
from whodunet.loading.yaml_lines import Document

FILES: Final = sorted(catalogue.folder("scenarios").glob("*.yaml"))
# A number that is no part of a name: 22, 10.0.1.10, 10.8.0.0/24; and addresses of IPv6, and names of interfaces.
NUMBER: Final = re.compile(
    r"(?<![\w.{])(?:[0-9]+(?:[.:][0-9]+)*(?:/[0-9]+)?)(?![\w}])|[0-9a-f]{1,4}:[0-9a-f:]*:[0-9a-f:]*|[\w-]+-eth[0-9]+"
)
# How long, how often and how patiently somebody tries; nothing of the network decides that.
PATIENCE: Final = re.compile(
    r"ConnectTimeout=[0-9]+|-[ciNqwW] [0-9.]+|--(?:max-time|connect-timeout) [0-9.]+|\b(?:sleep|timeout) [0-9.]+"
    r"|\+(?:tries|time)=[0-9]+|seq [0-9]+|in 1 2 3\b|SSH-2\.0"
)
# Patience, shares of the baseline, counts, versions of programs.
OWN_KEYS: Final = ("deadline_s", "below_rtt", "above_rtt", "at_least", "requires", "timeout_s")
ABOUT_THE_NUMBER: Final[dict[tuple[str, str], str]] = {
    ("ephemeral-ports-exhausted", "49152"): "the first port of a range that is too small",
    ("ephemeral-ports-exhausted", "49153"): "its last one",
    ("ephemeral-ports-exhausted", "40000"): "a port outside of it",
    ("iap-endpoint-group-closed", "65535"): "ssh's words for a pipe that ends",
    ("iap-instance-closed", "65535"): "ssh's words for a pipe that ends",
    ("iap-wrong-port", "2222"): "the port that the endpoint does not serve",
    ("iap-wrong-port", "22"): "one that it does",
    ("iap-wrong-port", "3389"): "the other one",
    ("idle-connection-reset", "1"): "the timer of the box that forgets, shorter than the pause",
    ("ipv6-black-holed", "4"): "the one family, in the lesson",
    ("ipv6-black-holed", "6"): "the other",
    ("ipv6-no-route", "6"): "the family, in the lesson",
    ("ipv6-no-route", "4"): "the other family",
    ("name-sinkholed", "127.0.0.1"): "an address that means the asker",
    ("name-sinkholed", "1"): "the end of ::1, which means the asker, too",
    ("listens-on-loopback", "127.0.0.1"): "what ss shows of such a socket",
    ("listens-on-loopback", "0.0.0.0"): "what it shows of another",
    ("sshd-max-startups", "3"): "how many sshd takes at a time",
    ("socket-activation-limit", "1"): "how many the server takes at a time",
    ("login-grace-time", "2"): "sshd's patience, shorter than the directory's",
    ("accept-queue-full", "0"): "places in a full queue",
    ("resets-in-a-burst", "1"): "the last place in a queue",
    ("half-open-at-server", "1"): "the last place in a queue",
    ("reverse-path-filter", "1"): "the setting that is strict",
    ("reboot-mid-session", "2000"): "how long the session is quiet when the power fails, shorter than the pause",
    ("vanishes-mid-session", "2000"): "how long the session is quiet when the power fails, shorter than the pause",
    ("listens-on-ipv4-only", "4"): "the option for one family",
    ("listens-on-ipv4-only", "6"): "the option for the other one",
    ("network-acl-ephemeral", "1024"): "the case is about ephemeral ports",
    ("network-acl-ephemeral", "65535"): "the case is about ephemeral ports",
    ("network-acl-ephemeral", "900"): "a port below the ephemeral ones",
    ("path-mtu-black-hole", "1300"): "the width of the narrow link",
    ("path-mtu-black-hole", "1400"): "a packet wider than it",
    ("resolver-fails-for-one-type", "4"): "the family for which the name is answered",
    ("resolver-fails-for-one-type", "6"): "the one for which it is not",
    ("search-list-hit", "5"): "dots, with fewer of which a name is completed first",
    ("ssm-clock-skew", "1200"): "how wrong the clock is",
    ("ssm-instance-profile-missing", "404"): "a status of HTTP",
    ("vpn-healthy", "1352"): "the largest ping that the tunnel takes over IPv6",
    ("vpn-mtu-black-hole", "1300"): "the width of the narrow line, and a packet that is wider once it is wrapped",
    ("ssm-session", "198.51.100.10"): "an address of the internet, outside of every network of the lab",
}


def texts(value: JsonValue, key: str = "") -> Iterator[str]:
    """Every text and number below a value, as it stands in the file; but for those that say patience."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from (name, *texts(each, name)) if name not in OWN_KEYS else ()
    elif isinstance(value, list):
        for each in value:
            yield from texts(each, key)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def numbers(text: str) -> set[str]:
    content = Document(text, "scenario.yaml").content
    return {found for each in texts(content) for found in NUMBER.findall(PATIENCE.sub("", each))}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_number_stands_in_a_scenario_unless_the_case_is_about_it(path: Path) -> None:
    excused = {number for name, number in ABOUT_THE_NUMBER if name == path.stem}
    assert numbers(path.read_text(encoding="utf-8")) - excused == set()


def test_no_excuse_is_left_over() -> None:
    there = {(path.stem, number) for path in FILES for number in numbers(path.read_text(encoding="utf-8"))}
    assert set(ABOUT_THE_NUMBER) - there == set()


@pytest.mark.parametrize(
    "text",
    [
        "a: ssh 10.0.1.10",
        "a: 10.8.0.0/24",
        "a: 22",
        "a: nc -v {instance} 22",
        "a: -p 22",
        "a: ping fd00:1::10",
        "a: [client-eth0]",
        "ttl: {client.vpn: 58}",
        "ttl: {client-eth0: as sent by egress-fw}",
        "a: traceroute -m 8 {instance}",
        "delay_ms: 20",
    ],
)
def test_a_number_of_the_network_is_noticed(text: str) -> None:
    assert numbers(text)
