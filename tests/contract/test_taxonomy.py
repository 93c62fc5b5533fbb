"""Every fault that can be expressed is one cause, whose words fit it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, Final, Literal, get_args, get_origin

import pytest
from pydantic import ValidationError

from whodunet.cases.causes import Cause, causes_of
from whodunet.cases.fault import Fault
from whodunet.evidence.topology import Topology
from whodunet.faults.authorized_keys import AuthorizedKeys
from whodunet.faults.connection_limit import ConnectionLimit
from whodunet.faults.firewall_rule import FirewallRule
from whodunet.faults.local_redirect import LocalRedirect
from whodunet.faults.nat_hairpin import NatHairpin
from whodunet.faults.packet_filter import PacketFilter
from whodunet.faults.power_failure import PowerFailure
from whodunet.faults.proxy_rule import ProxyRule
from whodunet.faults.route import Route
from whodunet.faults.service import ServiceFault
from whodunet.faults.ssh_option import SshOption
from whodunet.faults.sshd_option import SshdOption
from whodunet.faults.web_server import WebServer
from whodunet.loading.library import Library, find_scenario, scenario_names
from whodunet.loading.scenario_file import NotOverFamily
from whodunet.variation import Variation

LIBRARY: Final = Library()
OVER_IPV6: Final = Library(variation=Variation(family="ipv6"))
TOPOLOGIES: Final = [LIBRARY.topology(name) for name in LIBRARY.topology_names()]
PORTS: Final = (None, 22)
SPANS: Final = (
    (22, 22),
    (443, 8443),
    (0, 65535),
    (1, 65535),
    (1024, 65535),
    (32768, 60999),
    (49152, 65535),
    (1, 40000),
)
OFFSETS: Final = (-86400, 86400)
RULES: Final = (
    (),
    ({"protocol": "tcp", "port": 443, "source": "203.0.113.0/24"},),
    ({"protocol": "tcp", "port": 8080, "source": "0.0.0.0/0"},),
    ({"protocol": "tcp", "port": 22, "source": "0.0.0.0/0"},),
    ({"protocol": "tcp", "port": 22, "source": "endpoints-sg"},),
)
FIREWALL_RULES: Final = tuple(
    ({"destination": destination, "protocol": protocol, "action": action},)
    for destination in ("0.0.0.0/0", "::/0", "any")
    for protocol in ("any", "tcp")
    for action in ("allow", "drop", "reset", "reject")
)
HOPS: Final = (("100.64.0.2", "10.9.0.53"),)
OUTBOUND: Final = ((), ({"protocol": "tcp", "port": 3389, "destination": "203.0.113.0/24"},))
PAYLOADS: Final = (None, "SSH-", "SSH-2.0", "GET ", "POST /login", "\x16\x03\x01", "EHLO")


def choices(kind: type[Fault], field: str) -> tuple[Any, ...]:
    """The values that a field's type lists; None where it may be left out."""
    annotation = kind.model_fields[field].annotation
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    (listed,) = (part for part in get_args(annotation) if get_origin(part) is Literal)
    return (None, *get_args(listed))


def fields(topology: Topology) -> Mapping[str, Mapping[str, tuple[Any, ...]]]:
    """For each kind of fault what its fields are tried with; many of the combinations will not be accepted."""
    hosts = tuple(name for name, node in topology.nodes.items() if not node.is_switch)
    switches = tuple(name for name, node in topology.nodes.items() if node.is_switch)
    interfaces = tuple(topology.interfaces)
    services = tuple({name for there in topology.services.values() for name in there})
    groups = tuple({group for policy in topology.policies.values() for group in policy.get("groups", {})})
    roles = tuple(topology.services.get("endpoints", {}).get("control-plane", {}).get("roles", {}))
    resolvers = (there["dnsmasq"] for there in topology.services.values() if "dnsmasq" in there)
    names = tuple({name for resolver in resolvers for name in resolver["records"]})
    keyed = tuple(host for host, there in topology.furnishings.items() if "ssh-keys" in there)
    sites = tuple(topology.services.get("web", {}).get("nginx", {}).get("sites", ("shop.cloud.example",)))
    every = (names, *((name,) for name in names))
    return {
        "firewall-rule": {
            "switch": switches,
            "protocol": ("tcp", "any"),
            "port": PORTS,
            "action": choices(FirewallRule, "action"),
            "reject_with": choices(FirewallRule, "reject_with"),
        },
        "security-group-inbound": {"switch": switches, "group": groups, "inbound": RULES},
        "security-group-outbound": {"switch": switches, "group": groups, "outbound": OUTBOUND},
        "network-acl": {
            "node": hosts,
            "interface": interfaces,
            "direction": ("inbound", "outbound"),
            "ports": SPANS,
        },
        "packet-filter": {
            "node": hosts,
            "hook": choices(PacketFilter, "hook"),
            "protocol": choices(PacketFilter, "protocol"),
            "destination_port": PORTS,
            "source_port": PORTS,
            "payload": PAYLOADS,
            "verdict": choices(PacketFilter, "verdict"),
        },
        "instance-stopped": {"node": ("instance",), "router": hosts},
        "nat-ports": {"node": hosts, "interface": interfaces, "address": ("10.8.0.1",), "ports": ((40000, 40001),)},
        "nat-pool": {
            "node": hosts,
            "interface": interfaces,
            "addresses": (("10.8.0.1", "10.9.0.1"),),
            "idle_s": (1,),
        },
        "tracking-timeout": {"switch": switches, "interface": interfaces, "idle_s": (2,)},
        "address-mapping": {"node": hosts, "address": ("10.30.1.10",), "to": ("10.30.2.10", "10.30.3.10")},
        "duplicate-address": {"node": hosts, "interface": interfaces, "address": ("10.70.0.20", "10.0.1.10")},
        "endpoint-policy": {"node": hosts, "bearer": hosts},
        "nat-hairpin": {"node": hosts, "state": choices(NatHairpin, "state")},
        "path-failure": {"node": hosts, "interface": interfaces, "after_idle_ms": (1000,)},
        "program-sandboxed": {"node": hosts, "program": ("ssh", "nc", "curl")},
        "window-tracking": {"node": hosts, "interface": interfaces},
        "idle-timeout": {"node": hosts, "idle_s": (2,), "answer": ("reset", "silence")},
        "path-mtu": {"node": hosts, "interface": interfaces, "mtu_bytes": (1300,)},
        "service": {"node": hosts, "service": services, "state": choices(ServiceFault, "state")},
        "accept-queue": {"node": hosts, "service": services, "places": (0, 1), "on_overflow": ("drop", "reset")},
        "authorized-keys": {"node": hosts, "state": choices(AuthorizedKeys, "state")},
        "connection-limit": {
            "node": hosts,
            "enforced_by": choices(ConnectionLimit, "enforced_by"),
            "limit": (1,),
            "held_by": hosts,
        },
        "host-key-changed": {"node": hosts},
        "power-failure": {"node": hosts, "after_idle_ms": (2000,), "then": choices(PowerFailure, "then")},
        "reverse-path-filter": {"node": hosts, "interface": interfaces},
        "sshd-option": {
            "node": hosts,
            "option": choices(SshdOption, "option"),
            "value": ("localhost", "inet", "aes128-cbc", "2", "noauth:30s min:5s"),
        },
        "tcp-wrappers": {"node": hosts},
        "dns-record-missing": {"node": hosts, "name": names},
        "vpc-endpoint": {
            "node": ("endpoints",),
            "resolver": hosts,
            "services": every,
            "state": ("absent", "private-dns-off"),
        },
        "instance-profile-missing": {"node": hosts},
        "role-policies-missing": {"node": hosts, "bearer": hosts, "role": roles},
        "tunnel-port": {"node": hosts, "port": (22, 2222)},
        "pushed-key-expires": {"node": ("endpoints",), "sender": hosts, "instance": hosts},
        "open-tunnel-not-allowed": {"node": hosts, "bearer": hosts, "role": roles},
        "connect-endpoint-absent": {"node": hosts, "control_plane": ("endpoints",), "bearer": hosts},
        "sign-on-expired": {"node": hosts},
        "clock-skew": {"node": hosts, "offset_s": OFFSETS},
        "program-missing": {"node": hosts, "program": ("ssh", "session-manager-plugin")},
        "tls-interception": {"node": hosts, "source": ("10.8.0.0/24",), "destination": ("10.0.0.0/16",)},
        "vpn-peer-dead": {"node": hosts},
        "vpn-routes": {"node": hosts, "routes": (("10.0.0.0/16",), ("fd00:10::/48",), ("10.8.0.0/16",))},
        "dns-record-wrong": {
            "node": hosts,
            "name": (*names, "*.cloud.example"),
            "addresses": (("127.0.0.1", "::1"), ("10.0.1.20",), ("fd00:10:0:1::20",), ("10.0.1.20", "fd00:10:0:1::99")),
            "keeps_other_family": (False, True),
        },
        "dns-refused": {"node": hosts, "name": names, "types": (None, ("A",), ("AAAA",))},
        "ephemeral-ports": {"node": ("client",), "ports": ((49152, 49153),)},
        "hosts-file": {"node": hosts, "name": names, "address": ("0.0.0.0", "::1", "10.0.1.99")},
        "captive-portal": {"node": hosts, "source": ("192.168.1.0/24",)},
        "link-down": {"node": hosts, "interface": interfaces},
        "local-redirect": {"node": ("client",), "port": (22,), "agent": choices(LocalRedirect, "agent")},
        "netmask": {"node": ("client",), "interface": interfaces, "covers": ("10.0.1.0/24", "fd00:10::/48")},
        "resolver-settings": {
            "node": hosts,
            "nameservers": (None, (), ("10.0.1.20",), ("10.0.1.20", "10.9.0.53"), ("192.168.1.1",)),
            "ndots": (None, 5),
        },
        "route": {
            "node": hosts,
            "destination": ("10.0.0.0/16", "10.8.0.0/16", "10.30.2.0/24", "0.0.0.0/0"),
            "type": choices(Route, "type"),
            "via": (None, "100.64.1.1", "100.64.2.2", "192.168.1.1", "100.64.3.1"),
        },
        "transparent-proxy": {"node": hosts, "port": (22,)},
        "syn-proxy": {"node": hosts, "port": (22,)},
        "link-mtu": {"node": hosts, "interface": interfaces, "mtu_bytes": (1300,)},
        "firewall-policy": {
            "switch": switches,
            "default": ("allow", "drop"),
            "asymmetric": (None, "drop", "bypass"),
            "rules": ((), *FIREWALL_RULES),
        },
        "multipath-route": {"node": hosts, "destination": ("0.0.0.0/0",), "via": HOPS},
        "arp-silence": {"node": hosts, "interface": interfaces, "neighbour": hosts},
        "login-variable": {
            "node": hosts,
            "variable": ("https_proxy", "http_proxy", "PAGE_URL"),
            "value": ("http://10.20.1.10:3129", "http://web.cloud.example:22/", "https://10.30.3.10/"),
        },
        "proxy-rule": {"node": hosts, "state": choices(ProxyRule, "state"), "port": PORTS[1:]},
        "ssh-forwarding-forbidden": {"node": hosts, "bearer": keyed},
        "ssh-option": {
            "node": keyed,
            "destination": ("10.0.1.10",),
            "option": choices(SshOption, "option"),
            "value": ("1",),
        },
        "web-server": {"node": hosts, "state": choices(WebServer, "state"), "site": sites},
    }


def expressible(kind: str) -> Iterator[tuple[Fault, Topology]]:
    """Every fault of a kind that a scenario file may state, with its topology."""
    for topology in TOPOLOGIES:
        tried = fields(topology)[kind]
        there = {*topology.nodes, *topology.interfaces}
        for values in product(*tried.values()):
            written = {key: value for key, value in zip(tried, values, strict=True) if value is not None}
            try:
                fault = LIBRARY.fault_kinds()[kind].model_validate(written)
            except ValidationError:
                continue
            if {each.name for each in fault.names()} <= there and not list(fault.misfits(topology)):
                yield fault, topology


def staged() -> Iterator[tuple[Fault, Topology]]:
    """Every fault of a scenario, with its topology: some have fields that are not tried above."""
    for name in scenario_names():
        try:
            library, scenario = LIBRARY, LIBRARY.scenario(find_scenario(name))
        except NotOverFamily:
            library, scenario = OVER_IPV6, OVER_IPV6.scenario(find_scenario(name))
        for fault in scenario.staging.faults:
            yield fault, library.topology(scenario.question.topology)


def cause_of(fault: Fault, topology: Topology) -> Cause:
    """The one cause that the fault is."""
    fitting = causes_of(fault.facts(topology), LIBRARY.causes().values())
    assert len(fitting) == 1, (fault, [cause.name for cause in fitting])
    return fitting[0]


@pytest.fixture(scope="module")
def derived() -> Mapping[str, list[tuple[Fault, Cause]]]:
    """Each expressible fault and its cause, by kind."""
    kinds = LIBRARY.fault_kinds()
    return {kind: [(fault, cause_of(fault, topology)) for fault, topology in expressible(kind)] for kind in kinds}


def test_every_kind_of_fault_is_tried() -> None:
    assert set(fields(TOPOLOGIES[0])) == set(LIBRARY.fault_kinds())


def test_every_fault_that_can_be_expressed_is_exactly_one_cause(
    derived: Mapping[str, list[tuple[Fault, Cause]]],
) -> None:
    assert all(derived.values())
    assert sum(map(len, derived.values())) > 5000


def test_every_cause_that_says_which_fault_makes_it_is_that_of_some_fault(
    derived: Mapping[str, list[tuple[Fault, Cause]]],
) -> None:
    stated = {cause.name for cause in LIBRARY.causes().values() if cause.fault is not None}
    made = {cause.name for faults in derived.values() for _, cause in faults}
    assert made | {cause_of(fault, topology).name for fault, topology in staged()} == stated


def test_only_a_filter_that_looks_for_ssh_is_told_as_one_of_ssh(
    derived: Mapping[str, list[tuple[Fault, Cause]]],
) -> None:
    for fault, cause in derived["packet-filter"]:
        payload = getattr(fault, "payload", None)
        if "SSH" in cause.title or "banner" in cause.told_by:
            assert payload is not None
            assert payload.startswith("SSH")
        assert ("reads the payload" in cause.title) == (payload is not None)


def test_a_network_acl_is_told_by_the_ports_and_the_direction_that_it_denies(
    derived: Mapping[str, list[tuple[Fault, Cause]]],
) -> None:
    told = {
        (fault.model_dump()["direction"], fault.model_dump()["ports"]): cause.name
        for fault, cause in derived["network-acl"]
    }
    assert told["inbound", (22, 22)] == "network-acl-inbound"
    assert told["inbound", (1, 65535)] == "network-acl-inbound"
    assert told["inbound", (1024, 65535)] == "network-acl-inbound-ephemeral-ports"
    assert told["outbound", (22, 22)] == "network-acl-outbound"
    assert told["outbound", (1024, 65535)] == "network-acl-ephemeral-ports"
    assert told["outbound", (49152, 65535)] == "network-acl-some-ephemeral-ports"


@pytest.mark.parametrize("word", ["reset", "ICMP", "drops"])
def test_what_a_packet_filter_answers_is_what_its_cause_says(
    derived: Mapping[str, list[tuple[Fault, Cause]]], word: str
) -> None:
    verdicts = {"reset": ("tcp-reset",), "drops": ("drop",)}
    for fault, cause in derived["packet-filter"]:
        rule = fault.model_dump()
        what_is_filtered = word == "ICMP" and rule["protocol"] == "icmp-errors"
        if word in cause.title and not what_is_filtered:
            assert rule["verdict"] in verdicts[word] if word in verdicts else rule["verdict"].startswith("icmp-")
