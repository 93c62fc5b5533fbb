from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet as ScapyPacket
from scapy.packet import Raw

from controllers.egress_firewall import POLICY, EgressFirewall
from tests.unit.controllers.flow_table import (
    ACK,
    ADVERTISEMENT,
    REDIRECT,
    ROUTER_ADVERTISEMENT,
    ROUTER_SOLICITATION,
    RST,
    SOLICITATION,
    SYN,
    FlowTable,
    Packet,
    arp,
    icmp,
    neighbour_discovery,
    ping,
    tcp,
    udp,
)
from whodunet.errors import InvalidInput
from whodunet.openflow.policy import CONTROLLER, NORMAL, masked_ports


class Ends(NamedTuple):
    """The addresses of one family."""

    client: str
    clients: str  # the client's network
    server: str
    other: str
    firewall: str

    def is_ipv6(self) -> bool:
        """Which family it is."""
        return ":" in self.client


IPV4 = Ends("10.8.0.10", "10.8.0.0/24", "10.0.1.10", "192.0.2.1", "10.8.0.1")
IPV6 = Ends("fd00:8::10", "fd00:8::/64", "fd00:1::10", "2001:db8::1", "fd00:8::1")
INSIDE, OUTSIDE = 1, 2
PORTS = {"fw-eth1": INSIDE, "fw-eth2": OUTSIDE}
PASSES, IS_DROPPED, ASKS = (NORMAL,), (), (CONTROLLER,)

ALLOW_HTTPS = {"protocol": "tcp", "port": 443, "action": "allow"}
RESET_TCP = {"protocol": "tcp", "action": "reset"}


def reset_ssh(ends: Ends) -> dict[str, object]:
    """A rule about the clients of one family."""
    return {"source": ends.clients, "protocol": "tcp", "port": 22, "action": "reset"}


def firewall(*rules: Mapping[str, object], default: str = "allow", **more: object) -> EgressFirewall:
    """A firewall with these rules."""
    config = {"controller": "egress_firewall", "addresses": [IPV4.firewall, IPV6.firewall], "default": default}
    return EgressFirewall.from_config({**config, "rules": list(rules), **more}, PORTS, "fw")


def table(*rules: Mapping[str, object], default: str = "allow") -> FlowTable:
    """The flow table of such a firewall."""
    return FlowTable(firewall(*rules, default=default).flow_entries())


def problems(**config: object) -> list[str]:
    """What is wrong with a configuration, a line for each problem."""
    with pytest.raises(InvalidInput) as caught:
        EgressFirewall.from_config({"controller": "egress_firewall", **config}, PORTS, "x.yaml:3")
    return [str(problem) for problem in caught.value.problems]


def answer(policy: EgressFirewall, transport: ScapyPacket, ends: Ends) -> ScapyPacket | None:
    """What scapy reads in the policy's answer to a packet of the client, None if there is none."""
    header = (IPv6 if ends.is_ipv6() else IP)(src=ends.client, dst=ends.server)
    frame = Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:14") / header / transport
    packets_out = policy.answer(bytes(frame), INSIDE)
    assert all(packet_out.port == INSIDE for packet_out in packets_out)
    return Ether(packets_out[0].frame) if packets_out else None


def test_the_module_offers_the_policy() -> None:
    assert POLICY is EgressFirewall


def test_a_syn_to_a_reset_port_asks_the_controller(ends: Ends) -> None:
    assert table(reset_ssh(ends)).send(tcp(ends.client, ends.server, 22)) == ASKS


def test_a_reset_to_a_reset_port_is_dropped(ends: Ends) -> None:
    assert table(reset_ssh(ends)).send(tcp(ends.client, ends.server, 22, flags=RST)) == IS_DROPPED
    assert table(reset_ssh(ends)).send(tcp(ends.client, ends.server, 22, flags=RST | ACK)) == IS_DROPPED


def test_a_reset_entry_is_about_its_source_port_and_protocol_only(ends: Ends) -> None:
    switch = table(reset_ssh(ends))
    assert switch.send(tcp(ends.other, ends.server, 22)) == PASSES
    assert switch.send(tcp(ends.client, ends.server, 443)) == PASSES
    assert switch.send(udp(ends.client, ends.server, 22)) == PASSES
    assert switch.send(ping(ends.client, ends.server)) == PASSES


def test_allowed_traffic_never_asks_the_controller(ends: Ends) -> None:
    allow_all = table(reset_ssh(ends), ALLOW_HTTPS)
    request = tcp(ends.client, ends.server, 443)
    sent = [request, request.reply(tcp_flags_nxm=SYN | ACK), request, ping(ends.client, ends.server)]
    assert {allow_all.send(packet) for packet in sent} == {PASSES}


def test_the_first_entry_that_matches_decides(ends: Ends) -> None:
    drop_all = {"protocol": "tcp", "action": "drop"}
    assert table(ALLOW_HTTPS, drop_all).send(tcp(ends.client, ends.server, 443)) == PASSES
    assert table(drop_all, ALLOW_HTTPS).send(tcp(ends.client, ends.server, 443)) == IS_DROPPED


def test_without_entries_the_default_decides(ends: Ends) -> None:
    assert table().send(udp(ends.client, ends.server, 53)) == PASSES
    assert table(default="drop").send(udp(ends.client, ends.server, 53)) == IS_DROPPED


def test_replies_of_an_allowed_connection_pass_where_the_default_is_drop(ends: Ends) -> None:
    only_https = table(ALLOW_HTTPS, default="drop")
    request = tcp(ends.client, ends.server, 443)
    assert only_https.send(request, INSIDE) == PASSES
    assert only_https.send(request.reply(tcp_flags_nxm=SYN | ACK), OUTSIDE) == PASSES


def test_a_connection_from_outside_does_not_pass_as_a_reply(ends: Ends) -> None:
    only_https = table(ALLOW_HTTPS, default="drop")
    assert only_https.send(tcp(ends.server, ends.client, 40000, source_port=443), OUTSIDE) == IS_DROPPED


def test_an_icmp_error_about_an_allowed_connection_passes(ends: Ends) -> None:
    only_https = table(ALLOW_HTTPS, default="drop")
    request = tcp(ends.client, ends.server, 443)
    only_https.send(request, INSIDE)
    too_big = (2, 0) if ends.is_ipv6() else (3, 4)
    assert only_https.send(icmp(ends.other, ends.client, *too_big, about=request), OUTSIDE) == PASSES
    about_another = tcp(ends.client, ends.server, 80)
    assert only_https.send(icmp(ends.other, ends.client, *too_big, about=about_another), OUTSIDE) == IS_DROPPED


def test_a_packet_that_cannot_be_tracked_is_dropped(ends: Ends) -> None:
    unfinished = tcp(ends.client, ends.server, 443)
    assert table().send(type(unfinished)(unfinished.fields, unfinished.source, valid=False)) == IS_DROPPED


def test_an_open_connection_stays_when_its_port_is_blocked_and_a_new_one_is_dropped_at_once(ends: Ends) -> None:
    switch = table(ALLOW_HTTPS, default="drop")
    old = tcp(ends.client, ends.server, 443)
    switch.send(old, INSIDE)
    switch.send(old.reply(tcp_flags_nxm=SYN | ACK), OUTSIDE)
    switch.replace(firewall(default="drop").flow_entries())
    assert switch.send(old, INSIDE) == PASSES
    assert switch.send(tcp(ends.client, ends.server, 443, source_port=40001), INSIDE) == IS_DROPPED


def test_a_connection_that_was_never_answered_is_new_to_changed_entries(ends: Ends) -> None:
    switch = table(ALLOW_HTTPS, default="drop")
    switch.send(tcp(ends.client, ends.server, 443), INSIDE)
    switch.replace(firewall(default="drop").flow_entries())
    assert switch.send(tcp(ends.client, ends.server, 443), INSIDE) == IS_DROPPED


@pytest.mark.parametrize("default", ["allow", "drop"])
def test_arp_and_neighbour_and_router_discovery_pass_whatever_the_default_is(default: str) -> None:
    assert table(default=default).send(arp(IPV4.client)) == PASSES
    for kind in (ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, SOLICITATION, ADVERTISEMENT):
        assert table(default=default).send(neighbour_discovery(kind, IPV6.client, IPV6.firewall)) == PASSES


def test_neighbour_discovery_that_a_router_has_passed_on_is_dropped() -> None:
    """It can come from anywhere, and no host believes it: RFC 4861, section 7.1."""
    assert table().send(neighbour_discovery(ADVERTISEMENT, IPV6.other, IPV6.firewall, hop_limit=254)) == IS_DROPPED


def test_a_redirect_is_dropped() -> None:
    assert table().send(neighbour_discovery(REDIRECT, IPV6.firewall)) == IS_DROPPED


def test_a_rule_without_networks_is_about_both_families_and_one_with_a_network_about_its_own() -> None:
    for both in ({"protocol": "tcp", "action": "drop"}, {"protocol": "tcp", "source": "any", "action": "drop"}):
        assert table(both).send(tcp(IPV4.client, IPV4.server, 22)) == IS_DROPPED
        assert table(both).send(tcp(IPV6.client, IPV6.server, 22)) == IS_DROPPED
    only_ipv4 = table({"protocol": "tcp", "source": "0.0.0.0/0", "action": "drop"})
    assert only_ipv4.send(tcp(IPV4.client, IPV4.server, 22)) == IS_DROPPED
    assert only_ipv4.send(tcp(IPV6.client, IPV6.server, 22)) == PASSES
    only_ipv6 = table({"protocol": "tcp", "destination": "::/0", "action": "drop"})
    assert only_ipv6.send(tcp(IPV4.client, IPV4.server, 22)) == PASSES
    assert only_ipv6.send(tcp(IPV6.client, IPV6.server, 22)) == IS_DROPPED


def test_icmp_is_that_of_the_families_of_its_rule_and_icmpv6_that_of_ipv6_alone() -> None:
    both = table({"protocol": "icmp", "action": "drop"})
    assert both.send(ping(IPV4.client, IPV4.server)) == IS_DROPPED
    assert both.send(ping(IPV6.client, IPV6.server)) == IS_DROPPED
    only_ipv6 = table({"protocol": "icmpv6", "action": "drop"})
    assert only_ipv6.send(ping(IPV4.client, IPV4.server)) == PASSES
    assert only_ipv6.send(ping(IPV6.client, IPV6.server)) == IS_DROPPED
    only_ipv4 = table({"protocol": "icmp", "source": IPV4.clients, "action": "drop"})
    assert only_ipv4.send(ping(IPV4.client, IPV4.server)) == IS_DROPPED
    assert only_ipv4.send(ping(IPV6.client, IPV6.server)) == PASSES


def test_a_later_fragment_passes_where_a_port_is_allowed(ends: Ends) -> None:
    only_dns = table({"protocol": "udp", "port": 53, "source": ends.clients, "action": "allow"}, default="drop")
    assert only_dns.send(udp(ends.client, ends.server, 53).later_fragment()) == PASSES
    assert only_dns.send(udp(ends.other, ends.server, 53).later_fragment()) == IS_DROPPED


def test_a_later_fragment_passes_where_a_protocol_is_allowed(ends: Ends) -> None:
    only_udp = table({"protocol": "udp", "action": "allow"}, default="drop")
    assert only_udp.send(udp(ends.client, ends.server, 53).later_fragment()) == PASSES


def test_a_later_fragment_of_another_protocol_is_dropped_where_a_switch_can_tell_which_it_is() -> None:
    only_dns = table({"protocol": "udp", "port": 53, "action": "allow"}, default="drop")
    assert only_dns.send(tcp(IPV4.client, IPV4.server, 53).later_fragment()) == IS_DROPPED
    no_udp = table({"protocol": "udp", "action": "drop"})
    assert no_udp.send(udp(IPV4.client, IPV4.server, 53).later_fragment()) == IS_DROPPED


def test_a_later_fragment_is_dropped_by_an_entry_about_any_protocol(ends: Ends) -> None:
    nothing_there = table({"destination": f"{ends.server}/{128 if ends.is_ipv6() else 32}", "action": "drop"})
    assert nothing_there.send(udp(ends.client, ends.server, 53).later_fragment()) == IS_DROPPED
    assert nothing_there.send(udp(ends.client, ends.other, 53).later_fragment()) == PASSES


@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 65535)), min_size=1, max_size=4), st.data())
def test_masked_ports_match_exactly_the_ports_of_the_ranges(ends: list[tuple[int, int]], data: st.DataObject) -> None:
    ranges = [(min(pair), max(pair)) for pair in ends]
    edges = sorted({port for first, last in ranges for port in (first, last, first - 1, last + 1)} & set(range(65536)))
    port = data.draw(st.sampled_from(edges) | st.integers(0, 65535))
    matches = list(masked_ports(ranges))
    assert any(port & mask == value for value, mask in matches) == any(a <= port <= b for a, b in ranges)
    assert len(set(matches)) == len(matches)


def test_ports_may_be_a_list_of_numbers_and_ranges(ends: Ends) -> None:
    web = table({"protocol": "tcp", "port": [80, "8000-8080"], "action": "drop"})
    tried = [*range(1, 200), *range(7990, 8090)]
    dropped = [port for port in tried if web.send(tcp(ends.client, ends.server, port)) == IS_DROPPED]
    assert dropped == [80, *range(8000, 8081)]


def test_a_reset_goes_back_where_the_syn_came_from(ends: Ends) -> None:
    reset = answer(firewall(reset_ssh(ends)), TCP(sport=40000, dport=22, flags="S", seq=99), ends)
    assert reset is not None
    assert (reset.payload.src, reset[TCP].flags, reset[TCP].seq, reset[TCP].ack) == (ends.server, "RA", 0, 100)


@pytest.mark.parametrize(
    ("rejection", "code"),
    [("admin-prohibited", 13), ("port-unreachable", 3), ("host-prohibited", 10), ("net-prohibited", 9)],
)
def test_a_rejection_is_an_icmp_error_of_the_firewall(rejection: str, code: int) -> None:
    reject = firewall({"protocol": "udp", "action": "reject", "with": rejection})
    error = answer(reject, UDP(dport=53), IPV4)
    assert error is not None
    assert (error[IP].src, error[ICMP].type, error[ICMP].code) == ("10.8.0.1", 3, code)


@pytest.mark.parametrize(
    ("rejection", "code"),
    [
        ("net-unreachable", 0),
        ("host-unreachable", 3),
        ("port-unreachable", 4),
        ("net-prohibited", 1),
        ("host-prohibited", 1),
        ("admin-prohibited", 1),
        ("policy-fail", 5),
        ("reject-route", 6),
    ],
)
def test_over_ipv6_a_rejection_is_the_icmpv6_error_of_that_name(rejection: str, code: int) -> None:
    reject = firewall({"protocol": "udp", "source": "::/0", "action": "reject", "with": rejection})
    error = answer(reject, UDP(dport=53), IPV6)
    assert error is not None
    assert (error[IPv6].src, error[ICMPv6DestUnreach].code) == (IPV6.firewall, code)


def test_a_rejection_is_admin_prohibited_if_nothing_else_is_said() -> None:
    reject = firewall({"action": "reject"})
    error, error_v6 = answer(reject, TCP(dport=22), IPV4), answer(reject, TCP(dport=22), IPV6)
    assert error is not None
    assert error_v6 is not None
    assert error[ICMP].code == 13
    assert error_v6[ICMPv6DestUnreach].code == 1


def test_the_policy_says_with_which_ttl_its_answers_are_sent(ends: Ends) -> None:
    for action in ("reset", "reject"):
        rule = {"protocol": "tcp", "action": action}
        as_said, unsaid = (
            answer(policy, TCP(dport=22, flags="S"), ends) for policy in (firewall(rule, ttl=255), firewall(rule))
        )
        assert as_said is not None
        assert unsaid is not None
        name = "hlim" if ends.is_ipv6() else "ttl"
        assert (as_said.payload.getfieldval(name), unsaid.payload.getfieldval(name)) == (255, 64)


def test_no_answer_is_given_for_what_another_entry_decides(ends: Ends) -> None:
    policy = firewall(ALLOW_HTTPS, RESET_TCP)
    assert answer(policy, TCP(dport=443), ends) is None
    assert answer(policy, TCP(dport=80), ends) is not None
    assert answer(policy, UDP(dport=80), ends) is None
    assert answer(firewall(reset_ssh(ends)), TCP(dport=22), ends._replace(client=ends.other)) is None


def test_no_answer_is_given_to_the_family_that_a_rule_is_not_about() -> None:
    policy = firewall(reset_ssh(IPV6))
    assert answer(policy, TCP(dport=22), IPV4) is None
    assert answer(policy, TCP(dport=22), IPV6) is not None


def _either(ends: Ends) -> st.SearchStrategy[str]:
    return st.sampled_from(["any", ends.clients, "0.0.0.0/0", "::/0", f"{ends.server}/{128 if ends.is_ipv6() else 32}"])


@st.composite
def rules(draw: st.DrawFn) -> Mapping[str, object]:
    """A rule that may be written."""
    ends = draw(st.sampled_from([IPV4, IPV6]))
    protocol = draw(st.sampled_from(["tcp", "udp", "icmp", "icmpv6", "any"]))
    rule = {"source": draw(_either(ends)), "destination": draw(_either(ends)), "protocol": protocol}
    if protocol in ("tcp", "udp") and draw(st.booleans()):
        rule["port"] = draw(st.sampled_from(["22", "20-30", "443"]))
    action = draw(st.sampled_from(["allow", "drop", "reject", *(["reset"] if protocol == "tcp" else [])]))
    rule["action"] = action
    try:
        firewall(rule)
    except InvalidInput:
        assume(False)
    return rule


@settings(max_examples=50)
@given(st.lists(rules(), max_size=4), st.sampled_from([IPV4, IPV6]), st.sampled_from(["tcp", "udp", "ping"]), st.data())
def test_the_controller_answers_what_a_switch_sends_it_and_by_the_same_rule(
    listed: list[Mapping[str, object]], ends: Ends, kind: str, data: st.DataObject
) -> None:
    source, destination = data.draw(st.sampled_from([ends.client, ends.other])), ends.server
    port = data.draw(st.sampled_from([22, 25, 80]))
    header = (IPv6 if ends.is_ipv6() else IP)(src=source, dst=destination)
    echo = ICMPv6EchoRequest() if ends.is_ipv6() else ICMP(type=8)
    transport = {"tcp": TCP(dport=port, flags="S"), "udp": UDP(dport=port), "ping": echo}[kind]
    packet = {"tcp": tcp(source, destination, port), "udp": udp(source, destination, port)}.get(
        kind, ping(source, destination)
    )
    policy = firewall(*listed)
    answers = policy.answer(bytes(Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:14") / header / transport), INSIDE)
    assert (FlowTable(policy.flow_entries()).send(packet) == ASKS) == bool(answers)


def test_what_an_ipv4_packet_calls_icmpv6_is_not_that_of_a_rule_about_it() -> None:
    policy = firewall({"protocol": "icmpv6", "action": "drop"}, {"action": "reject"})
    odd = Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:14") / IP(src=IPV4.client, dst=IPV4.server, proto=58)
    assert policy.answer(bytes(odd / Raw(bytes(8))), INSIDE)


def test_an_answer_is_never_answered(ends: Ends) -> None:
    policy = firewall(RESET_TCP, {"action": "reject"})
    for transport in (TCP(dport=22, flags="S"), TCP(dport=22, flags="A"), UDP(dport=53)):
        first = answer(policy, transport, ends)
        assert first is not None
        assert policy.answer(bytes(first), OUTSIDE) == ()


@given(st.binary(max_size=120), st.sampled_from([b"", b"\x08\x00", b"\x86\xdd\x60"]))
def test_noise_is_never_answered_with_an_exception(noise: bytes, kind: bytes) -> None:
    frame = noise[:12].ljust(12, b"\0") + kind + noise[12:]
    firewall({"protocol": "tcp", "port": 22, "action": "reset"}, {"action": "reject"}).answer(frame, INSIDE)


def test_one_address_may_be_written_alone() -> None:
    policy = EgressFirewall.from_config(
        {"address": IPV4.firewall, "rules": [{"source": "0.0.0.0/0", "action": "reject"}]}, PORTS, "fw"
    )
    error = answer(policy, UDP(dport=53), IPV4)
    assert error is not None
    assert error[IP].src == IPV4.firewall


def test_every_problem_is_reported_at_once_with_its_place_and_mend() -> None:
    rules = [
        {"source": "10.8.0.1/24", "protocol": "tpc", "action": "reset"},
        {"protocol": "tcp", "port": "9-3", "action": "dropp"},
        {"source": "fd00::1/64", "destination": "fd00:z::/64", "action": "drop"},
    ]
    assert problems(adress="10.8.0.1", ttl=256, rules=rules) == [
        "x.yaml:3: adress: unknown key 'adress'; did you mean address?",
        "x.yaml:3: ttl: 256 is not a number from 1 to 255; write a number",
        "x.yaml:3: rules[0].protocol: 'tpc' is not one of tcp, udp, icmp, icmpv6, any; did you mean tcp?",
        "x.yaml:3: rules[0].source: '10.8.0.1/24' has host bits set; write 10.8.0.0/24, or 10.8.0.1/32",
        "x.yaml:3: rules[1].action: 'dropp' is not one of allow, drop, reset, reject; did you mean drop?",
        "x.yaml:3: rules[1].port: the range '9-3' ends before it starts; write \"3-9\"",
        "x.yaml:3: rules[2].source: 'fd00::1/64' has host bits set; write fd00::/64, or fd00::1/128",
        "x.yaml:3: rules[2].destination: 'fd00:z::/64' is not a network; write one as 10.0.0.0/8 or fd00::/8",
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
        ({"source": "10.8.0.1", "action": "drop"}, "rules[0].source: '10.8.0.1' has no prefix length; write 10.8.0.1/"),
        ({"source": "fd00::1", "action": "drop"}, "rules[0].source: 'fd00::1' has no prefix length; write fd00::1/128"),
        ({"source": "10.8.0.0/33", "action": "drop"}, "rules[0].source: '10.8.0.0/33' is not a network"),
        ({"source": "fd00::/129", "action": "drop"}, "rules[0].source: 'fd00::/129' is not a network"),
        ({"source": "fe80::%eth0/64", "action": "drop"}, "rules[0].source: 'fe80::%eth0/64' is not a network"),
        (
            {"source": "10.8.0.0/24", "destination": "fd00::/8", "action": "drop"},
            "rules[0].destination: fd00::/8 is IPv6, and the source IPv4; write two networks of one family",
        ),
        (
            {"protocol": "icmpv6", "source": "10.8.0.0/24", "action": "drop"},
            "rules[0].protocol: icmpv6 is IPv6's, and the rule is about IPv4; write icmp",
        ),
        (
            {"action": "reject", "with": "protocol-unreachable"},
            "rules[0].with: IPv6 has no protocol-unreachable; write one of net-unreachable, host-unreachable, port-",
        ),
        ({"action": "reject", "with": "policy-fail"}, "rules[0].with: IPv4 has no policy-fail; write one of "),
        ({}, "rules[0].action: missing"),
        ("drop", "rules[0]: 'drop' is not a mapping"),
    ],
)
def test_a_rule_is_refused_if_it_cannot_be_meant(rule: object, wrong: str) -> None:
    assert any(f"x.yaml:3: {wrong}" in line for line in problems(rules=[rule]))


def test_a_rejection_needs_an_address_of_each_family_to_come_from() -> None:
    missing_v6 = (
        "x.yaml:3: addresses: none of IPv6, but its ICMP errors have to come from somewhere; "
        "add the gateway's, or reject from 0.0.0.0/0 only"
    )
    missing_v4 = (
        "x.yaml:3: addresses: none of IPv4, but its ICMP errors have to come from somewhere; "
        "add the gateway's, or reject from ::/0 only"
    )
    assert problems(rules=[{"action": "reject"}]) == [missing_v4, missing_v6]
    assert problems(address=IPV4.firewall, rules=[{"action": "reject"}]) == [missing_v6]
    assert problems(addresses=[IPV6.firewall], rules=[{"action": "reject"}]) == [missing_v4]
    assert problems(address=IPV4.firewall, rules=[{"source": IPV6.clients, "action": "reject"}]) == [missing_v6]


def test_no_address_is_missed_for_a_rule_that_is_not_understood() -> None:
    (problem,) = problems(address=IPV4.firewall, rules=[{"source": "10.8.0.1/24", "action": "reject"}])
    assert "host bits" in problem


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ({"address": "10.8.0.1", "addresses": []}, "address: `address` and `addresses` are the same; keep one of them"),
        ({"addresses": "10.8.0.1"}, "addresses: '10.8.0.1' is not a list; write [10.8.0.1]"),
        ({"addresses": ["10.8.0.300"]}, "addresses[0]: '10.8.0.300' is not an IP address; write one as 10.0.0.1 or "),
        ({"address": "fe80::1%eth0"}, "address: 'fe80::1%eth0' is not an IP address"),
        ({"address": 10}, "address: 10 is not an IP address"),
        ({"addresses": ["10.8.0.1", "10.8.0.2"]}, "addresses[1]: 10.8.0.2 is a second one of IPv4; keep one of each"),
        ({"ttl": 0}, "ttl: 0 is not a number from 1 to 255"),
        ({"ttl": "64"}, "ttl: '64' is not a number from 1 to 255; write 64 without quotes"),
        ({"ttl": True}, "ttl: True is not a number from 1 to 255"),
    ],
)
def test_what_the_firewall_says_of_itself_is_refused_if_it_cannot_be_meant(
    written: dict[str, object], wrong: str
) -> None:
    assert any(f"x.yaml:3: {wrong}" in line for line in problems(**written))


def reset_with(**how: object) -> dict[str, object]:
    """A rule that resets all TCP, and says how."""
    return {**RESET_TCP, "reset": how}


def frame_of(ends: Ends, transport: ScapyPacket, ttl: int = 64) -> bytes:
    """A frame of the client to the server."""
    ethernet = Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:14")
    if ends.is_ipv6():
        return bytes(ethernet / IPv6(src=ends.client, dst=ends.server, hlim=ttl) / transport)
    return bytes(ethernet / IP(src=ends.client, dst=ends.server, ttl=ttl) / transport)


def ttl_of(packet: ScapyPacket) -> int:
    """TTL or hop limit."""
    return int(packet[IPv6].hlim if IPv6 in packet else packet[IP].ttl)


def with_ttl(packet: Packet, ttl: int) -> Packet:
    """The packet as it comes with another TTL."""
    return replace(packet, fields={**packet.fields, "nw_ttl": ttl})


def test_a_rule_about_ttls_lets_all_others_pass(ends: Ends) -> None:
    switch = table({**RESET_TCP, "port": 22, "ttl": "31-255"})
    syn = tcp(ends.client, ends.server, 22)
    assert [switch.send(with_ttl(syn, ttl)) for ttl in (1, 30, 31, 64, 255)] == [PASSES, PASSES, ASKS, ASKS, ASKS]
    policy = firewall({**RESET_TCP, "port": 22, "ttl": "31-255"})
    segment = TCP(sport=40000, dport=22, flags="S")
    assert policy.answer(frame_of(ends, segment, ttl=30), INSIDE) == ()
    assert policy.answer(frame_of(ends, segment, ttl=31), INSIDE)


def test_a_rule_about_flags_is_about_segments_that_have_all_of_them(ends: Ends) -> None:
    switch = table({"protocol": "tcp", "flags": ["syn", "ece", "cwr"], "action": "drop"})
    ece, cwr = 0x40, 0x80
    assert switch.send(tcp(ends.client, ends.server, 22, flags=SYN)) == PASSES
    assert switch.send(tcp(ends.client, ends.server, 22, flags=SYN | ece, source_port=40001)) == PASSES
    assert switch.send(tcp(ends.client, ends.server, 22, flags=SYN | ece | cwr, source_port=40002)) == IS_DROPPED


@pytest.mark.parametrize(("written", "expected"), [("own", 64), ("copied", 17), (60, 60)])
def test_a_forged_reset_has_the_ttl_that_the_rule_says(ends: Ends, written: object, expected: int) -> None:
    (out,) = firewall(reset_with(ttl=written)).answer(frame_of(ends, TCP(flags="S"), ttl=17), INSIDE)
    assert ttl_of(Ether(out.frame)) == expected


def test_a_reset_that_acknowledges_nothing_is_one_that_the_client_ignores(ends: Ends) -> None:
    segment = TCP(flags="S", seq=1000)
    (believed,) = firewall(reset_with()).answer(frame_of(ends, segment), INSIDE)
    (ignored,) = firewall(reset_with(acknowledges="nothing")).answer(frame_of(ends, segment), INSIDE)
    assert Ether(believed.frame)[TCP].ack == 1001
    assert Ether(ignored.frame)[TCP].ack != 1001


def test_a_firewall_that_only_watches_lets_the_packet_pass_and_asks(ends: Ends) -> None:
    switch = table(reset_with(packet="passes"))
    assert switch.send(tcp(ends.client, ends.server, 22)) == (NORMAL, CONTROLLER)
    assert switch.send(tcp(ends.client, ends.server, 22, flags=RST, source_port=40001)) == PASSES


def test_a_reset_toward_both_goes_back_and_onwards(ends: Ends) -> None:
    policy = firewall(reset_with(packet="passes", toward="both"))
    back, onwards = policy.answer(frame_of(ends, TCP(flags="S", seq=1000)), INSIDE)
    assert (back.port, onwards.port) == (INSIDE, NORMAL)
    assert Ether(back.frame).dst == "02:00:00:00:00:0a"
    assert (Ether(onwards.frame).dst, Ether(onwards.frame)[TCP].seq) == ("02:00:00:00:00:14", 1001)


def established_data(ends: Ends, switch: FlowTable, port: int) -> tuple[int, ...]:
    """Where data of a connection that stands goes."""
    syn = tcp(ends.client, ends.server, port)
    assert switch.send(syn) == PASSES
    switch.send(syn.reply(tcp_flags_nxm=SYN | ACK), OUTSIDE)
    return switch.send(tcp(ends.client, ends.server, port, flags=ACK | 0x08))


def test_a_rule_about_data_lets_connections_stand_and_asks_about_what_they_carry(ends: Ends) -> None:
    rule = {**RESET_TCP, "port": 22, "payload": "SSH-"}
    assert established_data(ends, table(rule), 22) == ASKS
    assert established_data(ends, table(rule), 443) == PASSES
    assert established_data(ends, table({**rule, "reset": {"packet": "passes"}}), 22) == (NORMAL, CONTROLLER)


def test_data_that_no_rule_forbids_pass_and_what_a_rule_forbids_does_not(ends: Ends) -> None:
    policy = firewall({**RESET_TCP, "payload": "SSH-"})
    good, bad = (frame_of(ends, TCP(flags="PA", seq=1, ack=9) / Raw(text)) for text in (b"hello", b"an SSH-2.0"))
    (out,) = policy.answer(good, INSIDE)
    assert (out.frame, out.port) == (good, NORMAL)
    (out,) = policy.answer(bad, INSIDE)
    assert (Ether(out.frame)[TCP].flags, out.port) == ("R", INSIDE)
    assert firewall({"protocol": "tcp", "payload": "SSH-", "action": "drop"}).answer(bad, INSIDE) == ()


def test_a_name_is_forbidden_to_tls_alone(ends: Ends) -> None:
    policy = firewall({**RESET_TCP, "tls_name": "www.example.com"})
    hello, other, text = (
        frame_of(ends, TCP(flags="PA") / Raw(data))
        for data in (b"\x16\x03\x01..www.example.com..", b"\x16\x03\x01..www.example.org..", b"www.example.com")
    )
    assert [policy.answer(frame, INSIDE)[0].port for frame in (hello, other, text)] == [INSIDE, NORMAL, NORMAL]


def test_what_a_watching_firewall_reads_has_passed_already(ends: Ends) -> None:
    policy = firewall({**RESET_TCP, "payload": "SSH-", "reset": {"packet": "passes"}})
    assert policy.answer(frame_of(ends, TCP(flags="PA") / Raw(b"hello")), INSIDE) == ()


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ({"action": "drop", "ttl": "31-256"}, "rules[0].ttl: '31-256' is more than 255"),
        ({"action": "drop", "flags": ["syn"]}, "rules[0].flags: any has no flags; add `protocol: tcp`"),
        ({"protocol": "tcp", "action": "drop", "flags": ["sin"]}, "rules[0].flags[0]: 'sin' is not one of fin, syn"),
        ({"protocol": "tcp", "action": "drop", "reset": {}}, "rules[0].reset: drop forges no RST"),
        (reset_with(ttl="copy"), "rules[0].reset.ttl: 'copy' is not a number from 1 to 255"),
        (reset_with(toward="both"), "rules[0].reset.toward: both, and the other end has never heard of a packet"),
        (
            {"protocol": "udp", "payload": "x", "action": "drop"},
            "rules[0].payload: a rule that reads data is about TCP",
        ),
        ({"protocol": "tcp", "payload": "x", "action": "allow"}, "rules[0].payload: a rule that reads data is about"),
        ({**RESET_TCP, "payload": "é"}, "rules[0].payload: 'é' is not a text of ASCII"),
        ({**RESET_TCP, "payload": "a", "tls_name": "b"}, "rules[0].payload: `payload` and `tls_name` in one rule"),
    ],
)
def test_a_condition_or_a_forgery_is_refused_if_it_cannot_be_meant(rule: dict[str, object], wrong: str) -> None:
    assert any(f"x.yaml:3: {wrong}" in line for line in problems(rules=[rule]))


def test_an_answer_whose_question_went_another_way_passes_a_firewall_that_bypasses_it(ends: Ends) -> None:
    answer_alone = replace(tcp(ends.server, ends.client, 40000, flags=SYN | ACK), valid=False)
    assert table().send(answer_alone, OUTSIDE) == IS_DROPPED
    bypassing = FlowTable(firewall(asymmetric="bypass").flow_entries())
    assert bypassing.send(answer_alone, OUTSIDE) == PASSES
