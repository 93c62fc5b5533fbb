"""A packet filter does to both families what it does to one, where both can be told so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pytest
from pydantic import ValidationError

from tests.unit.faults.stand_in import TOPOLOGY
from whodunet.cases.fault import Misfit
from whodunet.faults.packet_filter import PacketFilter


def told(verdict: str) -> list[object]:
    """What those hear whose packets are refused, in the order of the rules."""
    fault = PacketFilter.model_validate({"node": "vpn-gw", "hook": "forward", "verdict": verdict})
    (chain,) = fault.chains()
    return [rule[-1] for rule in chain.rules]


@pytest.mark.parametrize(
    ("verdict", "expected"), [("drop", {"drop": None}), ("tcp-reset", {"reject": {"type": "tcp reset"}})]
)
def test_what_is_dropped_or_reset_is_so_over_both_families_at_once(verdict: str, expected: Mapping[str, Any]) -> None:
    assert told(verdict) == [expected]


@pytest.mark.parametrize(
    ("verdict", "over_ipv4", "over_ipv6"),
    [
        ("icmp-port-unreachable", "port-unreachable", "port-unreachable"),
        ("icmp-net-unreachable", "net-unreachable", "no-route"),
        ("icmp-host-unreachable", "host-unreachable", "addr-unreachable"),
        ("icmp-net-prohibited", "net-prohibited", "admin-prohibited"),
        ("icmp-host-prohibited", "host-prohibited", "admin-prohibited"),
        ("icmp-admin-prohibited", "admin-prohibited", "admin-prohibited"),
    ],
)
def test_each_family_hears_its_own_error(verdict: str, over_ipv4: str, over_ipv6: str) -> None:
    assert told(verdict) == [
        {"reject": {"type": "icmp", "expr": over_ipv4}},
        {"reject": {"type": "icmpv6", "expr": over_ipv6}},
    ]


def test_an_error_that_ipv6_does_not_have_is_for_a_case_over_ipv4() -> None:
    assert told("icmp-protocol-unreachable") == [{"reject": {"type": "icmp", "expr": "prot-unreachable"}}]
    fault = PacketFilter(node="vpn-gw", hook="forward", verdict="icmp-protocol-unreachable")
    assert list(fault.misfits(TOPOLOGY)) == []
    (misfit,) = fault.misfits(replace(TOPOLOGY, family="ipv6"))
    assert misfit.wrong == "is icmp-protocol-unreachable, which ICMPv6 does not have"


def test_only_a_router_filters_what_it_forwards() -> None:
    fault = PacketFilter(node="client", hook="forward", verdict="drop")
    (misfit,) = fault.misfits(TOPOLOGY)
    assert isinstance(misfit, Misfit)
    assert misfit.wrong == "is client, which forwards nothing"
    assert "vpn-gw" in misfit.fix


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"protocol": "udp", "verdict": "tcp-reset"}, "says tcp-reset for udp"),
        ({"payload": "gruß", "verdict": "drop"}, "is not ASCII"),
        ({"payload": "x" * 17, "verdict": "drop"}, "at most 16"),
        ({"verdict": "icmp-fragmentation-needed"}, "Input should be"),
    ],
)
def test_a_filter_that_cannot_be_made_is_refused(wrong: Mapping[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        PacketFilter.model_validate({"node": "client", "hook": "output", **wrong})


FACTS: Final = [
    ({"hook": "forward", "destination_port": 22, "verdict": "drop"}, {"packets": "to-port", "answer": "silence"}),
    ({"hook": "input", "source_port": 22, "verdict": "tcp-reset"}, {"packets": "from-port", "answer": "reset"}),
    ({"hook": "output", "verdict": "icmp-port-unreachable"}, {"packets": "any", "answer": "refused"}),
    (
        {"hook": "forward", "source_port": 1, "destination_port": 2, "verdict": "icmp-net-prohibited"},
        {"packets": "both", "answer": "unreachable"},
    ),
    ({"hook": "forward", "payload": "SSH-2.0", "verdict": "drop"}, {"looks_at": "payload", "payload": "ssh"}),
    ({"hook": "forward", "payload": "GET /", "verdict": "drop"}, {"payload": "http"}),
    ({"hook": "forward", "payload": "\x16\x03\x01", "verdict": "drop"}, {"payload": "tls"}),
    ({"hook": "forward", "payload": "EHLO", "verdict": "drop"}, {"payload": "other"}),
]


@pytest.mark.parametrize(("written", "expected"), FACTS)
def test_its_facts_are_what_it_looks_at_and_what_a_sender_hears(
    written: Mapping[str, Any], expected: Mapping[str, str]
) -> None:
    facts = PacketFilter.model_validate({"node": "vpn-gw", **written}).facts(TOPOLOGY)
    assert {key: facts[key] for key in expected} == expected
    assert facts["role"] == "vpn-gateway"


def rules(**values: object) -> list[Any]:
    """The expressions of each rule of a filter at a gateway, in all chains."""
    fault = PacketFilter.model_validate({"node": "vpn-gw", "hook": "forward", "verdict": "drop", **values})
    return [list(rule) for chain in fault.chains() for rule in chain.rules]


def test_errors_of_icmp_are_dropped_over_both_families() -> None:
    fields = [rule[0]["match"]["left"]["payload"]["protocol"] for rule in rules(protocol="icmp-errors")]
    assert fields == ["icmp", "icmpv6"]


def test_a_share_is_drawn_after_all_else_has_matched() -> None:
    (rule,) = rules(destination_port=22, share_pct=40)
    port, chance, *_ = rule
    assert port["match"]["right"] == 22
    assert (chance["match"]["op"], chance["match"]["right"]) == ("<", 40)


@pytest.mark.parametrize(
    ("allowance", "expected"),
    [
        ({"connections": 3}, {"ct count": {"val": 3, "inv": True}}),
        ({"new_per_minute": 2}, {"limit": {"rate": 2, "burst": 2, "per": "minute", "inv": True}}),
    ],
)
def test_of_connections_only_new_ones_exceed_an_allowance(
    allowance: Mapping[str, int], expected: Mapping[str, object]
) -> None:
    (rule,) = rules(destination_port=22, beyond=allowance)
    _, state, exceeded, *_ = rule
    assert state["match"]["right"] == "new"
    assert exceeded == expected


def test_a_ttl_is_written_into_the_resets_of_both_families_and_of_that_port_alone() -> None:
    written = rules(destination_port=22, verdict="tcp-reset", ttl={"vpn-gw-eth0": 60})[1:]
    assert [rule[0]["match"]["left"]["payload"]["field"] for rule in written] == ["sport", "sport"]
    assert [rule[1]["mangle"]["value"] for rule in written] == [60, 60]


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"ttl": {"vpn-gw-eth0": 60}}, "has a TTL for a RST, and its verdict is drop"),
        ({"protocol": "icmp-errors", "destination_port": 22}, "is about ICMP errors, which have no ports"),
        ({"protocol": "icmp-errors", "source_port": 22}, "is about ICMP errors, which have no ports"),
        ({"protocol": "icmp-errors", "payload": "SSH-"}, "is about ICMP errors, which have no ports"),
        ({"protocol": "icmp-errors", "verdict": "icmp-net-unreachable"}, "are never answered"),
        ({"protocol": "icmp-errors", "verdict": "tcp-reset"}, "says tcp-reset for icmp-errors"),
        ({"protocol": "icmp-errors", "hook": "input"}, "is about ICMP errors, and its hook is input"),
        ({"protocol": "icmp-errors", "hook": "output"}, "is about ICMP errors, and its hook is output"),
        ({"protocol": "icmp-errors", "hook": "prerouting"}, "says drop before routing"),
        ({"hook": "prerouting"}, "says drop before routing"),
        ({"hook": "prerouting", "verdict": "icmp-port-unreachable"}, "says icmp-port-unreachable before routing"),
        ({"hook": "prerouting", "protocol": "udp", "verdict": "tcp-reset"}, "says tcp-reset for udp"),
        ({"beyond": {}}, "is not one allowance"),
        ({"beyond": {"connections": 1, "new_per_minute": 1}}, "is not one allowance"),
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused(values: Mapping[str, object], wrong: str) -> None:
    with pytest.raises(ValidationError, match=wrong):
        rules(**values)


def test_a_ttl_is_forged_at_an_interface_of_the_filter() -> None:
    fault = PacketFilter(node="vpn-gw", hook="forward", verdict="tcp-reset", ttl={"transit1-eth0": 60})
    (misfit,) = fault.misfits(TOPOLOGY)
    assert misfit.wrong == "is transit1-eth0, which vpn-gw does not have"


def test_a_filter_of_one_family_matches_that_one_and_answers_in_its_words() -> None:
    fault = PacketFilter(node="vpn-gw", hook="forward", over="ipv6", verdict="icmp-admin-prohibited")
    (chain,) = fault.chains()
    (rule,) = chain.rules
    assert rule[0] == {"match": {"op": "==", "left": {"meta": {"key": "nfproto"}}, "right": "ipv6"}}
    assert rule[-1] == {"reject": {"type": "icmpv6", "expr": "admin-prohibited"}}
