"""The stock way: the lab's network as a plain Mininet script, for comparison with the lab's own start.

What a person writes who knows Mininet: Open vSwitch is started, a Ryu application (`simple_switch_13`) in a process of
its own, and the topology's file is brought up with Mininet's ordinary classes and a RemoteController. Without delay,
for Mininet's TCLink needs netem, which not every kernel has; without services and without capture, too. So this does
less than the lab, and all of that is in its favour.

Run in a sandbox by `benchmarks.start`; prints "ready" and waits to be killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")  # Mininet's own

from mininet.net import Mininet  # noqa: E402
from mininet.node import OVSSwitch, RemoteController  # noqa: E402

from whodunet import catalogue  # noqa: E402

_RUN = Path("/run/openvswitch")


def start_open_vswitch() -> None:
    """As Debian's ovs-ctl does it, without what concerns the kernel's datapath."""
    _RUN.mkdir()
    database, socket = _RUN / "conf.db", _RUN / "db.sock"
    quiet = ["--detach", "--no-chdir", "--pidfile", "-vconsole:off"]
    subprocess.run(["ovsdb-tool", "create", database, "/usr/share/openvswitch/vswitch.ovsschema"], check=True)
    subprocess.run(["ovsdb-server", database, f"--remote=punix:{socket}", *quiet], check=True)
    subprocess.run(["ovs-vsctl", "--no-wait", "init"], check=True)
    subprocess.run(["ovs-vswitchd", f"unix:{socket}", *quiet], check=True)


def start_ryu() -> subprocess.Popen[bytes]:
    """Ryu's own sample; `ryu-manager` of Ryu 4.34 does not start with today's eventlet."""
    app = catalogue.folder("controllers") / "ryu_app.py"
    command = [sys.executable, str(app), "--listen", "127.0.0.1:6653", "--app", "ryu.app.simple_switch_13"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)


def main() -> None:
    """Brings the network up, says so, and stays."""
    start_open_vswitch()
    ryu = start_ryu()
    Mininet.inited = True  # it would raise the limits of the whole machine, which a benchmark must not
    topology = catalogue.load_module(catalogue.folder("topologies") / "corporate_vpn.py").topos["corporate_vpn"]()

    def user_switch(name: str, **settings: object) -> OVSSwitch:
        return OVSSwitch(name, datapath="user", protocols="OpenFlow13", **settings)

    def remote(name: str) -> RemoteController:
        return RemoteController(name, ip="127.0.0.1", port=6653)

    net = Mininet(topo=topology, switch=user_switch, controller=remote)
    net.start()
    if not net.waitConnected(timeout=60) or ryu.poll() is not None:
        sys.exit("the switches did not connect to Ryu")
    os.write(1, b"ready\n")
    signal.pause()


if __name__ == "__main__":
    main()
