"""How long a lab's packets may have had to wait for a processor: on a busy machine, times say less.

Between two hosts packets are carried by processes. What these waited while they could have run is the most by which a
busy machine can have delayed a packet; one that it did not delay took no longer than its path.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

# As the kernel calls them; the controller answers in place of hosts.
_CARRIERS: Final = (b"ovs-vswitchd", b"link-emulator", b"controller")
_INTERPRETERS: Final = b"python"
_CONTROLLER: Final = b"ryu_app.py"  # one that was started again is called as every Python program is
_TICK_NS: Final = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_STEAL: Final = 8  # the column of /proc/stat


class Contention:
    """The processes that carry the packets of the lab that this process is part of, and what they waited."""

    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self._looked_at: set[str] = set()
        self._waited_ns: dict[str, int] = {}  # by process; those that have ended have waited, too

    def waited_ns(self) -> int | None:
        """What they have waited for a processor since they were started; None where the kernel does not count it.

        Time that a hypervisor gave to another machine is part of it.
        """
        running = {name for name in os.listdir(self._proc) if name.isdigit()}
        carriers = {*filter(self._carries, running - self._looked_at), *self._waited_ns}
        self._looked_at = running  # a lab has a hundred processes, and is asked at every probe
        for pid in carriers & running:
            with suppress(OSError):  # it has just ended
                self._waited_ns[pid] = self._run_delay_ns(pid)
        return sum(self._waited_ns.values()) + self._stolen_ns() if self._waited_ns else None

    def _carries(self, pid: str) -> bool:
        with suppress(OSError):
            name = self._read(f"{pid}/comm").rstrip()
            is_controller = name.startswith(_INTERPRETERS) and _CONTROLLER in self._read(f"{pid}/cmdline")
            return name in _CARRIERS or is_controller
        return False

    def _run_delay_ns(self, pid: str) -> int:
        """Of the first thread, which carries the packets. Source: Documentation/scheduler/sched-stats.rst."""
        return int(self._read(f"{pid}/schedstat").split()[1])

    def _stolen_ns(self) -> int:
        """Source: proc(5), /proc/stat."""
        return int(self._read("stat").split(maxsplit=_STEAL + 1)[_STEAL]) * _TICK_NS

    def _read(self, path: str) -> bytes:
        with open(f"{self._proc}/{path}", "rb", buffering=0) as file:
            return file.read(1 << 14)
