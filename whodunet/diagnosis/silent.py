"""Silence: how far the question came, and what else is answered on the same way."""

from __future__ import annotations

from whodunet.diagnosis.conclusion import Conclusion
from whodunet.diagnosis.probes import Answer, Shoot
from whodunet.diagnosis.refused import at_hops, nearer_than_destination, router_at
from whodunet.diagnosis.seen import Seen, is_address, reaction
from whodunet.diagnosis.signals import (
    ACKNOWLEDGEMENT,
    CONTROL,
    REPETITION,
    RETURN_TTL,
    SOURCE_PORT,
    TIME_EXCEEDED,
    hops_by_ttl,
)
from whodunet.diagnosis.suspects import (
    DESTINATION_SILENT,
    DIRECTION_UNKNOWN,
    PORT_SILENT,
    SILENCE_AT_A_HOP,
    SILENT_AT_TIMES,
    Suspects,
    parties_at,
    suspects,
)
from whodunet.diagnosis.verdict import Citation, HopInterval, Party
from whodunet.evidence.symptom import Symptom
from whodunet.phrases import times


def silence(seen: Seen) -> Conclusion | None:
    """Who drops it; None where something answered that a program takes for an answer."""
    if not seen.saw("silence"):
        return None
    if seen.saw("open"):
        return _at_times(seen)
    if seen.saw("reset") or seen.saw("icmp error"):
        return None
    ignored = _ignored_resets(seen)
    if ignored:
        return _resets_that_do_not_count(seen, ignored)
    return _source_port(seen) or _dead_tunnel(seen) or _dropped_on_the_way(seen) or _at_the_end(seen)


def _ignored_resets(seen: Seen) -> list[Answer]:
    return [answer for answer in seen.answers if answer.kind == "rst" and answer.acknowledges is False]


def _resets_that_do_not_count(seen: Seen, resets: list[Answer]) -> Conclusion:
    first = resets[0]
    fact = "RSTs come that do not acknowledge the SYN; the system ignores them, and the program waits"
    evidence = [ACKNOWLEDGEMENT.says(fact, *(answer.packet for answer in resets[:2]))]
    where = nearer_than_destination(seen, resets)
    if where is not None:
        evidence += where.evidence
    hops = where.hops if where is not None else None
    back = hops_by_ttl(first)
    if hops is None and back is not None:
        hops = HopInterval(back, back)
        evidence.append(RETURN_TTL.says(f"they come with a TTL of {first.ttl}: from {back} hops away", first.packet))
    parties = parties_at(hops, seen.destination_hops) if hops else {Party.FIRST_HOP, Party.PATH}
    who = suspects(parties, "reset-not-acceptable", by=("the rules of the box; a capture behind it",))
    far = f" {at_hops(hops)}" if hops else " on the way"
    summary = f"A box{far} drops your SYNs and answers with RSTs that do not count, so what you see is a timeout."
    if seen.baseline is not None:
        evidence.append(seen.baseline.citation)
    return Conclusion(Symptom.TIMED_OUT, who, summary, tuple(evidence), hops, router_at(seen, hops) if hops else None)


def _at_times(seen: Seen) -> Conclusion:
    """The same try works at times: a single one proves nothing."""
    tries = seen.reactions
    worked = tries.count("open")
    fact = f"of {len(tries)} tries {worked} were accepted and {tries.count('silence')} not answered"
    packets = [result.sent for _, result in seen.target_shots if reaction(result) == "silence"]
    evidence = [REPETITION.says(fact, *packets[:3])]
    who = SILENT_AT_TIMES.with_causes("handshake-not-completed-at-server")  # a full queue does both
    stable = _stable_by_port(seen)
    if stable:
        evidence.append(SOURCE_PORT.says(stable))
        causes = ("ecmp-half-dead", "network-acl-some-ephemeral-ports", "network-acl-inbound-some-ephemeral-ports")
        who = suspects({Party.PATH, Party.CLOUD_EDGE}, *causes, by=who.settled_by)
    summary = (
        f"{seen.question.host} port {seen.port} answers at times: {fact}. It is reachable and open, and something "
        "drops a part of the tries."
    )
    symptom = Symptom.TIMED_OUT if tries and tries[0] == "silence" else Symptom.CONNECTED
    return Conclusion(symptom, who, summary, tuple(evidence), at_most="medium")


def _stable_by_port(seen: Seen) -> str | None:
    """Whether the source port decides: at least two were tried more than once, and each always went one way."""
    by_port: dict[int, set[str]] = {}
    counts: dict[int, int] = {}
    for shot, result in seen.target_shots:
        if shot.source_port is not None:
            by_port.setdefault(shot.source_port, set()).add(reaction(result))
            counts[shot.source_port] = counts.get(shot.source_port, 0) + 1
    repeated = {port for port, count in counts.items() if count > 1}
    outcomes = [by_port[port] for port in repeated]
    if len(repeated) < 2 or any(len(each) > 1 for each in outcomes) or len({min(each) for each in outcomes}) < 2:
        return None
    return f"each of {len(repeated)} source ports always came to the same, some to an answer and others to silence"


def _source_port(seen: Seen) -> Conclusion | None:
    """Silence for the ports that programs use, and an answer for others: a filter without state drops the answers."""
    opened = [
        (shot, result)
        for shot, result in seen.shots
        if _is_service_port(shot) and shot.port == seen.port and reaction(result) in ("open", "reset")
    ]
    if not opened:
        return None
    shot, result = opened[0]
    fact = f"with source port {shot.source_port} it is answered, with ports as programs use them it is not"
    evidence = [SOURCE_PORT.says(fact, result.sent, *(answer.packet for answer in result.answers[:1]))]
    back = hops_by_ttl(result.answers[0]) if result.answers else None
    if back is not None:
        evidence.append(
            RETURN_TTL.says(f"that answer comes from {back} hops away: the question arrives", result.answers[0].packet)
        )
    who = suspects(
        Party.CLOUD_EDGE,
        "network-acl-ephemeral-ports",
        "network-acl-inbound-ephemeral-ports",
        by=("the outbound rules of the subnet's network ACL",),
    )
    summary = (
        f"{seen.question.host} gets your SYNs and answers; a filter without memory in front of it drops the answers to "
        "the source ports that programs use, as a network ACL without ephemeral ports does."
    )
    return Conclusion(Symptom.TIMED_OUT, who, summary, tuple(evidence), at_most="high")


def _is_service_port(shot: Shoot) -> bool:
    return shot.kind == "syn" and shot.source_port is not None and shot.source_port < 1024


def _dead_tunnel(seen: Seen) -> Conclusion | None:
    """Nothing at all comes back by a tunnel, not from its first router either."""
    way = seen.way_out
    if way is None or not way.is_tunnel or seen.is_anything_heard or seen.routers_seen:
        return None
    if any(answer for _, result in seen.shots for answer in result.answers):
        return None
    fact = f"packets leave over the tunnel {way.interface}, and nothing at all comes back, from its first router either"
    sent = next((result.sent for _, result in seen.target_shots), None)
    who = suspects(
        {Party.THIS_MACHINE, Party.FIRST_HOP}, "vpn-peer-dead",
        by=("whether packets leave by the outer interface when you connect", "the VPN client's log"),
    )  # fmt: skip
    summary = f"The tunnel {way.interface} is up here and dead at its other end: nothing comes back through it."
    return Conclusion(Symptom.TIMED_OUT, who, summary, (CONTROL.says(fact, sent),), HopInterval(0, 1), at_most="medium")


def _dropped_on_the_way(seen: Seen) -> Conclusion | None:
    """Probes to the target die nearer than others on the same way do; None where they do not."""
    own, control = seen.trace(), seen.control_trace
    if not own.results:
        return None
    reached = max(control.last_router, (control.lowest or 1) - 1)
    if own.last_router >= reached or own.lowest is not None:
        return None
    if not control.results and not own.last_router:
        return None
    hops = HopInterval(max(1, own.last_router), own.last_router + 1)
    evidence = [
        TIME_EXCEEDED.says(
            f"SYNs to port {seen.port} are last heard of "
            + (
                f"at {own.routers[own.last_router]}, hop {own.last_router}"
                if own.last_router
                else "before the first hop"
            )
            + f", and others on the same way at hop {reached}"
        )
    ]
    others = [answer for _, result in seen.controls for answer in result.answers]
    if others:
        evidence.append(CONTROL.says("the same way is open for other packets", others[0].packet))
    if seen.baseline is not None:
        evidence.append(seen.baseline.citation)
    who = SILENCE_AT_A_HOP.among(*parties_at(hops, seen.destination_hops))
    if hops.farthest <= 1:
        who = suspects(Party.FIRST_HOP, "egress-drop", by=who.settled_by)
    elif hops.nearest > 1:
        who = suspects(who.parties, "path-drop", "null-route", by=who.settled_by)
    if others:
        who = who.without("null-route")  # which is about an address and no port
    summary = (
        f"SYNs to {seen.question.host} port {seen.port} are dropped {at_hops(hops)}; other packets go on from there."
    )
    return Conclusion(
        Symptom.TIMED_OUT, who, summary, tuple(evidence), hops, router_at(seen, hops),
        at_most="high" if hops.farthest <= 1 else "medium",
    )  # fmt: skip


def _at_the_end(seen: Seen) -> Conclusion:
    """The question comes as far as can be seen, and nothing comes back: the destination, or its border."""
    evidence: list[Citation] = []
    farthest = seen.routers_seen
    if farthest:
        routers = {**seen.trace().routers, **seen.control_trace.routers}
        evidence.append(TIME_EXCEEDED.says(f"routers on the way answer as far as hop {farthest} ({routers[farthest]})"))
    heard = _heard(seen)
    if heard:
        evidence += heard
        who, what = (
            _silent_port(seen),
            f"port {seen.port} of {seen.question.host} is silent, and the host answers otherwise",
        )
    else:
        who, what = _silent_host(seen), f"nothing at all comes back from {seen.question.host}"
    evidence.append(_unanswered(seen))
    if seen.baseline is not None:
        evidence.append(seen.baseline.citation)
    goal = seen.destination_hops
    hops = (
        HopInterval(farthest, max(farthest, goal or farthest + 1))
        if farthest
        else HopInterval(1, goal)
        if goal
        else None
    )
    summary = f"No packet answers: {what}." + (" The way there is open up to the last router." if farthest else "")
    return Conclusion(Symptom.TIMED_OUT, who, summary, tuple(evidence), hops, at_most="medium")


def _heard(seen: Seen) -> list[Citation]:
    """What else of the destination's answered."""
    return [
        CONTROL.says(f"{_named(shot)} is answered ({answer.kind})", answer.packet)
        for shot, result in seen.controls
        for answer in result.answers[:1]
        if answer.sender == seen.address
    ]


def _named(shot: Shoot) -> str:
    return {"syn": f"a SYN to port {shot.port}", "echo": "a ping", "datagram": "a UDP datagram"}[shot.kind]


def _unanswered(seen: Seen) -> Citation:
    sent = [result.sent for _, result in seen.target_shots]
    count = len(seen.reactions)
    return REPETITION.says(f"{count} SYNs to port {seen.port} were sent, and answered {times(0)}", *sent[:3])


def _silent_port(seen: Seen) -> Suspects:
    """Silence at one port of a host that answers otherwise; where the path was not looked at, anywhere on it."""
    who = PORT_SILENT.with_causes(
        *DIRECTION_UNKNOWN.causes, "host-output-drop", "host-output-reject", parties=DIRECTION_UNKNOWN.parties
    )
    if not _is_seen_to_arrive(seen):
        who = who.with_causes("egress-drop", "rate-limited", parties=[Party.FIRST_HOP])
    return _perhaps_at_times(seen, who)


def _silent_host(seen: Seen) -> Suspects:
    who = DESTINATION_SILENT.with_causes(
        "vpn-route-missing", "path-detour", "path-no-way-back", "host-output-drop", parties=[Party.PATH]
    )
    if not _is_seen_to_arrive(seen):
        who = who.with_causes("path-drop", "null-route", parties=[Party.PATH])
    if not seen.controls:  # other ports and protocols were not tried
        who = who.with_causes(*PORT_SILENT.causes, *DIRECTION_UNKNOWN.causes, parties=PORT_SILENT.parties)
    if seen.routers_seen <= 1:
        who = who.with_causes("egress-drop", "rate-limited", parties=[Party.FIRST_HOP])
    who = _perhaps_at_times(seen, who)
    who = who.with_causes("network-acl-inbound", "network-acl-outbound", "network-acl-inbound-ephemeral-ports")
    if not seen.is_live or not is_address(seen.question.host):  # a capture does not say what was typed
        who = who.with_causes(
            "stale-record", "hosts-file-override", "private-dns-off-network", parties=[Party.RESOLVER]
        )
    return who


def _is_seen_to_arrive(seen: Seen) -> bool:
    """True when a router right before the destination had the question: only then the path is out of it."""
    baseline = seen.baseline
    return baseline is not None and baseline.hops is not None and seen.trace().last_router >= baseline.hops - 1


_PORTS_ENOUGH, _TRIES_ENOUGH = 3, 8


def _perhaps_at_times(seen: Seen, who: Suspects) -> Suspects:
    """With few tries, silence may be one that comes and goes."""
    ports = {shot.source_port for shot, _ in seen.target_shots}
    if len(ports) < _PORTS_ENOUGH:
        who = who.with_causes("ecmp-half-dead", "network-acl-some-ephemeral-ports")
    if len(seen.target_shots) < _TRIES_ENOUGH:
        who = who.with_causes("random-loss", "nat-ports-exhausted")
    return who
