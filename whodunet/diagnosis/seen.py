"""What a diagnosis has seen so far, and what follows of the destination itself: how far away it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from statistics import median
from typing import Final, Literal, NamedTuple

from whodunet.diagnosis.probes import (
    Answer,
    Configuration,
    ConversationResult,
    Converse,
    LookAtWayOut,
    NotLooked,
    Probe,
    ReadConfiguration,
    Resolved,
    ResolveName,
    Result,
    Shoot,
    ShotResult,
    WayOut,
)
from whodunet.diagnosis.question import Question
from whodunet.diagnosis.signals import AUTHENTICATED, Trace, hops_by_ttl, icmp_meaning
from whodunet.diagnosis.verdict import Citation
from whodunet.evidence.packets import CapturedPacket, kinds
from whodunet.evidence.topology import Family

Reaction = Literal["open", "reset", "icmp error", "silence", "local error"]
_SHORT_TTL: Final = 40  # a probe with a TTL of its own below this was meant to end on the way


@dataclass(frozen=True)
class Baseline:
    """What only the destination itself can have said, and what that tells of the way to it."""

    how: str  # "it answers pings"
    rtt_ms: float
    ttl: int | None  # with which it came; None: not seen
    hops: int | None  # away; None: not known
    packet: CapturedPacket | None = None

    @property
    def citation(self) -> Citation:
        """The fact, and its packet."""
        far = f", {self.hops} hops away" if self.hops is not None else ""
        return AUTHENTICATED.says(f"{self.how}: the destination itself is {self.rtt_ms:.1f} ms{far}", self.packet)


class Spoken(NamedTuple):
    """One answer that only the destination should be able to give."""

    how: str
    rtt_ms: float
    ttl: int | None
    hops: int | None
    packet: CapturedPacket | None


@dataclass
class Seen:
    """Results by what they are about."""

    question: Question
    address: str = ""  # where the connection is to go
    port: int = 0
    configuration: Configuration | None = None
    resolved: dict[Family, Resolved] = field(default_factory=dict)
    way_out: WayOut | None = None
    shots: list[tuple[Shoot, ShotResult]] = field(default_factory=list)
    conversations: list[tuple[Converse, ConversationResult]] = field(default_factory=list)
    not_looked: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    is_live: bool = True  # False: it was read off a capture, and nothing more can be asked
    is_proxied: bool = False  # the target is a proxy or a jump host on the way to the question's

    def __post_init__(self) -> None:
        """The target is the question's until something else is known."""
        self.address, self.port = self.address or self.question.host, self.port or self.question.port

    def take(self, probes: Sequence[Probe], results: Sequence[Result]) -> None:
        """Takes results in, in the order of the probes that they are of."""
        for probe, result in zip(probes, results, strict=True):
            match probe, result:
                case _, NotLooked():
                    if result.because not in self.not_looked:
                        self.not_looked.append(result.because)
                case ResolveName(), Resolved():
                    self.resolved[probe.family] = result
                case ReadConfiguration(), Configuration():
                    self.configuration = result
                case LookAtWayOut(), WayOut():
                    self.way_out = result
                case Shoot(), ShotResult():
                    self.shots.append((probe, result))
                case Converse(), ConversationResult():
                    self.conversations.append((probe, result))
                case _:
                    raise TypeError(f"{type(result).__name__} is no result of {type(probe).__name__}")

    def note(self, step: str) -> None:
        """Adds a step of the reasoning."""
        self.steps.append(step)

    @property
    def family(self) -> Family:
        """The family of the target's address."""
        return "ipv6" if ":" in self.address else "ipv4"

    # The target.

    @property
    def target_shots(self) -> list[tuple[Shoot, ShotResult]]:
        """SYNs to the target with the system's own TTL and source ports."""
        return [
            (shot, result)
            for shot, result in self._syns(self.port)
            if shot.ttl is None and not _is_privileged_port(shot.source_port)
        ]

    @property
    def talks(self) -> list[ConversationResult]:
        """Connections to the target, in their order."""
        return [
            result
            for probe, result in self.conversations
            if (probe.address, probe.port) == (self.address, self.port) and not _is_privileged_port(probe.source_port)
        ]

    @property
    def answers(self) -> list[Answer]:
        """All that the SYNs to the target drew."""
        return [answer for _, result in self.target_shots for answer in result.answers]

    @property
    def reactions(self) -> list[Reaction]:
        """What each try to reach the target came to, in its order."""
        plain = [(shot, result) for shot, result in self.target_shots if shot.without_ecn or not self.is_live]
        shots = [reaction(result) for _, result in plain]  # whether ECN is dropped is another question
        return shots + [_reaction_of_talk(talk) for talk in self.talks]

    def saw(self, kind: Reaction) -> bool:
        """True when a try came to this."""
        return kind in self.reactions

    def trace(self, kind: Literal["syn", "echo", "datagram"] = "syn", port: int | None = None) -> Trace:
        """What came of probes whose TTL ends on the way; of SYNs, those to the target's port unless told another."""
        wanted = self.port if port is None and kind == "syn" else port or 0
        return Trace(
            {
                shot.ttl: result
                for shot, result in self.shots
                if shot.kind == kind
                and shot.ttl is not None
                and shot.ttl < _SHORT_TTL
                and (kind != "syn" or shot.port == wanted)
            }
        )

    # Controls: the same way, another port or protocol.

    @property
    def controls(self) -> list[tuple[Shoot, ShotResult]]:
        """Whatever was sent to the same address and not to the target's port, with the system's own TTL."""
        return [
            (shot, result)
            for shot, result in self.shots
            if shot.address == self.address
            and shot.ttl is None
            and shot.size_bytes == 0
            and (shot.kind != "syn" or shot.port != self.port)
        ]

    @property
    def control_trace(self) -> Trace:
        """Of all that is no SYN to the target, what was sent with TTLs that end on the way, the farthest-going."""
        ports = {shot.port for shot, _ in self.shots if shot.kind == "syn" and shot.ttl is not None} - {self.port}
        traces = [self.trace("echo"), self.trace("datagram"), *(self.trace("syn", port) for port in sorted(ports))]
        return max(traces, key=lambda trace: (trace.lowest or trace.last_router, trace.last_router))

    @property
    def open_control(self) -> int | None:
        """Another port of the destination that accepts connections; None: none is known."""
        return next(
            (shot.port for shot, result in self.controls if shot.kind == "syn" and reaction(result) == "open"), None
        )

    @property
    def is_anything_heard(self) -> bool:
        """True when anything at all came that bears the destination's address, or only it can send."""
        every = [*self.answers, *(answer for _, result in self.controls for answer in result.answers)]
        return any(answer.sender == self.address for answer in every) or any(talk.connect_ms for talk in self.talks)

    # The destination itself.

    @property
    def baseline(self) -> Baseline | None:
        """What only the destination can have said; None: nothing.

        A SYN-ACK alone is no such thing, and nor is a RST: any box on the way can send it.
        """
        candidates = [each for each in (*self._pings(), *self._banners()) if not self._is_next_door(each)]
        if not candidates:
            return None
        first = candidates[0]
        forward = self.control_trace.lowest
        rtt_ms = median([each.rtt_ms for each in candidates])
        return Baseline(first.how, rtt_ms, first.ttl, forward or first.hops, first.packet)

    def _is_next_door(self, candidate: Spoken) -> bool:
        """True for what comes from the next hop, where the destination is not: somebody there speaks in its name."""
        return candidate.hops == 1 and self.is_off_link

    def _pings(self) -> Iterable[Spoken]:
        for _, result in self.controls:
            for answer in result.answers:
                is_own = answer.sender == self.address
                if answer.kind == "echo-reply" and is_own:
                    yield Spoken("it answers pings", answer.after_ms, answer.ttl, hops_by_ttl(answer), answer.packet)
                elif answer.kind == "icmp-error" and is_own and icmp_meaning(answer) == "port unreachable":
                    how = "it says that no program has this UDP port"
                    yield Spoken(how, answer.after_ms, answer.ttl, hops_by_ttl(answer), answer.packet)

    def _banners(self) -> Iterable[Spoken]:
        """Of connections in which a service spoke; as far away as what bears its words says, not its SYN-ACK."""
        for probe, result in self.conversations:
            if probe.address != self.address or not result.received or result.connect_ms is None:
                continue
            spoken = first_words(result.packets)
            ttl = spoken.ip.ttl if spoken is not None and spoken.ip is not None else None
            hops = hops_by_ttl(Answer("datagram", self.address, 0.0, ttl=ttl))
            yield Spoken(f"its service on port {probe.port} speaks", result.connect_ms, ttl, hops, spoken)

    @property
    def destination_hops(self) -> int | None:
        """How many hops away the destination is, or at least is; None: not known."""
        baseline = self.baseline
        if baseline is not None and baseline.hops is not None:
            return baseline.hops
        seen = self.routers_seen
        return seen + 1 if seen else None

    @property
    def routers_seen(self) -> int:
        """How many hops towards the destination are known to be routers; 0: none."""
        return max(self.control_trace.last_router, self.trace().last_router)

    @property
    def is_off_link(self) -> bool:
        """True when the destination is known not to be on this machine's own link."""
        way = self.way_out
        return way is not None and (way.gateway is not None or way.is_on_link is False)

    @property
    def is_private(self) -> bool:
        """True for an address that is no destination on the internet."""
        try:
            return ip_address(self.address).is_private
        except ValueError:
            return False

    def _syns(self, port: int) -> list[tuple[Shoot, ShotResult]]:
        return [
            (shot, result)
            for shot, result in self.shots
            if shot.kind == "syn" and shot.address == self.address and shot.port == port
        ]


def _is_privileged_port(port: int | None) -> bool:
    return port is not None and port < 1024


def reaction(result: ShotResult) -> Reaction:
    """What a SYN came to, as a program that connects takes it."""
    kinds_seen = [
        answer.kind for answer in result.answers if not (answer.kind == "rst" and answer.acknowledges is False)
    ]
    if "rst" in kinds_seen:
        return "reset"
    if "syn-ack" in kinds_seen or result.is_full_handshake:
        return "open"
    if "icmp-error" in kinds_seen:
        return "icmp error"
    return "local error" if result.error is not None and result.error not in ("ETIMEDOUT",) else "silence"


def _reaction_of_talk(talk: ConversationResult) -> Reaction:
    if talk.connect_ms is not None:
        return "open"
    if talk.outcome == "refused":
        return "reset"
    return "icmp error" if talk.outcome == "unreachable" else "silence"


def first_words(packets: Iterable[CapturedPacket]) -> CapturedPacket | None:
    """The first packet of the other end in which a service says something."""
    return next(
        (
            packet
            for packet in packets
            if packet.direction == "in"
            and packet.tcp is not None
            and packet.tcp.payload_bytes
            and "RST" not in kinds(packet)
        ),
        None,
    )


def is_address(text: str) -> bool:
    """True for an IP address, of either version; False for a name."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
