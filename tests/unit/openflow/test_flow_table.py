"""Flow entries as Open vSwitch 3.1 reported them, read as policies state them."""

from __future__ import annotations

from typing import Final

import pytest

from controllers.egress_firewall import EgressFirewall
from controllers.security_group import SecurityGroup
from tests.unit.openflow.ovs_ofctl import dumped
from whodunet.openflow.flow_table import TableEntry, reported, stated
from whodunet.openflow.policy import CONTROLLER, NORMAL, Action, FlowEntry, GotoTable, Output, Track

PORTS: Final = {"egress-fw-eth1": 1, "egress-fw-eth2": 2}
RULES: Final = [
    {"source": "10.8.0.0/24", "protocol": "tcp", "port": [22, "8000-8080"], "action": "reset"},
    {"source": "fd00:8::/64", "protocol": "tcp", "port": 22, "action": "reset"},
    {"protocol": "icmp", "action": "reject"},
    {"protocol": "udp", "port": 53, "action": "allow"},
    {"destination": "10.8.0.7/32", "action": "drop"},
    {"destination": "fd00:8::7/128", "action": "drop"},
]
FIREWALL: Final = """\
cookie=0x2, priority=2,arp actions=NORMAL
cookie=0x2, priority=1,ip actions=ct(table=1,zone=257)
cookie=0x2, priority=1,ipv6 actions=ct(table=1,zone=257)
cookie=0x2, priority=2,icmp6,nw_ttl=255,icmp_type=133 actions=NORMAL
cookie=0x2, priority=2,icmp6,nw_ttl=255,icmp_type=134 actions=NORMAL
cookie=0x2, priority=2,icmp6,nw_ttl=255,icmp_type=135 actions=NORMAL
cookie=0x2, priority=2,icmp6,nw_ttl=255,icmp_type=136 actions=NORMAL
cookie=0x2, priority=0 actions=drop
cookie=0x2, table=1, priority=3,ct_state=+inv actions=drop
cookie=0x2, table=1, priority=2,ct_state=+est actions=NORMAL
cookie=0x2, table=1, priority=2,ct_state=+rel actions=NORMAL
cookie=0x2, table=1, priority=1,ct_state=+new-inv+trk actions=goto_table:2
cookie=0x2, table=1, priority=0 actions=drop
cookie=0x2, table=2, priority=65280,tcp,nw_src=10.8.0.0/24,tp_dst=22,tcp_flags=-rst actions=CONTROLLER:65535
cookie=0x2, table=2, priority=65280,tcp,nw_src=10.8.0.0/24,tp_dst=22,tcp_flags=+rst actions=drop
cookie=0x2, table=2, priority=65280,tcp,nw_src=10.8.0.0/24,tp_dst=8080,tcp_flags=-rst actions=CONTROLLER:65535
cookie=0x2, table=2, priority=65280,tcp,nw_src=10.8.0.0/24,tp_dst=8080,tcp_flags=+rst actions=drop
cookie=0x2, table=2, priority=65280,tcp,nw_src=10.8.0.0/24,tp_dst=0x1f40/0xffc0,tcp_flags=-rst actions=CONTROLLER:65535
cookie=0x2, table=2, priority=65280,tcp,nw_src=10.8.0.0/24,tp_dst=0x1f40/0xffc0,tcp_flags=+rst actions=drop
cookie=0x2, table=2, priority=65280,tcp,nw_src=10.8.0.0/24,tp_dst=0x1f80/0xfff0,tcp_flags=-rst actions=CONTROLLER:65535
cookie=0x2, table=2, priority=65280,tcp,nw_src=10.8.0.0/24,tp_dst=0x1f80/0xfff0,tcp_flags=+rst actions=drop
cookie=0x2, table=2, priority=65279,tcp6,ipv6_src=fd00:8::/64,tp_dst=22,tcp_flags=-rst actions=CONTROLLER:65535
cookie=0x2, table=2, priority=65279,tcp6,ipv6_src=fd00:8::/64,tp_dst=22,tcp_flags=+rst actions=drop
cookie=0x2, table=2, priority=65278,icmp actions=CONTROLLER:65535
cookie=0x2, table=2, priority=65278,icmp6 actions=CONTROLLER:65535
cookie=0x2, table=2, priority=65277,udp,tp_dst=53 actions=ct(commit,zone=257),NORMAL
cookie=0x2, table=2, priority=65277,udp6,tp_dst=53 actions=ct(commit,zone=257),NORMAL
cookie=0x2, table=2, priority=65277,udp,nw_frag=later actions=ct(commit,zone=257),NORMAL
cookie=0x2, table=2, priority=65277,ipv6,nw_proto=44,nw_frag=later actions=ct(commit,zone=257),NORMAL
cookie=0x2, table=2, priority=65276,ip,nw_dst=10.8.0.7 actions=drop
cookie=0x2, table=2, priority=65275,ipv6,ipv6_dst=fd00:8::7 actions=drop
cookie=0x2, table=2, priority=0,ip actions=ct(commit,zone=257),NORMAL
cookie=0x2, table=2, priority=0,ipv6 actions=ct(commit,zone=257),NORMAL
"""
GROUPS: Final = {
    "web": {
        "inbound": [
            {"protocol": "tcp", "port": 22, "source": "::/0"},
            {"protocol": "icmpv6", "icmp_type": 128, "icmp_code": 0, "source": "fd00:8::/64"},
        ]
    }
}
SECURITY_GROUP: Final = """\
cookie=0x2, priority=5,arp,in_port="sg-eth2",arp_spa=10.0.1.10 actions=NORMAL
cookie=0x2, priority=5,arp,in_port="sg-eth2",arp_spa=0.0.0.0 actions=NORMAL
cookie=0x2, priority=4,ip,in_port="sg-eth2",nw_src=10.0.1.10 actions=ct(table=1,zone=514)
cookie=0x2, priority=5,icmp6,in_port="sg-eth2",ipv6_src=fd00:1::10,nw_ttl=255,icmp_type=133 actions=NORMAL
cookie=0x2, priority=5,icmp6,in_port="sg-eth2",ipv6_src=fe80::10,nw_ttl=255,icmp_type=133 actions=NORMAL
cookie=0x2, priority=5,icmp6,in_port="sg-eth2",ipv6_src=::,nw_ttl=255,icmp_type=133 actions=NORMAL
cookie=0x2, priority=5,icmp6,in_port="sg-eth2",ipv6_src=fd00:1::10,nw_ttl=255,icmp_type=135 actions=NORMAL
cookie=0x2, priority=5,icmp6,in_port="sg-eth2",ipv6_src=fe80::10,nw_ttl=255,icmp_type=135 actions=NORMAL
cookie=0x2, priority=5,icmp6,in_port="sg-eth2",ipv6_src=::,nw_ttl=255,icmp_type=135,nd_target=fd00:1::10 actions=NORMAL
cookie=0x2, priority=5,icmp6,in_port="sg-eth2",ipv6_src=::,nw_ttl=255,icmp_type=135,nd_target=fe80::10 actions=NORMAL
cookie=0x2, priority=5,icmp6,in_port="sg-eth2",ipv6_src=fd00:1::10,nw_ttl=255,icmp_type=136,nd_target=fd00:1::10 \
actions=NORMAL
cookie=0x2, priority=5,icmp6,in_port="sg-eth2",ipv6_src=fd00:1::10,nw_ttl=255,icmp_type=136,nd_target=fe80::10 \
actions=NORMAL
cookie=0x2, priority=5,icmp6,in_port="sg-eth2",ipv6_src=fe80::10,nw_ttl=255,icmp_type=136,nd_target=fd00:1::10 \
actions=NORMAL
cookie=0x2, priority=5,icmp6,in_port="sg-eth2",ipv6_src=fe80::10,nw_ttl=255,icmp_type=136,nd_target=fe80::10 \
actions=NORMAL
cookie=0x2, priority=4,ipv6,in_port="sg-eth2",ipv6_src=fd00:1::10 actions=ct(table=1,zone=514)
cookie=0x2, priority=4,ipv6,in_port="sg-eth2",ipv6_src=fe80::10 actions=ct(table=1,zone=514)
cookie=0x2, priority=3,in_port="sg-eth2" actions=drop
cookie=0x2, priority=2,arp actions=NORMAL
cookie=0x2, priority=1,ip actions=goto_table:2
cookie=0x2, priority=1,ipv6 actions=goto_table:2
cookie=0x2, priority=2,icmp6,nw_ttl=255,icmp_type=133 actions=NORMAL
cookie=0x2, priority=2,icmp6,nw_ttl=255,icmp_type=134 actions=NORMAL
cookie=0x2, priority=2,icmp6,nw_ttl=255,icmp_type=135 actions=NORMAL
cookie=0x2, priority=2,icmp6,nw_ttl=255,icmp_type=136 actions=NORMAL
cookie=0x2, priority=0 actions=drop
cookie=0x2, table=1, priority=2,ct_state=+est-inv,ip,in_port="sg-eth2" actions=goto_table:2
cookie=0x2, table=1, priority=2,ct_state=+est-inv,ipv6,in_port="sg-eth2" actions=goto_table:2
cookie=0x2, table=1, priority=2,ct_state=+rel-inv,ip,in_port="sg-eth2" actions=goto_table:2
cookie=0x2, table=1, priority=2,ct_state=+rel-inv,ipv6,in_port="sg-eth2" actions=goto_table:2
cookie=0x2, table=1, priority=1,ct_state=+new-inv+trk,ip,in_port="sg-eth2" actions=ct(commit,zone=514),goto_table:2
cookie=0x2, table=1, priority=1,ct_state=+new-inv+trk,ipv6,in_port="sg-eth2" actions=ct(commit,zone=514),goto_table:2
cookie=0x2, table=2, priority=1,ip,nw_dst=10.0.1.10 actions=ct(table=3,zone=514)
cookie=0x2, table=2, priority=1,ipv6,ipv6_dst=fd00:1::10 actions=ct(table=3,zone=514)
cookie=0x2, table=2, priority=1,ipv6,ipv6_dst=fe80::10 actions=ct(table=3,zone=514)
cookie=0x2, table=2, priority=0 actions=output:"sg-eth1"
cookie=0x2, table=3, priority=2,ct_state=+est-inv,ip,nw_dst=10.0.1.10 actions=output:"sg-eth2"
cookie=0x2, table=3, priority=2,ct_state=+rel-inv,ip,nw_dst=10.0.1.10 actions=output:"sg-eth2"
cookie=0x2, table=3, priority=2,ct_state=+est-inv,ipv6,ipv6_dst=fd00:1::10 actions=output:"sg-eth2"
cookie=0x2, table=3, priority=2,ct_state=+est-inv,ipv6,ipv6_dst=fe80::10 actions=output:"sg-eth2"
cookie=0x2, table=3, priority=2,ct_state=+rel-inv,ipv6,ipv6_dst=fd00:1::10 actions=output:"sg-eth2"
cookie=0x2, table=3, priority=2,ct_state=+rel-inv,ipv6,ipv6_dst=fe80::10 actions=output:"sg-eth2"
cookie=0x2, table=3, priority=1,ct_state=+new-inv+trk,ipv6,ipv6_src=fd00:8::/64,ipv6_dst=fd00:1::10,nw_proto=44,\
nw_frag=later actions=ct(commit,zone=514),output:"sg-eth2"
cookie=0x2, table=3, priority=1,ct_state=+new-inv+trk,ipv6,ipv6_src=fd00:8::/64,ipv6_dst=fe80::10,nw_proto=44,\
nw_frag=later actions=ct(commit,zone=514),output:"sg-eth2"
cookie=0x2, table=3, priority=1,ct_state=+new-inv+trk,tcp6,ipv6_dst=fd00:1::10,tp_dst=22 \
actions=ct(commit,zone=514),output:"sg-eth2"
cookie=0x2, table=3, priority=1,ct_state=+new-inv+trk,tcp6,ipv6_dst=fe80::10,tp_dst=22 \
actions=ct(commit,zone=514),output:"sg-eth2"
cookie=0x2, table=3, priority=1,ct_state=+new-inv+trk,ipv6,ipv6_dst=fd00:1::10,nw_proto=44,nw_frag=later \
actions=ct(commit,zone=514),output:"sg-eth2"
cookie=0x2, table=3, priority=1,ct_state=+new-inv+trk,ipv6,ipv6_dst=fe80::10,nw_proto=44,nw_frag=later \
actions=ct(commit,zone=514),output:"sg-eth2"
cookie=0x2, table=3, priority=1,ct_state=+new-inv+trk,icmp6,ipv6_src=fd00:8::/64,ipv6_dst=fd00:1::10,icmp_type=128,\
icmp_code=0 actions=ct(commit,zone=514),output:"sg-eth2"
cookie=0x2, table=3, priority=1,ct_state=+new-inv+trk,icmp6,ipv6_src=fd00:8::/64,ipv6_dst=fe80::10,icmp_type=128,\
icmp_code=0 actions=ct(commit,zone=514),output:"sg-eth2"
"""


def entry(line: str) -> TableEntry:
    """The one entry of a line."""
    (found,) = reported(line, PORTS)
    return found


def test_the_entries_that_a_firewall_s_switch_reports_are_those_that_its_policy_states() -> None:
    config = {"addresses": ["10.8.0.1", "fd00:8::1"], "default": "allow", "rules": RULES}
    assert reported(FIREWALL, PORTS) == stated(EgressFirewall.from_config(config, PORTS, "egress-fw").flow_entries())


def test_the_entries_that_a_security_group_s_switch_reports_are_those_that_its_policy_states() -> None:
    ports = {"sg-eth1": 1, "sg-eth2": 2}
    config = {
        "groups": GROUPS,
        "interfaces": {"sg-eth2": {"addresses": ["10.0.1.10", "fd00:1::10"], "groups": ["web"]}},
    }
    assert reported(SECURITY_GROUP, ports) == stated(SecurityGroup.from_config(config, ports, "sg").flow_entries())


def test_the_words_of_open_vswitch_that_tests_write_are_those_that_it_writes() -> None:
    policy = EgressFirewall.from_config({"addresses": ["10.8.0.1", "fd00:8::1"], "rules": RULES}, PORTS, "egress-fw")
    written = dumped(policy.flow_entries(), {number: name for name, number in PORTS.items()})
    assert sorted(written.replace("cookie=0x1", "cookie=0x2").splitlines()) == sorted(FIREWALL.splitlines())


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ("table=2, priority=9,tcp,tp_dst=22 actions=drop", "table=2, priority=9,tcp,tp_dst=2222 actions=drop"),
        ("table=2, priority=9,tcp,tp_dst=22 actions=drop", "priority=0 actions=drop"),
        ("priority=9,ip,nw_src=10.8.0.1 actions=drop", "priority=9,ip,nw_src=10.8.0.10 actions=drop"),
        ("priority=9,ip,nw_src=10.8.0.0/16 actions=drop", "priority=9,ip,nw_src=10.8.0.0/24 actions=drop"),
        ("priority=9,ip actions=drop", "priority=8,ip actions=drop"),
        ("priority=9,ip actions=drop", "table=1, priority=9,ip actions=drop"),
        ("priority=9,tcp,tp_dst=22 actions=drop", "priority=9,udp,tp_dst=22 actions=drop"),
        ("priority=9,tcp,tp_dst=22 actions=drop", "priority=9,tcp6,tp_dst=22 actions=drop"),
        ("priority=9,icmp,icmp_type=3 actions=drop", "priority=9,icmp6,icmp_type=3 actions=drop"),
        ("priority=9,ipv6,ipv6_src=fd00::/8 actions=drop", "priority=9,ipv6,ipv6_src=fd00::/64 actions=drop"),
        ("priority=9,ipv6,ipv6_src=fd00::1 actions=drop", "priority=9,ipv6,ipv6_dst=fd00::1 actions=drop"),
        ("priority=9,ipv6,ipv6_src=::1 actions=drop", "priority=9,ipv6,ipv6_src=::/1 actions=drop"),
        ("priority=9,icmp6,nw_ttl=255 actions=drop", "priority=9,icmp6 actions=drop"),
        ("priority=9,tcp,tcp_flags=+rst actions=drop", "priority=9,tcp,tcp_flags=-rst actions=drop"),
        ("priority=9,ip actions=drop", "priority=9,ip actions=NORMAL"),
        ("priority=9,ip actions=CONTROLLER:65535", "priority=9,ip actions=ct(table=1,zone=257)"),
    ],
)
def test_entries_that_look_alike_are_not_equal(line: str, other: str) -> None:
    assert entry(line) != entry(other)


def test_counters_and_cookie_are_no_part_of_an_entry() -> None:
    counted = "cookie=0x7, duration=3.1s, table=2, n_packets=4, n_bytes=296, priority=9,tcp,tp_dst=22 actions=drop"
    assert entry(counted) == entry("table=2, priority=9,tcp,tp_dst=22 actions=drop")
    assert entry(counted).text == "table=2, priority=9,tcp,tp_dst=22 actions=drop"


@pytest.mark.parametrize(
    ("actions", "meaning"),
    [
        ("drop", ()),
        ("NORMAL", (Output(NORMAL),)),
        ("CONTROLLER:65535", (Output(CONTROLLER),)),
        ('output:"egress-fw-eth2"', (Output(2),)),
        ("goto_table:2", (GotoTable(2),)),
        ("ct(commit,zone=258),goto_table:2", (Track(2, commit=True), GotoTable(2))),
        ("ct(table=3,zone=514)", (Track(2, table=3),)),
    ],
)
def test_actions_are_read_as_policies_state_them(actions: str, meaning: tuple[Action, ...]) -> None:
    assert entry(f"priority=1,ip actions={actions}").actions == meaning


def test_a_field_is_compared_by_value_however_it_is_written() -> None:
    one = FlowEntry(
        9, {"eth_type": 0x0800, "ip_proto": 6, "tcp_dst": (22, 0xFFFF), "ipv4_src": ("10.8.0.10", "255.255.255.255")}
    )
    assert stated([one]) == reported("priority=9,tcp,nw_src=10.8.0.10,tp_dst=22 actions=drop", PORTS)
    all_bits = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
    one = FlowEntry(9, {"eth_type": 0x86DD, "ipv6_src": ("fd00:0:0::1", all_bits), "ip_proto": 58})
    assert stated([one]) == reported("priority=9,icmp6,ipv6_src=fd00::1 actions=drop", PORTS)


@pytest.mark.parametrize(
    "line",
    [
        "priority=1,ip actions=resubmit(,3)",
        "priority=1,tp_dst=22 actions=drop",
        "priority=1,ipv6,icmp_type=1 actions=drop",
        "priority=1,ipv6,ipv6_src=fd00::1/ffff::ffff actions=drop",
    ],
)
def test_what_is_not_understood_is_an_error_with_its_line(line: str) -> None:
    with pytest.raises(ValueError, match=r"not understood .*priority=1"):
        entry(line)
