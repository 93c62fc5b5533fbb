"""A verdict as one JSON object of a published form: `whodunet diagnose --json` prints it, any tool may hand it in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from whodunet.diagnosis.verdict import SCHEMA_VERSION, Citation, Confidence, Party, Verdict
from whodunet.evidence.packets import CapturedPacket, Tcp
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.topology import Family
from whodunet.view.models.numbering import NumberedPacket
from whodunet.view.words.packets import tcpdump_line


class _Published(BaseModel):
    """A part of the form: a new key does not raise `schema_version`; one that goes or changes its meaning does."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class PublishedIp(_Published):
    """An IPv4 or IPv6 header."""

    source: str
    destination: str
    ttl: int
    """Of IPv6 the hop limit."""
    id: int
    """IPv4's identification; 0 of IPv6 without a fragment header."""


class PublishedTcp(_Published):
    """A TCP header."""

    source_port: int
    destination_port: int
    flags: str
    """In tcpdump's letters and order: S, S., R., P., F."""
    seq: int
    ack: int
    window: int
    payload_bytes: int


class PublishedUdp(_Published):
    """A UDP header."""

    source_port: int
    destination_port: int


class PublishedIcmp(_Published):
    """An ICMP or ICMPv6 header."""

    type: int
    code: int


class PublishedPacket(_Published):
    """A packet that proves a fact, as the machine that diagnosed saw it: enough to find it in a capture made there."""

    interface: str
    time_ns: int
    """Since the epoch, by the kernel."""
    direction: Literal["in", "out"]
    shown: str
    """As tcpdump shows it, with absolute numbers; times are UTC."""
    ip: PublishedIp | None = None
    tcp: PublishedTcp | None = None
    udp: PublishedUdp | None = None
    icmp: PublishedIcmp | None = None


class PublishedCitation(_Published):
    """One fact, and the packets that prove it."""

    signal: str
    """The name of the rule that it was found by."""
    says: str
    packets: tuple[PublishedPacket, ...] = ()
    source: str = ""
    """Of the rule: an RFC, a manual page, or a measurement."""


class PublishedHops(_Published):
    """How far away: 0 is this machine, 1 the next router; both ends included."""

    nearest: Annotated[int, Field(ge=0)]
    farthest: Annotated[int, Field(ge=0)]


class PublishedCost(_Published):
    """What the diagnosis took."""

    took_s: float = 0.0
    packets_sent: int = 0
    full_handshakes: int = 0
    is_privileged: bool = False
    """True: it could send and see raw packets."""


class PublishedVerdict(_Published):
    """Who refused, dropped or broke a connection, as far as it can honestly be told from where somebody stood.

    More than one party or cause: they cannot be told apart from there. None: nothing can be told.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    host: str
    port: int
    family: Family
    symptom: Symptom
    parties: tuple[Party, ...]
    """Who would have to change something; "nobody": nothing is wrong."""
    causes: tuple[str, ...] = ()
    """Names of the taxonomy (`whodunet causes`)."""
    cause_class: str | None = None
    """The class that the causes are all of, where they cannot be told apart (`whodunet causes CLASS`)."""
    hops: PublishedHops | None = None
    box: str | None = None
    """Address of who did it, where it gave itself away."""
    confidence: Confidence = "medium"
    summary: str = ""
    evidence: tuple[PublishedCitation, ...] = ()
    settled_by: tuple[str, ...] = ()
    """What would tell the remaining parties and causes apart, and from where."""
    next_steps: tuple[str, ...] = ()
    not_seen: tuple[str, ...] = ()
    """What could not be looked at, and what that hides."""
    steps: tuple[str, ...] = ()
    """The reasoning, step by step."""
    cost: PublishedCost = PublishedCost()


def published(verdict: Verdict) -> PublishedVerdict:
    """A verdict in its published form."""
    return PublishedVerdict(
        host=verdict.host,
        port=verdict.port,
        family=verdict.family,
        symptom=verdict.symptom,
        parties=tuple(party for party in Party if party in verdict.parties),
        causes=tuple(sorted(verdict.causes)),
        cause_class=verdict.cause_class,
        hops=PublishedHops(**vars(verdict.hops)) if verdict.hops else None,
        box=verdict.box,
        confidence=verdict.confidence,
        summary=verdict.summary,
        evidence=tuple(map(_citation, verdict.evidence)),
        settled_by=verdict.settled_by,
        next_steps=verdict.next_steps,
        not_seen=verdict.not_seen,
        steps=verdict.steps,
        cost=PublishedCost(**vars(verdict.cost)),
    )


def verdict_schema() -> dict[str, JsonValue]:
    """The JSON Schema of that form, with its version."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **PublishedVerdict.model_json_schema()}


def _citation(citation: Citation) -> PublishedCitation:
    packets = tuple(map(_packet, citation.packets))
    return PublishedCitation(signal=citation.signal, says=citation.says, packets=packets, source=citation.source)


def _packet(packet: CapturedPacket) -> PublishedPacket:
    ip, tcp, udp, icmp = packet.ip, packet.tcp, packet.udp, packet.icmp
    numbered = NumberedPacket(packet, tcp.seq, tcp.ack) if tcp else NumberedPacket(packet)
    return PublishedPacket(
        interface=packet.point,
        time_ns=packet.time_ns,
        direction=packet.direction,
        shown=tcpdump_line(numbered),
        ip=PublishedIp(source=ip.source, destination=ip.destination, ttl=ip.ttl, id=ip.id) if ip else None,
        tcp=_segment(tcp) if tcp else None,
        udp=PublishedUdp(source_port=udp.source_port, destination_port=udp.destination_port) if udp else None,
        icmp=PublishedIcmp(type=icmp.type, code=icmp.code) if icmp else None,
    )


def _segment(tcp: Tcp) -> PublishedTcp:
    return PublishedTcp(
        source_port=tcp.source_port,
        destination_port=tcp.destination_port,
        flags=tcp.flags,
        seq=tcp.seq,
        ack=tcp.ack,
        window=tcp.window,
        payload_bytes=tcp.payload_bytes,
    )
