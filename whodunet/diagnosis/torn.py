"""A connection that stood and was reset: by the socket that was spoken to, or by somebody in its name."""

from __future__ import annotations

from whodunet.diagnosis.conclusion import Conclusion
from whodunet.diagnosis.refused import at_hops, router_at
from whodunet.diagnosis.seen import Seen, first_words
from whodunet.diagnosis.signals import (
    IP_ID,
    RETURN_TTL,
    ROUND_TRIP,
    SEVERAL_ANSWERS,
    continues_ids,
    is_too_soon,
)
from whodunet.diagnosis.suspects import (
    STANDS_AND_RESETS,
    Suspects,
    parties_at,
    suspects,
)
from whodunet.diagnosis.talk import LONG_MS, Talk, baseline_of, longest_silence_ms
from whodunet.diagnosis.verdict import Citation, HopInterval, Party
from whodunet.evidence.facts import distance
from whodunet.evidence.packets import CapturedPacket, kinds
from whodunet.evidence.symptom import Symptom

# Reset.


def ended_by_reset(seen: Seen, talk: Talk) -> Conclusion | None:
    if talk.result.outcome != "reset":
        return None
    rst = talk.reset
    if rst is None or rst.ip is None:
        return Conclusion(
            Symptom.RESET, STANDS_AND_RESETS, f"The connection to {seen.question.host} stands and is reset.",
            baseline_of(seen), at_most="low",
        )  # fmt: skip
    foreign = _foreign_signs(seen, talk, rst)
    if foreign is not None:
        return foreign
    return _reset_by_destination(seen, talk, rst)


def _foreign_signs(seen: Seen, talk: Talk, rst: CapturedPacket) -> Conclusion | None:
    """What shows that a RST is not of the socket that was spoken to; None where nothing does."""
    accepted = talk.accepted
    trigger = _trigger(talk, rst)
    evidence: list[Citation] = []
    rtt_ms = seen.baseline.rtt_ms if seen.baseline is not None else talk.result.connect_ms
    took_ms = (rst.time_ns - trigger.time_ns) / 1e6 if trigger is not None else None
    rst_ttl = rst.ip.ttl if rst.ip is not None else 0
    other_ttl = accepted.ip.ttl if accepted is not None and accepted.ip is not None else rst_ttl
    spoken = first_words(talk.packets)
    if spoken is not None and spoken.ip is not None:
        other_ttl = spoken.ip.ttl
    is_nearer = distance(rst_ttl).hops < distance(other_ttl).hops
    if rst_ttl != other_ttl:
        fact = f"the RST comes with a TTL of {rst_ttl}, all else of the other end with {other_ttl}"
        evidence.append(RETURN_TTL.says(fact, rst, spoken or accepted))
    if took_ms is not None and is_too_soon(took_ms, rtt_ms):
        fact = f"it came {took_ms:.1f} ms after what it answers; there and back takes {rtt_ms or 0:.1f} ms"
        evidence.append(ROUND_TRIP.says(fact, trigger, rst))
    after = [p for p in talk.packets if p.direction == "in" and p.time_ns > rst.time_ns and p.tcp is not None
             and p.tcp.payload_bytes and "RST" not in kinds(p)]  # fmt: skip
    if after:
        evidence.append(
            SEVERAL_ANSWERS.says("the server's own words come after the RST that bears its name", rst, after[0])
        )
    if not evidence:
        return None
    if continues_ids(talk.packets, rst) is False:
        evidence.append(IP_ID.says("its IP ID does not continue those of the connection", rst))
    back = distance(rst_ttl).hops
    hops = HopInterval(back, back) if is_nearer else None
    who = _payload_suspects(seen, talk, trigger, hops)
    near = f"{at_hops(hops)} " if hops else "on the way "
    summary = f"A box {near}resets the connection in the name of {seen.question.host}, which did not end it."
    box = router_at(seen, hops) if hops else None
    return Conclusion(Symptom.RESET, who, summary, (*evidence, *baseline_of(seen)), hops, box)


def _payload_suspects(seen: Seen, talk: Talk, trigger: CapturedPacket | None, hops: HopInterval | None) -> Suspects:
    parties = parties_at(hops, seen.destination_hops) if hops else {Party.FIRST_HOP, Party.PATH}
    causes = {"payload-reset", "resets-both-ends"}
    idle = longest_silence_ms(talk)
    if trigger is not None and trigger.tcp is not None:
        if talk.sent.startswith(b"SSH-"):
            causes.add("banner-reset")
        if talk.sent[:2] == b"\x16\x03":
            causes.add("tls-name-blocked")
    if talk.result.received and idle is not None and idle > LONG_MS / 5:
        causes = {"idle-connection-reset"}
    return suspects(parties, *causes, by=("the same connection with harmless words; the box's rules and log",))


def _trigger(talk: Talk, end: CapturedPacket) -> CapturedPacket | None:
    """The last that this end had sent before the end came: words, else the ACK of the handshake."""
    before = [p for p in talk.packets if p.direction == "out" and p.time_ns < end.time_ns and p.tcp is not None]
    words = [p for p in before if p.tcp is not None and p.tcp.payload_bytes]
    return next(reversed(words or before), None)


def _reset_by_destination(seen: Seen, talk: Talk, rst: CapturedPacket) -> Conclusion:
    """A RST from as far away as all else: the service, its kernel, or who stands right before them."""
    accepted = talk.accepted
    evidence: list[Citation] = [
        RETURN_TTL.says("the RST comes with the same TTL as all else of the other end", rst, accepted)
    ]
    continued = continues_ids(talk.packets, rst)
    spoke = first_words(talk.packets) is not None
    since_ms = (rst.time_ns - accepted.time_ns) / 1e6 if accepted is not None else 0.0
    if continued is True:
        evidence.append(
            IP_ID.says("its IP ID continues those of the connection: the service's own socket sent it", rst)
        )
        causes = {"service-crashes", "tcp-wrappers", "sshd-penalty", "published-port-without-listener"}
        parties = {Party.SERVICE}
    elif spoke and (longest_silence_ms(talk) or 0) > LONG_MS / 5 and continued is False:
        evidence.append(
            IP_ID.says("its IP ID is not the connection's: where it came from there is no socket any more", rst)
        )
        causes = {"connection-lost-by-reboot", "idle-connection-reset", "source-address-changed"}
        parties = {Party.DESTINATION, Party.CLOUD_EDGE, Party.PATH, Party.FIRST_HOP}
    elif not spoke:
        causes = set(STANDS_AND_RESETS.causes) | {"sshd-penalty", "published-port-without-listener"}
        causes -= {"banner-reset"} if talk.result.connect_ms and since_ms > LONG_MS else set()
        parties = set(STANDS_AND_RESETS.parties)
    else:
        causes = {"service-crashes", "payload-reset", "resets-both-ends", "connection-lost-by-reboot"}
        parties = {Party.SERVICE, Party.DESTINATION, Party.CLOUD_EDGE}
    who = suspects(parties, *causes, by=STANDS_AND_RESETS.settled_by)
    if causes >= STANDS_AND_RESETS.causes:
        who = STANDS_AND_RESETS.with_causes(*causes)
    summary = f"The connection to {seen.question.host} stands and is reset from as far away as the destination."
    return Conclusion(Symptom.RESET, who, summary, (*evidence, *baseline_of(seen)), at_most="medium")
