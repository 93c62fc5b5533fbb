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
# How long, how often and how patiently somebody tries, and what the shell means by a number; nothing of the network
# decides that.
PATIENCE: Final = re.compile(
    r"ConnectTimeout=[0-9]+|ServerAlive(?:Interval|CountMax)=[0-9]+|-[ciNqwW] [0-9.]+|-n 1\b"
    r"|--(?:max-time|connect-timeout) [0-9.]+|\b(?:sleep|timeout) [0-9.]+|seq [0-9]+|\+(?:tries|time)=[0-9]+"
    r"|\bin(?: [0-9]+)+\b|SSH-2\.0|[0-9]?>(?:&[0-9])?"
)
# Patience, shares of the baseline, counts, versions of programs.
OWN_KEYS: Final = ("deadline_s", "below_rtt", "above_rtt", "at_least", "requires", "timeout_s")
ABOUT_THE_NUMBER: Final[dict[tuple[str, str], str]] = {
    ("accept-queue-full", "0"): "places in a full queue",
    ("asymmetric-path-through-state", "5"): "as far as traceroute looks, beyond the end of the path",
    ("certificate-expired", "443"): "the port of HTTPS, in a command to copy",
    ("client-certificate-required", "400"): "a status of HTTP",
    ("ecn-syn-dropped", "0"): "ECN off, and no second attempt without it",
    ("ecn-syn-dropped", "1"): "ECN on",
    ("egress-ignores-short-ttl", "20"): "as far as traceroute looks",
    ("egress-ignores-short-ttl", "255"): "the greatest",
    ("egress-ignores-short-ttl", "31"): "the least TTL that the firewall looks at",
    ("egress-reset-before-routing", "1"): "the TTL that no router may forward",
    ("egress-reset-copies-ttl", "1"): "a TTL that comes back",
    ("egress-reset-copies-ttl", "2"): "another one",
    ("egress-reset-spoofed-ttl", "1"): "the TTL that ends at the first router",
    ("egress-rules-ipv4-only", "0"): "of a pattern for digits",
    ("egress-rules-ipv4-only", "0.0.0.0/0"): "the networks of one family are what the case is about",
    ("egress-rules-ipv4-only", "4"): "ssh's option for IPv4",
    ("egress-rules-ipv4-only", "6"): "ssh's option for IPv6",
    ("egress-rules-ipv4-only", "9"): "of a pattern for digits",
    ("ephemeral-ports-exhausted", "40000"): "a port outside of it",
    ("ephemeral-ports-exhausted", "49152"): "the first port of a range that is too small",
    ("ephemeral-ports-exhausted", "49153"): "its last one",
    ("firewall-resets-another-port", "23"): "the port that the rule is about, of Telnet",
    ("half-open-at-server", "1"): "the last place in a queue",
    ("http-forbidden", "403"): "a status of HTTP",
    ("http-out-of-service", "503"): "a status of HTTP",
    ("http-to-ssh", "0.9"): "curl's words for an answer without a status",
    ("iap-endpoint-group-closed", "65535"): "ssh's words for a pipe that ends",
    ("iap-instance-closed", "65535"): "ssh's words for a pipe that ends",
    ("iap-wrong-port", "22"): "one that it does",
    ("edge-limits-requests", "403"): "a status of HTTP",
    ("edge-limits-requests", "429"): "a status of HTTP",
    ("host-firewall-ipv4-only", "0"): "the end of ::/0, everybody of IPv6",
    ("host-firewall-ipv4-only", "4"): "ssh's option for IPv4",
    ("path-fails-mid-session", "1000"): "how long the session is quiet when the line fails, shorter than the pause",
    ("security-group-tracking-expired", "2"): "the group's memory, shorter than the pause",
    ("iap-wrong-port", "2222"): "the port that the endpoint does not serve",
    ("iap-wrong-port", "3389"): "the other one",
    ("idle-connection-dropped", "2"): "the timer of the box that forgets, shorter than the pause",
    ("idle-connection-reset", "2"): "the timer of the box that forgets, shorter than the pause",
    ("ipv6-black-holed", "4"): "the one family, in the lesson",
    ("ipv6-black-holed", "6"): "the other",
    ("ipv6-no-route", "4"): "the other family",
    ("name-sinkholed", "127.0.0.1"): "an address that means the asker",
    ("name-sinkholed", "1"): "the end of ::1, which means the asker, too",
    ("listens-on-loopback", "127.0.0.1"): "what ss shows of such a socket",
    ("listens-on-loopback", "0.0.0.0"): "what it shows of another",
    ("sshd-max-startups", "3"): "how many sshd takes at a time",
    ("socket-activation-limit", "1"): "how many the server takes at a time",
    ("login-grace-time", "2"): "sshd's patience, shorter than the directory's",
    ("resets-in-a-burst", "1"): "the last place in a queue",
    ("reverse-path-filter", "1"): "the setting that is strict",
    ("reboot-mid-session", "1000"): "how long the session is quiet when the power fails, shorter than the pause",
    ("vanishes-mid-session", "1000"): "how long the session is quiet when the power fails, shorter than the pause",
    ("ipv6-no-route", "6"): "the family, in the lesson",
    ("jump-host-no-way-on", "0"): "ssh's number of the channel",
    ("jump-host-sshd-down", "65535"): "ssh's words for a pipe that ends",
    ("listens-on-ipv4-only", "4"): "the option for one family",
    ("listens-on-ipv4-only", "6"): "the option for the other one",
    ("load-balancer-without-targets", "502"): "a status of HTTP",
    ("load-balancer-without-targets", "504"): "a status of HTTP",
    ("nat-changes-address", "2"): "the timer of the NAT, shorter than the pause",
    ("nat-ports-exhausted", "40000"): "the one port that the NAT has",
    ("network-acl-before-security-group", "1"): "the ports that the ACL denies",
    ("network-acl-before-security-group", "32767"): "the last of them",
    ("network-acl-before-security-group", "443"): "the port that the group allows",
    ("network-acl-ephemeral", "1024"): "the case is about ephemeral ports",
    ("network-acl-ephemeral", "65535"): "the case is about ephemeral ports",
    ("network-acl-ephemeral", "900"): "a port below the ephemeral ones",
    ("network-acl-inbound-ephemeral", "30"): "a TTL that is enough for every path",
    ("network-acl-inbound-ephemeral", "32768"): "the case is about ephemeral ports",
    ("network-acl-inbound-ephemeral", "65535"): "the case is about ephemeral ports",
    ("network-acl-inbound-ephemeral", "900"): "a port below the ephemeral ones",
    ("network-acl-inbound-some-ephemeral", "30"): "a TTL that is enough for every path",
    ("network-acl-inbound-some-ephemeral", "32768"): "the case is about ephemeral ports",
    ("network-acl-inbound-some-ephemeral", "49151"): "the last that is denied",
    ("network-acl-inbound-some-ephemeral", "65535"): "the case is about ephemeral ports",
    ("network-acl-some-ephemeral", "30"): "a TTL that is enough for every path",
    ("network-acl-some-ephemeral", "32768"): "the case is about ephemeral ports",
    ("network-acl-some-ephemeral", "49151"): "the last that is denied",
    ("network-acl-some-ephemeral", "49152"): "the first that is not",
    ("network-acl-some-ephemeral", "65535"): "the case is about ephemeral ports",
    ("path-drop", "16"): "as far as traceroute looks",
    ("path-icmp-filtered", "16"): "as far as traceroute looks",
    ("path-mtu-black-hole", "1300"): "the width of the narrow link",
    ("path-mtu-black-hole", "1400"): "a packet wider than it",
    ("path-mtu-discovered", "1300"): "the width of the narrow link",
    ("path-mtu-discovered", "1400"): "a packet wider than it",
    ("policed", "6"): "the rate above which packets are dropped",
    ("proxy-accepts-for-all", "2200"): "the port on which nothing listens",
    ("proxy-cannot-connect", "500"): "a status of HTTP",
    ("proxy-command-dead", "1080"): "the port of SOCKS, which nothing serves",
    ("proxy-command-dead", "65535"): "ssh's words for a pipe that ends",
    ("proxy-forbids-port", "403"): "a status of HTTP",
    ("proxy-variable-dead", "3129"): "a port beside the proxy's, which nothing serves",
    ("proxy-wants-login", "407"): "a status of HTTP",
    ("random-loss", "60"): "the share of packets that is lost",
    ("rate-limited", "2"): "how many connections a minute are let through",
    ("reset-after-transfer", "1.0"): "a version of HTTP",
    ("reset-after-transfer", "1.1"): "a version of HTTP",
    ("reset-after-transfer", "12"): "the length of HTTP's version and status",
    ("reset-after-transfer", "2.17"): "its section",
    ("reset-after-transfer", "200"): "a status of HTTP",
    ("reset-after-transfer", "2525"): "an RFC",
    ("reset-after-transfer", "3"): "how long the program waits",
    ("resolver-fails-for-one-type", "4"): "the family for which the name is answered",
    ("resolver-fails-for-one-type", "6"): "the one for which it is not",
    ("search-list-hit", "5"): "dots, with fewer of which a name is completed first",
    ("security-group-ipv4-only", "0"): "the end of ::/0, everybody of IPv6",
    ("security-group-ipv4-only", "0.0.0.0/0"): "the networks of one family are what the case is about",
    ("security-group-ipv4-only", "4"): "ssh's option for IPv4",
    ("security-group-other-ports", "443"): "the port that the group allows",
    ("ssh-config-wrong-port", "2200"): "the wrong port",
    ("ssm-clock-skew", "1200"): "how wrong the clock is",
    ("ssm-instance-clock", "86400"): "how wrong the clock is",
    ("ssm-instance-profile-missing", "404"): "a status of HTTP",
    ("ssm-metadata-down", "169.254.169.254"): "the metadata service's address, the same in every network",
    ("ssm-metadata-down", "80"): "its port",
    ("ssm-session", "198.51.100.10"): "an address of the internet, outside of every network of the lab",
    ("tls-too-old", "1.2"): "the version of TLS",
    ("vpn-healthy", "1352"): "the largest ping that the tunnel takes over IPv6",
    ("vpn-mtu-black-hole", "1300"): "the width of the narrow line, and a packet that is wider once it is wrapped",
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
