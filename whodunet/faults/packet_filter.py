"""A packet filter on a Linux host or router."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from whodunet.cases.fault import Misfit
from whodunet.cases.fields import HostName, Port, TtlAt, refused
from whodunet.evidence.topology import Topology
from whodunet.faults.nftables import Chain, Expression, NftablesFault, Rule, equals, header, meta, one_of

# What programs make of each verdict. Source: the kernel's icmp_err_convert and icmpv6_err_convert.
_ANSWERS: Final = {"drop": "silence", "tcp-reset": "reset", "icmp-port-unreachable": "refused"}
# The ICMP error of each rejection as nft has it, over IPv4 and IPv6. ICMPv6 has fewer; what says the same is that of
# nft's own "icmpx", and all that is prohibited is "admin-prohibited". Source: nft(8), "reject"; RFC 7915, section 4.2
_ERRORS: Final[Mapping[str, tuple[str, str | None]]] = {
    "icmp-port-unreachable": ("port-unreachable", "port-unreachable"),
    "icmp-net-unreachable": ("net-unreachable", "no-route"),
    "icmp-host-unreachable": ("host-unreachable", "addr-unreachable"),
    "icmp-protocol-unreachable": ("prot-unreachable", None),
    "icmp-net-prohibited": ("net-prohibited", "admin-prohibited"),
    "icmp-host-prohibited": ("host-prohibited", "admin-prohibited"),
    "icmp-admin-prohibited": ("admin-prohibited", "admin-prohibited"),
}
_ICMP: Final = {"ipv4": "icmp", "ipv6": "icmpv6"}
_HTTP: Final = ("GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS ", "CONNECT ", "PATCH ", "TRACE ", "HTTP/")
_MANGLE: Final = -150  # a priority where headers are rewritten. Source: nft(8), "Standard priority names"
_TLS_HANDSHAKE: Final = "\x16\x03"  # Source: RFC 8446, 5.1


def _ascii(text: str) -> str:
    if not text.isascii():
        raise refused(f"{text!r} is not ASCII", 'write the bytes that the payload begins with, e.g. "SSH-"')
    return text


class Allowance(BaseModel):
    """What a filter lets pass, of all that matches, before it applies: one of the three."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    connections: int | None = Field(default=None, ge=1, le=1000, description="so many at a time")
    new_per_minute: int | None = Field(default=None, ge=1, le=1000, description="so many new connections a minute")
    kilobytes_per_s: int | None = Field(
        default=None, ge=1, le=10_000, description="so many, with bursts of one second's"
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.model_dump(exclude_none=True)) != 1:
            raise refused("is not one allowance", "write connections, new_per_minute or kilobytes_per_s")
        return self

    def limits(self) -> str:
        """What of the traffic it limits: connections or bytes."""
        return "bytes" if self.kilobytes_per_s else "connections"

    def exceeded(self) -> Iterator[Expression]:
        """The matches of what exceeds it. Source: nft(8), "Limit statement", "ct count"."""
        new = equals({"ct": {"key": "state"}}, "new", op="in")
        if self.connections:
            yield from (new, {"ct count": {"val": self.connections, "inv": True}})
        elif self.new_per_minute:
            limit = {"rate": self.new_per_minute, "burst": self.new_per_minute, "per": "minute", "inv": True}
            yield from (new, {"limit": limit})
        elif self.kilobytes_per_s:
            units = {"rate_unit": "kbytes", "burst": self.kilobytes_per_s * 1000, "burst_unit": "bytes"}
            yield {"limit": {"rate": self.kilobytes_per_s, **units, "per": "second", "inv": True}}


class PacketFilter(NftablesFault):
    """Packets that pass a hook and match are dropped, reset or rejected: all, some, or those beyond an allowance."""

    kind: Literal["packet-filter"] = "packet-filter"
    node: HostName = Field(description="host or router")
    hook: Literal["prerouting", "input", "output", "forward"]
    protocol: Literal["tcp", "udp", "icmp-errors"] = Field(
        default="tcp", description="icmp-errors: ICMP's and ICMPv6's destination unreachable and time exceeded"
    )
    destination_port: Port | None = None
    source_port: Port | None = None
    payload: Annotated[str, AfterValidator(_ascii)] | None = Field(
        default=None, min_length=1, max_length=16, description="ASCII text that the packet's payload begins with"
    )
    over: Literal["ipv4", "ipv6"] | None = Field(default=None, description="one family alone; both, if not given")
    share_pct: int | None = Field(default=None, ge=1, le=99, description="only so many of a hundred, at random")
    beyond: Allowance | None = Field(default=None, description="only what exceeds an allowance")
    ttl: TtlAt | None = Field(default=None, description="with which a RST is sent: `POINT: as sent by NODE`")
    verdict: Literal[
        "drop",
        "tcp-reset",
        "icmp-port-unreachable",
        "icmp-net-unreachable",
        "icmp-host-unreachable",
        "icmp-protocol-unreachable",
        "icmp-net-prohibited",
        "icmp-host-prohibited",
        "icmp-admin-prohibited",
    ]

    @model_validator(mode="after")
    def _only_tcp_is_reset(self) -> Self:
        if self.protocol != "tcp" and self.verdict == "tcp-reset":
            raise refused(
                f"says tcp-reset for {self.protocol}, which has no reset", "use drop, or icmp-port-unreachable"
            )
        if self.hook == "prerouting" and self.verdict != "tcp-reset":
            raise refused(f"says {self.verdict} before routing", "use tcp-reset, or the hook forward or input")
        if self.ttl is not None and self.verdict != "tcp-reset":
            raise refused(f"has a TTL for a RST, and its verdict is {self.verdict}", "use tcp-reset, or take ttl out")
        return self

    @model_validator(mode="after")
    def _errors_are_dropped(self) -> Self:
        ports = (self.destination_port, self.source_port, self.payload)
        if self.protocol == "icmp-errors" and (self.verdict != "drop" or any(ports)):
            raise refused("is about ICMP errors, which have no ports and are never answered", "use drop, without ports")
        if self.protocol == "icmp-errors" and self.hook != "forward":
            raise refused(f"is about ICMP errors, and its hook is {self.hook}", "use forward, on a router of the path")
        return self

    def facts(self, topology: Topology) -> dict[str, str]:
        """Where it stands, what it looks at, what it does.

        `over` is ipv4, ipv6 or both; `looks_at` is header, payload, icmp-errors, chance, or what an allowance limits
        (connections, bytes); `payload` is what that begins (none, ssh, http, tls, other); `packets` are told by the
        port that they go to, come from, both or any; `answer` is what a sender hears of it, and `ttl` whose TTL a RST
        has.
        """
        return super().facts(topology) | {
            "hook": self.hook,
            "over": self.over or "both",
            "looks_at": self._looks_at(),
            "ttl": "as of another" if self.ttl else "own",
            "payload": _speech(self.payload),
            "packets": self._packets(),
            "verdict": self.verdict,
            "answer": _ANSWERS.get(self.verdict, "unreachable"),
        }

    def _looks_at(self) -> str:
        if self.protocol == "icmp-errors":
            return self.protocol
        if self.share_pct is not None:
            return "chance"
        if self.beyond is not None:
            return self.beyond.limits()
        return "payload" if self.payload else "header"

    def _packets(self) -> str:
        names = {(True, False): "to-port", (False, True): "from-port", (True, True): "both", (False, False): "any"}
        return names[self.destination_port is not None, self.source_port is not None]

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node that forwards nothing has nothing to filter there; an error that the case's family does not have."""
        if self.hook == "forward":
            yield from self.forwards(topology)
        for point in self.ttl or ():
            yield from self.has_interface(topology, point)
        _, over_ipv6 = _ERRORS.get(self.verdict, ("", ""))
        if "ipv6" in (topology.family, self.over) and over_ipv6 is None:
            wrong = f"is {self.verdict}, which ICMPv6 does not have"
            yield Misfit(("verdict",), wrong, "use another, or say that the case holds over IPv4 only: `family`")

    def chains(self) -> tuple[Chain, ...]:
        """One base chain in front of other tables' chains, with a rule for all, or for each family's ICMP.

        Another writes the TTL of the RST that the node makes; a router sends no other TCP from that port.
        """
        filters = [
            (*matches, {"counter": None}, verdict) for matches in self._matches() for verdict in self._verdicts()
        ]
        writes = [rule for ttl in (self.ttl or {}).values() for rule in self._writing(ttl)]
        written = (Chain("output", tuple(writes), priority=_MANGLE),) if writes else ()
        return (Chain(self.hook, tuple(filters)), *written)

    def _writing(self, ttl: int) -> Iterator[Rule]:
        from_there = [equals(header("tcp", "sport"), self.destination_port)] if self.destination_port else []
        for protocol, field in (("ip", "ttl"), ("ip6", "hoplimit")):
            yield (
                *(from_there or [equals(meta("l4proto"), "tcp")]),
                {"mangle": {"key": header(protocol, field), "value": ttl}},
            )

    def _verdicts(self) -> Iterator[Expression]:
        if self.verdict == "drop":
            yield {"drop": None}
        elif self.verdict == "tcp-reset":
            yield {"reject": {"type": "tcp reset"}}
        else:
            for (family, message), error in zip(_ICMP.items(), _ERRORS[self.verdict], strict=True):
                if error is not None and self.over in (None, family):
                    yield {"reject": {"type": message, "expr": error}}

    def _matches(self) -> Iterator[Rule]:
        if self.protocol == "icmp-errors":
            errors = one_of("destination-unreachable", "time-exceeded")
            messages = [message for family, message in _ICMP.items() if self.over in (None, family)]
            yield from ((equals(header(each, "type"), errors), *self._some()) for each in messages)
        else:
            of_family = [equals(meta("nfproto"), self.over)] if self.over else []
            yield (*of_family, *self._of_transport(), *self._some())

    def _of_transport(self) -> Iterator[Expression]:
        if self._packets() == "any":
            yield equals(meta("l4proto"), self.protocol)
        if self.source_port is not None:
            yield equals(header(self.protocol, "sport"), self.source_port)
        if self.destination_port is not None:
            yield equals(header(self.protocol, "dport"), self.destination_port)
        if self.payload is not None:
            # The first bytes after the transport header. Source: nft(8), raw payload expression `@ih`
            text = self.payload.encode("ascii")
            yield equals({"payload": {"base": "ih", "offset": 0, "len": len(text) * 8}}, f"0x{text.hex()}")

    def _some(self) -> Iterator[Expression]:
        """The matches of those that the filter applies to, of all that are what it looks for."""
        if self.share_pct is not None:
            yield equals({"numgen": {"mode": "random", "mod": 100, "offset": 0}}, self.share_pct, op="<")
        if self.beyond is not None:
            yield from self.beyond.exceeded()


def _speech(payload: str | None) -> str:
    """What somebody speaks whose packets begin like this."""
    if payload is None:
        return "none"
    if payload.startswith("SSH"):
        return "ssh"
    if payload.startswith(_HTTP):
        return "http"
    return "tls" if payload.startswith(_TLS_HANDSHAKE) else "other"
