"""For how many labs this machine has room in its tables of neighbours.

Each family has one table for all network namespaces, and only the machine's root can make it larger. Once it is full,
a packet to a neighbour that is not in it is lost, and what sent it tries again after a second. Source: arp(7),
gc_thresh3; the kernel's neigh_alloc, which throws away at once what it can do without, such as groups.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

_LIMITS: Final = tuple(Path(f"/proc/sys/net/{family}/neigh/default/gc_thresh3") for family in ("ipv4", "ipv6"))
_IN_A_LAB: Final = 28  # that are in use; measured, of IPv6, in the larger of the two topologies
MORE_ROOM: Final = "sysctl net.ipv4.neigh.default.gc_thresh3=8192 net.ipv6.neigh.default.gc_thresh3=8192"


def labs_with_room(limits: Iterable[Path] = _LIMITS) -> int | None:
    """How many labs that is; None where it is not to be seen, as in most containers."""
    found = []
    for limit in limits:
        with suppress(OSError, ValueError):
            found.append(int(limit.read_text(encoding="ascii")))
    return max(min(found) // _IN_A_LAB, 1) if found else None
