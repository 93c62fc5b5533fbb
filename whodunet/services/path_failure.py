"""What takes a line away in the middle of a connection. It runs beside the router, whose programs do not see it."""

from __future__ import annotations

from typing import ClassVar

from whodunet.lab.hosts import Host
from whodunet.lab.service import Service

TABLE = "line"  # of nft: it counts what passes, and later lets nothing pass
# A line of a carrier that is dead further on: the interface stays up, and nobody is told. The counter stands still for
# as long as the connection is idle; before the first packet it is zero.
_WATCH = """\
nft -f - <<'EOF'
table inet {table} {{
    counter passed {{ }}
    chain forward {{
        type filter hook forward priority -10;
        meta l4proto tcp oifname "{interface}" counter name passed
    }}
}}
EOF
count() {{ nft list counter inet {table} passed | grep -oE 'packets [0-9]+'; }}
last="packets 0" since_us=${{EPOCHREALTIME//[.,]/}}
until [ "$last" != "packets 0" ] && [ $((${{EPOCHREALTIME//[.,]/}} - since_us)) -ge {idle_ms}000 ]; do
    sleep 0.1
    now=$(count)
    [ "$now" = "$last" ] || since_us=${{EPOCHREALTIME//[.,]/}}
    last=$now
done
nft -f - <<'EOF'
insert rule inet {table} forward oifname "{interface}" drop
insert rule inet {table} forward iifname "{interface}" drop
EOF
exec sleep infinity"""


class PathFailure(Service):
    """Once TCP that leaves a router by an interface has been idle for so long, nothing passes there any more."""

    runs_beside: ClassVar[bool] = True

    def __init__(self, interface: str, idle_ms: int) -> None:
        self._interface = interface
        self._idle_ms = idle_ms

    def prepare(self, host: Host) -> None:
        """It has no files."""

    def command(self, host: Host) -> list[str]:
        """Counts, and waits."""
        return ["bash", "-c", _WATCH.format(table=TABLE, interface=self._interface, idle_ms=self._idle_ms)]

    def is_ready(self, host: Host) -> bool:
        """True when it counts."""
        return host.run(["nft", "list", "counter", "inet", TABLE, "passed"], 30).exit_status == 0

    @property
    def readiness(self) -> str:
        """What is waited for."""
        return "to count what passes"


SERVICE = PathFailure
