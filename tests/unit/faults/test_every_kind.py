"""Every kind of fault is seen while it is in, and only then; taken out, it leaves everything as it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, get_args

import pytest

from tests.unit.faults.stand_in import TOPOLOGY, StandIn
from whodunet.cases.fault import Fault
from whodunet.faults.web_server import State
from whodunet.loading.library import Library

EXAMPLES: Final[Mapping[str, tuple[dict[str, object], ...]]] = {
    "accept-queue": (
        {"node": "instance", "service": "sshd", "places": 0},
        {"node": "instance", "service": "sshd", "places": 1},
        {"node": "instance", "service": "sshd", "places": 1, "on_overflow": "reset"},
    ),
    "arp-silence": (
        {"node": "vpn-gw", "interface": "vpn-gw-eth0", "neighbour": "client"},
        {"node": "instance", "interface": "instance-eth0", "neighbour": "vpc-router"},
    ),
    "authorized-keys": (
        {"node": "instance", "state": "empty"},
        {"node": "instance", "state": "writable-by-others"},
    ),
    "captive-portal": (
        {"node": "home-gw", "source": "192.168.1.0/24"},
        {"node": "home-gw", "source": "fd00:192::/64"},
    ),
    "clock-skew": ({"node": "client", "offset_s": 3600}, {"node": "instance", "offset_s": -86_400}),
    "connection-limit": (
        {"node": "instance", "enforced_by": "sshd", "limit": 3, "held_by": "endpoints"},
        {"node": "instance", "enforced_by": "super-server", "limit": 1, "held_by": "endpoints"},
    ),
    "dns-record-missing": ({"node": "corp-dns", "name": "instance.cloud.example"},),
    "firewall-policy": (
        {"switch": "egress-fw", "default": "drop"},
        {
            "switch": "egress-fw",
            "default": "drop",
            "rules": ({"destination": "0.0.0.0/0", "protocol": "any", "action": "allow"},),
        },
        {
            "switch": "egress-fw",
            "default": "drop",
            "rules": ({"destination": "::/0", "protocol": "any", "action": "allow"},),
        },
    ),
    "dns-record-wrong": (
        {"node": "corp-dns", "name": "instance.cloud.example", "addresses": ("127.0.0.1", "::1")},
        {"node": "corp-dns", "name": "*.cloud.example", "addresses": ("10.0.1.99",)},
        {
            "node": "corp-dns",
            "name": "instance.cloud.example",
            "addresses": ("fd00:10:0:1::99",),
            "keeps_other_family": True,
        },
        {"node": "home-gw", "name": "instance.cloud.example", "addresses": ("10.0.1.10",)},
    ),
    "dns-refused": (
        {"node": "corp-dns", "name": "instance.cloud.example"},
        {"node": "corp-dns", "name": "instance.cloud.example", "types": ("AAAA",)},
    ),
    "ephemeral-ports": ({"node": "client", "ports": (49152, 49153)}, {"node": "client", "ports": (40000, 40000)}),
    "firewall-rule": (
        {"switch": "egress-fw", "action": "drop"},
        {"switch": "egress-fw", "source": "10.8.0.0/24", "protocol": "tcp", "port": 2222, "action": "reset"},
        {"switch": "egress-fw", "source": "fd00:8::/64", "protocol": "tcp", "port": 443, "action": "reset"},
        {"switch": "egress-fw", "protocol": "tcp", "ttl": "31-255", "action": "reset"},
        {"switch": "egress-fw", "protocol": "tcp", "flags": ("syn", "ece", "cwr"), "action": "drop"},
        {"switch": "egress-fw", "protocol": "tcp", "payload": "SSH-", "action": "reset"},
        {"switch": "egress-fw", "protocol": "tcp", "tls_name": "www.example.com", "action": "drop"},
        {
            "switch": "egress-fw",
            "protocol": "tcp",
            "action": "reset",
            "reset": {"packet": "passes", "toward": "both", "ttl": {"egress-fw-eth1": 60}},
        },
    ),
    "host-key-changed": ({"node": "instance"},),
    "hosts-file": (
        {"node": "client", "name": "instance.cloud.example", "address": "10.0.1.99"},
        {"node": "client", "name": "instance.cloud.example", "address": "::1"},
    ),
    "tracking-timeout": (
        {"switch": "sg", "interface": "sg-eth2", "idle_s": 2},
        {"switch": "sg", "interface": "sg-eth3", "idle_s": 2},
        {"switch": "sg", "interface": "sg-eth2", "idle_s": 350},
    ),
    "address-mapping": (
        {"node": "cloud-edge", "address": "10.0.1.10", "to": "10.0.1.20"},
        {"node": "cloud-edge", "address": "fd00:10:0:1::10", "to": "fd00:10:0:1::20"},
    ),
    "duplicate-address": (
        {"node": "endpoints", "interface": "endpoints-eth0", "address": "10.0.1.10"},
        {"node": "endpoints", "interface": "endpoints-eth0", "address": "fd00:10:0:1::10"},
    ),
    "endpoint-policy": ({"node": "endpoints", "bearer": "client"},),
    "nat-hairpin": ({"node": "gw", "state": "answered-directly"}, {"node": "gw", "state": "not-translated"}),
    "path-failure": (
        {"node": "cloud-edge", "interface": "cloud-edge-eth0", "after_idle_ms": 1000},
        {"node": "cloud-edge", "interface": "cloud-edge-eth1", "after_idle_ms": 1000},
    ),
    "program-sandboxed": ({"node": "client", "program": "ssh"}, {"node": "client", "program": "nc"}),
    "window-tracking": (
        {"node": "cloud-edge", "interface": "cloud-edge-eth0"},
        {"node": "cloud-edge", "interface": "cloud-edge-eth1"},
    ),
    "idle-timeout": (
        {"node": "cloud-edge", "idle_s": 2, "answer": "reset"},
        {"node": "cloud-edge", "idle_s": 600, "answer": "silence"},
    ),
    "instance-profile-missing": ({"node": "instance"},),
    "link-down": ({"node": "home-gw", "interface": "home-gw-eth0"}, {"node": "transit2", "interface": "transit2-eth1"}),
    "link-mtu": ({"node": "cloud-edge", "interface": "cloud-edge-eth2", "mtu_bytes": 1300},),
    "local-redirect": (
        {"node": "client", "port": 22, "agent": "dead"},
        {"node": "client", "port": 22, "agent": "without-upstream"},
    ),
    "login-variable": (
        {"node": "client", "variable": "https_proxy", "value": "http://10.20.1.10:3129"},
        {"node": "client", "variable": "https_proxy", "value": "http://10.20.1.10:3130"},
        {"node": "client", "variable": "PAGE_URL", "value": "http://web.cloud.example:22/"},
    ),
    "netmask": (
        {"node": "client", "interface": "client-eth0", "covers": "10.0.1.10/32"},
        {"node": "client", "interface": "client-eth0", "covers": "fd00:10:0:1::/64"},
    ),
    "multipath-route": (
        {"node": "vpn-gw", "destination": "0.0.0.0/0", "via": ("100.64.0.2", "10.9.0.53")},
        {"node": "vpn-gw", "destination": "::/0", "via": ("fd00:64::2", "fd00:9::53")},
    ),
    "instance-stopped": ({"node": "instance", "router": "vpc-router"},),
    "nat-ports": (
        {"node": "vpn-gw", "interface": "vpn-gw-eth1", "address": "10.8.0.1", "ports": (40000, 40000)},
        {"node": "vpn-gw", "interface": "vpn-gw-eth1", "address": "fd00:8::1", "ports": (40000, 40009)},
    ),
    "nat-pool": (
        {"node": "vpn-gw", "interface": "vpn-gw-eth1", "addresses": ("10.8.0.1", "10.9.0.1"), "idle_s": 1},
        {"node": "vpn-gw", "interface": "vpn-gw-eth1", "addresses": ("fd00:8::1", "fd00:9::1"), "idle_s": 60},
    ),
    "network-acl": (
        {"node": "vpc-router", "interface": "vpc-router-eth2", "direction": "inbound", "ports": (22, 22)},
        {"node": "vpc-router", "interface": "vpc-router-eth2", "direction": "outbound", "ports": (32768, 65535)},
    ),
    "packet-filter": (
        {"node": "vpn-gw", "hook": "forward", "destination_port": 22, "payload": "SSH-", "verdict": "tcp-reset"},
        {"node": "client", "hook": "output", "protocol": "udp", "verdict": "drop"},
        {"node": "instance", "hook": "input", "source_port": 22, "verdict": "icmp-admin-prohibited"},
        {"node": "instance", "hook": "input", "destination_port": 22, "verdict": "icmp-protocol-unreachable"},
        {"node": "vpn-gw", "hook": "forward", "protocol": "icmp-errors", "verdict": "drop"},
        {"node": "vpn-gw", "hook": "prerouting", "destination_port": 22, "verdict": "tcp-reset"},
        {"node": "vpn-gw", "hook": "forward", "share_pct": 50, "verdict": "drop"},
        {"node": "vpn-gw", "hook": "forward", "beyond": {"connections": 2}, "verdict": "drop"},
        {"node": "vpn-gw", "hook": "forward", "beyond": {"new_per_minute": 2}, "verdict": "drop"},
        {"node": "vpn-gw", "hook": "forward", "beyond": {"kilobytes_per_s": 2}, "verdict": "drop"},
        {
            "node": "vpn-gw",
            "hook": "forward",
            "destination_port": 22,
            "verdict": "tcp-reset",
            "ttl": {"vpn-gw-eth0": 60},
        },
    ),
    "path-mtu": ({"node": "transit2", "interface": "transit2-eth1", "mtu_bytes": 1300},),
    "power-failure": (
        {"node": "instance", "after_idle_ms": 2000, "then": "comes-back"},
        {"node": "instance", "after_idle_ms": 2000, "then": "stays-away"},
    ),
    "program-missing": ({"node": "client", "program": "ssh"}, {"node": "client", "program": "nc"}),
    "reverse-path-filter": ({"node": "instance", "interface": "instance-eth0"},),
    "proxy-rule": (
        {"node": "proxy", "state": "port-forbidden", "port": 22},
        {"node": "proxy", "state": "port-forbidden", "port": 443},
        {"node": "proxy", "state": "login-required", "port": 443},
    ),
    "resolver-settings": (
        {"node": "client", "nameservers": ()},
        {"node": "client", "nameservers": ("10.0.1.20", "10.9.0.53"), "timeout_s": 2},
        {"node": "client", "search": ("corp.example",), "ndots": 5},
    ),
    "role-policies-missing": (
        {"node": "endpoints", "bearer": "instance", "role": "InstanceRole"},
        {"node": "endpoints", "bearer": "client", "role": "Developer"},
    ),
    "route": (
        {"node": "client", "destination": "10.0.0.0/16", "type": "blackhole"},
        {"node": "client", "destination": "10.0.0.0/16", "type": "prohibit"},
        {"node": "client", "destination": "fd00:10::/48", "type": "unreachable"},
        {"node": "client", "destination": "0.0.0.0/0", "type": "absent"},
        {"node": "client", "destination": "::/0", "type": "absent"},
        {"node": "client", "destination": "::/0", "type": "via", "via": "fd00:192::1"},
        {
            "node": "client",
            "destination": "10.0.1.10/32",
            "type": "via",
            "via": "10.8.0.1",
            "source": "192.168.1.10",
        },
    ),
    "connect-endpoint-absent": ({"node": "eice", "control_plane": "endpoints", "bearer": "client"},),
    "open-tunnel-not-allowed": ({"node": "eice", "bearer": "client", "role": "Developer"},),
    "pushed-key-expires": ({"node": "endpoints", "sender": "client", "instance": "instance"},),
    "security-group-outbound": (
        {"switch": "sg", "group": "eice-sg", "outbound": ()},
        {
            "switch": "sg",
            "group": "eice-sg",
            "outbound": ({"protocol": "tcp", "port": 443, "destination": "0.0.0.0/0"},),
        },
    ),
    "tunnel-port": ({"node": "client", "port": 2222}, {"node": "client", "port": 3389}),
    "security-group-inbound": (
        {"switch": "sg", "group": "endpoints-sg", "inbound": ()},
        {"switch": "sg", "group": "instance-sg", "inbound": ({"protocol": "tcp", "port": 22, "source": "0.0.0.0/0"},)},
    ),
    "service": (
        {"node": "instance", "service": "sshd", "state": "stopped"},
        {"node": "instance", "service": "sshd", "state": "accepts-and-closes"},
        {"node": "instance", "service": "sshd", "state": "hung"},
        {"node": "instance", "service": "sshd", "state": "forwards-to-nothing"},
        {"node": "instance", "service": "sshd", "state": "speaks-http"},
        {"node": "instance", "service": "sshd", "state": "closes-unread"},
        {"node": "corp-dns", "service": "dnsmasq", "state": "stopped"},
        {"node": "instance", "service": "ssm-agent", "state": "stopped"},
    ),
    "sign-on-expired": ({"node": "client"},),
    "syn-proxy": ({"node": "vpn-gw", "port": 22}, {"node": "vpn-gw", "port": 443}),
    "sshd-option": (
        {"node": "instance", "option": "ListenAddress", "value": "localhost"},
        {"node": "instance", "option": "AddressFamily", "value": "inet"},
        {"node": "instance", "option": "KexAlgorithms", "value": "diffie-hellman-group1-sha1"},
        {"node": "instance", "option": "Ciphers", "value": "aes128-cbc"},
        {"node": "instance", "option": "LoginGraceTime", "value": "2"},
        {"node": "instance", "option": "PerSourcePenalties", "value": "noauth:30s min:5s"},
    ),
    "tcp-wrappers": ({"node": "instance"},),
    "ssh-forwarding-forbidden": ({"node": "jump", "bearer": "client"},),
    "ssh-option": (
        {"node": "client", "destination": "10.0.1.10", "option": "Port", "value": "2200"},
        {"node": "client", "destination": "10.0.1.10", "option": "ProxyCommand", "value": "nc -x proxy:1080 %h %p"},
        {"node": "client", "destination": "inner", "option": "HostName", "value": "10.0.1.20"},
    ),
    "tls-interception": (
        {"node": "vpn-gw", "source": "10.8.0.0/24", "destination": "10.0.1.20/32"},
        {"node": "vpn-gw", "source": "fd00:8::/64", "destination": "::/0"},
    ),
    "transparent-proxy": ({"node": "vpn-gw", "port": 22}, {"node": "vpn-gw", "port": 443}),
    "vpn-peer-dead": ({"node": "vpn-server"},),
    "vpn-routes": (
        {"node": "vpn-server", "routes": ("10.8.0.0/16", "10.9.0.0/16")},
        {"node": "vpn-server", "routes": ("::/0", "fd00:10::/48")},
    ),
    "web-server": tuple({"node": "web", "state": state, "site": "account.cloud.example"} for state in get_args(State)),
    "vpc-endpoint": (
        {
            "node": "endpoints",
            "resolver": "vpc-dns",
            "services": ("ssm.eu-central-1.amazonaws.com", "ssmmessages.eu-central-1.amazonaws.com"),
            "state": "absent",
        },
    ),
}
OF_IPV4_ALONE: Final = {
    "verdict": "protocol-unreachable",
    "kind": "reverse-path-filter",
    "state": "nat-hairpin",
}  # key, and value
KINDS: Final = Library().fault_kinds()
FAULTS: Final = [KINDS[kind].model_validate(values) for kind, each in EXAMPLES.items() for values in each]
VPN: Final = Library().topology("openvpn_tunnel")
CONNECT: Final = Library().topology("instance_connect")
THROUGH_TUNNELS: Final = (
    *("connect-endpoint-absent", "open-tunnel-not-allowed", "pushed-key-expires"),
    *("security-group-outbound", "tunnel-port"),
)
OFFICE: Final = Library().topology("office_proxy")
BRANCH: Final = Library().topology("branch_office")
IN_AN_OFFICE: Final = ("login-variable", "proxy-rule", "ssh-forwarding-forbidden", "web-server")
every_fault = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.kind)


def network_of(fault: Fault) -> StandIn:
    """One that has what the fault is about."""
    if fault.kind in THROUGH_TUNNELS:
        return StandIn(CONNECT)
    if fault.kind == "nat-hairpin":
        return StandIn(BRANCH)
    if fault.kind in IN_AN_OFFICE:
        return StandIn(OFFICE)
    return StandIn(VPN if fault.kind.startswith("vpn-") else TOPOLOGY)


def test_every_kind_has_an_example() -> None:
    assert set(EXAMPLES) == set(KINDS)


@every_fault
def test_it_fits_the_network_that_it_is_for(fault: Fault) -> None:
    for family in ("ipv4", "ipv6"):
        misfits = list(fault.misfits(replace(network_of(fault).topology, family=family)))
        of_ipv4_alone = [key for key, word in OF_IPV4_ALONE.items() if word in repr(fault)] if family == "ipv6" else []
        assert [misfit.key for misfit in misfits] == [(key,) for key in of_ipv4_alone]


@every_fault
def test_it_is_proven_while_it_is_in_and_its_traces_are_gone_when_it_is_out(fault: Fault) -> None:
    network = network_of(fault)
    assert fault.proof(network) is None
    assert fault.remains(network) is None
    before = fault.inject(network)
    assert fault.proof(network)
    assert fault.remains(network)
    fault.remove(network, before)
    assert fault.proof(network) is None
    assert fault.remains(network) is None


@every_fault
def test_taken_out_it_leaves_everything_as_it_was(fault: Fault) -> None:
    network = network_of(fault)
    state = network.state()
    fault.remove(network, fault.inject(network))
    assert network.state() == state


@every_fault
def test_what_it_remembers_can_be_written_down(fault: Fault) -> None:
    """A lab that is let go keeps it for the command that takes the fault out."""
    import json

    network = network_of(fault)
    state = network.state()
    remembered = json.loads(json.dumps(fault.inject(network)))
    fault.remove(network, remembered)
    assert network.state() == state


@every_fault
def test_another_of_its_kind_is_not_taken_for_it(fault: Fault) -> None:
    others = [other for other in FAULTS if other.kind == fault.kind and other != fault]
    for other in others:
        network = network_of(fault)
        other.inject(network)
        assert fault.proof(network) is None


@every_fault
def test_its_names_are_those_of_the_topology(fault: Fault) -> None:
    topology = network_of(fault).topology
    there = {*topology.nodes, *topology.interfaces}
    names = list(fault.names())
    assert names
    assert {each.name for each in names} <= there
