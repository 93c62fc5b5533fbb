"""Carries out what a diagnosis asks of this machine and the network, and leads a diagnosis to its verdict."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Final, Protocol

from whodunet.diagnosis.probes import (
    ConversationResult,
    Converse,
    LookAtWayOut,
    NotLooked,
    Probe,
    ReadConfiguration,
    ResolveName,
    Result,
    Shoot,
    ShotResult,
)
from whodunet.diagnosis.verdict import Cost, Verdict
from whodunet.evidence.capture import CaptureReader
from whodunet.evidence.packets import CapturedPacket
from whodunet.probing.allowance import Allowance
from whodunet.probing.configuration import read_configuration
from whodunet.probing.conversing import Spoken, converse
from whodunet.probing.listening import Listener
from whodunet.probing.names import resolve
from whodunet.probing.ordinary_shots import OrdinaryShooter
from whodunet.probing.ports import FreePorts
from whodunet.probing.raw_shots import RawShooter
from whodunet.probing.segments import ADDRESS_FAMILIES, family_of
from whodunet.probing.socket_options import own_address
from whodunet.probing.way_out import look_at_way_out

_PACKETS_OF_A_CONVERSATION: Final = 8  # about: what it took is counted when it has ended
_AT_A_TIME: Final = 8
_TRACEROUTE_PORT: Final = 33434  # at which nobody listens. Source: traceroute(8)
_AFTER_THE_END_S: Final = 0.05  # until the last packets of a conversation have been heard


class Shooter(Protocol):
    """Whatever fires shots."""

    def shoot(self, shots: Sequence[Shoot]) -> tuple[ShotResult | NotLooked, ...]:
        """What came of each."""
        ...


class Prober:
    """This machine's means: with CAP_NET_RAW raw packets, else ordinary sockets."""

    def __init__(self, reader: CaptureReader, *, is_ordinary: bool = False) -> None:
        """Opens what it needs; nothing is sent.

        Args:
            reader: dissects what is heard.
            is_ordinary: True: goes without privileges also where it has them.
        """
        self._began = time.monotonic()
        self._allowance = Allowance()
        self._ports = FreePorts()
        self._roused: set[str] = set()
        self._pool = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="probe")
        self._listener = None if is_ordinary else _listener(reader)
        self._raw = RawShooter(self._listener, self._allowance, self._ports) if self._listener else None

    def __enter__(self) -> Prober:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._raw is not None:
            self._raw.close()
        if self._listener is not None:
            self._listener.close()
        self._ports.close()

    @property
    def is_privileged(self) -> bool:
        """True where it sends and sees raw packets."""
        return self._listener is not None

    def free_ports(self, count: int) -> tuple[int, ...]:
        """Ports that nobody else uses until the end."""
        return tuple(self._ports.take() for _ in range(count))

    def capture(self) -> bytes | None:
        """All that was heard as a pcapng file; None without privileges."""
        return self._listener.capture() if self._listener else None

    def cost(self) -> Cost:
        """What it took so far."""
        sent = self._allowance.packets_sent
        if self._listener is not None:  # what left was seen
            sent = sum(each.direction == "out" and each.ip is not None for each in self._listener.packets())
        return Cost(
            time.monotonic() - self._began,
            sent,
            self._allowance.full_handshakes,
            self.is_privileged,
        )

    def carry_out(self, probes: Sequence[Probe]) -> tuple[Result, ...]:
        """The result of each, in their order; they are carried out side by side."""
        shots = [probe for probe in probes if isinstance(probe, Shoot)]
        others = [self._pool.submit(self._other, probe) for probe in probes if not isinstance(probe, Shoot)]
        shooter: Shooter = self._raw or OrdinaryShooter(self._allowance)
        shot_results = iter(shooter.shoot(shots) if shots else ())
        other_results = iter(others)
        return tuple(
            next(shot_results) if isinstance(probe, Shoot) else next(other_results).result() for probe in probes
        )

    def _other(self, probe: Probe) -> Result:
        match probe:
            case ResolveName():
                return resolve(probe)
            case ReadConfiguration():
                return read_configuration(probe)
            case LookAtWayOut():
                return look_at_way_out(probe, self._rouse)
            case Converse():
                return self._converse(probe)
            case Shoot():
                raise AssertionError("a shot is no business of this thread")

    def _rouse(self, address: str) -> None:
        """Sends a datagram to an address, once: where it roused nobody, the next would not either."""
        if address in self._roused or self._allowance.refusal(1) is not None:
            return
        self._roused.add(address)
        with socket.socket(ADDRESS_FAMILIES[family_of(address)], socket.SOCK_DGRAM) as sender, suppress(OSError):
            sender.sendto(b"", (address, _TRACEROUTE_PORT))

    def _converse(self, asked: Converse) -> ConversationResult | NotLooked:
        refusal = self._allowance.refusal(_PACKETS_OF_A_CONVERSATION, is_handshake=True)
        if refusal is not None:
            return refusal
        if self._listener is not None:
            self._listener.hear(asked.address, own_address(asked.address))
        self._allowance.await_turn()
        try:
            every = converse(asked)
        except OSError as error:
            return NotLooked(f"cannot send from the port {asked.source_port}: {error.strerror}")
        sent = sum(spoken.packets_sent for spoken in every)
        stood = sum(spoken.result.connect_ms is not None for spoken in every)
        self._allowance.correct(sent - _PACKETS_OF_A_CONVERSATION, stood - 1)
        return replace(every[0].result, packets=self._packets_of(every[0]))

    def _packets_of(self, spoken: Spoken) -> tuple[CapturedPacket, ...]:
        if self._listener is None or not spoken.source_port:
            return ()
        self._listener.wait(time.monotonic() + _AFTER_THE_END_S, lambda _: False)
        return tuple(
            packet
            for packet in self._listener.packets()
            if packet.tcp is not None and packet.ports is not None and spoken.source_port in packet.ports
        )


def lead(
    procedure: Generator[tuple[Probe, ...], tuple[Result, ...], Verdict],
    prober: Prober,
    progress: Callable[[Sequence[Probe]], None] = lambda _: None,
) -> Verdict:
    """Carries out whatever a diagnosis asks for until it has its verdict.

    Args:
        progress: is told what is asked before it is carried out.
    """
    results: tuple[Result, ...] | None = None
    while True:
        try:
            probes = next(procedure) if results is None else procedure.send(results)
        except StopIteration as end:
            verdict: Verdict = end.value
            return replace(verdict, cost=prober.cost())
        progress(probes)
        results = prober.carry_out(probes)


def _listener(reader: CaptureReader) -> Listener | None:
    try:
        return Listener(reader)
    except PermissionError:
        return None
