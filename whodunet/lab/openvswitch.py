"""A private Open vSwitch: its own database and daemon, with the userspace datapath, on the sandbox's own /run."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import Final

from whodunet.errors import CannotRun
from whodunet.lab.processes import Daemon, check, start_here
from whodunet.lab.waiting import wait_until

_RUN: Final = "/run/openvswitch"
_DATABASE: Final = f"{_RUN}/conf.db"
_SOCKET: Final = f"{_RUN}/db.sock"
_SCHEMA: Final = "/usr/share/openvswitch/vswitch.ovsschema"
CONTROLLER: Final = "127.0.0.1:6653"


def start(watch: Callable[[Daemon], None], finishes_checksums: bool = False) -> None:
    """Starts the database server and the switch daemon; returns when commands will be answered.

    Args:
        watch: told of each as soon as it is started.
        finishes_checksums: True completes checksums and segments that hosts leave to their interfaces, at the cost of
            connection tracking, which takes such packets for invalid.
    """
    check(["ovsdb-tool", "create", _DATABASE, _SCHEMA])
    quiet = ["-vconsole:warn", "--no-chdir"]
    database = Daemon(
        "ovsdb-server",
        start_here(
            ["ovsdb-server", _DATABASE, f"--remote=punix:{_SOCKET}", f"--pidfile={_RUN}/ovsdb-server.pid", *quiet]
        ),
    )
    watch(database)
    wait_until(lambda: _database_answers() or not database.is_alive, "ovsdb-server to answer")
    if not database.is_alive:
        raise CannotRun("ovsdb-server ended while it was started")
    # Source: ovs-vswitchd.conf.db(5); read by the daemon at its start alone.
    settings = ["--", "set", "Open_vSwitch", ".", "other_config:userspace-tso-enable=true"]
    check(["ovs-vsctl", "--no-wait", "init", *(settings if finishes_checksums else [])])
    watch(
        Daemon(
            "ovs-vswitchd",
            start_here(["ovs-vswitchd", f"unix:{_SOCKET}", f"--pidfile={_RUN}/ovs-vswitchd.pid", *quiet]),
        )
    )


def _database_answers() -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(_SOCKET) == 0


def vsctl(*arguments: str) -> str:
    """Runs ovs-vsctl; returns when the switch daemon has done what it was told."""
    return check(["ovs-vsctl", "--timeout=20", *arguments])


def connect(switches: Iterable[str], address: str) -> None:
    """Points switches at a controller. A lost one is tried again every second, not after ever longer pauses."""
    commands: list[str] = []
    for switch in switches:
        commands += ["--", f"--id=@{switch}", "create", "Controller", f'target="tcp:{address}"', "max_backoff=1000"]
        commands += ["--", "set", "Bridge", switch, f"controller=@{switch}"]
    vsctl(*commands[1:])
    # Open vSwitch 3.1 often goes to sleep over a connection that is already there, and wakes half a second later, with
    # its revalidators. Any command wakes it. Measured: in 8 of 12 starts without this one, in none of 12 with it.
    check(["ovs-appctl", "--target=ovs-vswitchd", "version"])


def flow_entries(switch: str) -> str:
    """The flow table as the switch reports it, one entry a line."""
    dump = check(["ovs-ofctl", "-O", "OpenFlow13", "--names", "--no-stats", "dump-flows", switch])
    return "\n".join(line.strip() for line in dump.splitlines() if "actions=" in line) + "\n"


def flow_table(switch: str) -> str:
    """The flow table with its packet counters, for the record."""
    return check(["ovs-ofctl", "-O", "OpenFlow13", "--names", "dump-flows", switch])


def run_all(commands: str, shell: bool = False) -> None:
    """Carries out Mininet's batch of ovs-vsctl commands; in its own function a failure goes unnoticed."""
    check(["sh", "-c", commands])


def all_connected() -> bool:
    """True when every switch has its controller's attention."""
    states = check(["ovs-vsctl", "--columns=is_connected", "--bare", "list", "Controller"]).split()
    return bool(states) and all(state == "true" for state in states)
