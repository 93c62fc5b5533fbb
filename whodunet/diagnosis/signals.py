"""The signals that a diagnosis reads: small rules, each with its source and with when it is wrong.

A rule says what one kind of observation means, and nothing of who did it: that takes several of them (`refused`,
`silent`, `connected` ...).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from whodunet.diagnosis.probes import Answer, ShotResult
from whodunet.diagnosis.verdict import Citation
from whodunet.evidence.facts import TOO_LATE, TOO_SOON, distance
from whodunet.evidence.packets import SEQUENCE_SPACE, CapturedPacket, kinds


@dataclass(frozen=True)
class Signal:
    """A rule by which an observation is read."""

    name: str
    source: str
    wrong_when: str

    def says(self, fact: str, *packets: CapturedPacket | None) -> Citation:
        """The fact that it shows, with the packets that prove it where they were seen."""
        return Citation(self.name, fact, tuple(packet for packet in packets if packet is not None), self.source)


AUTHENTICATED: Final = Signal(
    "authenticated-answer",
    "RFC 792 and RFC 4443 (echo); RFC 1122, section 4.1.3.1 (port unreachable); RFC 4253, section 4.2 (banner)",
    "a box answers pings or speaks the service's protocol in the destination's name, as a captive portal does",
)
RETURN_TTL: Final = Signal(
    "return-ttl",
    "each router lowers it by one (RFC 791, section 3.1; RFC 8200, section 3); systems begin at 64, 128 or 255",
    "whoever sends it sets another TTL than its system's, or the way back has more routers than the way there",
)
ROUND_TRIP: Final = Signal(
    "round-trip",
    "nothing comes back sooner than the way there and back takes",
    "the baseline was measured while the path was slow, or the destination is reached by two paths of different length",
)
LOWEST_TTL: Final = Signal(
    "lowest-ttl",
    "a packet goes no farther than its TTL lets it (RFC 1812, section 5.3.1)",
    "the box acts on packets of a higher TTL alone; and one that acts behind the TTL check of hop k looks like one "
    "that acts before the check of hop k+1",
)
TIME_EXCEEDED: Final = Signal(
    "time-exceeded",
    "a router that ends a packet's TTL says so (RFC 792; RFC 4443, section 3.3)",
    "routers are silent, limit how often they say it, or the messages are filtered on the way back",
)
OFFENDER: Final = Signal(
    "offender",
    "an ICMP error bears the address of who sent it (RFC 1812, section 4.3.2.4); the program's error hides it",
    "somebody forges it, or a NAT on the way puts its own address there",
)
NOTHING_LEFT: Final = Signal(
    "nothing-left",
    "a packet socket at the interface sees what leaves it, behind the packet filter (packet(7))",
    "it leaves by an interface that was not looked at",
)
KERNEL_REFUSED: Final = Signal(
    "kernel-refused", "connect(2), ip(7), ip-route(8)", "a sandbox answers in the kernel's place"
)
NEIGHBOUR: Final = Signal(
    "neighbour",
    "who is not found by ARP or NDP after three tries is unreachable (RFC 1122, section 2.3.2.1; RFC 4861, 7.2.2)",
    "the entry was there before, and is stale",
)
SEVERAL_ANSWERS: Final = Signal(
    "several-answers",
    "one SYN has one answer; who forges one cannot hold back the other's (Weaver, Sommer, Paxson, NDSS 2009)",
    "the SYN was retransmitted, and what it met had changed in between",
)
ACKNOWLEDGEMENT: Final = Signal(
    "acknowledgement",
    "a RST that does not acknowledge the SYN is ignored (RFC 9293, section 3.10.7.3)",
    "a box on the way rewrites sequence numbers",
)
IP_ID: Final = Signal(
    "ip-id",
    "Linux counts the IP IDs of a connected socket, and sends 0 where there is no socket (measured)",
    "the other end is no Linux, or a middlebox normalises IP IDs",
)
SEQUENCE_GAP: Final = Signal(
    "sequence-gap",
    "what comes after a gap was sent behind what is missing (RFC 9293, section 3.4)",
    "the missing segment was only late: look at what follows",
)
SYN_ACK_AGAIN: Final = Signal(
    "syn-ack-again",
    "a server sends its SYN-ACK again until the ACK is taken (RFC 9293, section 3.10.7.4; tcp(7), tcp_synack_retries)",
    "the ACK was lost on the way",
)
CLOSED_WINDOW: Final = Signal(
    "closed-window",
    "a SYN proxy offers no window until the server behind it answers (nftables wiki, Synproxy)",
    "a server without memory for buffers does the same",
)
UNACKNOWLEDGED: Final = Signal(
    "unacknowledged",
    "what a kernel receives for a socket it acknowledges, whatever its program does (RFC 9293, section 3.10.7.4)",
    "the acknowledgements alone are lost",
)
CLAIM: Final = Signal(
    "reset-claim",
    "draft-ietf-tcpm-rst-diagnostic-payload",
    "whoever forges a RST can forge its payload: a claim, and no proof",
)
NAME_SERVER: Final = Signal("name-server", "RFC 1035, section 4.1.1; resolv.conf(5)", "answers are cached")
CONTROL: Final = Signal(
    "control", "the same way to another port, at the same time", "the rules for that port are others"
)
REPETITION: Final = Signal("repetition", "measured", "too few tries: a rare loss does not show in ten")
SOURCE_PORT: Final = Signal(
    "source-port",
    "a stateless filter has to let answers in by their destination port (Amazon VPC User Guide, ephemeral ports)",
    "a NAT on the way changes the source port",
)
SPOKEN: Final = Signal(
    "spoken", "RFC 4253, section 4.2; RFC 8446, section 6; RFC 9110, section 15", "a box speaks in between"
)
SIZE: Final = Signal("size", "RFC 1191; RFC 8201", "the large packet was lost by chance, or large echoes are filtered")


# How far away.


def hops_by_ttl(answer: Answer) -> int | None:
    """How many hops away the sender of an answer is by the TTL with which it came; None: not seen."""
    return None if answer.ttl is None else distance(answer.ttl).hops


def is_too_soon(took_ms: float, baseline_rtt_ms: float | None) -> bool:
    """True when it cannot have been at the destination and back."""
    return baseline_rtt_ms is not None and took_ms < TOO_SOON * baseline_rtt_ms


def is_too_late(took_ms: float, baseline_rtt_ms: float | None) -> bool:
    """True when the path alone does not explain the time."""
    return baseline_rtt_ms is not None and took_ms > TOO_LATE * baseline_rtt_ms


# What an ICMP error says, in either family.

IcmpMeaning = Literal[
    "time exceeded", "port unreachable", "prohibited", "no route", "host unreachable", "too big", "other"
]
# Source: RFC 792; RFC 1812, section 5.2.7.1 (type 3); RFC 4443, section 3 (types 1 to 3)
_UNREACHABLE: Final[Mapping[int, IcmpMeaning]] = {
    0: "no route", 1: "host unreachable", 3: "port unreachable", 4: "too big",
    6: "no route", 7: "host unreachable", 9: "prohibited", 10: "prohibited", 13: "prohibited",
}  # fmt: skip
_UNREACHABLE_V6: Final[Mapping[int, IcmpMeaning]] = {
    0: "no route", 1: "prohibited", 3: "host unreachable", 4: "port unreachable", 5: "prohibited", 6: "prohibited",
}  # fmt: skip


def icmp_meaning(answer: Answer) -> IcmpMeaning:
    """What an ICMP error says, whichever the family."""
    kind, code = answer.icmp or (0, 0)
    if ":" in answer.sender:
        if kind == 1:
            return _UNREACHABLE_V6.get(code, "other")
        return "too big" if kind == 2 else "time exceeded" if kind == 3 else "other"
    if kind == 3:
        return _UNREACHABLE.get(code, "other")
    return "time exceeded" if kind == 11 else "other"


def is_time_exceeded(answer: Answer) -> bool:
    """True for what a router says of a packet whose TTL ended at it."""
    return answer.kind == "icmp-error" and icmp_meaning(answer) == "time exceeded"


# Probes whose TTL ends on the way.


@dataclass(frozen=True)
class Trace:
    """What came of probes of one kind, by the TTL with which they were sent."""

    results: Mapping[int, ShotResult]

    @property
    def routers(self) -> Mapping[int, str]:
        """The routers that said that the TTL ended at them, by hop."""
        return {
            ttl: answer.sender
            for ttl, result in sorted(self.results.items())
            for answer in result.answers
            if is_time_exceeded(answer)
        }

    @property
    def last_router(self) -> int:
        """The farthest hop that said so; 0: none."""
        return max(self.routers, default=0)

    def answered(self) -> Mapping[int, Answer]:
        """What else answered, by TTL: the first for each."""
        found = {
            ttl: [answer for answer in result.answers if not is_time_exceeded(answer)]
            for ttl, result in sorted(self.results.items())
        }
        return {ttl: answers[0] for ttl, answers in found.items() if answers}

    @property
    def lowest(self) -> int | None:
        """The lowest TTL that drew an answer other than that it ended; None: none did."""
        return min(self.answered(), default=None)

    def hop_of(self, address: str) -> int | None:
        """At which hop a router of this address said that the TTL ended; None: it did not."""
        return next((ttl for ttl, router in self.routers.items() if router == address), None)

    @property
    def loops(self) -> tuple[str, ...]:
        """Routers at which the TTL ended at two hops that do not follow each other: the packet came by again."""
        hops: dict[str, list[int]] = {}
        for ttl, router in self.routers.items():
            hops.setdefault(router, []).append(ttl)
        return tuple(
            router for router, at in hops.items() if any(later - earlier > 1 for earlier, later in pairwise(at))
        )


# What one SYN drew.


def is_injected_beside(answers: Sequence[Answer]) -> bool:
    """True when a RST came and, for the same SYN, a SYN-ACK as well."""
    return {"rst", "syn-ack"} <= {answer.kind for answer in answers}


def copies_ttl(pairs: Iterable[tuple[int, int]]) -> bool:
    """True when the TTL of answers follows that of what they answer.

    Args:
        pairs: TTL sent, TTL come back.
    """
    known = set(pairs)
    gaps = {sent - back for sent, back in known}
    return len(known) > 1 and len({back for _, back in known}) > 1 and len(gaps) == 1


# In a connection that stood.


def continues_ids(packets: Sequence[CapturedPacket], last: CapturedPacket) -> bool | None:
    """Whether a packet continues the IP IDs of what came before from the same end; None: cannot be told.

    Cannot be told over IPv6, which has none, and where the other end sends 0 always.
    """
    if last.ip is None or last.ip.version == 6:
        return None
    before = [
        packet.ip.id
        for packet in packets
        if packet.ip is not None
        and packet.direction == "in"
        and packet.time_ns < last.time_ns
        and packet.tcp is not None
        and packet.tcp.flags != "S."
        and packet.ip.source == last.ip.source
    ]
    if not any(before):
        return None
    return 0 < (last.ip.id - before[-1]) % 2**16 <= _MOST_SEGMENTS_BETWEEN


_MOST_SEGMENTS_BETWEEN: Final = 16  # segments that may have been lost or overtaken in between


def sequence_gap(packets: Sequence[CapturedPacket]) -> tuple[CapturedPacket, ...]:
    """Packets of the other end that begin behind something that never came, to the end of what was seen.

    Args:
        packets: of one connection, in the order of time.
    """
    incoming = [packet for packet in packets if packet.direction == "in" and packet.tcp is not None]
    start = next((packet.tcp.end for packet in incoming if packet.tcp and "SYN-ACK" in kinds(packet)), None)
    if start is None:
        return ()
    held: list[CapturedPacket] = []
    expected = start
    for packet in incoming:
        tcp = packet.tcp
        if tcp is None or "RST" in kinds(packet) or "SYN-ACK" in kinds(packet):
            continue
        ahead = (tcp.seq - expected) % SEQUENCE_SPACE
        if 0 < ahead < SEQUENCE_SPACE // 2:
            held.append(packet)
        elif tcp.payload_bytes or "F" in tcp.flags:
            expected = tcp.end if (tcp.end - expected) % SEQUENCE_SPACE < SEQUENCE_SPACE // 2 else expected
            held = [
                each
                for each in held
                if each.tcp and 0 < (each.tcp.seq - expected) % SEQUENCE_SPACE < SEQUENCE_SPACE // 2
            ]
    return tuple(held)


def repeated_syn_acks(packets: Sequence[CapturedPacket]) -> tuple[CapturedPacket, ...]:
    """SYN-ACKs that came again after this end had acknowledged the first."""
    acknowledged = next(
        (
            packet.time_ns
            for packet in packets
            if packet.direction == "out" and packet.tcp is not None and "." in packet.tcp.flags
        ),
        None,
    )
    if acknowledged is None:
        return ()
    return tuple(
        packet
        for packet in packets
        if packet.direction == "in" and "SYN-ACK" in kinds(packet) and packet.time_ns > acknowledged
    )


def unacknowledged_bytes(packets: Sequence[CapturedPacket]) -> int:
    """How much of what this end sent the other never acknowledged.

    Args:
        packets: of one connection, in the order of time.
    """
    sent = [
        packet.tcp.end for packet in packets if packet.direction == "out" and packet.tcp and packet.tcp.payload_bytes
    ]
    acknowledged = [
        packet.tcp.ack for packet in packets if packet.direction == "in" and packet.tcp and "." in packet.tcp.flags
    ]
    if not sent or not acknowledged:
        return 0
    missing = (max(sent, key=lambda end: (end - sent[0]) % SEQUENCE_SPACE) - acknowledged[-1]) % SEQUENCE_SPACE
    return missing if missing < SEQUENCE_SPACE // 2 else 0


# What a RST says of itself.

_MAGIC: Final = b"\x33\xaa"
_REASONS: Final[Mapping[int, str]] = {
    1: "illegal option length", 2: "desynchronised state", 3: "new data after CLOSE", 4: "ABORT", 5: "unexpected ACK",
    6: "unexpected SYN in the window", 7: "unexpected security compartment", 8: "malformed message",
    9: "not authorised", 10: "resource exceeded", 11: "network failure", 12: "reset received from the peer",
    13: "destination unreachable", 14: "connection timeout", 15: "too much outstanding data",
    16: "unacceptable performance", 17: "middlebox interference",
}  # fmt: skip


@dataclass(frozen=True)
class ResetClaim:
    """The diagnostic payload of a RST: why its sender says that it sent it."""

    code: int
    enterprise: int  # private enterprise number; 0: the reasons are IANA's

    @property
    def reason(self) -> str:
        """The reason in words."""
        known = _REASONS.get(self.code) if self.enterprise == 0 else None
        owner = f" of enterprise {self.enterprise}" if self.enterprise else ""
        return known or f"reason {self.code}{owner}"


def reset_claim(packet: CapturedPacket | None) -> ResetClaim | None:
    """What a RST's payload claims; None where it has none, or one that makes no sense (it is then ignored)."""
    if packet is None or packet.tcp is None or "R" not in packet.tcp.flags or packet.tcp.payload_bytes != 8:
        return None
    payload = packet.tcp.payload
    code = int.from_bytes(payload[2:4], "big")
    if payload[:2] != _MAGIC or code == 0:
        return None
    return ResetClaim(code, int.from_bytes(payload[4:8], "big"))
