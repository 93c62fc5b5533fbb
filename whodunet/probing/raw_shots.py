"""Shots of somebody who may send and hear raw packets (CAP_NET_RAW): half-open, and seen as they come and go.

No SYN opens a connection: to a SYN-ACK for a port at which nothing listens or connects, the kernel says RST at once.
"""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from whodunet.diagnosis.probes import NotLooked, Shoot, ShotResult
from whodunet.evidence.packets import SEQUENCE_SPACE, CapturedPacket
from whodunet.evidence.topology import Family
from whodunet.probing.allowance import Allowance
from whodunet.probing.listening import Listener
from whodunet.probing.matching import Fired, results_of
from whodunet.probing.ports import FreePorts
from whodunet.probing.segments import ADDRESS_FAMILIES, ECHO_PROTOCOLS, echo_request, family_of, syn
from whodunet.probing.socket_options import forbid_fragments, name_of, own_address, set_ttl, source_for

_AFTER_LAST_ANSWER_S: Final = 0.1  # a second answer to the same is not long in coming


class RawShooter:
    """Fires SYNs, echo requests and datagrams, and reads their answers off the wire."""

    def __init__(self, listener: Listener, allowance: Allowance, ports: FreePorts) -> None:
        self._listener, self._allowance, self._ports = listener, allowance, ports
        self._identifier = secrets.randbits(16)
        self._echoes = 0
        self._numbers: dict[tuple[str, int, int], int] = {}  # the last sequence number of each flow
        self._sockets: dict[tuple[Family, int], socket.socket] = {}  # raw, by protocol
        self._datagrams: list[socket.socket] = []
        self._datagram_ports: set[int] = set()

    def close(self) -> None:
        """Closes all sockets."""
        for each in (*self._sockets.values(), *self._datagrams):
            each.close()

    def shoot(self, shots: Sequence[Shoot]) -> tuple[ShotResult | NotLooked, ...]:
        """Fires them one after the other and waits for what comes."""
        fired: list[Fired | NotLooked] = []
        until = 0.0
        for shot in shots:
            self._listener.hear(shot.address, own_address(shot.address))
            refusal = self._allowance.refusal(1)
            fired.append(refusal or self._fire(shot))
            until = max(until, time.monotonic() + shot.listen_s)
        flying = [each for each in fired if isinstance(each, Fired)]
        self._listener.wait(until, _all_answered(flying))
        self._listener.wait(min(until, time.monotonic() + _AFTER_LAST_ANSWER_S), lambda _: False)
        results = iter(results_of(flying, self._listener.packets()))
        return tuple(each if isinstance(each, NotLooked) else next(results) for each in fired)

    def _fire(self, shot: Shoot) -> Fired:
        self._allowance.await_turn()
        at_ns = time.time_ns()
        try:
            return {"syn": self._syn, "echo": self._echo, "datagram": self._datagram}[shot.kind](shot, at_ns)
        except OSError as error:
            return Fired(shot, at_ns, error=name_of(error))

    def _syn(self, shot: Shoot, at_ns: int) -> Fired:
        port = shot.source_port or self._ports.take()
        flow = shot.address, shot.port, port
        # Each of a flow has a number of its own, by which its answer is known, and a lower one than those before, so
        # that an open destination takes it for an old duplicate. Source: RFC 9293, section 3.10.7.4 (SYN-RECEIVED)
        number = self._numbers[flow] = (self._numbers.get(flow, secrets.randbits(32)) - 2) % SEQUENCE_SPACE
        ends = source_for(shot.address), shot.address
        segment = syn(*ends, (port, shot.port), number, without_ecn=shot.without_ecn)
        return self._send(socket.IPPROTO_TCP, segment, Fired(shot, at_ns, port, number))

    def _echo(self, shot: Shoot, at_ns: int) -> Fired:
        self._echoes += 1
        family = family_of(shot.address)
        message = echo_request(family, self._identifier, self._echoes, shot.size_bytes)
        return self._send(ECHO_PROTOCOLS[family], message, Fired(shot, at_ns, self._identifier, self._echoes))

    def _send(self, protocol: int, content: bytes, fired: Fired) -> Fired:
        """Sends; an error that the system answers with is part of what was fired."""
        family = family_of(fired.shoot.address)
        if (family, protocol) not in self._sockets:
            sender = socket.socket(ADDRESS_FAMILIES[family], socket.SOCK_RAW, protocol)
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)  # it would hear all of its protocol
            self._sockets[family, protocol] = sender
        sender = self._sockets[family, protocol]
        set_ttl(sender, fired.shoot.ttl)
        forbid_fragments(sender, fired.shoot.size_bytes > 0)
        # This machine's filter dropped it. Whoever connects is not told (measured), so it is no error of the system's.
        with suppress(PermissionError):
            sender.sendto(content, (fired.shoot.address, 0))
        return fired

    def _datagram(self, shot: Shoot, at_ns: int) -> Fired:
        sender = socket.socket(ADDRESS_FAMILIES[family_of(shot.address)], socket.SOCK_DGRAM)
        self._datagrams.append(sender)
        is_free = shot.source_port is not None and shot.source_port not in self._datagram_ports
        sender.bind(("", shot.source_port if is_free and shot.source_port else 0))
        port = sender.getsockname()[1]
        self._datagram_ports.add(port)
        set_ttl(sender, shot.ttl)
        forbid_fragments(sender, shot.size_bytes > 0)
        sender.sendto(bytes(shot.size_bytes), (shot.address, shot.port))
        return Fired(shot, at_ns, port)


def _all_answered(fired: Sequence[Fired]) -> Callable[[Sequence[CapturedPacket]], bool]:
    def is_enough(packets: Sequence[CapturedPacket]) -> bool:
        results = results_of(fired, packets)
        return all(
            (shot.error or result.answers) and not shot.shoot.listens_on
            for shot, result in zip(fired, results, strict=True)
        )

    return is_enough
