"""A connection that stood, and in which nothing comes, or nothing more, or nothing large."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from whodunet.diagnosis.conclusion import Conclusion
from whodunet.diagnosis.refused import Location, at_hops, router_at
from whodunet.diagnosis.seen import Seen
from whodunet.diagnosis.signals import (
    ACKNOWLEDGEMENT,
    OFFENDER,
    SEQUENCE_GAP,
    SIZE,
    SYN_ACK_AGAIN,
    UNACKNOWLEDGED,
    repeated_syn_acks,
    sequence_gap,
    unacknowledged_bytes,
)
from whodunet.diagnosis.suspects import (
    LARGE_VANISH,
    STANDS_AND_IS_SILENT,
    Suspects,
    parties_at,
    suspects,
)
from whodunet.diagnosis.talk import LONG_MS, Talk, baseline_of, longest_silence_ms, nearer
from whodunet.diagnosis.verdict import Citation, HopInterval, Party
from whodunet.evidence.facts import distance
from whodunet.evidence.packets import CapturedPacket, kinds
from whodunet.evidence.symptom import Symptom

LARGE_BYTES: Final = 1000  # of payload: more than a small echo, less than the narrowest usual path carries

# Silent.


def shows_why_silent(seen: Seen, talk: Talk) -> Conclusion | None:
    """Why nothing comes, or nothing more, where a packet shows it; None where none does."""
    if not _is_silent(talk):
        return None
    if talk.result.received:
        return _stalled(seen, talk)
    errors = _errors(talk)
    if errors:
        return _rejected_words(seen, errors)
    where = nearer(seen, talk)
    if where is not None and _has_somebody_to_speak(seen, talk):
        return _accepted_in_its_name(seen, where)
    return _half_open(seen, talk) or _lost_words(seen, talk)


def holds_its_tongue(seen: Seen, talk: Talk) -> Conclusion | None:
    """Who may be silent where no packet shows why; None where nothing was to be said."""
    if not _is_silent(talk) or talk.result.received or not _has_somebody_to_speak(seen, talk):
        return None
    return _holds_its_tongue(seen, talk)


def _is_silent(talk: Talk) -> bool:
    return talk.result.outcome == "silent" and (not talk.result.received or _is_stalled(talk))


def _has_somebody_to_speak(seen: Seen, talk: Talk) -> bool:
    """An SSH server speaks first; elsewhere only who was spoken to."""
    return bool(talk.sent) or seen.question.speech == "ssh"


def _is_stalled(talk: Talk) -> bool:
    missing = talk.result.unacknowledged_bytes
    return bool(missing) or bool(sequence_gap(talk.packets)) or unacknowledged_bytes(talk.packets) > 0


def _errors(talk: Talk) -> list[CapturedPacket]:
    return [p for p in talk.packets if p.direction == "in" and p.icmp is not None]


def _accepted_in_its_name(seen: Seen, where: Location) -> Conclusion:
    who = suspects(parties_at(where.hops, seen.destination_hops), "syn-proxy-before-silence", "proxy-accepts-for-all")
    summary = f"A box {at_hops(where.hops)} accepts in the name of {seen.question.host} and has nothing behind it."
    evidence = (*where.evidence, *baseline_of(seen))
    return Conclusion(Symptom.STALLED, who, summary, evidence, where.hops, router_at(seen, where.hops))


def _half_open(seen: Seen, talk: Talk) -> Conclusion | None:
    """The server has not taken the ACK of the handshake: it says so, or takes nothing that is sent either."""
    again = repeated_syn_acks(talk.packets)
    missing = talk.result.unacknowledged_bytes or unacknowledged_bytes(talk.packets)
    if again:
        fact = "the server sends its SYN-ACK again: it has not taken the ACK"
        who = suspects(Party.DESTINATION, "handshake-not-completed-at-server", by=("on the destination: `ss -ltn`",))
        summary = f"{seen.question.host} has not completed the handshake that looks complete from here."
        evidence = (SYN_ACK_AGAIN.says(fact, *again[:2]), *baseline_of(seen))
        return Conclusion(Symptom.STALLED, who, summary, evidence, at_most="medium")
    if not missing:
        return None
    fact = f"{missing} bytes that were sent are not acknowledged"
    who = suspects(
        {Party.DESTINATION, Party.FIRST_HOP, Party.PATH}, "handshake-not-completed-at-server", "payload-drop",
        by=STANDS_AND_IS_SILENT.settled_by,
    )  # fmt: skip
    summary = f"The connection to {seen.question.host} stands, and what is sent into it is not acknowledged."
    return Conclusion(Symptom.STALLED, who, summary, (UNACKNOWLEDGED.says(fact), *baseline_of(seen)), at_most="medium")


def _lost_words(seen: Seen, talk: Talk) -> Conclusion | None:
    """The server speaks, and what it said first never came."""
    gap = sequence_gap(talk.packets)
    if not gap:
        return None
    fact = "what comes begins behind bytes that never came: the server speaks, and a part is dropped on the way"
    return _dropped_words(seen, SEQUENCE_GAP.says(fact, gap[0]))


def _holds_its_tongue(seen: Seen, talk: Talk) -> Conclusion:
    summary = f"The connection to {seen.question.host} stands and nothing is said: the service hangs, or does not hear."
    who = STANDS_AND_IS_SILENT
    evidence: list[Citation] = []
    if talk.sent and talk.packets:
        fact = "what is sent is acknowledged: the destination's kernel has it, and its program says nothing"
        acknowledging = [p for p in talk.packets if p.direction == "in" and p.tcp is not None and p.tcp.flags == "."]
        evidence.append(ACKNOWLEDGEMENT.says(fact, *acknowledging[:1]))
        who = suspects(
            {Party.SERVICE, Party.FIRST_HOP, Party.PATH}, "service-hung", "reset-toward-server-only", "payload-drop",
            by=STANDS_AND_IS_SILENT.settled_by,
        )  # fmt: skip
    return Conclusion(Symptom.STALLED, who, summary, (*evidence, *baseline_of(seen)), at_most="medium")


def _dropped_words(seen: Seen, citation: Citation) -> Conclusion:
    who = suspects(
        {Party.FIRST_HOP, Party.PATH}, "payload-drop", "path-mtu-black-hole", by=STANDS_AND_IS_SILENT.settled_by
    )
    summary = f"{seen.question.host} speaks, and what it says is dropped on the way for what it says, or for its size."
    return Conclusion(Symptom.STALLED, who, summary, (citation, *baseline_of(seen)), at_most="medium")


def _rejected_words(seen: Seen, errors: Sequence[CapturedPacket]) -> Conclusion:
    sender = errors[0].ip.source if errors[0].ip is not None else ""
    hop = seen.control_trace.hop_of(sender) or seen.trace().hop_of(sender)
    back = hop or (distance(errors[0].ip.ttl).hops if errors[0].ip is not None else 1)
    hops = HopInterval(back, back)
    fact = f"each time that something is said, an ICMP error comes from {sender}"
    is_own = sender == seen.address
    parties = {Party.DESTINATION} if is_own else parties_at(hops, seen.destination_hops)
    who = suspects(parties, "payload-reject", by=("the rules of the box",))
    summary = f"{sender}, {at_hops(hops)}, rejects what is said in the connection; the connection itself passes."
    return Conclusion(
        Symptom.STALLED, who, summary, (OFFENDER.says(fact, *errors[:2]), *baseline_of(seen)), hops, sender
    )


def _stalled(seen: Seen, talk: Talk) -> Conclusion | None:
    """It spoke, and then nothing more came."""
    errors = [p for p in _errors(talk) if "ICMP fragmentation needed" not in kinds(p)]
    if errors:
        return _rejected_words(seen, errors)
    large = _large_lost(talk)
    if large is not None:
        return _vanishing(seen, large)
    gap = sequence_gap(talk.packets)
    if gap:
        return _dropped_words(seen, SEQUENCE_GAP.says("what comes begins behind bytes that never came", gap[0]))
    fact = "the connection spoke, and then what was sent is not acknowledged any more"
    last = next((p for p in reversed(talk.packets) if p.direction == "out"), None)
    causes = {"idle-connection-dropped", "host-vanishes-mid-session", "path-fails-mid-session",
              "security-group-tracking-expired", "window-tracking-drops"}  # fmt: skip
    if (longest_silence_ms(talk) or 0) < LONG_MS / 5:
        causes |= {"payload-drop", "reset-toward-server-only"}
    who = suspects(
        {Party.PATH, Party.FIRST_HOP, Party.CLOUD_EDGE, Party.DESTINATION}, *causes,
        by=("a second connection, opened at once: it works where only state was lost",),
    )  # fmt: skip
    if causes >= _SESSION:
        who = Suspects(who.parties, who.causes, "session-goes-silent", who.settled_by)
    summary = f"The session with {seen.question.host} stood, spoke, and has gone silent."
    return Conclusion(
        Symptom.STALLED, who, summary, (UNACKNOWLEDGED.says(fact, last), *baseline_of(seen)), at_most="medium"
    )


_SESSION: Final = frozenset({"idle-connection-dropped", "host-vanishes-mid-session", "path-fails-mid-session",
                             "security-group-tracking-expired"})  # fmt: skip


# Large packets.


def _large_lost(talk: Talk) -> CapturedPacket | None:
    """A large segment of this end that was sent again and never acknowledged; None for none."""
    acknowledged = [p.tcp.ack for p in talk.packets if p.direction == "in" and p.tcp is not None and "." in p.tcp.flags]
    for packet in talk.packets:
        tcp = packet.tcp
        if packet.direction != "out" or tcp is None or tcp.payload_bytes < LARGE_BYTES or not acknowledged:
            continue
        tries = [
            p
            for p in talk.packets
            if p.direction == "out" and p.tcp is not None and p.tcp.seq == tcp.seq and p.tcp.payload_bytes
        ]
        if len(tries) > 1 and (tcp.end - acknowledged[-1]) % 2**32 < 2**31 and tcp.end != acknowledged[-1]:
            return packet
    return None


def large_vanish(seen: Seen, talk: Talk) -> Conclusion | None:
    """Large packets vanish and small ones pass, as pings or in the connection."""
    lost = _large_lost(talk)
    if lost is not None and talk.result.outcome == "silent":
        return _vanishing(seen, lost)
    large = [
        (shot, result)
        for shot, result in seen.shots
        if shot.size_bytes >= LARGE_BYTES and shot.kind == "echo" and result.error is None
    ]
    pings = [r for shot, r in seen.controls if shot.kind == "echo" and any(a.kind == "echo-reply" for a in r.answers)]
    if not pings or not large or any(result.answers for _, result in large):
        return None
    return _vanishing(seen, large[0][1].sent)


def _vanishing(seen: Seen, packet: CapturedPacket | None) -> Conclusion:
    size = f" of {packet.length} bytes" if packet is not None else ""
    fact = f"small packets are answered, and one{size} is not, nor does a router say that it is too big"
    who = LARGE_VANISH
    if seen.way_out is not None and not seen.way_out.is_tunnel:
        who = suspects({Party.PATH, Party.THIS_MACHINE}, *who.causes, by=who.settled_by)
    summary = (
        f"Large packets to {seen.question.host} vanish on the way, and small ones pass: a path MTU that nobody tells."
    )
    return Conclusion(Symptom.STALLED, who, summary, (SIZE.says(fact, packet), *baseline_of(seen)), at_most="medium")
