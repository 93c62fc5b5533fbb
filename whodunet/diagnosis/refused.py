"""A refusal: whose it is, by how far away its sender is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from whodunet.diagnosis.conclusion import Conclusion
from whodunet.diagnosis.probes import Answer
from whodunet.diagnosis.seen import Baseline, Seen
from whodunet.diagnosis.signals import (
    CLAIM,
    CONTROL,
    LOWEST_TTL,
    OFFENDER,
    RETURN_TTL,
    ROUND_TRIP,
    SEVERAL_ANSWERS,
    TIME_EXCEEDED,
    copies_ttl,
    hops_by_ttl,
    icmp_meaning,
    is_injected_beside,
    is_time_exceeded,
    is_too_soon,
    reset_claim,
)
from whodunet.diagnosis.suspects import (
    DESTINATION_REFUSES,
    EVERYTHING_REFUSED,
    Suspects,
    parties_at,
    suspects,
)
from whodunet.diagnosis.verdict import Citation, Confidence, HopInterval, Party
from whodunet.evidence.symptom import Symptom
from whodunet.phrases import listed


@dataclass(frozen=True)
class Location:
    """Where somebody who answers in the destination's name stands, and what shows it."""

    hops: HopInterval
    evidence: tuple[Citation, ...]
    is_ttl_set: bool = False  # its TTL says another distance than all else
    follows_ttl: bool = False  # its TTL follows that of what it answers


# By RST.


def by_reset(seen: Seen) -> Conclusion | None:
    """Who sent a RST in answer to the SYN; None where none came."""
    resets = accepted_resets(seen)
    if not resets:
        return None
    injected = _injected(seen, resets)
    if injected is not None:
        return injected
    nearer = nearer_than_destination(seen, resets)
    if nearer is not None:
        return _by_box(seen, resets, nearer)
    if seen.baseline is not None:
        return _at_destination(seen, resets, seen.baseline)
    return _unauthenticated(seen, resets)


def accepted_resets(seen: Seen) -> list[Answer]:
    """The RSTs that a program that connects takes for a refusal."""
    return [answer for answer in seen.answers if answer.kind == "rst" and answer.acknowledges is not False]


def nearer_than_destination(seen: Seen, answers: Sequence[Answer]) -> Location | None:
    """Where the sender of these answers stands, when that is nearer than the destination; None: nothing shows that.

    Three signals: the TTL with which they come, the time that they take, and the lowest TTL that draws one. Who sets
    a TTL of its own is given away by the other two.
    """
    baseline, goal = seen.baseline, seen.destination_hops
    first, kind = answers[0], answers[0].kind
    took_ms = median(answer.after_ms for answer in answers)
    answered = {ttl: answer for ttl, answer in seen.trace().answered().items() if answer.kind == kind}
    lowest = min(answered, default=None)
    back = hops_by_ttl(first)
    sent = seen.trace().results
    pairs = [(ttl, answer.ttl) for ttl, answer in answered.items() if answer.ttl is not None and ttl in sent]
    follows = copies_ttl(pairs)
    far = _how_far(seen, baseline)
    evidence: list[Citation] = []
    is_sooner = baseline is not None and is_too_soon(took_ms, baseline.rtt_ms)
    if is_sooner and baseline is not None:
        fact = f"it took {took_ms:.1f} ms, and to the destination and back takes {baseline.rtt_ms:.1f} ms"
        evidence.append(ROUND_TRIP.says(fact, first.packet))
    is_lower = lowest is not None and (lowest < goal if goal is not None else lowest == 1 and seen.is_off_link)
    if is_lower:
        fact = f"a SYN with a TTL of {lowest} is answered, and {far}"
        evidence.append(LOWEST_TTL.says(fact, answered[lowest or 0].packet))
    is_back_nearer = back is not None and not follows and _is_ttl_nearer(seen, back, goal)
    if is_back_nearer and back is not None:
        fact = f"it comes with a TTL of {first.ttl}: its sender is {_hops(back)} away, and {far}"
        evidence.append(RETURN_TTL.says(fact, first.packet))
    if not evidence:
        return None
    is_set = back is not None and not follows and not is_back_nearer and (is_sooner or is_lower)
    hops = _interval(lowest if is_lower else None, back if is_back_nearer else None, goal)
    return Location(hops, tuple(evidence), is_ttl_set=is_set, follows_ttl=follows)


def _is_ttl_nearer(seen: Seen, back: int, goal: int | None) -> bool:
    """True when the TTL of an answer says that its sender is not at the destination."""
    baseline = seen.baseline
    if baseline is not None and baseline.ttl is not None:
        # The same way back has as many routers: both TTLs are compared by the distances that they tell.
        home = hops_by_ttl(Answer("echo-reply", seen.address, 0.0, ttl=baseline.ttl))
        return home is not None and back < home
    if goal is not None and goal > 1:
        return back < goal
    return back == 1 and seen.is_off_link


def _interval(lowest: int | None, back: int | None, goal: int | None) -> HopInterval:
    """Where the box is: what draws an answer with TTL k is behind the TTL check of hop k-1, or before that of hop k."""
    if lowest is not None:
        nearest, farthest = max(1, lowest - 1), lowest
        if back is not None and nearest <= back <= farthest:
            return HopInterval(back, back)
        return HopInterval(nearest, farthest)
    if back is not None:
        return HopInterval(back, back)
    return HopInterval(1, max(1, (goal or 2) - 1))


def _how_far(seen: Seen, baseline: Baseline | None) -> str:
    if baseline is not None and baseline.hops is not None:
        return f"the destination is {_hops(baseline.hops)} away"
    if seen.routers_seen:
        return f"routers on the way to it answer as far as {_hops(seen.routers_seen)} away"
    return "the destination is not on this link"


def _hops(count: int) -> str:
    return "1 hop" if count == 1 else f"{count} hops"


def at_hops(hops: HopInterval) -> str:
    """Where, in words."""
    if hops.nearest == hops.farthest:
        return f"{_hops(hops.nearest)} away"
    return f"{hops.nearest} to {hops.farthest} hops away"


def router_at(seen: Seen, hops: HopInterval) -> str | None:
    """The address of the router at a hop, where one said that it is there; None for none, and for an interval."""
    if hops.nearest != hops.farthest:
        return None
    known = seen.control_trace.routers.get(hops.nearest) or seen.trace().routers.get(hops.nearest)
    if known is None and hops.nearest == 1 and seen.way_out is not None:
        return seen.way_out.gateway
    return known


def _destination(seen: Seen) -> str:
    baseline = seen.baseline
    if baseline is None or baseline.hops is None:
        at_least = f", which is at least {_hops(seen.routers_seen + 1)} away" if seen.routers_seen else ""
        return f"{seen.question.host}{at_least}"
    return f"{seen.question.host}, which is {_hops(baseline.hops)} and {baseline.rtt_ms:.0f} ms away"


def _by_box(seen: Seen, resets: Sequence[Answer], where: Location) -> Conclusion:
    first = resets[0]
    box = router_at(seen, where.hops)
    named = f" ({box})" if box else ""
    summary = (
        f"Your connection is refused by a box {at_hops(where.hops)}{named}, not by {_destination(seen)} and was "
        "never asked."
        if seen.baseline is not None or seen.routers_seen
        else f"Your connection is refused by a box {at_hops(where.hops)}{named}, in the name of {seen.question.host}."
    )
    evidence = [*where.evidence, *_claims(first), *_context(seen)]
    who = _resetting_box(where, seen)
    ignores = _ignores_short_ttl(seen)
    if ignores is not None:
        evidence.append(ignores)
        who = suspects(who.parties, "egress-ignores-short-ttl")
    at_most: Confidence = "high"
    if where.hops.nearest == 1 and _may_be_captured_by_tunnel(seen):
        who, at_most = who.with_causes("split-tunnel-overlap"), "medium"
    return Conclusion(Symptom.REFUSED, who, summary, tuple(evidence), where.hops, box, at_most=at_most)


def _may_be_captured_by_tunnel(seen: Seen) -> bool:
    """True for a private address behind a tunnel: the VPN's routes may have taken what was meant for another network.

    The box is the same then, and does what it should. Source: RFC 1918, section 5
    """
    return seen.way_out is not None and seen.way_out.is_tunnel and seen.is_private


def _resetting_box(where: Location, seen: Seen) -> Suspects:
    parties = parties_at(where.hops, seen.destination_hops)
    by = (
        "the log or the rules of the box, or a capture behind it: the SYN does not come out of it",
        "the same connection from another network (off the VPN)",
    )
    if where.follows_ttl:
        return suspects(parties, "egress-reset-copies-ttl", by=by)
    if where.is_ttl_set:
        return suspects(parties, "egress-reset-spoofed-ttl", by=by)
    if where.hops.nearest > 1:
        return suspects(parties, "path-reset", by=by)
    causes = {"egress-reset", "egress-reset-before-routing"}
    lowest = seen.trace().lowest
    if lowest is not None and lowest > 1 and where.hops.farthest == 1:
        causes.discard("egress-reset-before-routing")  # a TTL of 1 did not draw it
    if where.hops.farthest > 1:
        causes.add("path-reset")
    if _next_hop_accepts(seen):
        causes.add("captive-portal")
        parties |= {Party.LOCAL_NETWORK}
    return suspects(parties, *causes, by=by)


def _next_hop_accepts(seen: Seen) -> bool:
    """True when the next hop accepts other ports in the name of a destination that is not on its link."""
    accepted = [answer for _, result in seen.controls for answer in result.answers if answer.kind == "syn-ack"]
    spoken = any(probe.port != seen.port and talk.received for probe, talk in seen.conversations)
    is_near = any(hops_by_ttl(answer) == 1 for answer in accepted)
    return seen.is_off_link and seen.baseline is None and (spoken or is_near)


def _ignores_short_ttl(seen: Seen) -> Citation | None:
    """A SYN with just enough TTL reaches the destination and is accepted there, and one with more is not."""
    accepted = [answer for answer in seen.trace().answered().values() if answer.kind == "syn-ack"]
    if not accepted:
        return None
    fact = (
        "a SYN whose TTL is just enough is accepted by the destination: the box acts on packets of a higher TTL alone"
    )
    return LOWEST_TTL.says(fact, accepted[0].packet)


def _injected(seen: Seen, resets: Sequence[Answer]) -> Conclusion | None:
    """Somebody on the way forges RSTs and lets the question pass: the destination's answer comes as well."""
    both = [result for _, result in seen.target_shots if is_injected_beside(result.answers)]
    if not both:
        return None
    accepted = next(answer for answer in both[0].answers if answer.kind == "syn-ack")
    fact = f"a SYN-ACK came {accepted.after_ms:.1f} ms after the SYN, besides the RST at {resets[0].after_ms:.1f} ms"
    where = nearer_than_destination(seen, resets)
    evidence = [SEVERAL_ANSWERS.says(fact, resets[0].packet, accepted.packet), *(where.evidence if where else ())]
    hops = where.hops if where else None
    parties = parties_at(hops, seen.destination_hops) if hops else {Party.FIRST_HOP, Party.PATH}
    summary = (
        f"Somebody on the way to {seen.question.host} forges a RST for your SYN and lets the SYN pass: the port is "
        "open, and its answer comes too late."
    )
    who = suspects(parties, "injector-on-path", by=("a capture at the destination: it sees the SYN and answers it",))
    return Conclusion(Symptom.REFUSED, who, summary, (*evidence, *_context(seen)), hops)


def _at_destination(seen: Seen, resets: Sequence[Answer], baseline: Baseline) -> Conclusion:
    """As far away as the destination itself: it refuses, or somebody right before it imitates that."""
    first = resets[0]
    facts = [f"it took {median(answer.after_ms for answer in resets):.1f} ms, as long as to the destination and back"]
    evidence = [ROUND_TRIP.says(facts[0], first.packet)]
    back = hops_by_ttl(first)
    if back is not None:
        evidence.append(
            RETURN_TTL.says(
                f"it comes with a TTL of {first.ttl}: {_hops(back)}, as the destination's answers do", first.packet
            )
        )
    summary = (
        f"{seen.question.host} itself refuses port {seen.port}: nothing listens there for you, or its own firewall or "
        "its last hop imitates that."
    )
    who = _refusing_destination(seen)
    hops = HopInterval(max(1, baseline.hops - 1), baseline.hops) if baseline.hops is not None else None
    return Conclusion(
        Symptom.REFUSED, who, summary, (*evidence, *_claims(first), *_context(seen)), hops, at_most="medium"
    )


def _refusing_destination(seen: Seen) -> Suspects:
    who = DESTINATION_REFUSES
    if seen.question.speech in ("http", "tls"):
        who = who.with_causes("load-balancer-without-targets")
    if seen.family == "ipv6":
        who = who.with_causes("service-listens-on-ipv4-only")
    return who


def _unauthenticated(seen: Seen, resets: Sequence[Answer]) -> Conclusion:
    """Only RSTs come, from nobody knows where: nothing shows that the destination has ever been asked."""
    first = resets[0]
    others = [answer for _, result in seen.controls for answer in result.answers if answer.kind == "rst"]
    evidence: list[Citation] = []
    if others:
        fact = "other ports are reset as well, and nothing came that only the destination can send"
        evidence.append(CONTROL.says(fact, *(answer.packet for answer in others[:2])))
    back = hops_by_ttl(first)
    hops = HopInterval(back, back) if back is not None else None
    if back is not None:
        evidence.append(
            RETURN_TTL.says(f"it comes with a TTL of {first.ttl}: its sender is {_hops(back)} away", first.packet)
        )
    who = _refusing_destination(seen)
    if others:
        who = EVERYTHING_REFUSED.with_causes(*who.causes, parties=who.parties)
    else:
        who = who.with_causes("path-reset", *(("egress-reset",) if back is None else ()), parties=[Party.PATH])
    place = f", from {_hops(back)} away" if back else ""
    summary = (
        f"A RST in the name of {seen.question.host} refuses the connection{place}; "
        "nothing came that only the destination itself can send, so it may be anybody on the way."
    )
    return Conclusion(Symptom.REFUSED, who, summary, (*evidence, *_claims(first)), hops, at_most="low")


def _claims(answer: Answer) -> list[Citation]:
    claim = reset_claim(answer.packet)
    if claim is None:
        return []
    return [
        CLAIM.says(f'the RST says of itself: "{claim.reason}" (code {claim.code}); a claim, not a proof', answer.packet)
    ]


def _context(seen: Seen) -> list[Citation]:
    """The baseline, or what stands in for it."""
    if seen.baseline is not None:
        return [seen.baseline.citation]
    routers = {**seen.trace().routers, **seen.control_trace.routers}
    if not routers:
        return []
    farthest = max(routers)
    return [TIME_EXCEEDED.says(f"the way to the destination leads past {routers[farthest]}, {_hops(farthest)} away")]


# By ICMP.


def by_icmp(seen: Seen) -> Conclusion | None:
    """Who sent an ICMP error in answer to the SYN; None where none came."""
    errors = [answer for answer in seen.answers if answer.kind == "icmp-error" and icmp_meaning(answer) != "too big"]
    if not errors:
        return None
    if all(is_time_exceeded(error) for error in errors):
        return _looping(seen, errors)
    error = next(error for error in errors if not is_time_exceeded(error))
    if seen.way_out is not None and error.sender == seen.way_out.source:
        return _by_itself(seen, error)
    where = nearer_than_destination(seen, [error])
    if error.sender == seen.address and where is None:
        return _by_destination(seen, error)
    return _by_router(seen, error, where)


def _symptom(error: Answer) -> Symptom:
    return Symptom.REFUSED if icmp_meaning(error) == "port unreachable" else Symptom.UNREACHABLE


def _offence(error: Answer, whose: str) -> Citation:
    kind, code = error.icmp or (0, 0)
    fact = f"ICMP type {kind} code {code} ({icmp_meaning(error)}) comes from {error.sender}, {whose}"
    return OFFENDER.says(fact, error.packet)


def _by_itself(seen: Seen, error: Answer) -> Conclusion:
    cause = "local-output-icmp-refused" if icmp_meaning(error) == "port unreachable" else "local-output-unreachable"
    who = suspects(Party.THIS_MACHINE, cause, by=("`nft list ruleset` as root: a reject rule of the output hook",))
    summary = f"This machine's own packet filter rejects the connection to {seen.question.host}; nothing left it."
    return Conclusion(
        _symptom(error),
        who,
        summary,
        (_offence(error, "this machine itself"),),
        HopInterval(0, 0),
        error.sender,
        is_local=True,
    )


def _by_destination(seen: Seen, error: Answer) -> Conclusion:
    is_refusal = icmp_meaning(error) == "port unreachable"
    causes = ("host-firewall-icmp-refused",) if is_refusal else ("host-firewall-reject", "host-route-wrong")
    who = suspects(Party.DESTINATION, *causes, by=("on the destination: `nft list ruleset`, a reject rule",))
    evidence = [_offence(error, "the destination itself")]
    if seen.baseline is not None:
        evidence.append(
            ROUND_TRIP.says(f"it took {error.after_ms:.1f} ms, as long as to the destination", error.packet)
        )
        evidence.append(seen.baseline.citation)
    summary = f"{seen.question.host} rejects the connection itself: its packet filter says so by ICMP."
    hops = seen.baseline.hops if seen.baseline else None
    return Conclusion(
        _symptom(error), who, summary, tuple(evidence), HopInterval(hops, hops) if hops else None, error.sender
    )


def _by_router(seen: Seen, error: Answer, where: Location | None) -> Conclusion:
    """A router on the way says it in its own name, or a box in the destination's."""
    evidence = [_offence(error, "which is not the destination" if error.sender != seen.address else "in its name")]
    evidence += where.evidence if where is not None else ()
    hop = seen.trace().hop_of(error.sender) or seen.control_trace.hop_of(error.sender)
    is_gateway = seen.way_out is not None and error.sender == seen.way_out.gateway
    if hop is None and is_gateway:
        hop = 1
    if hop is not None:
        hops: HopInterval | None = HopInterval(hop, hop)
    else:
        back = hops_by_ttl(error)
        hops = where.hops if where is not None else HopInterval(back, back) if back is not None else None
    near = hops is not None and hops.nearest <= 1
    parties = parties_at(hops, seen.destination_hops) if hops else frozenset({Party.FIRST_HOP, Party.PATH})
    causes = _router_causes(seen, error, near=near, far=hops is None or hops.farthest > 1)
    if hops is not None and hops.nearest > 1 and seen.destination_hops is None:
        parties |= {Party.CLOUD_EDGE}
    who = suspects(parties, *causes, by=(f"the rules and routes of {error.sender}",))
    verb = "refuses" if icmp_meaning(error) == "port unreachable" else "says that it cannot be reached"
    place = f", {at_hops(hops)}," if hops else ""
    not_it = f"; {seen.question.host} did not say that" if error.sender != seen.address else ""
    summary = f"{error.sender}{place} {verb} ({icmp_meaning(error)}){not_it}."
    return Conclusion(_symptom(error), who, summary, (*evidence, *_context(seen)), hops, error.sender)


def _router_causes(seen: Seen, error: Answer, *, near: bool, far: bool) -> frozenset[str]:
    meaning = icmp_meaning(error)
    first_hop = {
        "port unreachable": {"egress-icmp-refused"},
        "prohibited": {"egress-admin-prohibited", "path-route-prohibits"},
        "no route": {"egress-unreachable", "path-no-route"},
        "host unreachable": {"egress-unreachable", "host-arp-silent", "path-link-down"},
    }.get(meaning, {"egress-unreachable"})
    on_path = {
        "port unreachable": {"path-icmp-refused"},
        "prohibited": {"path-unreachable", "path-route-prohibits"},
        "no route": {"path-no-route", "path-unreachable", "path-link-down"},
        "host unreachable": {"path-unreachable", "host-arp-silent", "instance-stopped", "path-link-down"},
    }.get(meaning, {"path-unreachable"})
    causes = (first_hop if near else set()) | (on_path if far else set())
    if seen.is_anything_heard:  # whose route or link fails, fails for all that goes there
        causes -= {"path-route-prohibits", "path-no-route", "path-link-down", "host-arp-silent", "instance-stopped"}
    if meaning == "host unreachable" and error.after_ms > _NEIGHBOUR_GIVEN_UP_MS:
        causes -= {"egress-unreachable", "path-unreachable"}  # a rule rejects at once
    return frozenset(causes)


_NEIGHBOUR_GIVEN_UP_MS = 900.0  # three requests, a second apart. Source: RFC 4861, section 10; arp(7)


def _looping(seen: Seen, errors: Sequence[Answer]) -> Conclusion:
    routers = list(dict.fromkeys(error.sender for error in errors))
    fact = f"a packet with the system's own TTL ends on the way, at {listed(routers)}"
    evidence = [TIME_EXCEEDED.says(fact, *(error.packet for error in errors[:3]))]
    turns = seen.trace().loops or seen.control_trace.loops
    hops = None
    if turns:
        at = seen.trace().hop_of(turns[0]) or seen.control_trace.hop_of(turns[0]) or 1
        hops = HopInterval(at, at + 1)
        evidence.append(LOWEST_TTL.says(f"{turns[0]} is passed again and again, first at hop {at}"))
    who = suspects({Party.PATH}, "routing-loop", by=("the routes of the routers that are passed again and again",))
    summary = (
        f"The packets to {seen.question.host} go in circles between routers ({listed(routers)}) until their TTL ends."
    )
    return Conclusion(Symptom.UNREACHABLE, who, summary, (*evidence, *_context(seen)), hops, routers[0])
