"""What a diagnosis says in the end: parties, causes, where, how surely, by which packets, and what would settle it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from whodunet.evidence.packets import CapturedPacket
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.topology import Family

SCHEMA_VERSION: Final = 1
Confidence = Literal["high", "medium", "low"]


class Party(StrEnum):
    """Who would have to change something, as far as a client can tell parties apart."""

    CONFIGURATION = "configuration"  # what the user's programs were told: names, ports, proxies, ssh_config
    THIS_MACHINE = "this machine"  # its routes, packet filter, agents: the packet never left
    LOCAL_NETWORK = "local network"  # the link, the gateway's ARP, a captive portal
    RESOLVER = "resolver"  # whoever answers about names
    PROXY = "proxy"  # one that the user's program was told to use, or a jump host
    FIRST_HOP = "first hop"  # the firewall or gateway one hop away: at work, the VPN's
    PATH = "path"  # a box between the first hop and the one before the destination
    CLOUD_EDGE = "cloud edge"  # in front of the destination: security group, network ACL, gateway, load balancer
    DESTINATION = "destination"  # its kernel and packet filter
    SERVICE = "service"  # the program that serves there, or what it is configured to do
    NOBODY = "nobody"  # nothing is wrong


@dataclass(frozen=True)
class HopInterval:
    """How many hops away the party is: 0 is this machine, 1 the next router; both ends included."""

    nearest: int
    farthest: int


@dataclass(frozen=True)
class Citation:
    """One fact, and the packets that prove it."""

    signal: str  # the rule's name: "return-ttl", "answered-before-destination", "offender" ...
    says: str  # the fact, in a sentence
    packets: tuple[CapturedPacket, ...] = ()  # as they were seen at the client; their `number` in the capture, if any
    source: str = ""  # of the rule: RFC and section, man page, or "measured"


@dataclass(frozen=True)
class Cost:
    """What a diagnosis took."""

    took_s: float = 0.0
    packets_sent: int = 0
    full_handshakes: int = 0
    is_privileged: bool = False  # True: it could send and see raw packets


@dataclass(frozen=True)
class Verdict:
    """Everything that may honestly be said, never one cause out of a class that cannot be told apart from here."""

    host: str
    port: int
    family: Family
    symptom: Symptom
    parties: frozenset[Party]
    causes: frozenset[str]  # names of the taxonomy's causes; empty: none of them is known to look so
    cause_class: str | None  # name of the class when the causes cannot be told apart from here
    hops: HopInterval | None
    box: str | None  # address of who did it, where a packet of its own gave it away
    confidence: Confidence
    summary: str  # one or two sentences, for whoever reads nothing else
    evidence: tuple[Citation, ...]
    settled_by: tuple[str, ...] = ()  # what would tell the remaining parties and causes apart, and from where
    next_steps: tuple[str, ...] = ()  # the runbook: what the user does now
    not_seen: tuple[str, ...] = ()  # what could not be looked at, and what that hides
    steps: tuple[str, ...] = ()  # the reasoning, step by step
    cost: Cost = field(default_factory=Cost)
