"""Shots of somebody without privileges: ordinary sockets, and what the kernel tells of ICMP errors that came for them.

A SYN is a connection's, and where it is answered that stands, for a moment. Who sent a RST, and with which TTL, is not
told. Source: ip(7), IP_RECVERR; ipv6(7), IPV6_RECVERR; icmp(7), ping_group_range.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from whodunet.diagnosis.probes import Answer, NotLooked, Shoot, ShotResult
from whodunet.evidence.packets import ECHO_REPLY
from whodunet.probing.allowance import Allowance
from whodunet.probing.segments import ADDRESS_FAMILIES, ECHO_PROTOCOLS, echo_request, family_of
from whodunet.probing.socket_options import (
    forbid_fragments,
    icmp_reports,
    name_of,
    report_errors,
    reset_when_closed,
    segments_sent,
    set_ttl,
    ttl_in,
)

_PACKETS_OF_A_CONNECTION: Final = 3  # SYN, ACK, RST
_FIRST_PORT_FOR_ALL: Final = 1024  # Source: ip(7), ip_unprivileged_port_start
_AFTER_LAST_ANSWER_S: Final = 0.1  # a second answer to the same is not long in coming
_LONGEST_BYTES: Final = 2048


class OrdinaryShooter:
    """Connects, pings and sends datagrams as any program may."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance

    def shoot(self, shots: Sequence[Shoot]) -> tuple[ShotResult | NotLooked, ...]:
        """Fires them one after the other and waits for what comes."""
        flights: list[_Flight | NotLooked] = []
        for shot in shots:
            _hear_until(self._allowance.next_turn(), flights)
            flights.append(self._fire(shot))
        flying = [flight for flight in flights if isinstance(flight, _Flight)]
        _hear_until(max((flight.until for flight in flying), default=0.0), flights, ends_early=True)
        return tuple(each if isinstance(each, NotLooked) else self._ended(each) for each in flights)

    def _fire(self, shot: Shoot) -> _Flight | NotLooked:
        if shot.kind == "syn" and shot.source_port and shot.source_port < _FIRST_PORT_FOR_ALL:
            return NotLooked(f"a source port below {_FIRST_PORT_FOR_ALL} needs privileges")
        is_connection = shot.kind == "syn"
        packets = _PACKETS_OF_A_CONNECTION if is_connection else 1
        # Most that have a TTL end on their way; whether one stands is counted when it does.
        if refusal := self._allowance.refusal(packets, is_handshake=is_connection and shot.ttl is None):
            return refusal
        try:
            flight = _Flight(shot, _socket_for(shot))
        except PermissionError:
            return NotLooked("a ping needs CAP_NET_RAW, or this group in net.ipv4.ping_group_range")
        if flight.lacks_port:  # another connection goes there from that port
            flight.sender.close()
            flight = _Flight(shot, _socket_for(replace(shot, source_port=None)))
        return flight

    def _ended(self, flight: _Flight) -> ShotResult:
        if flight.shot.kind == "syn":
            was_counted = flight.shot.ttl is None
            sent = segments_sent(flight.sender) + flight.stood  # and the RST with which it is closed
            self._allowance.correct(sent - _PACKETS_OF_A_CONNECTION, flight.stood - was_counted)
            reset_when_closed(flight.sender)
        flight.sender.close()
        return flight.result()


class _Flight:
    """One shot, its socket, and what has come of it."""

    def __init__(self, shot: Shoot, sender: socket.socket) -> None:
        self.shot, self.sender = shot, sender
        self.stood = False
        self._answers: list[Answer] = []
        self._error: str | None = None
        self._sent_at = time.monotonic()
        try:
            _send(shot, sender)
        except BlockingIOError:  # a connection under way
            pass
        except OSError as error:
            self._fail(error)

    @property
    def lacks_port(self) -> bool:
        """True where it was not sent, for another connection goes there from the same port."""
        return self.shot.source_port is not None and self._error == "EADDRNOTAVAIL"

    @property
    def until(self) -> float:
        """When to stop listening to it."""
        return self._sent_at + self.shot.listen_s

    @property
    def is_answered(self) -> bool:
        """True where nothing more is waited for."""
        return self.is_over or (self._has_come and not self.shot.listens_on)

    @property
    def is_over(self) -> bool:
        """True where nothing more can come: a connection ends with its first answer."""
        return self._has_come and self.shot.kind == "syn"

    @property
    def events(self) -> int:
        """What to wait for at its socket."""
        return select.POLLOUT if self.shot.kind == "syn" else select.POLLIN

    @property
    def _has_come(self) -> bool:
        return bool(self._answers or self._error)

    def result(self) -> ShotResult:
        """What has come of it."""
        return ShotResult(tuple(self._answers), None, self._error, is_full_handshake=self.stood)

    def hear(self) -> None:
        """Takes what has come for its socket."""
        for report in icmp_reports(self.sender):
            answer = Answer("icmp-error", report.offender, self._after_ms(), report.ttl)
            self._add(replace(answer, icmp=(report.type, report.code), mtu_bytes=report.mtu_bytes))
        if self.shot.kind == "syn":
            self._hear_connection()
        else:
            self._hear_datagrams()

    def _hear_connection(self) -> None:
        if self._has_come:
            return
        code = self.sender.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._fail(OSError(code, ""))
        else:
            with suppress(OSError):  # not yet
                self.sender.getpeername()
                self.stood = True
                self._add(Answer("syn-ack", self.shot.address, self._after_ms(), acknowledges=True))

    def _fail(self, error: OSError) -> None:
        """Takes an error that no ICMP error explains: of a connection, ECONNREFUSED is then a RST."""
        if isinstance(error, ConnectionRefusedError) and self.shot.kind == "syn":
            self._add(Answer("rst", self.shot.address, self._after_ms(), acknowledges=True))
        else:
            self._error = name_of(error)

    def _hear_datagrams(self) -> None:
        while True:
            try:
                content, control, _, address = self.sender.recvmsg(_LONGEST_BYTES, 512, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error, which was reported
                continue
            if self.shot.kind == "datagram":
                self._add(Answer("datagram", address[0], self._after_ms(), ttl_in(control)))
            elif content[:1] == bytes([ECHO_REPLY[ECHO_PROTOCOLS[family_of(self.shot.address)]]]):
                self._add(Answer("echo-reply", address[0], self._after_ms(), ttl_in(control)))

    def _add(self, answer: Answer) -> None:
        self._answers.append(answer)

    def _after_ms(self) -> float:
        return (time.monotonic() - self._sent_at) * 1000


def _socket_for(shot: Shoot) -> socket.socket:
    family = family_of(shot.address)
    kind = socket.SOCK_STREAM if shot.kind == "syn" else socket.SOCK_DGRAM
    protocol = ECHO_PROTOCOLS[family] if shot.kind == "echo" else 0
    sender = socket.socket(ADDRESS_FAMILIES[family], kind, protocol)
    sender.setblocking(False)
    report_errors(sender)
    set_ttl(sender, shot.ttl)
    forbid_fragments(sender, shot.size_bytes > 0)
    if shot.source_port is not None:
        # Connections that share a port are told apart; of datagrams' errors the kernel would give each to any of them.
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, shot.kind == "syn")
        with suppress(OSError):  # somebody has it: then from any
            sender.bind(("", shot.source_port))
    return sender


def _send(shot: Shoot, sender: socket.socket) -> None:
    """Sends it.

    Raises:
        BlockingIOError: of a connection, which goes on by itself.
    """
    sender.connect((shot.address, shot.port))
    if shot.kind == "echo":
        sender.send(echo_request(family_of(shot.address), 0, 1, shot.size_bytes))
    elif shot.kind == "datagram":
        sender.send(bytes(shot.size_bytes))


def _hear_until(until: float, flights: Sequence[_Flight | NotLooked], *, ends_early: bool = False) -> None:
    """Hears all until then; or, where that is enough, until shortly after the last has been answered."""
    flying = [flight for flight in flights if isinstance(flight, _Flight)]
    is_settled = False
    while True:
        poll = select.poll()
        heard = {flight.sender.fileno(): flight for flight in flying if not flight.is_over}
        for descriptor, flight in heard.items():
            poll.register(descriptor, flight.events)
        for descriptor, _ in poll.poll(max(0.0, until - time.monotonic()) * 1000):
            heard[descriptor].hear()
        if ends_early and not is_settled and all(flight.is_answered for flight in flying):
            is_settled, until = True, min(until, time.monotonic() + _AFTER_LAST_ANSWER_S)
        if time.monotonic() >= until:
            return
