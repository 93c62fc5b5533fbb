"""A packet filter on a Linux host or router."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from whodunet.cases.fault import Misfit
from whodunet.cases.fields import HostName, Port, refused
from whodunet.evidence.topology import Topology
from whodunet.faults.nftables import Chain, Expression, NftablesFault, equals, header, meta

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
_HTTP: Final = ("GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS ", "CONNECT ", "PATCH ", "TRACE ", "HTTP/")
_TLS_HANDSHAKE: Final = "\x16\x03"  # Source: RFC 8446, 5.1


def _ascii(text: str) -> str:
    if not text.isascii():
        raise refused(f"{text!r} is not ASCII", 'write the bytes that the payload begins with, e.g. "SSH-"')
    return text


class PacketFilter(NftablesFault):
    """Packets that pass a hook and match are dropped, reset or rejected."""

    kind: Literal["packet-filter"] = "packet-filter"
    node: HostName = Field(description="host or router")
    hook: Literal["input", "output", "forward"]
    protocol: Literal["tcp", "udp"] = "tcp"
    destination_port: Port | None = None
    source_port: Port | None = None
    payload: Annotated[str, AfterValidator(_ascii)] | None = Field(
        default=None, min_length=1, max_length=16, description="ASCII text that the packet's payload begins with"
    )
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
        if self.protocol == "udp" and self.verdict == "tcp-reset":
            raise refused("says tcp-reset for udp, which has no reset", "use drop, or icmp-port-unreachable")
        return self

    def facts(self, topology: Topology) -> dict[str, str]:
        """Where it stands, what it looks at, what it does.

        `looks_at` is header or payload, and `payload` what that begins (none, ssh, http, tls, other); `packets` are
        told by the port that they go to, come from, both or any; `answer` is what a sender hears of it.
        """
        return super().facts(topology) | {
            "hook": self.hook,
            "looks_at": "payload" if self.payload else "header",
            "payload": _speech(self.payload),
            "packets": self._packets(),
            "verdict": self.verdict,
            "answer": _ANSWERS.get(self.verdict, "unreachable"),
        }

    def _packets(self) -> str:
        names = {(True, False): "to-port", (False, True): "from-port", (True, True): "both", (False, False): "any"}
        return names[self.destination_port is not None, self.source_port is not None]

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A node that forwards nothing has nothing to filter there; an error that the case's family does not have."""
        if self.hook == "forward":
            yield from self.forwards(topology)
        _, over_ipv6 = _ERRORS.get(self.verdict, ("", ""))
        if topology.family == "ipv6" and over_ipv6 is None:
            wrong = f"is {self.verdict}, which ICMPv6 does not have"
            yield Misfit(("verdict",), wrong, "use another, or say that the case holds over IPv4 only: `family`")

    def chains(self) -> tuple[Chain, ...]:
        """One base chain in front of other tables' chains: with one rule, or one for each family's ICMP error."""
        rules = tuple((*self._matches(), {"counter": None}, verdict) for verdict in self._verdicts())
        return (Chain(self.hook, rules),)

    def _verdicts(self) -> Iterator[Expression]:
        if self.verdict == "drop":
            yield {"drop": None}
        elif self.verdict == "tcp-reset":
            yield {"reject": {"type": "tcp reset"}}
        else:
            for message, error in zip(("icmp", "icmpv6"), _ERRORS[self.verdict], strict=True):
                if error is not None:
                    yield {"reject": {"type": message, "expr": error}}

    def _matches(self) -> Iterator[Expression]:
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


def _speech(payload: str | None) -> str:
    """What somebody speaks whose packets begin like this."""
    if payload is None:
        return "none"
    if payload.startswith("SSH"):
        return "ssh"
    if payload.startswith(_HTTP):
        return "http"
    return "tls" if payload.startswith(_TLS_HANDSHAKE) else "other"
