"""A sandbox with two hosts in it, made as a lab's are and gone at once, to see what this machine allows.

The doctor runs it as a process of its own. Each step that was done is a line of JSON on standard output,
`["tun", null]`, with the kernel's reason in place of null where a lab could do without it. What no lab can do without
ends the trial: the first step that is not told was refused, the reason is on standard error, and the status is not 0.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Final

from whodunet.errors import CannotRun
from whodunet.evidence.topology import Link
from whodunet.lab import host_messages, host_process, host_root, link_emulator, links, linux, sandbox
from whodunet.lab.hosts import Host, HostMaker
from whodunet.lab.links import Cable, End
from whodunet.lab.processes import LOGS, check
from whodunet.lab.spare import Spare
from whodunet.lab.waiting import wait_until

_REFUSED: Final = 3
_DELAY_MS: Final = 5.0
_ADDRESSES: Final = {"left": "10.0.0.1", "right": "10.0.0.2"}
_TRACK: Final = """set -e
nft -f - <<'RULES'
table inet trial {
    chain seen {
        type filter hook output priority 0
        ct state new accept
    }
}
RULES
ping -n -q -c 1 -W 2 127.0.0.1 >/dev/null
conntrack -L -p icmp 2>/dev/null | grep dst=127.0.0.1"""


class Step(StrEnum):
    """What is tried, in this order."""

    NAMESPACES = "namespaces"
    IDS = "ids"
    MOUNTS = "mounts"
    TUN = "tun"
    HOSTS = "hosts"
    TRACKING = "tracking"
    NETEM = "netem"
    DELAY = "delay"


def main() -> int:
    """Tries one step after the other; returns the exit status."""
    keep = (Path(sys.prefix), Path(sys.base_prefix), Path(__file__).resolve().parents[2])
    try:
        return sandbox.wait(sandbox.enter(lambda: _first_process(keep), keep, lambda _: _tell(Step.NAMESPACES)))
    except CannotRun as error:
        return _end(error)


def _first_process(keep: tuple[Path, ...]) -> int:
    _tell(Step.IDS)
    try:
        _try_all(keep)
    except (OSError, CannotRun) as error:
        return _end(error)
    return 0


def _end(error: OSError | CannotRun) -> int:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    os.write(2, f"{reason}\n".encode())
    return _REFUSED


def _tell(step: Step, refusal: str | None = None) -> None:
    os.write(1, json.dumps([step, refusal]).encode() + b"\n")


def _try_all(keep: tuple[Path, ...]) -> None:
    sandbox.hide_machine(keep)
    LOGS.mkdir(parents=True)
    host_root.prepare_template("ipv4", host_root.machine_authorities())
    _tell(Step.MOUNTS)
    _tell(Step.TUN, links.open_refusal(linux.TUN))
    maker = HostMaker(_fork(host_process.make_hosts)[1], ())
    left, right = (Host(each, {}, "ipv4") for each in maker.make(_ADDRESSES).values())
    _tell(Step.HOSTS)
    _tell(Step.TRACKING, _tracking_refusal(left))
    netem = links.netem_refusal()
    _tell(Step.NETEM, netem)
    _delay_packets(left, right, has_netem=netem is None)
    _tell(Step.DELAY)


def _fork(run: Callable[[socket.socket], object]) -> tuple[int, socket.socket]:
    """A process that does this with one end of a socket pair; its id, and the other end."""
    ours, theirs = host_messages.connection()
    pid = os.fork()
    if pid == 0:
        ours.close()
        with suppress(OSError):
            run(theirs)
        os._exit(0)
    theirs.close()
    return pid, ours


def _tracking_refusal(host: Host) -> str | None:
    """Why a host's packet filter cannot follow a connection; None where conntrack lists one."""
    host.configure({}, 64)
    tried = host.execute(_TRACK, 10)
    if tried.exit_status == 0:
        return None
    said = tried.stderr.strip().splitlines()
    return said[0] if said else "conntrack does not list a connection that there is"


def _delay_packets(left: Host, right: Host, *, has_netem: bool) -> None:
    """Lays a delayed cable between two hosts.

    Raises:
        CannotRun: when there is none, or an answer comes earlier than the delay allows.
    """
    hosts = (left, right)
    macs = ("02:00:00:00:00:01", "02:00:00:00:00:02")
    ends = [
        End(f"{host.name}-eth0", mac, host.namespaces["net"], f"middle-{host.name}")
        for host, mac in zip(hosts, macs, strict=True)
    ]
    cable = Cable(Link((ends[0].interface, ends[1].interface), delay_ms=_DELAY_MS), (ends[0], ends[1]))
    namespaces = [host.namespaces["net"] for host in hosts]
    check(["ip", "-batch", "-"], "\n".join(["", *links.veth_commands(cable, has_netem), ""]), keep_open=namespaces)
    for host, end in zip(hosts, ends, strict=True):
        taps = links.tap_commands([cable], has_netem, end.namespace)
        host.configure({end.interface: [f"{_ADDRESSES[host.name]}/24"]}, 64, taps)
    shaper = links.shape([cable], has_netem, Spare(*_fork(link_emulator.stand_by)))
    ask = ["ping", "-n", "-c", "1", "-W", "1", _ADDRESSES[right.name]]
    wait_until(lambda: left.pings(_ADDRESSES[right.name]), "an answer over a delayed link")
    answer = re.search(r"time=([\d.]+)", left.run(ask, 10).stdout)
    if answer is None or float(answer[1]) < 2 * _DELAY_MS:
        took = f"{answer[1]} ms" if answer else "no answer"
        raise CannotRun(f"a link of {_DELAY_MS:g} ms each way: {took}")
    if shaper is not None:
        shaper.kill()


if __name__ == "__main__":
    sys.exit(main())
