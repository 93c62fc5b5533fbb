"""What this machine's own packet filter does with a connection's first packets, as far as its rules can be read.

The rules are followed with a SYN that goes out and the SYN-ACK that would come in. A rule with a condition that is not
known here counts as one that does not apply: what is told is certain, and what is not told may be.
Source: nft(8); libnftables-json(5).
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from typing import Final, Literal, TypeAlias

from pydantic import JsonValue

from whodunet.probing.segments import family_of

_NFT_S: Final = 3.0
_DEEPEST: Final = 16  # jumps from chain to chain. Source: linux/netfilter/nf_tables.h, NFT_JUMP_STACK_SIZE
_IP_TABLES: Final = {"ipv4": ("ip", "inet"), "ipv6": ("ip6", "inet")}

_Object: TypeAlias = Mapping[str, JsonValue]
_Facts: TypeAlias = Mapping[str, str | int]  # of a packet, by the name of what nft compares: "tcp dport", "ct state"
_Verdict: TypeAlias = Literal["accept", "drop", "reject", "redirect", "return"]


@dataclass(frozen=True)
class Rules:
    """What they do with a connection to one address and port."""

    filters: Literal["drop", "reject"] | None
    redirects: bool


def read_rules(address: str, port: int, interface: str | None) -> Rules | None:
    """What the kernel's rules do; None where they cannot be read."""
    try:
        done = subprocess.run(
            ["nft", "-j", "list", "ruleset"], capture_output=True, text=True, timeout=_NFT_S, check=False
        )
        return effect_of(json.loads(done.stdout), address, port, interface) if done.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def effect_of(listed: JsonValue, address: str, port: int, interface: str | None) -> Rules:
    """What the rules of `nft -j list ruleset` do.

    Args:
        interface: by which packets leave; None: not known.
    """
    entries = listed.get("nftables") if isinstance(listed, dict) else None
    ruleset = _Ruleset(entries if isinstance(entries, list) else [], family_of(address))
    leaving, answer = _facts(address, port, interface)
    redirects = "redirect" in ruleset.verdicts("nat", ("output",), leaving)
    verdicts = [
        *ruleset.verdicts("filter", ("output", "postrouting"), leaving),
        *ruleset.verdicts("route", ("output",), leaving),
        *ruleset.verdicts("filter", ("prerouting", "input"), answer),
    ]
    filters = next((verdict for verdict in verdicts if verdict in ("drop", "reject")), None)
    return Rules("drop" if filters == "drop" else "reject" if filters else None, redirects)


def _facts(address: str, port: int, interface: str | None) -> tuple[_Facts, _Facts]:
    """Of the SYN, and of the SYN-ACK."""
    ip = "ip" if family_of(address) == "ipv4" else "ip6"
    both: dict[str, str | int] = {"meta l4proto": "tcp", "meta nfproto": family_of(address)}
    both["ip protocol" if ip == "ip" else "ip6 nexthdr"] = "tcp"
    out: dict[str, str | int] = {
        f"{ip} daddr": address,
        "tcp dport": port,
        "th dport": port,
        "ct state": "new",
        "meta skuid": os.geteuid(),
    }
    back: dict[str, str | int] = {
        f"{ip} saddr": address,
        "tcp sport": port,
        "th sport": port,
        "ct state": "established",
    }
    if interface is not None:
        out |= {"meta oifname": interface, "meta oif": interface}
        back |= {"meta iifname": interface, "meta iif": interface}
    return both | out, both | back


class _Ruleset:
    def __init__(self, entries: Sequence[JsonValue], family: Literal["ipv4", "ipv6"]) -> None:
        self._chains = [chain for chain in _each(entries, "chain") if chain.get("family") in _IP_TABLES[family]]
        self._rules = [rule for rule in _each(entries, "rule") if rule.get("family") in _IP_TABLES[family]]

    def verdicts(self, kind: str, hooks: Sequence[str], facts: _Facts) -> Iterator[_Verdict]:
        """What each base chain of a kind says of a packet."""
        for chain in self._chains:
            if chain.get("type") == kind and chain.get("hook") in hooks:
                verdict = self._walk(chain, facts, _DEEPEST)
                is_dropped = verdict in (None, "return") and chain.get("policy") == "drop"
                yield "drop" if is_dropped else verdict or "accept"

    def _walk(self, chain: _Object, facts: _Facts, depth: int) -> _Verdict | None:
        place = (chain.get("family"), chain.get("table"), chain.get("name"))
        for rule in self._rules:
            if (rule.get("family"), rule.get("table"), rule.get("chain")) == place:
                verdict = self._said(rule, facts, depth)
                if verdict is not None:
                    return verdict
        return None

    def _said(self, rule: _Object, facts: _Facts, depth: int) -> _Verdict | None:
        """What a rule says of a packet; None: nothing, the next rule's turn."""
        for statement in _objects(rule.get("expr")):
            name, content = next(iter(statement.items()))
            if name in ("accept", "drop", "reject", "return"):
                return name  # type: ignore[return-value]
            if name in ("redirect", "dnat", "tproxy"):
                return "redirect"
            if name in ("jump", "goto") and depth:
                verdict = self._walk(self._target(rule, content), facts, depth - 1)
                if verdict not in (None, "return") or name == "goto":
                    return verdict
            elif name == "match" and isinstance(content, dict):
                if not _matches(content, facts):
                    return None
            elif name not in ("counter", "log", "mangle", "comment"):
                return None
        return None

    def _target(self, rule: _Object, jump: JsonValue) -> _Object:
        name = jump.get("target") if isinstance(jump, dict) else None
        return {"family": rule.get("family"), "table": rule.get("table"), "name": name}


def _matches(match: _Object, facts: _Facts) -> bool:
    """True where the condition is known to hold."""
    fact = facts.get(_name_of(match.get("left")) or "")
    if fact is None:
        return False
    is_among = _is_among(fact, match.get("right"))
    if is_among is None:
        return False
    return not is_among if match.get("op") == "!=" else is_among


def _name_of(left: JsonValue) -> str | None:
    """What a condition looks at, as nft's own language calls it."""
    if not isinstance(left, dict) or len(left) != 1:
        return None
    kind, content = next(iter(left.items()))
    if not isinstance(content, dict):
        return None
    if kind == "payload":
        return f"{content.get('protocol')} {content.get('field')}"
    return f"{kind} {content.get('key')}"


def _is_among(fact: str | int, right: JsonValue) -> bool | None:
    """Whether a value is what a rule names, or one of these; None: it cannot be said."""
    if isinstance(right, list):
        return _any(_is_among(fact, each) for each in right)
    if isinstance(right, dict):
        return _is_in(fact, right)
    if isinstance(right, str) and right.startswith("@"):  # a set by name, whose members stand elsewhere
        return None
    if isinstance(right, str) and isinstance(fact, str):
        return fact == right or fnmatchcase(fact, right)
    return fact == right


def _is_in(fact: str | int, right: _Object) -> bool | None:
    members, prefix, between = right.get("set"), right.get("prefix"), right.get("range")
    if members is not None:
        return _is_among(fact, members)
    if isinstance(prefix, dict) and isinstance(fact, str):
        network = ip_network(f"{prefix.get('addr')}/{prefix.get('len')}", strict=False)
        return ip_address(fact) in network
    if isinstance(between, list) and len(between) == 2:
        return _is_between(fact, *between)
    return None


def _is_between(fact: str | int, least: JsonValue, most: JsonValue) -> bool | None:
    if isinstance(fact, int) and isinstance(least, int) and isinstance(most, int):
        return least <= fact <= most
    if isinstance(fact, str) and isinstance(least, str) and isinstance(most, str):
        return int(ip_address(least)) <= int(ip_address(fact)) <= int(ip_address(most))
    return None


def _any(found: Iterable[bool | None]) -> bool | None:
    every = list(found)
    return True if True in every else None if None in every else False


def _each(entries: Iterable[JsonValue], name: str) -> list[_Object]:
    return [each for entry in _objects(list(entries)) if isinstance(each := entry.get(name), dict)]


def _objects(value: JsonValue) -> Iterator[dict[str, JsonValue]]:
    if isinstance(value, list):
        yield from (each for each in value if isinstance(each, dict) and each)
