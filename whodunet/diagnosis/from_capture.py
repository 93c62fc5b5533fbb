"""A diagnosis of packets that somebody else captured, at one vantage.

What is there is read; what is not was not looked at. It needs no topology and no word of whoever made the capture: who
the client is follows from what the packets say, or is told. The rules are those of a live diagnosis.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import Final, Literal

from whodunet.diagnosis.probes import (
    Answer,
    ConversationResult,
    Converse,
    Resolved,
    ServerAnswer,
    Shoot,
    ShotResult,
    WayOut,
)
from whodunet.diagnosis.procedure import conclude
from whodunet.diagnosis.question import Question
from whodunet.diagnosis.seen import Seen
from whodunet.diagnosis.signals import sequence_gap, unacknowledged_bytes
from whodunet.diagnosis.verdict import Verdict
from whodunet.errors import InvalidInput, Problem
from whodunet.evidence.facts import INITIAL_TTLS
from whodunet.evidence.packets import ECHO_REQUEST, SEQUENCE_SPACE, CapturedPacket, Flow, kinds
from whodunet.evidence.topology import Family

_LONGEST_PATH: Final = 40  # hops: a TTL below that which is no system's own was set to end on the way
_PATIENCE_NS: Final = 1_000_000_000  # what is younger than this at the end of a capture may still be answered
_WAITED_MS: Final = 1000.0  # who waits longer than this for words waits for them in vain
_UDP, _DNS_PORT, _DHCP_PORTS = 17, 53, frozenset({67, 68, 546, 547})
_NAME_ERROR: Final = 3
_ADDRESS_TYPES: Final[dict[Family, int]] = {"ipv4": 1, "ipv6": 28}  # A and AAAA. Source: RFC 1035; RFC 3596


@dataclass(frozen=True)
class Vantage:
    """A capture as the client whose it is sees it."""

    client: frozenset[str]  # its addresses
    packets: tuple[CapturedPacket, ...]  # in the order of time, with their direction as seen from the client

    @cached_property
    def ended_ns(self) -> int:
        """When the last packet was captured."""
        return self.packets[-1].time_ns if self.packets else 0


def vantage_of(packets: Iterable[CapturedPacket], client: Collection[str] = (), place: str = "the capture") -> Vantage:
    """A capture from the side of the client.

    Args:
        client: its addresses; none: who opens connections is the client.
        place: the capture, as messages name it.

    Raises:
        InvalidInput: when it is not told who the client is, and the packets do not show it either.
    """
    every = sorted(packets, key=lambda packet: packet.time_ns)
    own = frozenset(client) or _client_of(every, place)
    if not any(packet.source in own for packet in every):
        wrong = f"holds no packet from {', '.join(sorted(own))}"
        raise InvalidInput(Problem(place, wrong, "name an address that the client has in it"))
    return Vantage(own, tuple(_seen_from(own, packet) for packet in every))


def _client_of(packets: Sequence[CapturedPacket], place: str) -> frozenset[str]:
    """The addresses of whoever opens connections and asks; all those with one link address are one machine's."""
    asking = Counter(packet.source for packet in packets if _asks(packet) and packet.source is not None)
    if not asking:
        looking = (packet.neighbour for packet in packets if packet.neighbour is not None)
        asking = Counter(message.sender for message in looking if message.is_request)
    if not asking:
        wrong = "shows nobody who opens a connection, looks a name up or pings"
        raise InvalidInput(Problem(place, wrong, "start the capture before the connection is tried, on the client"))
    (first, count), *others = asking.most_common(2)
    link = {packet.link_source for packet in packets if packet.source == first and packet.link_source}
    own = frozenset({first}) | frozenset(
        packet.source
        for packet in packets
        if packet.source is not None and packet.link_source in link and _asks(packet)
    )
    rivals = [address for address, asked in others if address not in own and 2 * asked > count]
    if rivals:
        wrong = f"does not show whether {first} or {rivals[0]} is the client"
        raise InvalidInput(Problem(place, wrong, "say which one it is"))
    syns = [packet for packet in packets if packet.source in own and "SYN" in kinds(packet) and packet.ip is not None]
    if syns and not any(packet.ip is not None and packet.ip.ttl in INITIAL_TTLS for packet in syns):
        wrong = f"was not made on the client: SYNs from {first} have passed routers before they got here"
        raise InvalidInput(Problem(place, wrong, "capture on the machine that opens the connection"))
    return own


def _asks(packet: CapturedPacket) -> bool:
    is_query = packet.dns is not None and not packet.dns.is_answer
    is_ping = packet.is_echo and packet.icmp is not None and packet.icmp.type in ECHO_REQUEST.values()
    return "SYN" in kinds(packet) or is_query or is_ping


def _seen_from(client: frozenset[str], packet: CapturedPacket) -> CapturedPacket:
    direction: Literal["in", "out"] = "out" if packet.source in client else "in"
    return packet if packet.direction == direction else replace(packet, direction=direction)


# What may be asked of a capture.


def questions(vantage: Vantage) -> tuple[Question, ...]:
    """What the client tried, each target once: what did not work first, then in the order of time."""
    targets = dict.fromkeys(
        (packet.ip.destination, packet.tcp.destination_port)
        for packet in vantage.packets
        if packet.direction == "out" and "SYN" in kinds(packet) and packet.ip is not None and packet.tcp is not None
    )
    named = _names_of_addresses(vantage)
    asked = [Question(named.get(address, address), port) for address, port in targets]
    tried = {question.host for question in asked}
    unfound = [name for name in _names_asked(vantage) if name not in tried]
    asked = [Question(name, 0) for name in unfound] + asked
    if not asked:
        asked = [Question(host, 0) for host in dict.fromkeys((*_pinged(vantage), *_neighbours_asked(vantage)))]
    return tuple(sorted(asked, key=lambda question: _works(seen_in(vantage, question))))


def _names_asked(vantage: Vantage) -> Iterable[str]:
    """The names that the client looked up addresses for."""
    return dict.fromkeys(
        packet.dns.qname
        for packet in vantage.packets
        if packet.dns is not None and packet.direction == "out" and packet.dns.qtype in _ADDRESS_TYPES.values()
    )


def _names_of_addresses(vantage: Vantage) -> dict[str, str]:
    """By address, the name for which a name server told it."""
    return {
        address: packet.dns.qname
        for packet in vantage.packets
        if packet.dns is not None and packet.dns.is_answer
        for address in packet.dns.addresses
    }


def _pinged(vantage: Vantage) -> Iterator[str]:
    for packet in vantage.packets:
        if packet.direction == "out" and packet.ip is not None and packet.is_echo:
            yield packet.ip.destination


def _neighbours_asked(vantage: Vantage) -> Iterator[str]:
    for packet in vantage.packets:
        if packet.direction == "out" and packet.neighbour is not None and packet.neighbour.is_request:
            yield packet.neighbour.target


def _works(seen: Seen) -> bool:
    return (
        bool(seen.reactions)
        and all(each == "open" for each in seen.reactions)
        and any(talk.received and talk.outcome == "connected" for talk in seen.talks)
    )


def diagnose_capture(vantage: Vantage, question: Question) -> Verdict:
    """What a capture says about a question, by the same rules as a live diagnosis."""
    return conclude(seen_in(vantage, question))


def seen_in(vantage: Vantage, question: Question) -> Seen:
    """All that a capture shows of a target."""
    seen = Seen(question, is_live=False)
    seen.not_looked = ["settings, routes and packet filters of the client are not in a capture"]
    _see_names(seen, vantage)
    seen.way_out = _way_out(seen.address, vantage)
    attempts = _attempts(seen.address, vantage)
    for attempt in attempts:
        seen.shots += attempt.shots(vantage)
        talk = attempt.talk(vantage)
        if talk is not None:
            seen.conversations.append(talk)
    seen.shots += [*_echoes(seen.address, vantage), *_datagrams(seen.address, vantage)]
    if not any(shot.ttl is not None for shot, _ in seen.shots):
        seen.not_looked.append("no probe with a short TTL is in this capture: the path was not looked at")
    return seen


# Names.


def _see_names(seen: Seen, vantage: Vantage) -> None:
    """What name servers said of the question's host, or of the name that led to its address."""
    messages = [packet for packet in vantage.packets if packet.dns is not None]
    name = seen.question.host.rstrip(".").lower()
    if _family_of(name) is not None:
        return
    for family, kind in _ADDRESS_TYPES.items():
        found = _resolved(name, kind, messages, vantage)
        if found is not None:
            seen.resolved[family] = found
    addresses = [address for result in seen.resolved.values() for address in result.addresses]
    if addresses:
        seen.address = addresses[0]


def _family_of(text: str) -> Family | None:
    try:
        return "ipv6" if ip_address(text).version == 6 else "ipv4"
    except ValueError:
        return None


def _resolved(name: str, kind: int, messages: Sequence[CapturedPacket], vantage: Vantage) -> Resolved | None:
    """What came of looking a name up, for one type of record; None where nobody asked."""
    queries = [
        p for p in messages if p.dns and not p.dns.is_answer and p.direction == "out" and _is_about(p, name, kind)
    ]
    answers = [p for p in messages if p.dns and p.dns.is_answer and p.direction == "in" and _is_about(p, name, kind)]
    if not queries:
        return None
    servers = dict.fromkeys(packet.ip.destination for packet in queries if packet.ip is not None)
    told = tuple(_server_answer(server, queries, answers, vantage) for server in servers)
    addresses = tuple(dict.fromkeys(address for each in told for address in each.addresses))
    error: Literal["name-not-found", "no-resolver"] | None = None
    if not addresses:
        is_unknown = any(each.rcode in (0, _NAME_ERROR) for each in told)
        error = "name-not-found" if is_unknown else "no-resolver"
    took_ms = ((answers[-1].time_ns if answers else vantage.ended_ns) - queries[0].time_ns) / 1e6
    return Resolved(addresses, error, took_ms, servers=told)


def _is_about(packet: CapturedPacket, name: str, kind: int) -> bool:
    return packet.dns is not None and packet.dns.qname.lower() == name and packet.dns.qtype == kind


def _server_answer(
    server: str, queries: Sequence[CapturedPacket], answers: Sequence[CapturedPacket], vantage: Vantage
) -> ServerAnswer:
    asked = [packet for packet in queries if packet.ip is not None and packet.ip.destination == server]
    came = [packet for packet in answers if packet.ip is not None and packet.ip.source == server]
    if came and came[-1].dns is not None:
        last = came[-1].dns
        return ServerAnswer(server, "answered", last.rcode, last.addresses, (came[-1].time_ns - asked[0].time_ns) / 1e6)
    flows = {packet.flow for packet in asked}
    errors = [p for p in vantage.packets if p.icmp is not None and p.icmp.quoted is not None and p.icmp.quoted in flows]
    if not errors:
        return ServerAnswer(server, "silent")
    is_closed = any("ICMP port unreachable" in kinds(packet) for packet in errors)
    return ServerAnswer(server, "refused" if is_closed else "unreachable")


# The way out.


def _way_out(address: str, vantage: Vantage) -> WayOut | None:
    """What packets to an address show of the way that they take; None where there are none, and nobody was sought."""
    out = [p for p in vantage.packets if p.direction == "out" and p.ip is not None and p.ip.destination == address]
    if out and out[0].ip is not None:
        first, source = out[0], out[0].ip.source
        gateway = _owner(first.link_destination, address, vantage) if first.link_destination else None
        is_near = None if gateway is None and not _is_elsewhere(source, address) else False
        return WayOut(
            "unicast", first.point or None, source, gateway, is_on_link=is_near, is_tunnel=not first.link_source
        )
    unanswered = _unanswered_neighbours(vantage)
    if not unanswered:
        return None
    whom = address if address in unanswered else unanswered[0]
    return WayOut("unicast", gateway=None if whom == address else whom, neighbour="failed")


def _owner(link_address: str, target: str, vantage: Vantage) -> str | None:
    """Whose link address that is, when it is not the target's; None where no packet shows it."""
    for packet in vantage.packets:
        if packet.direction != "in" or packet.link_source != link_address or packet.source is None:
            continue
        is_told = packet.neighbour is not None and not packet.neighbour.is_request
        is_router = packet.icmp is not None and packet.icmp.quoted is not None and packet.source != target
        if is_told or is_router:
            return packet.neighbour.sender if packet.neighbour is not None else packet.source
    return None


def _is_elsewhere(source: str, address: str) -> bool:
    """True for addresses that no usual netmask puts on one link."""
    prefix = 64 if ":" in source else 16
    return ip_address(address) not in ip_network(f"{source}/{prefix}", strict=False)


def _unanswered_neighbours(vantage: Vantage) -> list[str]:
    asked: dict[str, int] = defaultdict(int)
    told = set()
    for packet in vantage.packets:
        message = packet.neighbour
        if message is None:
            continue
        if message.is_request and packet.direction == "out":
            asked[message.target] += 1
        elif not message.is_request:
            told.add(message.sender)
    return [target for target, count in asked.items() if count > 1 and target not in told]


# Connections.


@dataclass(frozen=True)
class Attempt:
    """One connection that the client tried: its SYN, however often it was sent, and all that followed."""

    packets: tuple[CapturedPacket, ...]  # in the order of time; ICMP errors about it as well
    initial: int  # its sequence number

    @property
    def syns(self) -> list[CapturedPacket]:
        """Its SYN, each time that it was sent."""
        return [packet for packet in self.packets if packet.direction == "out" and "SYN" in kinds(packet)]

    @property
    def is_accepted(self) -> bool:
        """True when a SYN-ACK came."""
        return any(packet.direction == "in" and "SYN-ACK" in kinds(packet) for packet in self.packets)

    def shots(self, vantage: Vantage) -> list[tuple[Shoot, ShotResult]]:
        """Each SYN as a probe: what came until the next one answers it."""
        made = []
        syns = self.syns
        for syn, following in zip(syns, [*syns[1:], None], strict=True):
            until = following.time_ns if following is not None else None
            result = ShotResult(tuple(self._answers(syn, until)), left=True, sent=syn)
            is_young = following is None and vantage.ended_ns - syn.time_ns < _PATIENCE_NS
            if result.answers or not is_young or _is_limited(syn):
                made.append((_shot(syn), result))
        return made

    def _answers(self, syn: CapturedPacket, until_ns: int | None) -> Iterator[Answer]:
        for packet in self.packets:
            is_of_it = packet.time_ns >= syn.time_ns and (until_ns is None or packet.time_ns < until_ns)
            if packet.direction == "in" and is_of_it:
                answer = _answer(packet, syn, self.initial)
                if answer is not None:
                    yield answer
            elif is_of_it and _acknowledges(packet):
                return  # the connection stands, and what comes from now on belongs to it

    def talk(self, vantage: Vantage) -> tuple[Converse, ConversationResult] | None:
        """What came of it once it was accepted; None for one that was not."""
        syn = self.syns[0]
        if not self.is_accepted or syn.ip is None or syn.tcp is None:
            return None
        probe = Converse(syn.ip.destination, syn.tcp.destination_port, source_port=syn.tcp.source_port)
        accepted = next(packet for packet in self.packets if "SYN-ACK" in kinds(packet))
        stood = next((p for p in self.packets if p.time_ns >= accepted.time_ns and _acknowledges(p)), None)
        if stood is None:
            is_given_up = any(packet.time_ns > accepted.time_ns for packet in self.syns)
            return (probe, ConversationResult("timed out", None, packets=self.packets)) if is_given_up else None
        before = [packet for packet in self.syns if packet.time_ns < accepted.time_ns]
        connect_ms = (accepted.time_ns - (before or [syn])[-1].time_ns) / 1e6
        received = _in_order(self.packets, accepted)
        return probe, ConversationResult(
            self._outcome(stood, received, vantage),
            connect_ms,
            received[:256],
            unacknowledged_bytes=unacknowledged_bytes(self.packets),
            packets=self.packets,
        )

    def _outcome(
        self, stood: CapturedPacket, received: bytes, vantage: Vantage
    ) -> Literal["connected", "reset", "closed", "silent"]:
        end = next((p for p in self.packets if p.time_ns > stood.time_ns and {"FIN", "RST"} & kinds(p)), None)
        if end is not None and end.direction == "in":
            return "reset" if "RST" in kinds(end) else "closed"
        last = (end or self.packets[-1]).time_ns if end is not None else vantage.ended_ns
        heard = [p.time_ns for p in self.packets if p.direction == "in" and p.tcp is not None and p.tcp.payload_bytes]
        waited_ms = (last - (heard[-1] if heard else stood.time_ns)) / 1e6
        is_stuck = unacknowledged_bytes(self.packets) > 0 and waited_ms > _WAITED_MS
        return (
            "silent"
            if is_stuck or (not received and waited_ms > _WAITED_MS) or sequence_gap(self.packets)
            else "connected"
        )


def _in_order(packets: Iterable[CapturedPacket], accepted: CapturedPacket) -> bytes:
    """The beginning of what the other end said, as far as nothing is missing in it."""
    expected = accepted.tcp.end if accepted.tcp is not None else 0
    received = b""
    for packet in packets:
        tcp = packet.tcp
        if packet.direction == "in" and tcp is not None and tcp.payload_bytes and tcp.seq == expected:
            received, expected = received + tcp.payload, tcp.end
    return received


def _attempts(address: str, vantage: Vantage) -> list[Attempt]:
    """The connections that the client tried to an address; ports that are used again are another one."""
    started: list[tuple[int, list[CapturedPacket]]] = []
    latest: dict[Flow, list[CapturedPacket]] = {}
    initial: dict[Flow, int] = {}
    for packet in vantage.packets:
        flow = packet.flow or (packet.icmp.quoted if packet.icmp is not None else None)
        if flow is None:
            continue
        tcp = packet.tcp
        is_syn = tcp is not None and packet.direction == "out" and "SYN" in kinds(packet)
        is_there = packet.ip is not None and packet.ip.destination == address
        if tcp is not None and is_syn and is_there and initial.get(flow) != tcp.seq:
            latest[flow], initial[flow] = [], tcp.seq
            started.append((tcp.seq, latest[flow]))
        if flow in latest:
            latest[flow].append(packet)
    return [Attempt(tuple(packets), seq) for seq, packets in started]


def _acknowledges(packet: CapturedPacket) -> bool:
    tcp = packet.tcp
    return packet.direction == "out" and tcp is not None and "." in tcp.flags and not {"RST", "SYN"} & kinds(packet)


def _is_limited(packet: CapturedPacket) -> bool:
    return packet.ip is not None and packet.ip.ttl < _LONGEST_PATH and packet.ip.ttl not in INITIAL_TTLS


def _ttl(packet: CapturedPacket) -> int | None:
    return packet.ip.ttl if packet.ip is not None and _is_limited(packet) else None


def _shot(syn: CapturedPacket) -> Shoot:
    destination = syn.ip.destination if syn.ip is not None else ""
    source_port, port = syn.ports or (0, 0)
    has_ecn = syn.tcp is not None and "E" in syn.tcp.flags
    return Shoot("syn", destination, port, _ttl(syn), source_port, without_ecn=not has_ecn)


def _answer(packet: CapturedPacket, asked: CapturedPacket, initial: int) -> Answer | None:
    """What a packet says to a SYN; None for what belongs to the connection that has begun."""
    after_ms = (packet.time_ns - asked.time_ns) / 1e6
    if packet.ip is None:
        return None
    sender, ttl, number = packet.ip.source, packet.ip.ttl, packet.ip.id
    if packet.icmp is not None:
        kind = (packet.icmp.type, packet.icmp.code)
        return Answer("icmp-error", sender, after_ms, ttl, number, icmp=kind, packet=packet)
    if packet.tcp is None:
        return None
    acknowledges = "." in packet.tcp.flags and packet.tcp.ack == (initial + 1) % SEQUENCE_SPACE
    if "SYN-ACK" in kinds(packet):
        return Answer("syn-ack", sender, after_ms, ttl, number, acknowledges, packet.tcp.window, packet=packet)
    if "RST" in kinds(packet):
        return Answer("rst", sender, after_ms, ttl, number, acknowledges, packet.tcp.window, packet=packet)
    return None


# Pings and datagrams.


def _echoes(address: str, vantage: Vantage) -> Iterator[tuple[Shoot, ShotResult]]:
    for packet in vantage.packets:
        is_ping = packet.direction == "out" and packet.is_echo and packet.ip is not None
        if not is_ping or packet.ip is None or packet.ip.destination != address or packet.icmp is None:
            continue
        size = max(0, packet.ip.length - (_SMALL_PING_BYTES + 20 * (packet.ip.version == 6)))
        shot = Shoot("echo", address, 0, _ttl(packet), size_bytes=size)
        yield shot, ShotResult(tuple(_ping_answers(packet, vantage)), left=True, sent=packet)


_SMALL_PING_BYTES: Final = 84  # what ping sends when it is not told otherwise: IPv4 20, ICMP 8, data 56


def _ping_answers(ping: CapturedPacket, vantage: Vantage) -> Iterator[Answer]:
    for packet in vantage.packets:
        if packet.direction != "in" or packet.time_ns < ping.time_ns or packet.icmp is None or packet.ip is None:
            continue
        after_ms = (packet.time_ns - ping.time_ns) / 1e6
        is_reply = packet.flow == ping.flow and ping.icmp is not None and packet.icmp.sequence == ping.icmp.sequence
        is_error = packet.icmp.quoted is not None and packet.icmp.quoted == ping.flow and after_ms < _WAITED_MS
        if is_reply or is_error:
            kind: Literal["echo-reply", "icmp-error"] = "echo-reply" if is_reply else "icmp-error"
            icmp = (packet.icmp.type, packet.icmp.code)
            yield Answer(kind, packet.ip.source, after_ms, packet.ip.ttl, packet.ip.id, icmp=icmp, packet=packet)
            return


def _datagrams(address: str, vantage: Vantage) -> Iterator[tuple[Shoot, ShotResult]]:
    for packet in vantage.packets:
        udp = packet.udp
        is_ours = packet.direction == "out" and udp is not None and packet.ip is not None and packet.dns is None
        if not is_ours or udp is None or packet.ip is None or packet.ip.destination != address or packet.is_outer:
            continue
        if udp.destination_port == _DNS_PORT or udp.destination_port in _DHCP_PORTS:
            continue
        shot = Shoot("datagram", address, udp.destination_port, _ttl(packet), udp.source_port)
        yield shot, ShotResult(tuple(_datagram_answers(packet, vantage)), left=True, sent=packet)


def _datagram_answers(sent: CapturedPacket, vantage: Vantage) -> Iterator[Answer]:
    for packet in vantage.packets:
        if packet.direction != "in" or packet.time_ns < sent.time_ns or packet.ip is None:
            continue
        after_ms = (packet.time_ns - sent.time_ns) / 1e6
        numbers = (packet.ip.source, after_ms, packet.ip.ttl, packet.ip.id)
        if packet.icmp is not None and packet.icmp.quoted is not None and packet.icmp.quoted == sent.flow:
            yield Answer("icmp-error", *numbers, icmp=(packet.icmp.type, packet.icmp.code), packet=packet)
            return
        if packet.udp is not None and packet.flow == sent.flow:
            yield Answer("datagram", *numbers, packet=packet)
            return
