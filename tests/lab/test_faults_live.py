"""Faults in a running lab: each verdict is seen in the kernel or the switch; nobody outside passes for inside."""

from __future__ import annotations

from typing import Any, Final, get_args

import pytest
from scapy.layers.inet import IP, TCP

from whodunet.cases.fault import Fault
from whodunet.faults.arp_silence import ArpSilence
from whodunet.faults.firewall_rule import FirewallRule
from whodunet.faults.idle_timeout import IdleTimeout
from whodunet.faults.network_acl import NetworkAcl
from whodunet.faults.packet_filter import PacketFilter
from whodunet.faults.path_mtu import PathMtu
from whodunet.faults.tls_interception import TlsInterception
from whodunet.lab.pcap_reader import read_capture
from whodunet.lab.sandboxed import SandboxedLab

SEND: Final = """
import socket, sys
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
raw.sendto(bytes.fromhex(sys.stdin.read()), (sys.argv[1], 0))
"""
INSTANCE: Final = "10.0.1.10"
NEIGHBOUR: Final = "10.0.1.20"
FROM_NEIGHBOURS: Final = [{"protocol": "tcp", "port": 22, "source": "endpoints-sg"}]


def answers(kind: type[Fault], field: str) -> list[str]:
    annotation = kind.model_fields[field].annotation
    return [value for part in (annotation, *get_args(annotation)) for value in get_args(part) if isinstance(value, str)]


FAULTS: Final[list[Fault]] = [
    *(
        PacketFilter.model_validate({"node": "vpn-gw", "hook": "forward", "destination_port": 22, "verdict": verdict})
        for verdict in answers(PacketFilter, "verdict")
    ),
    PacketFilter(node="instance", hook="input", protocol="udp", verdict="drop"),
    PacketFilter(node="instance", hook="output", protocol="udp", verdict="drop"),
    PacketFilter(node="vpn-gw", hook="forward", payload="\x16\x03\x01", source_port=443, verdict="tcp-reset"),
    PacketFilter(node="vpn-gw", hook="forward", payload="POST /login HTTP", verdict="icmp-host-prohibited"),
    NetworkAcl(node="vpc-router", interface="vpc-router-eth2", direction="inbound", ports=(22, 22)),
    NetworkAcl(node="vpc-router", interface="vpc-router-eth2", direction="outbound", ports=(0, 65535)),
    *(
        FirewallRule.model_validate(
            {"switch": "egress-fw", "source": source, "protocol": "tcp", "action": "reject", "reject_with": code}
        )
        for source in ("0.0.0.0/0", "::/0")
        for code in answers(FirewallRule, "reject_with")
        if code not in {"0.0.0.0/0": ("policy-fail", "reject-route"), "::/0": ("protocol-unreachable",)}[source]
    ),
    ArpSilence(node="vpn-gw", interface="vpn-gw-eth0", neighbour="client"),
    PathMtu(node="transit2", interface="transit2-eth1", mtu_bytes=1280),
    IdleTimeout(node="cloud-edge", idle_s=2, answer="reset"),
    TlsInterception(node="vpn-gw", source="10.8.0.0/24", destination="0.0.0.0/0"),
    TlsInterception(node="vpn-gw", source="fd00:8::/64", destination="fd00:10:0:1::20/128"),
    FirewallRule(switch="egress-fw", destination="10.0.1.10/32", protocol="udp", action="drop"),
    FirewallRule(switch="egress-fw", destination="10.0.1.10/32", action="drop"),
]


def test_every_answer_of_every_filter_is_seen_in_place_and_seen_gone(own_lab: SandboxedLab) -> None:
    for fault in FAULTS:
        proof = own_lab.inject(fault)
        assert "counter packets" not in proof
        assert "n_packets" not in proof
        assert own_lab.remove(fault) == f"gone: {proof}"


@pytest.mark.parametrize("before", ["transit2.far", "cloud-edge.vpc"], ids=["shaped link", "plain link"])
def test_a_narrow_path_swallows_what_is_too_long_both_ways_on_every_kind_of_link(
    own_lab: SandboxedLab, before: str
) -> None:
    interface = own_lab.topology.labelled[before]
    fault = PathMtu(node=before.partition(".")[0], interface=interface, mtu_bytes=1300)
    own_lab.inject(fault)
    for sender, receiver in (("client", "10.0.1.1"), ("vpc-router", "10.8.0.10")):
        ping = f"ping -n -q -c 2 -i 0.2 -W 1 -M do {receiver} -s"
        assert " 2 received, 0% packet loss" in own_lab.execute(sender, f"{ping} {1300 - 28}").stdout
        said = own_lab.execute(sender, f"{ping} {1301 - 28}").stdout
        assert " 0 received, 100% packet loss" in said, "and nobody told an error"
    with own_lab.capture() as capture:
        too_long = [packet for packet in read_capture(capture.path) if packet.ip and packet.ip.length == 1301]
    sent = {packet.point for packet in too_long if packet.direction == "out"}
    assert {"client-eth0", "vpc-router-eth0"} <= sent
    assert not {packet.point for packet in too_long if packet.direction == "in"} & {"client-eth0", "vpc-router-eth0"}
    own_lab.remove(fault)
    assert " 2 received" in own_lab.execute("client", "ping -n -q -c 2 -i 0.2 -W 2 -M do 10.0.1.1 -s 1472").stdout


def test_a_rule_for_a_port_is_seen_gone_beside_one_for_a_port_with_its_digits(own_lab: SandboxedLab) -> None:
    policy = own_lab.policy("egress-fw")
    other = {"source": "10.8.0.0/24", "protocol": "tcp", "port": 2222, "action": "drop"}
    own_lab.set_policy("egress-fw", policy | {"rules": [other]})
    fault = FirewallRule(switch="egress-fw", source="10.8.0.0/24", protocol="tcp", port=22, action="drop")
    assert "tp_dst=22 " in own_lab.inject(fault)
    assert own_lab.remove(fault)


@pytest.mark.parametrize("uplink", ["vpn", "home"])
def test_who_claims_an_address_of_the_vpc_from_outside_is_stopped_at_its_edge(
    own_lab: SandboxedLab, uplink: str
) -> None:
    policy: dict[str, Any] = own_lab.policy("sg")
    groups = policy["groups"] | {"instance-sg": {"inbound": FROM_NEIGHBOURS}}
    own_lab.set_policy("sg", policy | {"groups": groups})
    own_lab.set_uplink("client", uplink)
    forged = bytes(IP(src=NEIGHBOUR, dst=INSTANCE) / TCP(sport=4711, dport=22, flags="S", seq=7))
    sent = own_lab.execute("client", f"/usr/bin/python3 -c '{SEND}' {INSTANCE}", forged.hex())
    assert sent.exit_status == 0, sent.stderr
    assert own_lab.execute("client", "ping -c 1 -W 2 10.0.1.1").exit_status == 0, "on the same way, after it"
    assert own_lab.execute("endpoints", f"nc -z -w 2 {INSTANCE} 22").exit_status == 0, "the neighbour itself gets in"
    with own_lab.capture() as capture:
        packets = [each for each in read_capture(capture.path) if each.ip and each.ip.source == NEIGHBOUR and each.tcp]
    seen = {each.point for each in packets if each.tcp and each.tcp.source_port == 4711}
    assert "vpc-router-eth0" in seen
    assert not seen & {"vpc-router-eth2", "sg-eth1", "sg-eth2", "instance-eth0"}


def test_with_another_controller_the_story_of_the_fault_is_not_told(machine: Any) -> None:
    lab = ("up", "vpn-egress-reset", "--as", "d-other", "--controller", "ryu.app.simple_switch_13")
    brought_up = machine.whodunet(*lab)
    assert brought_up.returncode == 0, brought_up.stderr
    assert "Something answered" not in brought_up.stdout  # the story's words
    assert "with ryu.app.simple_switch_13 in place of its own controllers" in " ".join(brought_up.stdout.split())
    assert machine.whodunet("down", "--lab", "d-other").returncode == 0
