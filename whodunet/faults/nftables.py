"""What the faults that nftables makes have in common. Source: nft(8), libnftables-json(5)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from whodunet.cases.fault import Network, NodeFault, run_checked
from whodunet.errors import CannotRun

Expression = Mapping[str, Any]  # of a rule, as libnftables-json(5) has it
BEFORE_OTHERS: Final = -10  # a priority in front of other tables' filters
DESTINATION_NAT: Final = -100

_DEPENDENCIES: Final = ("nfproto", "l4proto")  # which nft adds to a rule that needs them


@dataclass(frozen=True)
class Chain:
    """A base chain with one rule."""

    hook: str
    rule: tuple[Expression, ...]
    type: Literal["filter", "nat"] = "filter"
    priority: int = BEFORE_OTHERS


# Some versions of nft list a number where others list its name (1.0.6 "frag-needed", 1.1.3 4).
# Source: nft(8), "ICMP TYPE TYPE" and "ICMP CODE TYPE"; RFC 792; RFC 1812, section 5.2.7.1
_ICMP_NUMBERS: Final = {
    "echo-reply": 0,
    "destination-unreachable": 3,
    "echo-request": 8,
    "time-exceeded": 11,
    "net-unreachable": 0,
    "host-unreachable": 1,
    "prot-unreachable": 2,
    "port-unreachable": 3,
    "frag-needed": 4,
    "net-prohibited": 9,
    "host-prohibited": 10,
    "admin-prohibited": 13,
}


def equals(left: Expression, right: object, op: str = "==") -> Expression:
    """A match: a field, and what it has to be."""
    return {"match": {"op": op, "left": left, "right": right}}


def header(protocol: str, field: str) -> Expression:
    """A field of a header."""
    return {"payload": {"protocol": protocol, "field": field}}


def meta(key: str) -> Expression:
    """What the kernel knows of a packet besides."""
    return {"meta": {"key": key}}


def network(cidr: str) -> object:
    """A network as nft writes it; one of a single address is that address."""
    address, _, length = cidr.partition("/")
    return address if length == "32" else {"prefix": {"addr": address, "len": int(length)}}


def ports(first: int, last: int) -> object:
    """A range of ports as nft writes it."""
    return first if first == last else {"range": [first, last]}


class NftablesFault(NodeFault):
    """A table of its own on a Linux node; removed as a whole."""

    def chains(self) -> Sequence[Chain]:
        """The table's chains."""
        raise NotImplementedError

    def table(self) -> str:
        """The table's name: the same for the same fault, another for another."""
        return f"whodunet_{hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:8]}"

    def inject(self, network: Network) -> Mapping[str, Any]:
        """Loads the table."""
        self.run(network, "nft -j -f -", json.dumps({"nftables": list(self._commands())}))
        return {}

    def _commands(self) -> Iterator[Mapping[str, Any]]:
        table = {"family": "inet", "table": self.table()}
        yield {"add": {"table": {"family": "inet", "name": self.table()}}}
        for chain in self.chains():
            base = {"type": chain.type, "hook": chain.hook, "prio": chain.priority, "policy": "accept"}
            yield {"add": {"chain": {**table, "name": chain.hook, **base}}}
            yield {"add": {"rule": {**table, "chain": chain.hook, "expr": list(chain.rule)}}}

    def remove(self, network: Network, before: Mapping[str, Any]) -> None:
        """Deletes the table."""
        self.run(network, f"nft delete table inet {self.table()}")

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The table as the kernel lists it, without counters; None when it lacks a chain or a rule, or has others."""
        listed = network.execute(self.node, f"nft -j list table inet {self.table()}")
        if listed.exit_status != 0:
            return (None,)
        text = " ".join(run_checked(network, self.node, f"nft -s list table inet {self.table()}").split())
        return (text if _is_listed(self.chains(), listed.stdout) else None,)

    def run(self, network: Network, command: str, stdin: str = "") -> str:
        """Runs a command on the node that has to succeed."""
        return run_checked(network, self.node, command, stdin)


def _is_listed(chains: Sequence[Chain], listed: str) -> bool:
    """Whether the kernel's table has these chains, each with its one rule, and nothing else."""
    try:
        objects = json.loads(listed)["nftables"]
        bases = {each["chain"]["name"]: each["chain"] for each in objects if "chain" in each}
        rules = [(each["rule"]["chain"], each["rule"]["expr"]) for each in objects if "rule" in each]
    except (ValueError, KeyError, TypeError) as error:
        raise CannotRun(f"nft's list of a table is not understood: {type(error).__name__}: {error}") from error
    return len(bases) == len(rules) == len(chains) and all(
        _is_base(bases.get(chain.hook, {}), chain)
        and any(name == chain.hook and _says(rule, chain.rule) for name, rule in rules)
        for chain in chains
    )


def _is_base(listed: Mapping[str, Any], chain: Chain) -> bool:
    return (listed.get("type"), listed.get("hook"), listed.get("prio")) == (chain.type, chain.hook, chain.priority)


def _says(listed: Sequence[Expression], meant: Sequence[Expression]) -> bool:
    """Whether a listed rule is the one that was meant: the same expressions, but for what nft adds of itself."""
    wanted = list(map(_plain, meant))
    left = [each for each in map(_plain, listed) if each in wanted or not _is_dependency(each)]
    return left == wanted


def _is_dependency(expression: Any) -> bool:
    left = expression.get("match", {}).get("left", {})
    return left.get("meta", {}).get("key") in _DEPENDENCIES if isinstance(left, Mapping) else False


def _plain(expression: Any) -> Any:
    """An expression with numbers for their hexadecimal texts and for names, and without counts."""
    if isinstance(expression, Mapping):
        return {key: None if key == "counter" else _plain(value) for key, value in expression.items()}
    if isinstance(expression, list):
        return [_plain(each) for each in expression]
    if isinstance(expression, str):
        return int(expression, 16) if expression.startswith("0x") else _ICMP_NUMBERS.get(expression, expression)
    return expression
