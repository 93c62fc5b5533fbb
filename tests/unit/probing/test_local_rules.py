"""What this machine's own rules do with a connection, of what `nft -j list ruleset` prints."""

from __future__ import annotations

import os

import pytest
from pydantic import JsonValue

from whodunet.probing.local_rules import Rules, effect_of

HOST, HOST_V6 = "10.0.1.10", "fd00:10::10"


def chain(name: str, hook: str = "", kind: str = "filter", policy: str = "accept", family: str = "inet") -> JsonValue:
    base: dict[str, JsonValue] = {"type": kind, "hook": hook, "prio": 0, "policy": policy} if hook else {}
    return {"chain": {"family": family, "table": "t", "name": name, **base}}


def rule(name: str, *statements: JsonValue, family: str = "inet") -> JsonValue:
    return {"rule": {"family": family, "table": "t", "chain": name, "expr": list(statements)}}


def match(protocol: str, field: str, right: JsonValue, op: str = "==") -> JsonValue:
    return {"match": {"op": op, "left": {"payload": {"protocol": protocol, "field": field}}, "right": right}}


def meta(key: str, right: JsonValue) -> JsonValue:
    return {"match": {"op": "==", "left": {"meta": {"key": key}}, "right": right}}


def state(*names: JsonValue) -> JsonValue:
    return {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": list(names)}}


DROP: JsonValue = {"drop": None}
REJECT: JsonValue = {"reject": {"type": "tcp reset"}}
ACCEPT: JsonValue = {"accept": None}
OUT = chain("out", "output")


def effect(*entries: JsonValue, address: str = HOST, port: int = 22) -> Rules:
    return effect_of({"nftables": list(entries)}, address, port, "eth0")


@pytest.mark.parametrize(
    "condition",
    [
        match("tcp", "dport", 22),
        match("tcp", "dport", {"set": [80, 22]}),
        match("tcp", "dport", {"range": [20, 30]}),
        match("tcp", "dport", {"set": [{"range": [1, 100]}]}),
        match("tcp", "dport", 80, op="!="),
        match("ip", "daddr", HOST),
        match("ip", "daddr", {"prefix": {"addr": "10.0.0.0", "len": 8}}),
        meta("oifname", "eth*"),
        meta("skuid", os.geteuid()),
        state("new"),
        {"counter": {"packets": 0, "bytes": 0}},
    ],
)
def test_a_rule_whose_conditions_hold_counts(condition: JsonValue) -> None:
    assert effect(OUT, rule("out", condition, DROP)).filters == "drop"
    assert effect(OUT, rule("out", condition, REJECT)).filters == "reject"


@pytest.mark.parametrize(
    "condition",
    [
        match("tcp", "dport", 80),
        match("tcp", "dport", 22, op="!="),
        match("udp", "dport", 22),
        match("ip", "daddr", "10.0.1.11"),
        match("ip6", "daddr", HOST_V6),
        match("tcp", "dport", "@ports"),
        meta("oifname", "tun*"),
        meta("mark", 22),
        state("established"),
        {"limit": {"rate": 3, "per": "second"}},
        {"xt": {"type": "match", "name": "owner"}},
    ],
)
def test_a_rule_with_a_condition_that_is_not_known_to_hold_does_not(condition: JsonValue) -> None:
    assert effect(OUT, rule("out", condition, DROP)).filters is None


def test_the_first_rule_that_decides_decides() -> None:
    assert effect(OUT, rule("out", match("tcp", "dport", 22), ACCEPT), rule("out", DROP)).filters is None


def test_rules_are_followed_into_other_chains_and_back() -> None:
    jump: JsonValue = {"jump": {"target": "other"}}
    back = (OUT, chain("other"), rule("out", jump), rule("out", DROP))
    assert effect(*back, rule("other", {"return": None})).filters == "drop"
    assert effect(*back, rule("other", ACCEPT)).filters is None


def test_chains_that_jump_to_each_other_end() -> None:
    jump: JsonValue = {"jump": {"target": "out"}}
    assert effect(OUT, rule("out", jump)).filters is None


def test_a_chain_that_drops_what_no_rule_accepts_drops() -> None:
    closed = chain("out", "output", policy="drop")
    assert effect(closed).filters == "drop"
    assert effect(closed, rule("out", match("tcp", "dport", 22), ACCEPT)).filters is None


def test_rules_about_the_answer_count_as_those_about_the_syn() -> None:
    incoming = chain("in", "input", policy="drop")
    assert effect(incoming).filters == "drop"
    assert effect(incoming, rule("in", state("established", "related"), ACCEPT)).filters is None
    assert effect(chain("in", "input"), rule("in", match("tcp", "sport", 22), DROP)).filters == "drop"


def test_a_redirection_is_told_and_is_no_filter() -> None:
    nat = chain("nat", "output", kind="nat", family="ip")
    redirect = rule("nat", match("tcp", "dport", 22), {"redirect": {"port": 8080}}, family="ip")
    assert effect(nat, redirect) == Rules(None, redirects=True)
    assert effect(nat, redirect, port=80) == Rules(None, redirects=False)


def test_rules_of_the_other_family_do_not_count() -> None:
    of_ipv4 = (chain("out", "output", family="ip"), rule("out", DROP, family="ip"))
    assert effect(*of_ipv4).filters == "drop"
    assert effect(*of_ipv4, address=HOST_V6).filters is None


@pytest.mark.parametrize("listed", [None, [], {}, {"nftables": None}, {"nftables": [1, {"rule": 2}, {"chain": {}}]}])
def test_what_is_no_ruleset_does_nothing(listed: JsonValue) -> None:
    assert effect_of(listed, HOST, 22, None) == Rules(None, redirects=False)
