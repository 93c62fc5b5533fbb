"""What the other end of a connection said, and when that gives it away: another protocol, a status, an alert."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from whodunet.diagnosis.conclusion import Conclusion
from whodunet.diagnosis.refused import at_hops, router_at
from whodunet.diagnosis.seen import Seen, first_words
from whodunet.diagnosis.signals import (
    SPOKEN,
)
from whodunet.diagnosis.suspects import (
    Suspects,
    parties_at,
    suspects,
)
from whodunet.diagnosis.talk import SERVICE_LOG, Talk, baseline_of, nearer
from whodunet.diagnosis.verdict import Party
from whodunet.evidence.packets import CapturedPacket
from whodunet.evidence.symptom import Symptom

# What was said.

_PROTOCOLS: Final = ((b"SSH-", "SSH"), (b"HTTP/", "HTTP"), (b"220 ", "FTP or SMTP"), (b"220-", "FTP or SMTP"))


def what_was_said(seen: Seen, talk: Talk) -> Conclusion | None:
    """What the other end said gives it away."""
    received, sent = talk.result.received, talk.sent
    words = first_words(talk.packets)
    if b"MaxStartups" in received:
        who = suspects(Party.SERVICE, "sshd-max-startups", by=SERVICE_LOG)
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
    evidence = (SPOKEN.says(what, packet), *baseline_of(seen))
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
    who = suspects(parties, cause, by=(*SERVICE_LOG, "which port the service really has"))
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
    where = nearer(seen, talk)
    if status is None or (status < 300 and where is None):
        return None
    if where is not None and (status in (302, 303, 307, 511) or status < 300):
        who = suspects(parties_at(where.hops, seen.destination_hops), "captive-portal", "proxy-accepts-for-all")
        summary = (
            f"A box {at_hops(where.hops)} answers with HTTP {status} in the name of {seen.question.host}: "
            "a sign-in page, likely."
        )
        evidence = (SPOKEN.says(f"HTTP {status}", words), *where.evidence, *baseline_of(seen))
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
    who = suspects({Party.LOCAL_NETWORK, Party.FIRST_HOP} if status == 511 else parties, *causes, by=SERVICE_LOG)
    return _speaks(seen, Symptom.DENIED, who, f"the service answers, with HTTP status {status}", words)


# TLS. Source: RFC 8446, section 6 (alerts), RFC 5246, section 7.2

_ALERTS: Final = {
    42: "bad certificate", 43: "unsupported certificate", 44: "certificate revoked", 45: "certificate expired",
    46: "certificate unknown", 48: "unknown CA",
}  # fmt: skip
_CERTIFICATE_ALERTS: Final = frozenset(_ALERTS)
_NOT_TRUSTED: Final = ("certificate-not-valid", "tls-interception", "wrong-virtual-host", "client-clock-skewed")


def _tls(seen: Seen, talk: Talk) -> Conclusion | None:
    error = talk.result.tls.get("error", "").upper()
    alert = _alert(talk, "in")
    own = _alert(talk, "out")
    if error or alert is not None or own is not None:
        return _tls_failed(seen, talk, error, alert, own)
    if _denied_by_alert(talk):
        who = suspects(Party.SERVICE, "client-certificate-required", by=SERVICE_LOG)
        return _speaks(seen, Symptom.DENIED, who, "the server ends TLS with an alert after your program's part", None)
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


@dataclass(frozen=True)
class _Failure:
    """One way in which a TLS handshake ends."""

    alerts: frozenset[int]  # with which the server ends it
    words: tuple[str, ...]  # of OpenSSL's reasons, for a program that says them
    causes: tuple[str, ...]
    says: str
    symptom: Symptom = Symptom.PROTOCOL_ERROR


_FAILURES: Final = (
    _Failure(
        frozenset({116}) | _CERTIFICATE_ALERTS, ("CERTIFICATE_REQUIRED",), ("client-certificate-required",),
        "the server asks for a certificate of yours", Symptom.DENIED,
    ),
    _Failure(
        frozenset({70}), ("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL"), ("tls-version-mismatch",),
        "the two ends have no version of TLS in common",
    ),
    _Failure(
        frozenset({40}), ("HANDSHAKE_FAILURE",), ("tls-version-mismatch", "client-certificate-required"),
        "the server breaks the TLS handshake off",
    ),
    _Failure(frozenset(), ("WRONG_VERSION_NUMBER",), ("https-to-plain-port",), "the port does not speak TLS"),
)  # fmt: skip


def _tls_failed(seen: Seen, talk: Talk, error: str, alert: int | None, own: int | None) -> Conclusion | None:
    words = next((p for p in talk.packets if p.tcp is not None and p.tcp.payload[:2] == b"\x15\x03"), None)
    if "CERTIFICATE_VERIFY" in error or own in _CERTIFICATE_ALERTS:
        says = f"your program does not trust the certificate ({_ALERTS[own] if own in _ALERTS else error.lower()})"
        is_expired = "EXPIRED" in error or own == _EXPIRED
        return _not_trusted(seen, talk, says, _EXPIRY if is_expired else _NOT_TRUSTED)
    if alert == _UNRECOGNISED_NAME:
        return _not_trusted(seen, talk, "the server does not know the name that was asked for")
    for failure in _FAILURES:
        if (
            alert in failure.alerts
            or any(word in error for word in failure.words)
            or (own == 70 and 70 in failure.alerts)
        ):
            who = suspects({Party.SERVICE, Party.CONFIGURATION}, *failure.causes, by=SERVICE_LOG)
            return _speaks(seen, failure.symptom, who, failure.says, words)
    return None


_UNRECOGNISED_NAME, _EXPIRED = 112, 45
_EXPIRY: Final = ("certificate-not-valid", "client-clock-skewed")


def _denied_by_alert(talk: Talk) -> bool:
    """TLS 1.3: the server answers the client's last flight with one short encrypted record, and ends it.

    A server that lets the client in sends tickets or an answer first, which are longer. Source: RFC 8446, section 4.6.1
    """
    out = [p for p in talk.packets if p.direction == "out" and p.tcp is not None and p.tcp.payload_bytes]
    if len(out) < 2 or out[0].tcp is None or out[0].tcp.payload[:2] != b"\x16\x03":
        return False
    last = [p.tcp for p in talk.packets if p.direction == "in" and p.time_ns > out[1].time_ns and p.tcp is not None]
    spoken = [tcp for tcp in last if tcp.payload_bytes]
    return bool(spoken) and all(tcp.payload_bytes <= _ALERT_BYTES and tcp.payload[:1] == b"\x17" for tcp in spoken)


def _not_trusted(seen: Seen, talk: Talk, says: str, causes: tuple[str, ...] = _NOT_TRUSTED) -> Conclusion:
    where = nearer(seen, talk)
    packet = first_words(talk.packets)
    if where is not None:
        who = suspects(
            parties_at(where.hops, seen.destination_hops),
            "tls-interception",
            by=("compare the issuer with another network's",),
        )
        summary = f"A box {at_hops(where.hops)} speaks TLS in the name of {seen.question.host}: {says}."
        evidence = (SPOKEN.says(says, packet), *where.evidence, *baseline_of(seen))
        return Conclusion(Symptom.NOT_TRUSTED, who, summary, evidence, where.hops, router_at(seen, where.hops))
    parties = {Party.SERVICE, Party.THIS_MACHINE} | ({Party.FIRST_HOP} if "tls-interception" in causes else set())
    who = suspects(
        parties, *causes,
        by=("issuer, names and dates: `openssl s_client -connect {host}:{port} -servername {host}`", "`date`"),
    )  # fmt: skip
    return _speaks(seen, Symptom.NOT_TRUSTED, who, says, packet)
