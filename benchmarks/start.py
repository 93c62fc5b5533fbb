"""Cold start until ready, of the lab, of the stock way, and of the bare floor.

Every start is made of new processes; files are in the page cache (one start of each beforehand does not count). The
three take turns, so that whatever else the machine does falls on all of them.

- whodunet: the whole command `whodunet up healthy`, from the start of its process until it exits: lab ready.
- stock: benchmarks/stock_mininet.py, from the start of its process until its switches are connected.
- floor: one shell script: a network namespace for each host, a veth pair for each link, an Open vSwitch with the
  switches' bridges and ports. No addresses, no controller, no services: less than that is not a network.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.figures import Cell, Table, Target
from benchmarks.labs import environment, lab_name, whodunet
from whodunet.errors import CannotRun
from whodunet.evidence.topology import Interface, Topology
from whodunet.loading.library import Library

_STOCK = Path(__file__).with_name("stock_mininet.py")
_TOPOLOGY = "corporate_vpn"
_DEADLINE_S = 120
# An own /run and no way to the machine's network: what Mininet and Open vSwitch make is gone with it.
_SANDBOX = ("unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--uts", "--ipc", "--mount-proc")
_KILLED_WITH_IT = ("--fork", "--kill-child")


def measure(runs: int) -> Table:
    """Starts each of the three `runs` times, in turn."""
    script = floor_script(Library().topology(_TOPOLOGY))
    ways: dict[str, Callable[[int], tuple[float, float | None]]] = {
        "whodunet": start_lab,
        "stock Mininet": lambda _: (start_in_sandbox(sys.executable, "-P", str(_STOCK)), None),
        "bare floor": lambda _: (start_in_sandbox("sh", "-c", script), None),
    }
    taken: dict[str, list[tuple[float, float | None]]] = {way: [] for way in ways}
    for number in range(runs + 1):
        for way, start in ways.items():
            figures = start(number)
            if number > 0:  # the first of each warms the file cache
                taken[way].append(figures)
    return _table(taken)


def _table(taken: dict[str, list[tuple[float, float | None]]]) -> Table:
    whole = {way: [figures[0] for figures in each] for way, each in taken.items()}
    medians = {way: statistics.median(each) for way, each in whole.items()}
    rows: list[list[Cell]] = [[way, medians[way], min(each), max(each), len(each)] for way, each in whole.items()]
    inside = [lab for _, lab in taken["whodunet"] if lab is not None]
    in_turns = list(zip(*whole.values(), strict=True))
    faster = statistics.median(stock / own for own, stock, _ in in_turns)
    above = statistics.median(own / floor for own, _, floor in in_turns)
    return Table(
        "Cold start until ready, seconds",
        ("way", "median", "least", "most", "runs"),
        rows,
        (
            Target("times faster than stock Mininet, median of turns", faster, 5, is_least=True),
            Target("times the bare floor, median of turns", above, 3.2),
        ),
        (f"of whodunet's median, {statistics.median(inside):.2f} s in the lab; the rest: command and sandbox",),
    )


def start_lab(number: int) -> tuple[float, float | None]:
    """Seconds of `whodunet up healthy`, and those that the lab itself says it took; the lab is taken down again."""
    name = lab_name(number)
    started = time.monotonic()
    text = whodunet("up", "healthy", "--as", name)
    taken_s = time.monotonic() - started
    whodunet("down", "--lab", name)
    inside = re.search(r"ready after ([0-9.]+) s", text)
    return taken_s, float(inside[1]) if inside else None


def start_in_sandbox(*command: str) -> float:
    """Seconds until a command says "ready"; it is then killed, and its sandbox with it."""
    prepared = 'mount -t tmpfs lab /run && mkdir /run/netns && exec "$@"'
    arguments = [*_SANDBOX, *_KILLED_WITH_IT, "sh", "-c", prepared, "sh", *command]
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as errors:
        child = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=environment(), text=True
        )
        assert child.stdout is not None
        try:
            said = child.stdout.readline()
            taken_s = time.monotonic() - started
        finally:
            child.kill()
            child.wait()
            child.stdout.close()
        errors.seek(0)
        if said != "ready\n":
            raise CannotRun(f"{command[0]} did not become ready: {errors.read().strip() or said}")
    return taken_s


def floor_script(topology: Topology) -> str:
    """The shell script that makes the topology's nodes and links and nothing more."""
    hosts = [name for name, node in topology.nodes.items() if not node.is_switch]
    switches = [name for name, node in topology.nodes.items() if node.is_switch]
    lines = [f"netns add {host}" for host in hosts]
    lines += [_veth([topology.interfaces[end] for end in link.ends], hosts) for link in topology.links]
    ports = [each for each in topology.interfaces.values() if each.node in switches]
    lines += [f"link set dev {port.name} up" for port in ports]
    bridges = [f"-- add-br {switch} -- set bridge {switch} datapath_type=netdev" for switch in switches]
    bridges += [f"-- add-port {port.node} {port.name}" for port in ports]
    quiet = "--detach --no-chdir --pidfile -vconsole:off"
    return f"""\
set -e
mkdir /run/openvswitch
ovsdb-tool create /run/openvswitch/conf.db /usr/share/openvswitch/vswitch.ovsschema
ovsdb-server /run/openvswitch/conf.db --remote=punix:/run/openvswitch/db.sock {quiet}
ovs-vsctl --no-wait init
ovs-vswitchd unix:/run/openvswitch/db.sock {quiet}
ip -batch - <<'END'
{chr(10).join(lines)}
END
ovs-vsctl {" ".join(bridges).removeprefix("-- ")}
echo ready
sleep {_DEADLINE_S}
"""


def _veth(ends: Sequence[Interface], hosts: Sequence[str]) -> str:
    one, other = ends
    places = [f"netns {end.node}" if end.node in hosts else "" for end in ends]
    return f"link add {one.name} {places[0]} type veth peer name {other.name} {places[1]}"
