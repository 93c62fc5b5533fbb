"""The connection stands, and then: who accepted it, who ended it, who is silent, and what was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from whodunet.diagnosis.conclusion import Conclusion
from whodunet.diagnosis.probes import Answer, ConversationResult, Converse
from whodunet.diagnosis.refused import Location, at_hops, nearer_than_destination, router_at
from whodunet.diagnosis.seen import Seen, first_words
from whodunet.diagnosis.signals import (
    ACKNOWLEDGEMENT,
    CLOSED_WINDOW,
    IP_ID,
    OFFENDER,
    RETURN_TTL,
    ROUND_TRIP,
    SEQUENCE_GAP,
    SEVERAL_ANSWERS,
    SIZE,
    SPOKEN,
    SYN_ACK_AGAIN,
    UNACKNOWLEDGED,
    continues_ids,
    hops_by_ttl,
    is_too_soon,
    repeated_syn_acks,
    sequence_gap,
    unacknowledged_bytes,
)
from whodunet.diagnosis.suspects import (
    LARGE_VANISH,
    STANDS_AND_CLOSES,
    STANDS_AND_IS_SILENT,
    STANDS_AND_RESETS,
    Suspects,
    parties_at,
    suspects,
)
from whodunet.diagnosis.verdict import Citation, HopInterval, Party
from whodunet.evidence.facts import distance
from whodunet.evidence.packets import CapturedPacket, kinds
from whodunet.evidence.symptom import Symptom

_LARGE_BYTES: Final = 1000  # of payload: more than any path with a tunnel less carries without trouble
_LONG_MS: Final = 5000.0
_LOG: Final = ("the service's log on the destination at this minute",)


@dataclass(frozen=True)
class Talk:
    """One connection that stood, and what was said in it."""

    probe: Converse
    result: ConversationResult

    @property
    def sent(self) -> bytes:
        """The first that this end said."""
        out = [p.tcp.payload for p in self.result.packets if p.direction == "out" and p.tcp and p.tcp.payload]
        return out[0] if out else self.probe.payload

    @property
    def packets(self) -> Sequence[CapturedPacket]:
        """All of it, in the order of time; empty where packets cannot be seen."""
        return self.result.packets

    @property
    def accepted(self) -> CapturedPacket | None:
        """The SYN-ACK with which it stood."""
        return next((p for p in self.packets if p.direction == "in" and "SYN-ACK" in kinds(p)), None)

    @property
    def reset(self) -> CapturedPacket | None:
        """The RST of the other end."""
        return next((p for p in self.packets if p.direction == "in" and "RST" in kinds(p)), None)


def stood(seen: Seen) -> list[Talk]:
    """The connections to the target that stood."""
    return [
        Talk(probe, result)
        for probe, result in seen.conversations
        if (probe.address, probe.port) == (seen.address, seen.port) and result.connect_ms is not None
    ]


def afterwards(seen: Seen) -> Conclusion | None:
    """What became of connections that stood; None where none did."""
    talks = stood(seen)
    if not talks:
        return None
    for rule in (_window_stays_closed, _said, _reset, _silent, _closed, _large_vanish, _accepted_nearer):
        for talk in talks:
            concluded = rule(seen, talk)
            if concluded is not None:
                return concluded
    return None


# Who accepted it.


def _nearer(seen: Seen, talk: Talk) -> Location | None:
    """Where the SYN-ACK came from, when that is nearer than the destination."""
    accepted = [answer for answer in seen.answers if answer.kind == "syn-ack"]
    if not accepted and talk.accepted is not None and talk.accepted.ip is not None:
        came = talk.result.connect_ms or 0.0
        accepted = [Answer("syn-ack", seen.address, came, ttl=talk.accepted.ip.ttl, packet=talk.accepted)]
    return nearer_than_destination(seen, accepted) if accepted else None


def _window_stays_closed(seen: Seen, talk: Talk) -> Conclusion | None:
    accepted = talk.accepted
    if accepted is None or accepted.tcp is None or accepted.tcp.window or talk.result.received:
        return None
    fact = "the SYN-ACK offers a window of 0, and it never opens"
    where = _nearer(seen, talk)
    evidence = (CLOSED_WINDOW.says(fact, accepted), *(where.evidence if where else ()))
    hops = where.hops if where else None
    parties = parties_at(hops, seen.destination_hops) if hops else {Party.FIRST_HOP, Party.PATH}
    who = suspects(parties, "syn-proxy-before-silence", by=("a capture behind the proxy: its own SYN is not answered",))
    summary = f"A SYN proxy{f' {at_hops(hops)}' if hops else ''} accepts in the name of {seen.question.host}, which does not answer it."
    return Conclusion(Symptom.STALLED, who, summary, (*evidence, *_baseline(seen)), hops)


def _accepted_nearer(seen: Seen, talk: Talk) -> Conclusion | None:
    """It works, and somebody nearer holds the other end."""
    where = _nearer(seen, talk)
    if where is None:
        return None
    who = suspects(
        parties_at(where.hops, seen.destination_hops), "proxy-accepts-for-all", "tls-interception", "captive-portal"
    )
    summary = f"A box {at_hops(where.hops)} accepts your connection in the name of {seen.question.host}."
    evidence = (*where.evidence, *_baseline(seen))
    return Conclusion(_symptom(talk), who, summary, evidence, where.hops, router_at(seen, where.hops), at_most="medium")


def _symptom(talk: Talk) -> Symptom:
    return {
        "reset": Symptom.RESET,
        "closed": Symptom.CONNECTED if talk.result.received else Symptom.CLOSED,
        "silent": Symptom.STALLED,
    }.get(talk.result.outcome, Symptom.CONNECTED)


def _baseline(seen: Seen) -> tuple[Citation, ...]:
    return (seen.baseline.citation,) if seen.baseline is not None else ()


# What was said.

_PROTOCOLS: Final = ((b"SSH-", "SSH"), (b"HTTP/", "HTTP"), (b"220 ", "FTP or SMTP"), (b"220-", "FTP or SMTP"))


def _said(seen: Seen, talk: Talk) -> Conclusion | None:
    """What the other end said gives it away."""
    received, sent = talk.result.received, talk.sent
    words = first_words(talk.packets)
    if b"MaxStartups" in received:
        who = suspects(Party.SERVICE, "sshd-max-startups", by=_LOG)
        return _speaks(seen, Symptom.CLOSED, who, "sshd says that too many connections wait for a login", words)
    if sent.startswith(b"CONNECT ") and received.startswith(b"HTTP/"):
        return _proxy_answer(seen, received, words)
    spoken = next((name for start, name in _PROTOCOLS if received.startswith(start)), None)
    if received and not received.startswith(b"\x15\x03") and _is_other_protocol(seen, talk, received):
        return _other_protocol(seen, sent, spoken, words)
    if received.startswith(b"HTTP/"):
        return _status(seen, talk, received, words)
    return _tls(seen, talk)


def _speaks(seen: Seen, symptom: Symptom, who: Suspects, what: str, packet: CapturedPacket | None) -> Conclusion:
    evidence = (SPOKEN.says(what, packet), *_baseline(seen))
    return Conclusion(symptom, who, f"{what[0].upper()}{what[1:]}.", evidence)


def _is_other_protocol(seen: Seen, talk: Talk, received: bytes) -> bool:
    sent = talk.sent
    if sent.startswith((b"\x16\x03", b"GET ", b"HEAD ", b"POST ")) or talk.probe.tls_name is not None:
        is_tls = sent.startswith(b"\x16\x03") or talk.probe.tls_name is not None
        if is_tls and talk.probe.tls_name is not None and not talk.result.tls.get("error"):
            return False
        return not received.startswith((b"\x16\x03", b"\x17\x03", b"\x15\x03") if is_tls else b"HTTP/")
    if sent.startswith(b"SSH-") or seen.question.speech == "ssh":
        return not _is_ssh(received)
    return False


def _is_ssh(received: bytes) -> bool:
    """Lines may come before the banner; what is no text at all is none. Source: RFC 4253, section 4.2."""
    return b"SSH-" in received


def _other_protocol(seen: Seen, sent: bytes, spoken: str | None, words: CapturedPacket | None) -> Conclusion:
    what = spoken or "another protocol"
    if sent.startswith(b"\x16\x03") or (seen.question.speech == "tls" and not sent):
        cause, asked = "https-to-plain-port", "TLS"
    elif sent.startswith((b"GET ", b"HEAD ", b"POST ")):
        cause, asked = "http-to-other-service", "HTTP"
    else:
        cause, asked = "other-protocol-on-port", "SSH"
    parties = {Party.SERVICE, Party.CONFIGURATION}
    who = suspects(parties, cause, by=(*_LOG, "which port the service really has"))
    return _speaks(
        seen, Symptom.PROTOCOL_ERROR, who, f"port {seen.port} speaks {what}, and your program speaks {asked}", words
    )


def _proxy_answer(seen: Seen, received: bytes, words: CapturedPacket | None) -> Conclusion | None:
    status = _http_status(received)
    if status is None or status < 300:
        return None
    if status in (403, 405, 407):
        who = suspects({Party.PROXY, Party.CONFIGURATION}, "proxy-forbids", by=("the proxy's log and its rules",))
        return _speaks(
            seen, Symptom.DENIED, who, f"the proxy answers CONNECT with {status}: it does not allow that", words
        )
    who = suspects(
        {Party.PROXY, Party.DESTINATION, Party.SERVICE},
        "service-not-listening", "host-firewall-reset", "security-group-empty", "security-group-other-rules",
        by=("the same from the proxy: what does it see?",),
    )  # fmt: skip
    says = f"the proxy answers CONNECT with {status}: it does not reach the destination"
    return _speaks(seen, Symptom.CLOSED, who, says, words)


def _http_status(received: bytes) -> int | None:
    parts = received.split(b" ", 2)
    return int(parts[1]) if len(parts) > 1 and parts[1][:3].isdigit() else None


def _status(seen: Seen, talk: Talk, received: bytes, words: CapturedPacket | None) -> Conclusion | None:
    status = _http_status(received)
    where = _nearer(seen, talk)
    if status is None or (status < 300 and where is None):
        return None
    if where is not None and (status in (302, 303, 307, 511) or status < 300):
        who = suspects(parties_at(where.hops, seen.destination_hops), "captive-portal", "proxy-accepts-for-all")
        summary = f"A box {at_hops(where.hops)} answers with HTTP {status} in the name of {seen.question.host}: a sign-in page, likely."
        evidence = (SPOKEN.says(f"HTTP {status}", words), *where.evidence, *_baseline(seen))
        return Conclusion(Symptom.CONNECTED, who, summary, evidence, where.hops, router_at(seen, where.hops))
    if status < 400 and status != 511:
        return None
    causes = ["http-error-status"]
    if status in (502, 503):
        causes.append("load-balancer-without-targets")
    if status == 400:
        causes += ["https-to-plain-port", "client-certificate-required"]
    if status == 511:
        causes = ["captive-portal"]
    parties = {Party.SERVICE} | ({Party.CLOUD_EDGE} if status in (502, 503) else set())
    who = suspects({Party.LOCAL_NETWORK, Party.FIRST_HOP} if status == 511 else parties, *causes, by=_LOG)
    return _speaks(seen, Symptom.DENIED, who, f"the service answers, with HTTP status {status}", words)


# TLS. Source: RFC 8446, section 6 (alerts), RFC 5246, section 7.2

_ALERTS: Final = {40: "handshake failure", 42: "bad certificate", 45: "certificate expired", 46: "certificate unknown",
                  48: "unknown CA", 70: "protocol version", 112: "unrecognised name", 116: "certificate required"}  # fmt: skip
_CERTIFICATE_ALERTS: Final = frozenset({42, 43, 44, 45, 46, 48})
_NOT_TRUSTED: Final = ("certificate-not-valid", "tls-interception", "wrong-virtual-host", "client-clock-skewed")


def _tls(seen: Seen, talk: Talk) -> Conclusion | None:
    error = talk.result.tls.get("error", "").upper()
    alert = _alert(talk, "in")
    own = _alert(talk, "out")
    if error or alert is not None or own is not None:
        return _tls_failed(seen, talk, error, alert, own)
    if _leaves_after_certificate(talk):
        return _not_trusted(seen, talk, "your program ends the connection right after the server's certificate")
    return None


def _alert(talk: Talk, direction: str) -> int | None:
    """The alert that one end sent in plain text; None for none."""
    for packet in talk.packets:
        payload = packet.tcp.payload if packet.tcp is not None else b""
        if (
            packet.direction == direction
            and payload[:2] == b"\x15\x03"
            and len(payload) >= 7
            and payload[3:5] == b"\x00\x02"
        ):
            return payload[6]
    return None


def _leaves_after_certificate(talk: Talk) -> bool:
    """TLS 1.3: this end sends one short encrypted record, an alert, and closes. Source: RFC 8446, section 5.2."""
    out = [p for p in talk.packets if p.direction == "out" and p.tcp is not None and p.tcp.payload_bytes]
    if len(out) < 2 or out[0].tcp is None or out[0].tcp.payload[:2] != b"\x16\x03":
        return False
    rest = [p.tcp for p in out[1:] if p.tcp is not None]
    return all(tcp.payload_bytes <= _ALERT_BYTES and tcp.payload[:1] in (b"\x14", b"\x17") for tcp in rest)


_ALERT_BYTES: Final = 6 + 24  # a change of cipher for old middleboxes, and an encrypted alert


def _tls_failed(seen: Seen, talk: Talk, error: str, alert: int | None, own: int | None) -> Conclusion | None:
    words = next((p for p in talk.packets if p.tcp is not None and p.tcp.payload[:2] == b"\x15\x03"), None)
    if "CERTIFICATE_VERIFY" in error or own in _CERTIFICATE_ALERTS:
        says = f"your program does not trust the certificate ({_ALERTS[own] if own in _ALERTS else error.lower()})"
        return _not_trusted(seen, talk, says)
    if alert == 116 or "CERTIFICATE_REQUIRED" in error or (alert in _CERTIFICATE_ALERTS):
        who = suspects(Party.SERVICE, "client-certificate-required", by=_LOG)
        return _speaks(seen, Symptom.DENIED, who, "the server asks for a certificate of yours", words)
    if alert == 70 or own == 70 or "PROTOCOL_VERSION" in error or "UNSUPPORTED_PROTOCOL" in error:
        who = suspects({Party.SERVICE, Party.CONFIGURATION}, "tls-version-mismatch", by=_LOG)
        return _speaks(seen, Symptom.PROTOCOL_ERROR, who, "the two ends have no version of TLS in common", words)
    if alert == 112:
        return _not_trusted(seen, talk, "the server does not know the name that was asked for")
    if alert == 40 or "HANDSHAKE_FAILURE" in error:
        who = suspects(
            {Party.SERVICE, Party.CONFIGURATION}, "tls-version-mismatch", "client-certificate-required", by=_LOG
        )
        return _speaks(seen, Symptom.PROTOCOL_ERROR, who, "the server breaks the TLS handshake off", words)
    if "WRONG_VERSION_NUMBER" in error:
        who = suspects({Party.SERVICE, Party.CONFIGURATION}, "https-to-plain-port", by=_LOG)
        return _speaks(seen, Symptom.PROTOCOL_ERROR, who, f"port {seen.port} does not speak TLS", words)
    return None


def _not_trusted(seen: Seen, talk: Talk, says: str) -> Conclusion:
    where = _nearer(seen, talk)
    packet = first_words(talk.packets)
    if where is not None:
        who = suspects(
            parties_at(where.hops, seen.destination_hops),
            "tls-interception",
            by=("compare the issuer with another network's",),
        )
        summary = f"A box {at_hops(where.hops)} speaks TLS in the name of {seen.question.host}: {says}."
        evidence = (SPOKEN.says(says, packet), *where.evidence, *_baseline(seen))
        return Conclusion(Symptom.NOT_TRUSTED, who, summary, evidence, where.hops, router_at(seen, where.hops))
    who = suspects(
        {Party.SERVICE, Party.FIRST_HOP, Party.THIS_MACHINE}, *_NOT_TRUSTED,
        by=("issuer, names and dates: `openssl s_client -connect {host}:{port} -servername {host}`", "`date`"),
    )  # fmt: skip
    return _speaks(seen, Symptom.NOT_TRUSTED, who, says, packet)


# Reset.


def _reset(seen: Seen, talk: Talk) -> Conclusion | None:
    if talk.result.outcome != "reset":
        return None
    rst = talk.reset
    if rst is None or rst.ip is None:
        return Conclusion(
            Symptom.RESET, STANDS_AND_RESETS, f"The connection to {seen.question.host} stands and is reset.",
            _baseline(seen), at_most="low",
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
    return Conclusion(Symptom.RESET, who, summary, (*evidence, *_baseline(seen)), hops, box)


def _payload_suspects(seen: Seen, talk: Talk, trigger: CapturedPacket | None, hops: HopInterval | None) -> Suspects:
    parties = parties_at(hops, seen.destination_hops) if hops else {Party.FIRST_HOP, Party.PATH}
    causes = {"payload-reset", "resets-both-ends"}
    idle = _idle_ms(talk)
    if trigger is not None and trigger.tcp is not None:
        if trigger.tcp.payload.startswith(b"SSH-"):
            causes.add("banner-reset")
        if trigger.tcp.payload[:2] == b"\x16\x03":
            causes.add("tls-name-blocked")
    if talk.result.received and idle is not None and idle > _LONG_MS / 5:
        causes = {"idle-connection-reset"}
    return suspects(parties, *causes, by=("the same connection with harmless words; the box's rules and log",))


def _trigger(talk: Talk, end: CapturedPacket) -> CapturedPacket | None:
    """The last that this end had sent before the end came: words, else the ACK of the handshake."""
    before = [p for p in talk.packets if p.direction == "out" and p.time_ns < end.time_ns and p.tcp is not None]
    words = [p for p in before if p.tcp is not None and p.tcp.payload_bytes]
    return next(reversed(words or before), None)


def _idle_ms(talk: Talk) -> float | None:
    """The longest silence in the connection before its last exchange."""
    times = [p.time_ns for p in talk.packets]
    return max(((later - earlier) / 1e6 for earlier, later in zip(times, times[1:], strict=False)), default=None)


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
    elif spoke and (_idle_ms(talk) or 0) > _LONG_MS / 5 and continued is False:
        evidence.append(
            IP_ID.says("its IP ID is not the connection's: where it came from there is no socket any more", rst)
        )
        causes = {"connection-lost-by-reboot", "idle-connection-reset", "source-address-changed"}
        parties = {Party.DESTINATION, Party.CLOUD_EDGE, Party.PATH, Party.FIRST_HOP}
    elif not spoke:
        causes = set(STANDS_AND_RESETS.causes) | {"sshd-penalty", "published-port-without-listener"}
        causes -= {"banner-reset"} if talk.result.connect_ms and since_ms > _LONG_MS else set()
        parties = set(STANDS_AND_RESETS.parties)
    else:
        causes = {"service-crashes", "payload-reset", "resets-both-ends", "connection-lost-by-reboot"}
        parties = {Party.SERVICE, Party.DESTINATION, Party.CLOUD_EDGE}
    who = suspects(parties, *causes, by=STANDS_AND_RESETS.settled_by)
    if causes >= STANDS_AND_RESETS.causes:
        who = STANDS_AND_RESETS.with_causes(*causes)
    summary = f"The connection to {seen.question.host} stands and is reset from as far away as the destination."
    return Conclusion(Symptom.RESET, who, summary, (*evidence, *_baseline(seen)), at_most="medium")


# Silent.


def _silent(seen: Seen, talk: Talk) -> Conclusion | None:
    if talk.result.outcome != "silent":
        return None
    if talk.result.received and not _is_stalled(talk):
        return None
    return _silent_before_words(seen, talk) if not talk.result.received else _stalled(seen, talk)


def _is_stalled(talk: Talk) -> bool:
    missing = talk.result.unacknowledged_bytes
    return bool(missing) or bool(sequence_gap(talk.packets)) or unacknowledged_bytes(talk.packets) > 0


def _errors(talk: Talk) -> list[CapturedPacket]:
    return [p for p in talk.packets if p.direction == "in" and p.icmp is not None]


def _silent_before_words(seen: Seen, talk: Talk) -> Conclusion | None:
    if not talk.sent and seen.question.speech not in ("ssh",):
        return None  # nobody has to speak first there
    errors = _errors(talk)
    if errors:
        return _rejected_words(seen, talk, errors)
    again = repeated_syn_acks(talk.packets)
    gap = sequence_gap(talk.packets)
    missing = talk.result.unacknowledged_bytes or unacknowledged_bytes(talk.packets)
    where = _nearer(seen, talk)
    if where is not None:
        who = suspects(
            parties_at(where.hops, seen.destination_hops), "syn-proxy-before-silence", "proxy-accepts-for-all"
        )
        summary = f"A box {at_hops(where.hops)} accepts in the name of {seen.question.host} and has nothing behind it."
        return Conclusion(
            Symptom.STALLED, who, summary, (*where.evidence, *_baseline(seen)), where.hops, router_at(seen, where.hops)
        )
    if again:
        return _unfinished(
            seen, SYN_ACK_AGAIN.says("the server sends its SYN-ACK again: it has not taken the ACK", *again[:2])
        )
    if gap:
        fact = "what comes begins behind bytes that never came: the server speaks, and a part is dropped on the way"
        return _dropped_words(seen, SEQUENCE_GAP.says(fact, gap[0]))
    if missing:
        fact = f"{missing} bytes that were sent are not acknowledged"
        who = suspects(
            {Party.DESTINATION, Party.FIRST_HOP, Party.PATH}, "handshake-not-completed-at-server", "payload-drop",
            by=STANDS_AND_IS_SILENT.settled_by,
        )  # fmt: skip
        summary = f"The connection to {seen.question.host} stands, and what is sent into it is not acknowledged."
        return Conclusion(
            Symptom.STALLED, who, summary, (UNACKNOWLEDGED.says(fact), *_baseline(seen)), at_most="medium"
        )
    return _holds_its_tongue(seen, talk)


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
    return Conclusion(Symptom.STALLED, who, summary, (*evidence, *_baseline(seen)), at_most="medium")


def _unfinished(seen: Seen, citation: Citation) -> Conclusion:
    who = suspects(Party.DESTINATION, "handshake-not-completed-at-server", by=("on the destination: `ss -ltn`",))
    summary = f"{seen.question.host} has not completed the handshake that looks complete from here: its queue is full."
    return Conclusion(Symptom.STALLED, who, summary, (citation, *_baseline(seen)), at_most="medium")


def _dropped_words(seen: Seen, citation: Citation) -> Conclusion:
    who = suspects(
        {Party.FIRST_HOP, Party.PATH}, "payload-drop", "path-mtu-black-hole", by=STANDS_AND_IS_SILENT.settled_by
    )
    summary = f"{seen.question.host} speaks, and what it says is dropped on the way for what it says, or for its size."
    return Conclusion(Symptom.STALLED, who, summary, (citation, *_baseline(seen)), at_most="medium")


def _rejected_words(seen: Seen, talk: Talk, errors: Sequence[CapturedPacket]) -> Conclusion:
    sender = errors[0].ip.source if errors[0].ip is not None else ""
    hop = seen.control_trace.hop_of(sender) or seen.trace().hop_of(sender)
    back = hop or (distance(errors[0].ip.ttl).hops if errors[0].ip is not None else 1)
    hops = HopInterval(back, back)
    fact = f"each time that something is said, an ICMP error comes from {sender}"
    is_own = sender == seen.address
    parties = {Party.DESTINATION} if is_own else parties_at(hops, seen.destination_hops)
    who = suspects(parties, "payload-reject", by=("the rules of the box",))
    summary = f"{sender}, {at_hops(hops)}, rejects what is said in the connection; the connection itself passes."
    return Conclusion(Symptom.STALLED, who, summary, (OFFENDER.says(fact, *errors[:2]), *_baseline(seen)), hops, sender)


def _stalled(seen: Seen, talk: Talk) -> Conclusion | None:
    """It spoke, and then nothing more came."""
    errors = [p for p in _errors(talk) if "ICMP fragmentation needed" not in kinds(p)]
    if errors:
        return _rejected_words(seen, talk, errors)
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
    if (_idle_ms(talk) or 0) < _LONG_MS / 5:
        causes |= {"payload-drop", "reset-toward-server-only"}
    who = suspects(
        {Party.PATH, Party.FIRST_HOP, Party.CLOUD_EDGE, Party.DESTINATION}, *causes,
        by=("a second connection, opened at once: it works where only state was lost",),
    )  # fmt: skip
    if causes >= _SESSION:
        who = Suspects(who.parties, who.causes, "session-goes-silent", who.settled_by)
    summary = f"The session with {seen.question.host} stood, spoke, and has gone silent."
    return Conclusion(
        Symptom.STALLED, who, summary, (UNACKNOWLEDGED.says(fact, last), *_baseline(seen)), at_most="medium"
    )


_SESSION: Final = frozenset({"idle-connection-dropped", "host-vanishes-mid-session", "path-fails-mid-session",
                             "security-group-tracking-expired"})  # fmt: skip


# Large packets.


def _large_lost(talk: Talk) -> CapturedPacket | None:
    """A large segment of this end that was sent again and never acknowledged; None for none."""
    acknowledged = [p.tcp.ack for p in talk.packets if p.direction == "in" and p.tcp is not None and "." in p.tcp.flags]
    for packet in talk.packets:
        tcp = packet.tcp
        if packet.direction != "out" or tcp is None or tcp.payload_bytes < _LARGE_BYTES or not acknowledged:
            continue
        tries = [
            p
            for p in talk.packets
            if p.direction == "out" and p.tcp is not None and p.tcp.seq == tcp.seq and p.tcp.payload_bytes
        ]
        if len(tries) > 1 and (tcp.end - acknowledged[-1]) % 2**32 < 2**31 and tcp.end != acknowledged[-1]:
            return packet
    return None


def _large_vanish(seen: Seen, talk: Talk) -> Conclusion | None:
    """Large packets vanish and small ones pass, as pings or in the connection."""
    lost = _large_lost(talk)
    if lost is not None and talk.result.outcome == "silent":
        return _vanishing(seen, lost)
    large = [(shot, result) for shot, result in seen.shots if shot.size_bytes >= _LARGE_BYTES and shot.kind == "echo"]
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
    return Conclusion(Symptom.STALLED, who, summary, (SIZE.says(fact, packet), *_baseline(seen)), at_most="medium")


# Closed.


def _closed(seen: Seen, talk: Talk) -> Conclusion | None:
    """The other end closes before anything useful was said."""
    result = talk.result
    if result.outcome != "closed" or (result.received and not _is_short(talk)):
        return None
    where = _nearer(seen, talk)
    if where is not None:
        who = suspects(parties_at(where.hops, seen.destination_hops), "proxy-accepts-for-all", by=("the box's log",))
        summary = (
            f"A box {at_hops(where.hops)} accepts in the name of {seen.question.host}, does not reach it, and closes."
        )
        evidence = (*where.evidence, *_baseline(seen))
        return Conclusion(Symptom.CLOSED, who, summary, evidence, where.hops, router_at(seen, where.hops))
    fin = next((p for p in talk.packets if p.direction == "in" and "FIN" in kinds(p)), None)
    evidence = (
        SPOKEN.says(f"the other end closes {'after its banner' if result.received else 'without a word'}", fin),
    )
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
    return Conclusion(Symptom.CLOSED, who, summary, (*evidence, *_baseline(seen)), at_most="medium")


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
    ecn = _ecn(seen)
    if ecn is not None:
        return ecn
    summary = f"{seen.question.host} port {seen.port} is reached and answers: from here the network is not in the way."
    parties, causes = {Party.NOBODY}, set()
    if seen.question.symptom is Symptom.DENIED:
        parties, causes = {Party.SERVICE}, {"login-refused", "http-error-status"}
    return Conclusion(
        seen.question.symptom or Symptom.CONNECTED, suspects(parties, *causes), summary, (*evidence, *_baseline(seen)),
        at_most="high" if words is not None else "medium",
    )  # fmt: skip


def _ecn(seen: Seen) -> Conclusion | None:
    """SYNs that offer ECN are dropped, and those without are answered; None where that is not so."""
    offering = [(shot, result) for shot, result in seen.target_shots if not shot.without_ecn]
    plain = [(shot, result) for shot, result in seen.target_shots if shot.without_ecn]
    if not offering or not plain or any(result.answers for _, result in offering):
        return None
    if not all(result.answers for _, result in plain):
        return None
    who = suspects(
        {Party.FIRST_HOP, Party.PATH}, "ecn-syn-dropped", by=("`sysctl net.ipv4.tcp_ecn=0`: it is quick then",)
    )
    fact = f"{len(offering)} SYNs that offer ECN are not answered, {len(plain)} without it are"
    summary = f"It works, and late: SYNs to {seen.question.host} that offer ECN are dropped on the way."
    evidence = (ACKNOWLEDGEMENT.says(fact, offering[0][1].sent),)
    return Conclusion(Symptom.CONNECTED, who, summary, (*evidence, *_baseline(seen)), at_most="medium")
