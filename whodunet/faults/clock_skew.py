"""A host whose clock is wrong."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field

from whodunet.cases.fault import Network, NodeFault, Settings, run_checked
from whodunet.cases.fields import refused
from whodunet.debian_program import DebianProgram
from whodunet.errors import CannotRun
from whodunet.evidence.topology import Topology

_PRELOAD: Final = "/etc/ld.so.preload"  # Source: ld.so(8)
_SETTING: Final = "/etc/faketimerc"  # Source: libfaketime's README, "Advanced time specification options"
_LIBRARY: Final = "/usr/lib/*-linux-gnu/faketime/libfaketime.so.1"
_LEAST_S: Final = 60  # what cannot come from the time between two readings
_MOST_S: Final = 10 * 365 * 86_400


def _noticeable(offset_s: int) -> int:
    if not _LEAST_S <= abs(offset_s) <= _MOST_S:
        raise refused(f"{offset_s} s is out of range", f"write {_LEAST_S} to {_MOST_S}, or the negative of it")
    return offset_s


class ClockSkew(NodeFault):
    """Every program that is started on the host sees a clock that is fast (positive) or slow by this many seconds."""

    needs: ClassVar[tuple[DebianProgram, ...]] = (
        DebianProgram("faketime", "faketime", "wrong clocks", is_optional=True),
    )

    kind: Literal["clock-skew"] = "clock-skew"
    offset_s: Annotated[int, AfterValidator(_noticeable)] = Field(
        description="how fast the clock is, at least a minute; negative: slow"
    )

    def facts(self, topology: Topology) -> dict[str, str]:
        """Which part the host plays, and which way its clock is wrong."""
        direction = "fast" if self.offset_s > 0 else "slow"
        return super().facts(topology) | {"clock": direction}

    def inject(self, network: Network) -> Settings:
        """Has every program load libfaketime, for one kernel has one clock for all its hosts."""
        library = network.execute(self.node, f"ls {_LIBRARY}").stdout.strip()
        if not library:
            raise CannotRun(f"{self.node}: libfaketime, of Debian's package faketime, is not there")
        lines = [f"echo '{self.offset_s:+d}s' >{_SETTING}", f"echo {library} >{_PRELOAD}"]
        run_checked(network, self.node, " && ".join(lines))
        return {}

    def remove(self, network: Network, before: Settings) -> None:
        """Removes the files."""
        run_checked(network, self.node, f"rm -f {_PRELOAD} {_SETTING}")

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """What the host says the time is, beside the time of another node."""
        other, seen_s = self._difference(network)
        is_the_faults = abs(seen_s - self.offset_s) < _LEAST_S
        return (self._shown(other, seen_s) if is_the_faults else None,)

    def remains(self, network: Network) -> str | None:
        """Any difference that can be noticed."""
        other, seen_s = self._difference(network)
        return self._shown(other, seen_s) if abs(seen_s) >= _LEAST_S else None

    def _difference(self, network: Network) -> tuple[str, int]:
        """Another node, and by how many seconds this one's clock is ahead of its."""
        other = next(name for name, node in network.topology.nodes.items() if name != self.node and not node.is_switch)
        here, there = (int(run_checked(network, node, "date +%s")) for node in (self.node, other))
        return other, here - there

    def _shown(self, other: str, seen_s: int) -> str:
        return f"the clock of {self.node} differs from that of {other} by {seen_s:+d} s"
