"""What the faults that nftables makes have in common. Source: nft(8), libnftables-json(5)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final, Literal

from whodunet.cases.fault import Network, NodeFault, Settings, run_checked
from whodunet.errors import CannotRun

Expression = Mapping[str, object]  # of a rule, as libnftables-json(5) has it
BEFORE_OTHERS: Final = -10  # a priority in front of other tables' filters
DESTINATION_NAT: Final = -100

# What nft adds of itself to a rule with an expression of one of these, as nft or the number has it.
_IMPLIED: Final[Mapping[object, Mapping[str, tuple[str | int, ...]]]] = {
    "ip": {"nfproto": ("ipv4", 2)},
    "ip6": {"nfproto": ("ipv6", 10)},
    "icmp": {"nfproto": ("ipv4", 2), "l4proto": ("icmp", 1)},
    "icmpv6": {"nfproto": ("ipv6", 10), "l4proto": ("ipv6-icmp", "icmpv6", 58)},
    "tcp": {"l4proto": ("tcp", 6)},
    "tcp reset": {"l4proto": ("tcp", 6)},
    "udp": {"l4proto": ("udp", 17)},
}
Rule = Sequence[Expression]


@dataclass(frozen=True)
class Chain:
    """A base chain with its rules, in their order."""

    hook: str
    rules: tuple[Rule, ...]
    type: Literal["filter", "nat"] = "filter"
    priority: int = BEFORE_OTHERS


# Some versions of nft list a number where others list its name (1.0.6 "frag-needed", 1.1.3 4).
# Source: nft(8), "ICMP TYPE TYPE", "ICMP CODE TYPE" and those of ICMPv6; RFC 792; RFC 1812, 5.2.7.1; RFC 4443; RFC 4861
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
_ICMPV6_NUMBERS: Final = {
    "no-route": 0,
    "admin-prohibited": 1,
    "destination-unreachable": 1,
    "packet-too-big": 2,
    "time-exceeded": 3,
    "addr-unreachable": 3,
    "port-unreachable": 4,
    "nd-neighbor-solicit": 135,
    "nd-neighbor-advert": 136,
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


def within(field: Literal["saddr", "daddr"], cidr: str) -> Rule:
    """The match of an address that is in a network, of either family; none for all addresses, which match anyway."""
    network = ip_network(cidr)
    if network.prefixlen == 0:
        return ()
    address = str(network.network_address)
    is_single = network.prefixlen == network.max_prefixlen
    right = address if is_single else {"prefix": {"addr": address, "len": network.prefixlen}}
    return (equals(header("ip" if network.version == 4 else "ip6", field), right),)


def one_of(*values: str) -> object:
    """Any of several values, as nft writes it."""
    return {"set": list(values)}


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

    def inject(self, network: Network) -> Settings:
        """Loads the table."""
        self.run(network, "nft -j -f -", json.dumps({"nftables": list(self._commands())}))
        return {}

    def _commands(self) -> Iterator[Mapping[str, object]]:
        table = {"family": "inet", "table": self.table()}
        yield {"add": {"table": {"family": "inet", "name": self.table()}}}
        for chain in self.chains():
            base = {"type": chain.type, "hook": chain.hook, "prio": chain.priority, "policy": "accept"}
            yield {"add": {"chain": {**table, "name": chain.hook, **base}}}
            for rule in chain.rules:
                yield {"add": {"rule": {**table, "chain": chain.hook, "expr": list(rule)}}}

    def remove(self, network: Network, before: Settings) -> None:
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
    """Whether the kernel's table has these chains, each with its rules in their order, and nothing else."""
    try:
        objects = json.loads(listed)["nftables"]
        bases = {each["chain"]["name"]: each["chain"] for each in objects if "chain" in each}
        rules = [(each["rule"]["chain"], each["rule"]["expr"]) for each in objects if "rule" in each]
    except (ValueError, KeyError, TypeError) as error:
        raise CannotRun(f"nft's list of a table is not understood: {type(error).__name__}: {error}") from error
    return len(bases) == len(chains) and all(
        _is_base(bases.get(chain.hook, {}), chain)
        and _are_rules([rule for name, rule in rules if name == chain.hook], chain.rules)
        for chain in chains
    )


def _is_base(listed: Mapping[str, object], chain: Chain) -> bool:
    return (listed.get("type"), listed.get("hook"), listed.get("prio")) == (chain.type, chain.hook, chain.priority)


def _are_rules(listed: Sequence[Rule], meant: Sequence[Rule]) -> bool:
    return len(listed) == len(meant) and all(map(_says, listed, meant))


def _says(listed: Rule, meant: Rule) -> bool:
    """Whether a listed rule is the one that was meant: the same expressions, but for what nft adds of itself."""
    wanted = [_plain(each) for each in meant]
    implied = [(key, values) for each in meant for key, values in _IMPLIED.get(_protocol(each), {}).items()]
    added = [equals(meta(key), value) for key, values in implied for value in values]
    return [each for each in map(_plain, listed) if each in wanted or each not in added] == wanted


def _protocol(expression: object) -> object:
    """The protocol whose header an expression reads or writes, or of a packet that it makes; None where of none."""
    read = _at(expression, "match", "left", "payload", "protocol")
    return read or _at(expression, "mangle", "key", "payload", "protocol") or _at(expression, "reject", "type")


def _at(value: object, *keys: str) -> object:
    """What lies at the end of a path of keys; None where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _plain(part: object, numbers: Mapping[str, int] = _ICMP_NUMBERS) -> object:
    """An expression with numbers for their hexadecimal texts and for names, sets in order, and without counts."""
    if isinstance(part, Mapping):
        numbers = _ICMPV6_NUMBERS if _protocol(part) == "icmpv6" else numbers
        return {key: None if key == "counter" else _plain(value, numbers) for key, value in part.items()}
    if isinstance(part, list):
        return sorted((_plain(each, numbers) for each in part), key=str)
    if isinstance(part, str):
        return int(part, 16) if part.startswith("0x") else numbers.get(part, part)
    return part
