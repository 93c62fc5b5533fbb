"""Flow entries as Open vSwitch 3.1 reported them, read as policies state them."""

from __future__ import annotations

from typing import Any, Final

import pytest

from whodunet import catalogue
from whodunet.openflow.flow_table import reported, stated
from whodunet.openflow.policy import CONTROLLER, NORMAL, FlowEntry, GotoTable, Output, Track

PORTS: Final = {"egress-fw-eth1": 1, "egress-fw-eth2": 2}
RULES: Final = [
    {"source": "10.8.0.0/24", "protocol": "tcp", "port": [22, "8000-8080"], "action": "reset"},
    {"protocol": "icmp", "action": "reject"},
    {"protocol": "udp", "port": 53, "action": "allow"},
    {"destination": "10.8.0.7/32", "action": "drop"},
]
FIREWALL: Final = """\
cookie=0x2, priority=2,arp actions=NORMAL
cookie=0x2, priority=1,ip actions=ct(table=1,zone=257)
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
cookie=0x2, table=2, priority=65279,icmp actions=CONTROLLER:65535
cookie=0x2, table=2, priority=65278,udp,tp_dst=53 actions=ct(commit,zone=257),NORMAL
cookie=0x2, table=2, priority=65278,udp,nw_frag=later actions=ct(commit,zone=257),NORMAL
cookie=0x2, table=2, priority=65277,ip,nw_dst=10.8.0.7 actions=drop
cookie=0x2, table=2, priority=0,ip actions=ct(commit,zone=257),NORMAL
"""


def entry(line: str) -> Any:
    """The one entry of a line."""
    (found,) = reported(line, PORTS)
    return found


def test_the_entries_that_a_switch_reports_are_those_that_its_policy_states() -> None:
    config = {"controller": "egress_firewall", "address": "10.8.0.1", "default": "allow", "rules": RULES}
    policy = catalogue.given().policy_class("egress_firewall").from_config(config, PORTS, "egress-fw")
    assert reported(FIREWALL, PORTS) == stated(policy.flow_entries())


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
def test_actions_are_read_as_policies_state_them(actions: str, meaning: tuple[Any, ...]) -> None:
    assert entry(f"priority=1,ip actions={actions}").actions == meaning


def test_a_field_is_compared_by_value_however_it_is_written() -> None:
    match = {"eth_type": 0x0800, "ip_proto": 6, "tcp_dst": (22, 0xFFFF), "ipv4_src": ("10.8.0.10", "255.255.255.255")}
    assert stated([FlowEntry(9, match)]) == reported("priority=9,tcp,nw_src=10.8.0.10,tp_dst=22 actions=drop", PORTS)


@pytest.mark.parametrize("line", ["priority=1,ip actions=resubmit(,3)", "priority=1,tp_dst=22 actions=drop"])
def test_what_is_not_understood_is_an_error_with_its_line(line: str) -> None:
    with pytest.raises(ValueError, match=r"not understood .*priority=1"):
        entry(line)
