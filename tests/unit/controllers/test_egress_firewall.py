from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet as ScapyPacket

from controllers.egress_firewall import POLICY, EgressFirewall
from tests.unit.controllers.flow_table import ACK, RST, SYN, FlowTable, arp, icmp, ipv6, tcp, udp
from whodunet.errors import InvalidInput
from whodunet.openflow.policy import CONTROLLER, NORMAL, masked_ports

CLIENT, SERVER, OTHER = "10.8.0.10", "10.0.1.10", "192.0.2.1"
INSIDE, OUTSIDE = 1, 2
PORTS = {"fw-eth1": INSIDE, "fw-eth2": OUTSIDE}
PASSES, IS_DROPPED, ASKS = (NORMAL,), (), (CONTROLLER,)

RESET_SSH = {"source": "10.8.0.0/24", "protocol": "tcp", "port": 22, "action": "reset"}
ALLOW_HTTPS = {"protocol": "tcp", "port": 443, "action": "allow"}


def firewall(*rules: dict[str, Any], default: str = "allow") -> EgressFirewall:
    """A firewall with these rules."""
    config = {"controller": "egress_firewall", "address": "10.8.0.1", "default": default, "rules": list(rules)}
    return EgressFirewall.from_config(config, PORTS, "fw")


def table(*rules: dict[str, Any], default: str = "allow") -> FlowTable:
    """The flow table of such a firewall."""
    return FlowTable(firewall(*rules, default=default).flow_entries())


def problems(**config: Any) -> list[str]:
    """What is wrong with a configuration, a line for each problem."""
    with pytest.raises(InvalidInput) as caught:
        EgressFirewall.from_config({"controller": "egress_firewall", **config}, PORTS, "x.yaml:3")
    return [str(problem) for problem in caught.value.problems]


def answer(policy: EgressFirewall, transport: ScapyPacket, destination: str = SERVER) -> ScapyPacket | None:
    """What scapy reads in the policy's answer to a packet of the client, None if there is none."""
    frame = Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:14") / IP(src=CLIENT, dst=destination) / transport
    packets_out = policy.answer(bytes(frame), INSIDE)
    assert all(packet_out.port == INSIDE for packet_out in packets_out)
    return Ether(packets_out[0].frame) if packets_out else None


def test_the_module_offers_the_policy() -> None:
    assert POLICY is EgressFirewall


def test_a_syn_to_a_reset_port_asks_the_controller() -> None:
    assert table(RESET_SSH).send(tcp(CLIENT, SERVER, 22)) == ASKS


def test_a_reset_to_a_reset_port_is_dropped() -> None:
    assert table(RESET_SSH).send(tcp(CLIENT, SERVER, 22, flags=RST)) == IS_DROPPED
    assert table(RESET_SSH).send(tcp(CLIENT, SERVER, 22, flags=RST | ACK)) == IS_DROPPED


def test_a_reset_entry_is_about_its_source_port_and_protocol_only() -> None:
    reset_ssh = table(RESET_SSH)
    assert reset_ssh.send(tcp(OTHER, SERVER, 22)) == PASSES
    assert reset_ssh.send(tcp(CLIENT, SERVER, 443)) == PASSES
    assert reset_ssh.send(udp(CLIENT, SERVER, 22)) == PASSES
    assert reset_ssh.send(icmp(CLIENT, SERVER, 8)) == PASSES


def test_allowed_traffic_never_asks_the_controller() -> None:
    allow_all = table(RESET_SSH, ALLOW_HTTPS)
    request = tcp(CLIENT, SERVER, 443)
    sent = [request, request.reply(tcp_flags_nxm=SYN | ACK), request, icmp(CLIENT, SERVER, 8), arp(CLIENT)]
    assert {allow_all.send(packet) for packet in sent} == {PASSES}


def test_the_first_entry_that_matches_decides() -> None:
    drop_all = {"protocol": "tcp", "action": "drop"}
    assert table(ALLOW_HTTPS, drop_all).send(tcp(CLIENT, SERVER, 443)) == PASSES
    assert table(drop_all, ALLOW_HTTPS).send(tcp(CLIENT, SERVER, 443)) == IS_DROPPED


def test_without_entries_the_default_decides() -> None:
    assert table().send(udp(CLIENT, SERVER, 53)) == PASSES
    assert table(default="drop").send(udp(CLIENT, SERVER, 53)) == IS_DROPPED


def test_replies_of_an_allowed_connection_pass_where_the_default_is_drop() -> None:
    only_https = table(ALLOW_HTTPS, default="drop")
    request = tcp(CLIENT, SERVER, 443)
    assert only_https.send(request, INSIDE) == PASSES
    assert only_https.send(request.reply(tcp_flags_nxm=SYN | ACK), OUTSIDE) == PASSES


def test_a_connection_from_outside_does_not_pass_as_a_reply() -> None:
    only_https = table(ALLOW_HTTPS, default="drop")
    assert only_https.send(tcp(SERVER, CLIENT, 40000, source_port=443), OUTSIDE) == IS_DROPPED


def test_an_icmp_error_about_an_allowed_connection_passes() -> None:
    only_https = table(ALLOW_HTTPS, default="drop")
    request = tcp(CLIENT, SERVER, 443)
    only_https.send(request, INSIDE)
    assert only_https.send(icmp(OTHER, CLIENT, 3, 4, about=request), OUTSIDE) == PASSES
    assert only_https.send(icmp(OTHER, CLIENT, 3, 4, about=tcp(CLIENT, SERVER, 80)), OUTSIDE) == IS_DROPPED


def test_a_packet_that_cannot_be_tracked_is_dropped() -> None:
    unfinished = tcp(CLIENT, SERVER, 443)
    assert table().send(type(unfinished)(unfinished.fields, unfinished.source, valid=False)) == IS_DROPPED


def test_an_open_connection_stays_when_its_port_is_blocked_and_a_new_one_is_dropped_at_once() -> None:
    switch = table(ALLOW_HTTPS, default="drop")
    old = tcp(CLIENT, SERVER, 443)
    switch.send(old, INSIDE)
    switch.send(old.reply(tcp_flags_nxm=SYN | ACK), OUTSIDE)
    switch.replace(firewall(default="drop").flow_entries())
    assert switch.send(old, INSIDE) == PASSES
    assert switch.send(tcp(CLIENT, SERVER, 443, source_port=40001), INSIDE) == IS_DROPPED


def test_a_connection_that_was_never_answered_is_new_to_changed_entries() -> None:
    switch = table(ALLOW_HTTPS, default="drop")
    switch.send(tcp(CLIENT, SERVER, 443), INSIDE)
    switch.replace(firewall(default="drop").flow_entries())
    assert switch.send(tcp(CLIENT, SERVER, 443), INSIDE) == IS_DROPPED


def test_arp_passes_and_ipv6_does_not_whatever_the_default_is() -> None:
    for default in ("allow", "drop"):
        assert table(default=default).send(arp(CLIENT)) == PASSES
        assert table(default=default).send(ipv6()) == IS_DROPPED


def test_a_later_fragment_passes_where_a_port_is_allowed() -> None:
    only_dns = table({"protocol": "udp", "port": 53, "action": "allow"}, default="drop")
    assert only_dns.send(udp(CLIENT, SERVER, 53).later_fragment()) == PASSES
    assert only_dns.send(tcp(CLIENT, SERVER, 53).later_fragment()) == IS_DROPPED


def test_a_later_fragment_is_dropped_by_an_entry_without_ports() -> None:
    no_udp = table({"protocol": "udp", "action": "drop"})
    assert no_udp.send(udp(CLIENT, SERVER, 53).later_fragment()) == IS_DROPPED


@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 65535)), min_size=1, max_size=4), st.data())
def test_masked_ports_match_exactly_the_ports_of_the_ranges(ends: list[tuple[int, int]], data: st.DataObject) -> None:
    ranges = [(min(pair), max(pair)) for pair in ends]
    edges = sorted({port for first, last in ranges for port in (first, last, first - 1, last + 1)} & set(range(65536)))
    port = data.draw(st.sampled_from(edges) | st.integers(0, 65535))
    matches = list(masked_ports(ranges))
    assert any(port & mask == value for value, mask in matches) == any(a <= port <= b for a, b in ranges)
    assert len(set(matches)) == len(matches)


def test_ports_may_be_a_list_of_numbers_and_ranges() -> None:
    web = table({"protocol": "tcp", "port": [80, "8000-8080"], "action": "drop"})
    dropped = [port for port in range(1, 9000) if web.send(tcp(CLIENT, SERVER, port)) == IS_DROPPED]
    assert dropped == [80, *range(8000, 8081)]


def test_a_reset_goes_back_where_the_syn_came_from() -> None:
    reset = answer(firewall(RESET_SSH), TCP(sport=40000, dport=22, flags="S", seq=99))
    assert reset is not None
    assert (reset[IP].src, reset[TCP].flags, reset[TCP].seq, reset[TCP].ack) == (SERVER, "RA", 0, 100)


@pytest.mark.parametrize(
    ("rejection", "code"),
    [("admin-prohibited", 13), ("port-unreachable", 3), ("host-prohibited", 10), ("net-prohibited", 9)],
)
def test_a_rejection_is_an_icmp_error_of_the_firewall(rejection: str, code: int) -> None:
    reject = firewall({"protocol": "udp", "action": "reject", "with": rejection})
    error = answer(reject, UDP(dport=53))
    assert error is not None
    assert (error[IP].src, error[ICMP].type, error[ICMP].code) == ("10.8.0.1", 3, code)


def test_a_rejection_is_admin_prohibited_if_nothing_else_is_said() -> None:
    error = answer(firewall({"action": "reject"}), TCP(dport=22))
    assert error is not None
    assert error[ICMP].code == 13


def test_no_answer_is_given_for_what_another_entry_decides() -> None:
    policy = firewall(ALLOW_HTTPS, {"protocol": "tcp", "action": "reset"})
    assert answer(policy, TCP(dport=443)) is None
    assert answer(policy, TCP(dport=80)) is not None
    assert answer(policy, UDP(dport=80)) is None


def test_an_answer_is_never_answered() -> None:
    policy = firewall({"protocol": "tcp", "action": "reset"}, {"action": "reject"})
    for transport in (TCP(dport=22, flags="S"), TCP(dport=22, flags="A"), UDP(dport=53)):
        first = answer(policy, transport)
        assert first is not None
        assert policy.answer(bytes(first), OUTSIDE) == ()


@given(st.binary(max_size=120))
def test_noise_is_never_answered_with_an_exception(noise: bytes) -> None:
    firewall(RESET_SSH, {"action": "reject"}).answer(noise, INSIDE)


def test_every_problem_is_reported_at_once_with_its_place_and_mend() -> None:
    rules = [
        {"source": "10.8.0.1/24", "protocol": "tpc", "action": "reset"},
        {"protocol": "tcp", "port": "9-3", "action": "dropp"},
    ]
    assert problems(adress="10.8.0.1", rules=rules) == [
        "x.yaml:3: adress: unknown key 'adress'; did you mean address?",
        "x.yaml:3: rules[0].protocol: 'tpc' is not one of tcp, udp, icmp, any; did you mean tcp?",
        "x.yaml:3: rules[0].source: '10.8.0.1/24' has host bits set; write 10.8.0.0/24, or 10.8.0.1/32",
        "x.yaml:3: rules[1].action: 'dropp' is not one of allow, drop, reset, reject; did you mean drop?",
        "x.yaml:3: rules[1].port: the range '9-3' ends before it starts; write \"3-9\"",
    ]


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ({"protocol": "udp", "action": "reset"}, "rules[0].action: only TCP knows a reset"),
        ({"action": "reset"}, "rules[0].action: only TCP knows a reset"),
        ({"protocol": "icmp", "port": 1, "action": "drop"}, "rules[0].port: icmp has no ports"),
        ({"port": 22, "action": "drop"}, "rules[0].port: any has no ports"),
        ({"protocol": "tcp", "port": 65536, "action": "drop"}, "rules[0].port: 65536 is not a port"),
        ({"protocol": "tcp", "port": True, "action": "drop"}, "rules[0].port: True is not a port"),
        ({"protocol": "tcp", "port": [], "action": "drop"}, "rules[0].port: [] is not a port"),
        ({"protocol": "tcp", "port": [22, "x"], "action": "drop"}, "rules[0].port[1]: 'x' is not a port"),
        ({"action": "allow", "with": "host-prohibited"}, "rules[0].with: allow has no answer to choose"),
        ({"source": "10.8.0.1", "action": "drop"}, "rules[0].source: '10.8.0.1' has no prefix length"),
        ({"source": "10.8.0.0/33", "action": "drop"}, "rules[0].source: '10.8.0.0/33' is not a network"),
        ({}, "rules[0].action: missing"),
        ("drop", "rules[0]: 'drop' is not a mapping"),
    ],
)
def test_a_rule_is_refused_if_it_cannot_be_meant(rule: Any, wrong: str) -> None:
    assert any(f"x.yaml:3: {wrong}" in line for line in problems(rules=[rule]))


def test_a_rejection_needs_an_address_to_come_from() -> None:
    assert problems(rules=[{"action": "reject"}]) == [
        "x.yaml:3: address: missing, but ICMP errors have to come from somewhere; add the gateway's address"
    ]
