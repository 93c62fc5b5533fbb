"""A verdict in words: who did it and how far away, how sure that is, and what it took."""

from __future__ import annotations

from whodunet.diagnosis.verdict import Cost, HopInterval, Party, Verdict
from whodunet.evidence.packets import CapturedPacket
from whodunet.phrases import listed


def target(verdict: Verdict) -> str:
    """What was asked about, and what became of it."""
    return f"{verdict.host} port {verdict.port}: {verdict.symptom}"


def who(verdict: Verdict) -> str:
    """The parties, with what is known of where they are."""
    if not verdict.parties:
        return "cannot be told from here"
    names = listed([party for party in Party if party in verdict.parties], last="or")
    where = distance(verdict.hops) if verdict.hops is not None else None
    return ", ".join(filter(None, (names, where, verdict.box)))


def distance(hops: HopInterval) -> str:
    """How far away: "here", "1 hop away", "2 to 3 hops away"."""
    if hops.farthest == 0:
        return "here"
    if hops.nearest != hops.farthest:
        return f"{hops.nearest} to {hops.farthest} hops away"
    return "1 hop away" if hops.nearest == 1 else f"{hops.nearest} hops away"


def causes(verdict: Verdict) -> str:
    """Their names; those of a class are known by that, for they look the same from here."""
    if not verdict.causes:
        return "none that is known looks like this" if verdict.parties else "not known"
    names = listed(sorted(verdict.causes), last="or")
    return f"{verdict.cause_class}: {names}" if verdict.cause_class else names


def cost(spent: Cost) -> str:
    """What it took, and by which means."""
    if spent == Cost():
        return "nothing was sent: this is what the packets of the capture tell"
    means = "raw packets" if spent.is_privileged else "ordinary sockets"
    connections = f"{spent.full_handshakes or 'no'} whole connection{'' if spent.full_handshakes == 1 else 's'}"
    packets = f"{spent.packets_sent} packet{'' if spent.packets_sent == 1 else 's'} sent"
    return f"{spent.took_s:.1f} s, {packets}, {connections}, by {means}"


def headers(packet: CapturedPacket) -> str:
    """What tcpdump shows with -v alone: interface, direction, TTL and id."""
    told = [packet.point, packet.direction]
    if packet.ip is not None:
        told.append(f"{packet.ip.ttl_name} {packet.ip.ttl}")
        told += [f"id {packet.ip.id}"] if packet.ip.version == 4 else []
    return ", ".join(told)
