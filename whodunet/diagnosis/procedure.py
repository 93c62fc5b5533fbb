"""How a diagnosis goes: what is asked in which order, and when enough is known.

A generator without input or output of its own: it yields probes that may be carried out at once, is sent their results
in the same order, and returns the verdict. Whoever drives it may carry them out, read them off a capture, or replay
recorded ones. It asks from near to far: names and configuration, this machine, what only the destination can answer,
the target itself, how far packets come, what is said in a connection, and how steady all that is.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Final, TypeAlias

from whodunet.diagnosis import connected, local, names, refused, silent
from whodunet.diagnosis.conclusion import Conclusion, verdict_of
from whodunet.diagnosis.probes import (
    Converse,
    LookAtWayOut,
    Probe,
    ReadConfiguration,
    ResolveName,
    Result,
    Shoot,
)
from whodunet.diagnosis.question import Question, Speech
from whodunet.diagnosis.runbook import next_steps
from whodunet.diagnosis.seen import Seen, is_address
from whodunet.diagnosis.suspects import suspects
from whodunet.diagnosis.talk import stood
from whodunet.diagnosis.verdict import Party, Verdict
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.topology import Family

Procedure: TypeAlias = Generator[tuple[Probe, ...], tuple[Result, ...], Verdict]
Stage: TypeAlias = Generator[tuple[Probe, ...], tuple[Result, ...], Conclusion | None]
Rule: TypeAlias = Callable[[Seen], Conclusion | None]

_CONTROL_PORTS: Final = (443, 80, 22)  # what is open most often, behind most firewalls as well
_CLOSED_PORT: Final = 47809  # not assigned to any service, so a host that lets it pass refuses it
_TRACEROUTE_PORT: Final = 33434  # where nobody listens. Source: traceroute(8)
_TRIES: Final = 3
_REPETITIONS: Final = 8
_UNKNOWN_PATH_HOPS: Final = 16  # looked at where it is not known how far away the destination is
_LONGEST_PATH_HOPS: Final = 24
_SERVICE_SOURCE_PORTS: Final = (20, 179, 443, 901)  # that a filter of ephemeral ports lets pass; causes C05
_LARGE_ECHO_BYTES: Final = 1472 - 72  # for a packet that a path without a tunnel carries, and a narrower one does not


def diagnose(question: Question) -> Procedure:
    """Finds out who refuses, drops or breaks the connection that a question is about.

    Yields:
        Probes that may be carried out side by side.

    Returns:
        All that may honestly be said.
    """
    seen = Seen(question)
    for stage in (
        _configuration_and_names,
        _this_machine,
        _target_and_baseline,
        _distances,
        _conversation,
        _steadiness,
    ):
        concluded = yield from stage(seen)
        if concluded is not None:
            return verdict_of(concluded, seen, next_steps(concluded, seen))
    return conclude(seen)


def conclude(seen: Seen) -> Verdict:
    """What all that was seen comes to, however it was come by: nothing more can be asked."""
    if not seen.is_live:
        _note_target(seen)
        _note_distances(seen)
    concluded = _first(seen, *_LAST_RULES) or _undetermined(seen)
    return verdict_of(concluded, seen, next_steps(concluded, seen))


def _ask(seen: Seen, *probes: Probe) -> Generator[tuple[Probe, ...], tuple[Result, ...], None]:
    if probes:
        seen.take(probes, (yield probes))


def _first(seen: Seen, *rules: Rule) -> Conclusion | None:
    """What the first rule says that has something to say."""
    return next((concluded for rule in rules if (concluded := rule(seen)) is not None), None)


# In the order of causes: what ended an attempt before what came of it, and names where nothing else says more.
_LAST_RULES: Final[tuple[Rule, ...]] = (
    names.resolution,
    local.neighbour,
    local.answers_filtered,
    names.address,
    names.proxy,
    local.nothing_captured,
    connected.ecn_dropped,
    silent.silence,
    refused.by_reset,
    refused.by_icmp,
    connected.afterwards,
    names.slow,
    connected.works,
)


# Names and configuration.


def _configuration_and_names(seen: Seen) -> Stage:
    question = seen.question
    yield from _ask(seen, ReadConfiguration(question.host, question.port))
    concluded = names.command(seen)
    if concluded is not None:
        return concluded
    _follow_configuration(seen)
    if is_address(seen.address):
        seen.note(f"{seen.address} is an address: no name has to be looked up.")
        return None
    families: tuple[Family, ...] = (question.family,) if question.family else ("ipv4", "ipv6")
    yield from _ask(seen, *(ResolveName(seen.address, family) for family in families))
    concluded = names.resolution(seen)
    if concluded is not None:
        return concluded
    found = [address for result in seen.resolved.values() for address in result.addresses]
    if found:
        seen.note(f"{seen.address} is {found[0]}.")
        seen.address = found[0]
    return None


def _follow_configuration(seen: Seen) -> None:
    """Where the user's program really goes: another host and port, or a proxy."""
    found, speech = seen.configuration, seen.question.speech
    if found is None:
        return
    if speech == "ssh":
        seen.address, seen.port = found.hostname, found.port
        if found.proxy_jump and found.proxy_jump != "none":
            _go_by(seen, found.proxy_jump.split(",")[0].rpartition("@")[2], 22)
    elif speech in ("http", "tls"):
        proxy = found.http_proxy if speech == "http" else found.https_proxy
        if proxy:
            _go_by(seen, proxy.rpartition("//")[2].rpartition("@")[2].rstrip("/"), 3128)
    if (seen.address, seen.port) != (seen.question.host, seen.question.port):
        seen.note(f"Your configuration leads to {seen.address} port {seen.port}.")


def _go_by(seen: Seen, place: str, usual_port: int) -> None:
    host, _, port = place.rpartition(":")
    seen.is_proxied = True
    seen.address, seen.port = (host.strip("[]"), int(port)) if host and port.isdigit() else (place, usual_port)


# This machine.


def _this_machine(seen: Seen) -> Stage:
    yield from _ask(seen, LookAtWayOut(seen.address, seen.port))
    way = seen.way_out
    if way is not None and way.route in ("unicast", "local"):
        by = f" by {way.gateway}" if way.gateway else ""
        tunnel = ", a tunnel" if way.is_tunnel else ""
        seen.note(f"Packets to {seen.address} leave by {way.interface}{tunnel}{by}.")
    return local.way_out(seen)


def _large_echo_bytes(seen: Seen) -> int:
    """As large as goes out of this machine in one piece: a tunnel's own end may be narrower than the path."""
    headers = 28 if ":" not in seen.address else 48  # IP and ICMP
    mtu = seen.way_out.mtu_bytes if seen.way_out is not None else None
    return min(_LARGE_ECHO_BYTES, mtu - headers) if mtu is not None else _LARGE_ECHO_BYTES


# The target, and what only the destination can answer.


def _target_and_baseline(seen: Seen) -> Stage:
    tries = _TRIES if seen.question.is_privileged else 1
    target = [
        Shoot("syn", seen.address, seen.port, source_port=_source_port(seen, 0), listens_on=number == 0)
        for number in range(tries)
    ]
    controls = [
        *(Shoot("syn", seen.address, port) for port in (*_control_ports(seen), _CLOSED_PORT)),
        Shoot("echo", seen.address),
        Shoot("echo", seen.address),
        Shoot("datagram", seen.address, _TRACEROUTE_PORT),
    ]
    target[1:] = [Shoot("syn", seen.address, seen.port, listens_on=False) for _ in target[1:]]
    yield from _ask(seen, *target, *controls, _first_words(seen))
    _note_target(seen)
    if any(result.error == "EHOSTUNREACH" for _, result in seen.target_shots) or _is_unreachable(seen):
        yield from _ask(seen, LookAtWayOut(seen.address, seen.port))
    return _first(
        seen, names.address, local.neighbour, local.system_refused, local.nothing_left, local.answers_filtered
    )  # fmt: skip


def _is_unreachable(seen: Seen) -> bool:
    return any(talk.outcome == "unreachable" for talk in seen.talks)


def _control_ports(seen: Seen) -> tuple[int, ...]:
    return tuple(port for port in _CONTROL_PORTS if port != seen.port)[:2]


def _source_port(seen: Seen, number: int) -> int | None:
    ports = seen.question.source_ports
    return ports[number] if number < len(ports) else None


def _first_words(seen: Seen) -> Converse:
    """A connection as the user's program makes it; who has to speak first there does."""
    payload, name = _words(seen.question.speech, seen.question.host)
    if seen.question.speech == "ssh":
        payload = b""  # a server speaks unasked: whether it does is one thing, what it makes of an answer another
    return Converse(seen.address, seen.port, payload=payload, tls_name=name)


def _words(speech: Speech, host: str) -> tuple[bytes, str | None]:
    """What a client says first, and the name that it asks TLS for."""
    request = f"GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: whodunet\r\nConnection: close\r\n\r\n".encode()
    if speech == "ssh":
        return _SSH_HELLO, None
    return (request if speech in ("http", "tls") else b"", host if speech == "tls" else None)


def _kexinit() -> bytes:
    """A banner, and a list of algorithms as long as those of real clients, padded to be larger than narrow paths carry.

    Source: RFC 4253, sections 4.2, 6 and 7.1.
    """
    lists = (
        b"curve25519-sha256,ecdh-sha2-nistp256,diffie-hellman-group14-sha256",
        b"ssh-ed25519,rsa-sha2-512,rsa-sha2-256,ecdsa-sha2-nistp256",
        *([b"chacha20-poly1305@openssh.com,aes128-ctr,aes256-gcm@openssh.com"] * 2),
        *([b"hmac-sha2-256-etm@openssh.com,hmac-sha2-256"] * 2),
        *([b"none"] * 2),
        b"",
        b"",
    )
    filler = b",".join(b"x%03d@whodunet.invalid" % number for number in range(48))
    named = (lists[0] + b"," + filler, *lists[1:])
    body = b"\x14" + bytes(16) + b"".join(len(each).to_bytes(4, "big") + each for each in named) + bytes(5)
    padding = 8 - (len(body) + 5) % 8
    padding += 8 if padding < 4 else 0
    packet = (len(body) + 1 + padding).to_bytes(4, "big") + bytes([padding]) + body + bytes(padding)
    return b"SSH-2.0-whodunet\r\n" + packet


_SSH_HELLO: Final = _kexinit()


def _note_target(seen: Seen) -> None:
    """What came of the first look, as steps of the reasoning."""
    baseline = seen.baseline
    if baseline is not None:
        seen.note(f"Only the destination can say this: {baseline.citation.says}.")
    else:
        seen.note("Nothing came that only the destination itself can send.")
    counted = [f"{seen.reactions.count(kind)} × {kind}" for kind in dict.fromkeys(seen.reactions)]
    if counted:
        seen.note(f"Port {seen.port}: {', '.join(counted)}.")


# How far packets come.


def _distances(seen: Seen) -> Stage:
    if not seen.reactions and not seen.controls:
        return None
    if seen.way_out is not None and seen.way_out.route == "local":
        return None
    goal = seen.destination_hops
    last = min(goal + 2, _LONGEST_PATH_HOPS) if goal is not None else _UNKNOWN_PATH_HOPS
    is_open = seen.saw("open") and not seen.question.is_privileged
    target_last = min(last, (goal or 2) - 1) if is_open else last
    own = [_limited(seen, ttl) for ttl in range(1, target_last + 1)]
    control = [_limited_control(seen, ttl) for ttl in range(1, last + 1)]
    yield from _ask(seen, *own, *control)
    _note_distances(seen)
    return None


def _limited(seen: Seen, ttl: int) -> Shoot:
    """A SYN to the target; the same source port for all, so that they take one path (Paris traceroute)."""
    return Shoot("syn", seen.address, seen.port, ttl=ttl, source_port=_source_port(seen, 1))


def _limited_control(seen: Seen, ttl: int) -> Shoot:
    """The same of what is known to be answered."""
    port = seen.open_control
    if port is not None and seen.question.is_privileged:
        return Shoot("syn", seen.address, port, ttl=ttl, source_port=_source_port(seen, 2))
    is_pinged = any(
        answer.kind == "echo-reply"
        for shot, result in seen.controls
        if shot.kind == "echo"
        for answer in result.answers
    )
    if is_pinged or seen.question.is_privileged:
        return Shoot("echo", seen.address, ttl=ttl)
    return Shoot("datagram", seen.address, _TRACEROUTE_PORT, ttl=ttl, source_port=_source_port(seen, 2))


def _note_distances(seen: Seen) -> None:
    own = seen.trace()
    if own.routers:
        shown = ", ".join(f"{hop} {router}" for hop, router in own.routers.items())
        seen.note(f"SYNs to port {seen.port} with short TTLs end at: {shown}.")
    if own.lowest is not None:
        kind = own.answered()[own.lowest].kind
        seen.note(f"The lowest TTL that draws an answer ({kind}) is {own.lowest}.")
    control = seen.control_trace
    if control.lowest is not None:
        seen.note(f"Other packets are answered by the destination from a TTL of {control.lowest} on.")


# What is said in a connection.


def _conversation(seen: Seen) -> Stage:
    if not seen.saw("open"):
        return None
    payload, name = _words(seen.question.speech, seen.question.host)
    probes: list[Probe] = []
    if seen.question.speech == "ssh" and _is_worth_answering(seen):
        probes.append(Converse(seen.address, seen.port, payload=payload, tls_name=name))
    probes += [Shoot("echo", seen.address, size_bytes=_large_echo_bytes(seen)) for _ in range(2)]
    if seen.question.is_privileged:
        probes += [Shoot("syn", seen.address, seen.port, without_ecn=False) for _ in range(2)]
    yield from _ask(seen, *probes)
    for talk in stood(seen):
        said = f", said {talk.result.received[:40]!r}" if talk.result.received else ""
        seen.note(
            f"A connection stood after {talk.result.connect_ms or 0:.1f} ms{said}, and ended: {talk.result.outcome}."
        )
    return None


def _is_worth_answering(seen: Seen) -> bool:
    """Not where the other end ended the first connection unasked: a second one says no more then."""
    return all(talk.received or talk.outcome not in ("reset", "closed") for talk in seen.talks)


# How steady it is.


def _steadiness(seen: Seen) -> Stage:
    is_silent, is_open = seen.saw("silence"), seen.saw("open")
    if not is_silent:
        return None
    probes: list[Probe] = []
    if seen.question.is_privileged:
        if not is_open and seen.trace().last_router >= (seen.destination_hops or 1) - 1:
            probes += [Shoot("syn", seen.address, seen.port, source_port=port) for port in _SERVICE_SOURCE_PORTS]
        ports = [_source_port(seen, number) for number in range(2, 6)]
        probes += [Shoot("syn", seen.address, seen.port, source_port=port) for port in ports for _ in range(2)]
    else:
        probes += [Shoot("syn", seen.address, seen.port) for _ in range(3)]
    yield from _ask(seen, *probes)
    counted = [f"{seen.reactions.count(kind)} × {kind}" for kind in dict.fromkeys(seen.reactions)]
    seen.note(f"Tried again, with other source ports too: {', '.join(counted)}.")
    return None


def _undetermined(seen: Seen) -> Conclusion:
    if seen.reactions and set(seen.reactions) == {"local error"}:
        who = suspects(Party.THIS_MACHINE, by=("what the system says: `strace -e connect`",))
        return Conclusion(
            Symptom.UNREACHABLE, who, "This machine itself refuses to connect.", at_most="low", is_local=True
        )
    looked = "what was seen fits no known cause" if seen.reactions else "nothing of the connection could be seen"
    parties: Sequence[Party] = [party for party in Party if party is not Party.NOBODY]
    summary = f"It cannot be told from here: {looked}."
    return Conclusion(seen.question.symptom or Symptom.UNKNOWN, suspects(parties), summary, at_most="low")
