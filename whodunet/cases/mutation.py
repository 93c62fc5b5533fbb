"""One change to what was captured of a probe, after which something that is claimed of its packets is false."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from whodunet.cases.findings import Witness
    from whodunet.evidence.packets import CapturedPacket
    from whodunet.evidence.trails import Trail

Change: TypeAlias = "Callable[[CapturedPacket], CapturedPacket | None]"
"""What a packet becomes, as one capture point saw it; None: it was not captured there."""


@dataclass(frozen=True)
class Mutation:
    """What was changed, and the probe's packets as they are then."""

    what: str  # "the RST has TTL 65 at client-eth0"
    packets: tuple[CapturedPacket, ...]

    @classmethod
    def of(cls, what: str, witness: Witness, trails: Iterable[Trail], change: Change) -> Mutation:
        """That of a change to the packets of some trails; the probe's others stay."""
        touched = frozenset(packet for trail in trails for packet in trail.sightings)
        packets = (change(each) if each in touched else each for each in witness.evidence.packets)
        return cls(what, tuple(filter(None, packets)))

    @classmethod
    def none_at(cls, witness: Witness, point: str) -> Mutation:
        """The packets that the claim is about are missing at a capture point."""
        what = f"no {witness.kind} at {point}"
        return cls.of(what, witness, witness.trails, lambda packet: None if packet.point == point else packet)

    @classmethod
    def none_anywhere(cls, witness: Witness) -> Iterator[Mutation]:
        """They are missing everywhere; nothing where there are none."""
        if witness.trails:
            yield cls.of(f"no {witness.kind} anywhere", witness, witness.trails, lambda _: None)

    @classmethod
    def also_at(cls, witness: Witness, sighting: CapturedPacket, point: str, shift_ns: int) -> Mutation:
        """One is seen at a further capture point, so much later than at another one."""
        there = replace(sighting, point=point, time_ns=sighting.time_ns + shift_ns)
        return cls(f"a {witness.kind} at {point} as well", (*witness.evidence.packets, there))


def elsewhere(trail: Trail, likely: Collection[str], witness: Witness) -> str | None:
    """A capture point that the packet did not pass, if there is one: of the likely ones, else any."""
    every = (*likely, *witness.evidence.topology.interfaces)
    return next((point for point in every if point not in trail.points), None)
