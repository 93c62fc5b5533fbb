"""What the packets of a probe say, in sentences: the answer at the client, and the evidence for the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from whodunet.core.packets import CapturedPacket, Flow, kinds
from whodunet.core.scenario import AnswerTime, EvidenceClaim
from whodunet.core.topology import Topology
from whodunet.core.trails import Trail, sender_of, trails_of
from whodunet.view.ladder import forged_name, opening
from whodunet.view.wording import Isns, label

INITIAL_TTLS = (64, 128, 255)  # Source: Linux and BSD 64, Windows 128, many routers 255


@dataclass(frozen=True)
class Exchange:
    """A packet as the probe's own host sent it, and the packet that came back about it."""

    asked: CapturedPacket
    answer: CapturedPacket | None
    handshake: CapturedPacket | None = None  # the SYN-ACK, where another packet is the answer

    @property
    def took_ms(self) -> float | None:
        """Time from the packet to its answer; None when none came."""
        return None if self.answer is None else (self.answer.time_ns - self.asked.time_ns) / 1e6


def exchange_at(host: str, packets: Sequence[CapturedPacket], topology: Topology) -> Exchange | None:
    """The packet that opened the host's last connection and its answer; None when nothing but ARP and DNS left it.

    Connections before the last only prepared it, as those to single sign-on do. A host without one: its first packet.
    Where the connection was reset, the answer is the RST, and the packet that it answers the last one before it.
    """
    here = [p for p in packets if p.point in topology.interfaces and topology.interfaces[p.point].node == host]
    sent = [p for p in here if p.direction == "out" and p.flow is not None and p.dns is None]
    flows = {p.flow: p for p in reversed(sent) if p.tcp is not None}  # by flow its first packet, the last flow first
    asked = max(flows.values(), key=lambda p: p.time_ns, default=next(iter(sent), None))
    if asked is None or asked.flow is None:
        return None
    flow = asked.flow
    back = [p for p in here if p.direction == "in" and p.time_ns >= asked.time_ns and _is_about(p, flow)]
    reset = next((p for p in back if "RST" in kinds(p)), None)
    if reset is None:
        return Exchange(asked, next(iter(back), None))
    before = [p for p in sent if p.flow == flow and p.time_ns <= reset.time_ns]
    return Exchange(before[-1], reset, next((p for p in back if "SYN-ACK" in kinds(p)), None))


def _is_about(packet: CapturedPacket, flow: Flow) -> bool:
    return flow in (packet.flow, packet.icmp and packet.icmp.quoted)


def reasons(exchange: Exchange, baseline_rtt_ms: float | None, isns: Isns) -> Iterator[str]:
    """What an answer's time and TTL tell of its sender, a sentence each."""
    asked, answer, took_ms = label(exchange.asked, isns), exchange.answer, exchange.took_ms
    if answer is None or took_ms is None:
        yield f"No answer to the {asked} came back at {exchange.asked.point}."
        return
    name = label(answer, isns)
    yield f"{name} came {took_ms:.1f} ms after the {asked}{_against_baseline(took_ms, baseline_rtt_ms)}."
    if answer.ip is not None:
        yield _ttl_reason(answer.ip.ttl)
        yield from _against_handshake(answer.ip.ttl, exchange.handshake)


def _against_handshake(ttl: int, handshake: CapturedPacket | None) -> Iterator[str]:
    if handshake is not None and handshake.ip is not None and handshake.ip.ttl != ttl:
        yield f"The SYN-ACK of the same connection came with TTL {handshake.ip.ttl}: not from the same sender."


def _against_baseline(took_ms: float, baseline_ms: float | None) -> str:
    if not baseline_ms:
        return "; the baseline round trip was not measured"
    share = took_ms / baseline_ms
    verdict = "too soon for the whole path" if share < 0.5 else "as long as the whole path takes"  # half: one way
    if share > 2:
        verdict = "longer than the path takes"
    return f"; the baseline round trip is {baseline_ms:.1f} ms: {verdict}"


def _ttl_reason(ttl: int) -> str:
    initial, passed = _routers_passed(ttl)
    hops = "one hop" if passed == 0 else f"{passed + 1} hops"
    passing = f"if it was sent with {initial}, it passed {_routers(passed)}"
    return f"Its TTL is {ttl}: {passing}, and its sender is {hops} away."


def _routers_passed(ttl: int) -> tuple[int, int]:
    """The TTL that a packet was probably sent with, and the routers it then passed."""
    initial = next((initial for initial in INITIAL_TTLS if initial >= ttl), 255)
    return initial, initial - ttl


def _routers(count: int) -> str:
    return "no router" if count == 0 else "one router" if count == 1 else f"{count} routers"


def in_brief(host: str, packets: Sequence[CapturedPacket], topology: Topology) -> str:
    """A probe's packets in a phrase: "RST after 3.7 ms, TTL 64", or how far its first packet came."""
    exchange = exchange_at(host, packets, topology)
    if exchange is None:
        answers = [packet.dns for packet in packets if packet.dns is not None and packet.dns.is_answer]
        return f"DNS answered {len(answers)} times" if answers else f"nothing but ARP left {host}"
    if exchange.answer is None:
        first = opening(trails_of(packets, topology))
        return f"its {_bare_label(first.first)} was last seen at {first.last.point}"
    ttl = f", TTL {exchange.answer.ip.ttl}" if exchange.answer.ip else ""
    return f"{_bare_label(exchange.answer)} after {exchange.took_ms:.1f} ms{ttl}"


def _bare_label(packet: CapturedPacket) -> str:
    """What a packet is, without numbers."""
    return label(packet, Isns(())).partition(" seq ")[0].partition(" ack ")[0]


def are_alike(some: Sequence[CapturedPacket], others: Sequence[CapturedPacket], topology: Topology) -> bool:
    """True when two probes sent the same kinds of packets, which were lost or delivered at the same places."""
    return _fates(some, topology) == _fates(others, topology)


def _fates(packets: Sequence[CapturedPacket], topology: Topology) -> set[tuple[object, ...]]:
    trails = (trail for trail in trails_of(packets, topology) if trail.first.arp is None)
    return {(trail.kinds, trail.points, trail.last.ip and trail.last.ip.ttl) for trail in trails}


def evidence_sentence(
    claim: EvidenceClaim, trails: Sequence[Trail], topology: Topology, baseline_rtt_ms: float | None
) -> str:
    """What a claim that held says, with the values that were measured."""
    own = [trail for trail in trails if _is_meant(claim, trail, topology)]
    if not own:
        return f"No {claim.packet} of {claim.probe} was seen at {_listed(claim.not_seen_at, 'or')}."
    where = " and ".join(_whereabouts(claim, own[0], topology))
    parts = [where] if where else []
    if claim.after is not None:
        parts += _timing(claim.after, own, trails, baseline_rtt_ms, "it came" if where else "came")
    if claim.not_seen_at:
        parts.append(f"{_listed(claim.not_seen_at)} saw nothing of it")
    for point in claim.at_least:
        parts.append(f"{point} saw it {sum(trail.at(point) is not None for trail in own)} times")
    for point, ttl in claim.ttl.items():
        parts.append(f"its TTL at {point} was {ttl}: {_routers(_routers_passed(ttl)[1])} passed it on")
    return f"The {claim.packet} of {claim.probe} {'; '.join(parts) or 'was seen'}."


def _is_meant(claim: EvidenceClaim, trail: Trail, topology: Topology) -> bool:
    return claim.packet in trail.kinds and claim.sender in (None, sender_of(trail.first, topology))


def _whereabouts(claim: EvidenceClaim, trail: Trail, topology: Topology) -> Iterator[str]:
    if claim.first_seen_at:
        forged = forged_name(trail, topology)
        yield f"was first seen at {claim.first_seen_at}" + (f", in the name of {forged}" if forged else "")
    if claim.seen_at:
        yield f"was seen at {_listed(claim.seen_at)}"
    if claim.last_seen_at:
        yield f"got as far as {claim.last_seen_at} and no farther"


def _timing(
    wanted: AnswerTime, own: Sequence[Trail], trails: Sequence[Trail], baseline_rtt_ms: float | None, came: str
) -> Iterator[str]:
    gaps_ms = sorted(_gaps_ms(wanted, own, trails))
    if gaps_ms and baseline_rtt_ms:
        soonest = f", the soonest of {len(gaps_ms)}" if len(gaps_ms) > 1 else ""
        baseline = f"against a baseline round trip of {baseline_rtt_ms:.1f} ms"
        yield f"{came} {gaps_ms[0]:.1f} ms after the {wanted.packet}{soonest}, {baseline}"


def _gaps_ms(wanted: AnswerTime, own: Sequence[Trail], trails: Sequence[Trail]) -> Iterator[float]:
    """From each packet of a claim back to the last one before it that it is timed by."""
    others = [packet for trail in trails if wanted.packet in trail.kinds and (packet := trail.at(wanted.at))]
    for packet in filter(None, (trail.at(wanted.at) for trail in own)):
        before = [other.time_ns for other in others if other.time_ns < packet.time_ns and _are_one_talk(other, packet)]
        if before:
            yield (packet.time_ns - max(before)) / 1e6


def _are_one_talk(one: CapturedPacket, other: CapturedPacket) -> bool:
    return one.flow is not None and _is_about(other, one.flow)


def _listed(names: Sequence[str], last: str = "and") -> str:
    """Names as in a sentence: "a, b and c"."""
    return f" {last} ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else "any capture point"
