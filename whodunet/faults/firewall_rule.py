"""A rule ahead of all others in an egress firewall's policy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import ClassVar, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from whodunet.cases.fault import Misfit, Network, Settings, list_in
from whodunet.cases.fields import CidrOrAny, DomainName, Port, TtlAt, TtlRange, refused
from whodunet.evidence.topology import Topology
from whodunet.faults.policy_fault import Key, PolicyFault
from whodunet.openflow.flow_table import TableEntry

_SHOWN_ENTRIES: Final = 6  # of a rule about many TTLs or ports
_ECN: Final = frozenset({"ece", "cwr"})  # Source: RFC 3168, section 6.1


class Forgery(BaseModel):
    """How the firewall forges a RST, and what becomes of the packet that it answers."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    ttl: Literal["own", "copied"] | TtlAt = Field(
        default="own", description="its own, the packet's, or `POINT: as sent by NODE` at its interface"
    )
    acknowledges: Literal["packet", "nothing"] = Field(
        default="packet", description="nothing that was sent: whoever gets it has to ignore it"
    )
    packet: Literal["dropped", "passes"] = "dropped"
    toward: Literal["sender", "both"] = "sender"

    @model_validator(mode="after")
    def _only_who_heard_of_it_is_reset(self) -> Self:
        if self.toward == "both" and self.packet == "dropped":
            raise refused("resets both ends of what one of them never hears of", "add `packet: passes`")
        return self

    def as_policy(self) -> Settings:
        """The same as the firewall's policy writes it, without what need not be said."""
        stated = self.model_dump(exclude_defaults=True)
        return stated | ({} if isinstance(self.ttl, str) else {"ttl": self._forged_ttl()})

    def _forged_ttl(self) -> int | None:
        return None if isinstance(self.ttl, str) else next(iter(self.ttl.values()))

    def facts(self) -> dict[str, str]:
        """Whose TTL it has, whether anybody has to believe it, what becomes of the packet, and whom it goes to."""
        return {
            "ttl": self.ttl if isinstance(self.ttl, str) else "as of another",
            "acknowledges": self.acknowledges,
            "packet": self.packet,
            "toward": self.toward,
        }


class FirewallRule(PolicyFault):
    """The firewall drops, resets or rejects what the rule matches."""

    controller: ClassVar[str] = "egress_firewall"

    kind: Literal["firewall-rule"] = "firewall-rule"
    switch: str = Field(description="switch whose controller is egress_firewall")
    source: CidrOrAny = Field(default="any", description="CIDR, or any: both families")
    destination: CidrOrAny = Field(default="any", description="CIDR, or any: both families")
    protocol: Literal["tcp", "udp", "icmp", "icmpv6", "any"] = "any"
    port: Port | None = None
    ttl: TtlRange | None = Field(default=None, description='only packets with these TTLs (hop limits), as "21-255"')
    flags: tuple[Literal["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"], ...] = Field(
        default=(), description="only segments that have all of these flags"
    )
    payload: str | None = Field(default=None, min_length=1, description="only data that contains this ASCII text")
    tls_name: DomainName | None = Field(default=None, description="only what opens TLS for this name")
    action: Literal["drop", "reset", "reject"]
    reject_with: (
        Literal[
            "net-unreachable",
            "host-unreachable",
            "protocol-unreachable",
            "port-unreachable",
            "net-prohibited",
            "host-prohibited",
            "admin-prohibited",
            "policy-fail",
            "reject-route",
        ]
        | None
    ) = Field(
        default=None,
        description="ICMP error of a rejection; admin-prohibited if not given; the last two are IPv6's alone",
    )

    reset: Forgery | None = Field(default=None, description="how a RST is forged, where not in the usual way")

    def facts(self, topology: Topology) -> dict[str, str]:
        """The action, for a rejection which ICMP message, for a RST how it is forged; `looks_at` and `answer`.

        `answer` is what a sender hears of it, as of a packet filter. `looks_at` is what the rule asks for beside
        addresses, protocol and port: ttl, ecn (flags of ECN), flags, payload, tls-name, or nothing (header).
        """
        facts = {"kind": self.kind, "role": topology.nodes[self.switch].role, "action": self.action}
        facts["looks_at"] = self._looks_at()
        if self.action == "drop":
            return facts | {"answer": "silence"}
        if self.action == "reset":
            return facts | {"answer": "reset"} | (self.reset or Forgery()).facts()
        error = self.reject_with or "admin-prohibited"
        return facts | {"with": error, "answer": "refused" if error == "port-unreachable" else "unreachable"}

    def _looks_at(self) -> str:
        flags = "ecn" if _ECN.intersection(self.flags) else "flags"
        asked = {"tls-name": self.tls_name, "payload": self.payload, "ttl": self.ttl, flags: self.flags}
        return next((what for what, value in asked.items() if value), "header")

    def rule(self) -> Settings:
        """The rule as the policy writes it."""
        rule = {"source": self.source, "destination": self.destination, "protocol": self.protocol}
        forged = self.reset.as_policy() if self.reset else None
        optional = {
            "port": self.port,
            "ttl": self.ttl,
            "flags": list(self.flags),
            "payload": self.payload,
            "tls_name": self.tls_name,
            "with": self.reject_with,
            "reset": forged,
        }
        return rule | {key: value for key, value in optional.items() if value} | {"action": self.action}

    def changed(self, policy: Settings) -> dict[str, object]:
        """The policy with the rule ahead of all others."""
        return {**policy, "rules": [self.rule(), *self._others(policy)]}

    def _others(self, policy: Settings) -> list[object]:
        return [each for each in list_in(policy, "rules") if each != self.rule()]

    def policy_misfits(self, policy: Settings, topology: Topology) -> Iterator[Misfit]:
        """A rule that the firewall has anyway, beside a bad one."""
        if _written(self.rule()) in map(_written, list_in(policy, "rules")):
            yield Misfit(
                ("switch",),
                f"is {self.switch}, which has this rule anyway",
                "write another, or take it out of the policy",
            )
        elsewhere = [] if self.reset is None or isinstance(self.reset.ttl, str) else list(self.reset.ttl)
        own = [name for name, each in topology.interfaces.items() if each.node == self.switch]
        for point in elsewhere:
            if point not in own:
                wrong = f"is {point}, which is no interface of {self.switch}"
                yield Misfit(("reset", "ttl"), wrong, f"use one of: {', '.join(own)}")
        yield from super().policy_misfits(policy, topology)

    def key_of(self, place: str) -> Key:
        """A key of the rule."""
        key = re.split(r"[.\[]", place.removeprefix("rules[0]."))[0]
        return (
            ("reject_with" if key == "with" else key,) if key in (*FirewallRule.model_fields, "with") else ("switch",)
        )

    def shown(self, entries: frozenset[TableEntry], policy: Settings) -> str:
        """The entries of the first rule: those of the highest priority of all."""
        last = max(entries, key=lambda entry: (entry.priority, entry.table))
        of_rule = [each for each in entries if (each.table, each.priority) == (last.table, last.priority)]
        lines = sorted(entry.text for entry in of_rule)
        more = [f"and {len(lines) - _SHOWN_ENTRIES} more"] if len(lines) > _SHOWN_ENTRIES else []
        return "\n".join([*lines[:_SHOWN_ENTRIES], *more])

    def inject(self, network: Network) -> Settings:
        """Puts the rule first."""
        network.set_policy(self.switch, self.changed(network.policy(self.switch)))
        return {}

    def remove(self, network: Network, before: Settings) -> None:
        """Takes the rule out, and leaves what else was changed meanwhile."""
        policy = network.policy(self.switch)
        network.set_policy(self.switch, {**policy, "rules": self._others(policy)})


def _written(rule: object) -> object:
    """A rule without what it need not say."""
    return {key: value for key, value in rule.items() if value != "any"} if isinstance(rule, Mapping) else rule
