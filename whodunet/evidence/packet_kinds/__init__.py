"""The kinds of packets that scenarios name: a file each protocol, found by being here, each with its `KINDS`.

A kind of one's own is such a file beside a scenario, in `packet_kinds/`: `whodunet.loading.learning`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from whodunet.evidence.packets import CapturedPacket, Layer

PacketKind: TypeAlias = str
"""The name of a kind."""

# Which headers come before one: where understanding ended in one of them, it may be what comes next.
_BEFORE: Final[Mapping[Layer, tuple[Layer, ...]]] = {
    "Ethernet": (),
    "IP": ("Ethernet",),
    "ARP": ("Ethernet",),
    "TCP": ("Ethernet", "IP"),
    "UDP": ("Ethernet", "IP"),
    "ICMP": ("Ethernet", "IP"),
    "DNS": ("Ethernet", "IP", "TCP", "UDP"),
    "OpenVPN": ("Ethernet", "IP", "UDP"),
}


@dataclass(frozen=True)
class Kind:
    """A kind of packet."""

    name: PacketKind
    layers: tuple[Layer, ...]  # the header that shows it; of several, any of them
    shows: Callable[[CapturedPacket], bool]  # whether a packet that has such a header is one


def _own() -> Mapping[PacketKind, Kind]:
    """Those of this folder."""
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    return {kind.name: kind for module in modules for kind in module.KINDS}


_added: dict[PacketKind, Kind] = {}  # what a kind of packet is called is the same for whoever reads a capture


@cache
def known() -> Mapping[PacketKind, Kind]:
    """All kinds that this process knows."""
    return {**_own(), **_added}


def add(kinds: Iterable[Kind]) -> None:
    """Has this process know more; one of a name that was added before replaces that one."""
    _added.update({kind.name: kind for kind in kinds})
    known.cache_clear()
    _by_layer.cache_clear()


@cache
def _by_layer() -> Mapping[Layer, tuple[Kind, ...]]:
    return {layer: tuple(kind for kind in known().values() if layer in kind.layers) for layer in _BEFORE}


def kinds(packet: CapturedPacket) -> frozenset[PacketKind]:
    """Every kind that the packet is: a RST|ACK is "RST", an answer that the name does not exist is two kinds."""
    headers: tuple[tuple[Layer, object], ...] = (
        ("IP", packet.ip),
        ("TCP", packet.tcp),
        ("UDP", packet.udp),
        ("ICMP", packet.icmp),
        ("ARP", packet.arp),
        ("DNS", packet.dns),
        ("OpenVPN", packet.openvpn),
    )
    possible = (kind for layer, header in headers if header is not None for kind in _by_layer()[layer])
    return frozenset(kind.name for kind in possible if kind.shows(packet))


def may_be(packet: CapturedPacket, kind: PacketKind) -> bool:
    """True when what was not understood of the packet may hide one of that kind."""
    return any(packet.unread in (*_BEFORE[layer], layer) for layer in known()[kind].layers)
