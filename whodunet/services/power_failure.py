"""What takes a host's power away in the middle of a session. It runs beside the host, whose programs do not see it."""

from __future__ import annotations

from typing import ClassVar, Literal

from whodunet.lab.hosts import Host
from whodunet.lab.service import Service

TABLE = "power"  # of nft: no packet leaves the host while it has no power
# What sshd calls the process that serves a session, from OpenSSH 9.8 on in the second form. It runs once somebody is
# logged in, however long that takes on a busy machine.
SESSION = "^sshd(-session)?: [^ ]+@"
# ss tells of each connection how many milliseconds ago something came. Source: ss(8), -i; the kernel's tcp_info
_WATCH = """\
is_idle() {{
    ss -Htni state established sport = :{port} | grep -oE 'lastrcv:[0-9]+' | cut -d: -f2 |
        awk '$1 >= {idle_ms} {{ idle = 1 }} END {{ exit !idle }}'
}}
is_session() {{  # here, for the processes of all hosts are in sight
    for pid in $(pgrep -f '{session}'); do
        [ /proc/$pid/ns/net -ef /proc/self/ns/net ] && return
    done
    return 1
}}
until is_session && is_idle; do sleep 0.2; done
nft -f - <<'EOF'
table inet {table} {{
    chain output {{
        type filter hook output priority -10; policy drop;
    }}
}}
EOF
ss -K state established sport = :{port} >/dev/null"""


class PowerFailure(Service):
    """Once a connection to a port is idle for so long, the kernel forgets all of them, and tells nobody."""

    runs_beside: ClassVar[bool] = True

    def __init__(self, port: int, idle_ms: int, then: Literal["comes-back", "stays-away"]) -> None:
        self._port = port
        self._idle_ms = idle_ms
        self._then = then

    def prepare(self, host: Host) -> None:
        """It has no files."""

    def command(self, host: Host) -> list[str]:
        """Watches, and goes on watching where the host comes back."""
        once = _WATCH.format(port=self._port, idle_ms=self._idle_ms, table=TABLE, session=SESSION)
        if self._then == "stays-away":
            return ["bash", "-c", f"{once}\nsleep infinity"]
        return ["bash", "-c", f"while :; do\n{once}\nnft delete table inet {TABLE}\ndone"]

    def is_ready(self, host: Host) -> bool:
        """True at once: it only watches."""
        return True

    @property
    def readiness(self) -> str:
        """What is waited for."""
        return "to watch"


SERVICE = PowerFailure
