"""The connection stands, and then: who accepted it, and what became of it."""

from __future__ import annotations

from typing import Final

from whodunet.diagnosis.conclusion import Conclusion
from whodunet.diagnosis.refused import at_hops, router_at
from whodunet.diagnosis.seen import Seen, first_words
from whodunet.diagnosis.signals import (
    ACKNOWLEDGEMENT,
    CLOSED_WINDOW,
    RETURN_TTL,
    SPOKEN,
    hops_by_ttl,
)
from whodunet.diagnosis.spoken import what_was_said
from whodunet.diagnosis.stalled import holds_its_tongue, large_vanish, shows_why_silent
from whodunet.diagnosis.suspects import (
    STANDS_AND_CLOSES,
    parties_at,
    suspects,
)
from whodunet.diagnosis.talk import Talk, baseline_of, nearer, stood
from whodunet.diagnosis.torn import ended_by_reset
from whodunet.diagnosis.verdict import Citation, Party
from whodunet.evidence.packets import kinds
from whodunet.evidence.symptom import Symptom


def afterwards(seen: Seen) -> Conclusion | None:
    """What became of connections that stood; None where none did."""
    talks = stood(seen)
    if not talks:
        return None
    for rule in (
        _window_stays_closed,
        what_was_said,
        ended_by_reset,
        shows_why_silent,
        _closed,
        holds_its_tongue,
        large_vanish,
        accepted_nearer,
    ):
        for talk in talks:
            concluded = rule(seen, talk)
            if concluded is not None:
                return concluded
    return None


# Who accepted it.


def _window_stays_closed(seen: Seen, talk: Talk) -> Conclusion | None:
    accepted = talk.accepted
    if accepted is None or accepted.tcp is None or accepted.tcp.window or talk.result.received:
        return None
    fact = "the SYN-ACK offers a window of 0, and it never opens"
    where = nearer(seen, talk)
    evidence = (CLOSED_WINDOW.says(fact, accepted), *(where.evidence if where else ()))
    hops = where.hops if where else None
    parties = parties_at(hops, seen.destination_hops) if hops else {Party.FIRST_HOP, Party.PATH}
    who = suspects(parties, "syn-proxy-before-silence", by=("a capture behind the proxy: its own SYN is not answered",))
    place = f" {at_hops(hops)}" if hops else ""
    summary = f"A SYN proxy{place} accepts in the name of {seen.question.host}, which does not answer it."
    return Conclusion(Symptom.STALLED, who, summary, (*evidence, *baseline_of(seen)), hops)


def accepted_nearer(seen: Seen, talk: Talk) -> Conclusion | None:
    """It works, and somebody nearer holds the other end."""
    where = nearer(seen, talk)
    if where is None:
        return None
    who = suspects(
        parties_at(where.hops, seen.destination_hops), "proxy-accepts-for-all", "tls-interception", "captive-portal"
    )
    summary = f"A box {at_hops(where.hops)} accepts your connection in the name of {seen.question.host}."
    evidence = (*where.evidence, *baseline_of(seen))
    return Conclusion(_symptom(talk), who, summary, evidence, where.hops, router_at(seen, where.hops), at_most="medium")


def _symptom(talk: Talk) -> Symptom:
    return {
        "reset": Symptom.RESET,
        "closed": Symptom.CONNECTED if talk.result.received else Symptom.CLOSED,
        "silent": Symptom.STALLED,
    }.get(talk.result.outcome, Symptom.CONNECTED)


# Closed.


def _closed(seen: Seen, talk: Talk) -> Conclusion | None:
    """The other end closes before anything useful was said."""
    result = talk.result
    if result.outcome != "closed" or (result.received and not _is_short(talk)):
        return None
    where = nearer(seen, talk)
    if where is not None:
        who = suspects(parties_at(where.hops, seen.destination_hops), "proxy-accepts-for-all", by=("the box's log",))
        summary = (
            f"A box {at_hops(where.hops)} accepts in the name of {seen.question.host}, does not reach it, and closes."
        )
        evidence = (*where.evidence, *baseline_of(seen))
        return Conclusion(Symptom.CLOSED, who, summary, evidence, where.hops, router_at(seen, where.hops))
    fin = next((p for p in talk.packets if p.direction == "in" and "FIN" in kinds(p)), None)
    evidence = (SPOKEN.says(f"the other end closes {'after its banner' if result.received else 'silently'}", fin),)
    if result.received:
        causes = {"no-common-cipher", "sshd-max-startups", "service-closes", "login-refused", "login-grace-time"}
    else:
        causes = {"service-closes", "sshd-max-startups", "socket-activation-limit", "published-port-without-listener",
                  "tcp-wrappers", "login-grace-time", "sshd-penalty", "proxy-accepts-for-all"}  # fmt: skip
    if not result.received and seen.baseline is None:
        causes |= STANDS_AND_CLOSES.causes
    parties = {Party.SERVICE} if seen.baseline is not None else {Party.SERVICE, Party.FIRST_HOP}
    who = suspects(parties, *causes, by=STANDS_AND_CLOSES.settled_by)
    if causes >= STANDS_AND_CLOSES.causes:
        who = STANDS_AND_CLOSES.with_causes(*causes)
    summary = f"The connection to {seen.question.host} stands and is closed by the other end before it is of use."
    return Conclusion(Symptom.CLOSED, who, summary, (*evidence, *baseline_of(seen)), at_most="medium")


def _is_short(talk: Talk) -> bool:
    """True when SSH came no farther than to agree on ciphers. Source: RFC 4253, section 7.1."""
    out = [
        p.tcp.payload_bytes for p in talk.packets if p.direction == "out" and p.tcp is not None and p.tcp.payload_bytes
    ]
    return talk.result.received.startswith(b"SSH-") and len(out) <= 2


# It works.


def works(seen: Seen) -> Conclusion | None:
    """Everything that was tried works; None where something did not."""
    talks = stood(seen)
    if not talks and not (seen.reactions and all(each == "open" for each in seen.reactions)):
        return None
    words = next((talk for talk in talks if talk.result.received), None)
    evidence: list[Citation] = []
    if words is not None:
        evidence.append(SPOKEN.says("the service answers", first_words(words.packets)))
    answer = next((a for a in seen.answers if a.kind == "syn-ack" and a.ttl is not None), None)
    if answer is not None and seen.baseline is not None and hops_by_ttl(answer) is not None:
        evidence.append(RETURN_TTL.says("the SYN-ACK comes from as far away as the destination", answer.packet))
    summary = f"{seen.question.host} port {seen.port} is reached and answers: from here the network is not in the way."
    if not seen.is_live and any(_out_of_sight(talk) for talk in talks):
        summary += " What is said inside is encrypted, so what the service made of it is not seen."
    parties, causes = {Party.NOBODY}, set()
    if seen.question.symptom is Symptom.DENIED:
        parties, causes = {Party.SERVICE}, {"login-refused", "http-error-status"}
    elif not seen.is_live:
        causes = {cause for talk in talks for cause in _out_of_sight(talk)}
        parties |= {Party.SERVICE} if causes else set()
    return Conclusion(
        seen.question.symptom or Symptom.CONNECTED,
        suspects(parties, *causes),
        summary,
        (*evidence, *baseline_of(seen)),
        at_most="medium",  # a connection that is fresh says nothing of one that has stood for long
    )  # fmt: skip


# What ends a conversation that is encrypted, and shows in no packet; of SSH, what a jump host met behind it as well.
# Source: RFC 4253, section 7.3; RFC 8446, section 5
_IN_SSH: Final = (
    "login-refused", "login-grace-time", "host-key-changed", "jump-host-cannot-reach", "jump-host-forbids-forwarding",
    "no-common-cipher", "service-not-listening", "host-firewall-reset",
)  # fmt: skip
_IN_TLS: Final = ("http-error-status", "client-certificate-required", "load-balancer-without-targets")


def _out_of_sight(talk: Talk) -> tuple[str, ...]:
    """What may have gone wrong where a capture cannot look into."""
    if talk.sent.startswith(b"SSH-"):
        return _IN_SSH
    return _IN_TLS if talk.sent.startswith(b"\x16\x03") else ()


def ecn_dropped(seen: Seen) -> Conclusion | None:
    """SYNs that offer ECN are dropped, and those without are answered; None where that is not so."""
    offering = [(shot, result) for shot, result in seen.target_shots if not shot.without_ecn]
    plain = [(shot, result) for shot, result in seen.target_shots if shot.without_ecn]
    if not offering or not plain or not any(talk.received for talk in seen.talks):
        return None
    if any(result.answers for _, result in offering):
        return None
    if not all(result.answers for _, result in plain):
        return None
    who = suspects(
        {Party.FIRST_HOP, Party.PATH}, "ecn-syn-dropped", by=("`sysctl net.ipv4.tcp_ecn=0`: it is quick then",)
    )
    fact = f"{len(offering)} SYNs that offer ECN are not answered, {len(plain)} without it are"
    summary = f"It works, and late: SYNs to {seen.question.host} that offer ECN are dropped on the way."
    evidence = (ACKNOWLEDGEMENT.says(fact, offering[0][1].sent),)
    return Conclusion(Symptom.CONNECTED, who, summary, (*evidence, *baseline_of(seen)), at_most="medium")
