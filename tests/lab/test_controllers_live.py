"""Controllers in a running lab: killed, told otherwise, sent rubbish, or another one in their place."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

from whodunet.lab.host_root import PYTHON
from whodunet.lab.plan import LabOptions, OtherController
from whodunet.lab.sandboxed import SandboxedLab
from whodunet.lab.waiting import wait_until

WHODUNET: Final = str(Path(sys.executable).with_name("whodunet"))
SSH: Final = "ssh -o ConnectTimeout=4 -o BatchMode=yes ec2-user@10.0.1.10"
SSH_PORT: Final = {"protocol": "tcp", "port": 22, "source": "0.0.0.0/0"}
SEND: Final = r"""
import socket, sys
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
raw.bind(("client-eth0", 0))
for line in sys.stdin:
    raw.send(bytes.fromhex(line))
"""


class Session:
    """An ssh session that answers every line with the same line."""

    def __init__(self, lab: SandboxedLab, command: subprocess.Popen[str]) -> None:
        assert command.stdin
        assert command.stdout
        self._in: IO[str] = command.stdin
        self._out: IO[str] = command.stdout

    def echoes(self, line: str) -> bool:
        self._in.write(f"{line}\n")
        self._in.flush()
        return self._out.readline() == f"{line}\n"


@contextmanager
def session(lab: SandboxedLab) -> Iterator[Session]:
    command = [WHODUNET, "exec", "--lab", lab.name, "client", "--", *SSH.split(), "cat"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        yield Session(lab, child)
        child.kill()


def controller_of(lab: SandboxedLab, tree: Any) -> int:
    """The controller's process id, as seen from here."""
    launcher = tree.launcher_of(lab.name, tree.children(os.getpid()))
    (pid,) = (pid for pid in tree.descendants(launcher) if "ryu_app.py\0--listen" in tree.command_line(pid))
    return int(pid)


def kill_controller(lab: SandboxedLab, tree: Any) -> None:
    notes = len(lab.status().notes)
    os.kill(controller_of(lab, tree), signal.SIGKILL)
    wait_until(lambda: len(lab.status().notes) > notes, "the lab to notice")
    assert lab.status().notes[-1].startswith("controller was killed by signal 9")
    assert lab.status().notes[-1].endswith("started again")


def set_inbound(lab: SandboxedLab, *entries: dict[str, Any]) -> None:
    policy: dict[str, Any] = lab.policy("sg")
    group = policy["groups"]["instance-sg"] | {"inbound": list(entries)}
    lab.set_policy("sg", policy | {"groups": policy["groups"] | {"instance-sg": group}})


def connects(lab: SandboxedLab) -> bool:
    return lab.execute("client", "nc -z -w 2 10.0.1.10 22").exit_status == 0


def packets_to_the_controller(lab: SandboxedLab) -> dict[str, int]:
    tables = lab.flow_tables()
    lines = {switch: [line for line in table.splitlines() if "CONTROLLER" in line] for switch, table in tables.items()}
    count = re.compile(r"n_packets=(\d+)")
    return {switch: sum(int(n) for line in there for n in count.findall(line)) for switch, there in lines.items()}


def test_a_killed_controller_neither_ends_a_session_nor_forgets_its_policy(
    own_lab: SandboxedLab, process_tree: Any
) -> None:
    with session(own_lab) as ssh:
        assert ssh.echoes("before")
        entries = {switch: own_lab.flow_entries(switch) for switch in ("egress-fw", "sg")}
        kill_controller(own_lab, process_tree)
        assert ssh.echoes("without a controller, or with its successor")
        set_inbound(own_lab)
        assert not connects(own_lab)
        assert ssh.echoes("tracked before the entry was taken away")
        set_inbound(own_lab, SSH_PORT)
        assert connects(own_lab)
        assert own_lab.flow_entries("egress-fw") == entries["egress-fw"]


def test_a_successor_enforces_what_its_predecessor_was_told_last(own_lab: SandboxedLab, process_tree: Any) -> None:
    set_inbound(own_lab)
    kill_controller(own_lab, process_tree)
    own_lab.set_policy("egress-fw", own_lab.policy("egress-fw"))  # returns when the successor has confirmed it
    assert not connects(own_lab)
    assert own_lab.execute("client", "ping -c 1 -W 1 10.0.1.10").exit_status == 1


def test_without_a_controller_a_switch_lets_nothing_through_that_it_did_not_before(
    own_lab: SandboxedLab, process_tree: Any
) -> None:
    """Fail-secure: a stopped controller (it cannot be started again while it is there) opens nothing."""
    set_inbound(own_lab)
    controller = controller_of(own_lab, process_tree)
    os.kill(controller, signal.SIGSTOP)
    try:
        assert not connects(own_lab)
    finally:
        os.kill(controller, signal.SIGCONT)


def test_packets_of_an_allowed_connection_never_go_to_the_controller(own_lab: SandboxedLab) -> None:
    reset = {"source": "10.8.0.0/24", "protocol": "tcp", "port": 23, "action": "reset"}
    own_lab.set_policy("egress-fw", own_lab.policy("egress-fw") | {"rules": [reset]})
    own_lab.execute("client", "ping -c 1 -W 5 10.0.1.10")
    before = packets_to_the_controller(own_lab)
    assert own_lab.execute("client", f"{SSH} 'head -c 3000000 /dev/zero' | wc -c").stdout == "3000000\n"
    assert packets_to_the_controller(own_lab) == before
    own_lab.execute("client", "nc -z -w 2 10.0.1.10 23")
    assert packets_to_the_controller(own_lab)["egress-fw"] > before["egress-fw"]  # so the count can tell


def crooked_frames(gateway: str, client: str) -> list[bytes]:
    """Frames that no honest sender sends, all for the port that is reset."""
    link = Ether(dst=gateway, src=client)
    ip = IP(src="10.8.0.10", dst="10.0.1.10")
    syn = TCP(sport=40000, dport=22, flags="S", seq=7)
    whole = bytes(link / ip / syn)
    frames: list[Packet] = [
        link / ip / TCP(sport=40000, dport=22, flags="R"),
        link / ip / TCP(sport=40000, dport=22, flags="RA"),
        link / ip / TCP(sport=40000, dport=22, flags=0),
        link / ip / TCP(sport=40000, dport=22, flags="SFRPAUEC"),
        link / ip / TCP(sport=40000, dport=22, flags="S", dataofs=15),
        link / ip / TCP(sport=40000, dport=22, flags="S", dataofs=1),
        link / ip / TCP(sport=40000, dport=22, flags="S", chksum=1),
        link / ip / TCP(sport=0, dport=22, flags="S", seq=2**32 - 1) / Raw(b"x" * 1400),
        link / IP(src="10.8.0.10", dst="10.0.1.10", ihl=1) / syn,
        link / IP(src="10.8.0.10", dst="10.0.1.10", ihl=15) / syn,
        link / IP(src="10.8.0.10", dst="10.0.1.10", len=20) / syn,
        link / IP(src="10.8.0.10", dst="10.0.1.10", len=65535) / syn,
        link / IP(src="10.8.0.10", dst="10.0.1.10", version=7) / syn,
        link / IP(src="10.8.0.10", dst="10.0.1.10", chksum=1) / syn,
        link / IP(src="10.8.0.10", dst="10.0.1.10", ttl=0) / syn,
        link / IP(src="10.8.0.10", dst="10.0.1.10", flags="MF") / syn,
        link / IP(src="10.8.0.10", dst="10.0.1.10", frag=3, proto=6) / Raw(b"\0" * 16),
        link / IP(src="10.8.0.10", dst="255.255.255.255") / syn,
        link / IP(src="10.0.1.10", dst="10.0.1.10") / syn,
        link / ip / UDP(dport=22, len=3) / Raw(b"x"),
        link / ip / ICMP(type=3, code=1) / Raw(b"\x45"),
        link / Dot1Q(vlan=7) / ip / syn,
        link / IPv6(src="fd00::1", dst="fd00::2") / syn,
        link / ARP(op=1, psrc="10.8.0.10", pdst="10.8.0.1"),
        Ether(dst=gateway, src=client, type=0x88CC) / Raw(b"\0" * 64),
    ]
    cut = [whole[:length] for length in (15, 20, 33, 34, 36, 40, 47, 53)]
    return [*map(bytes, frames), *cut]


def test_crooked_packets_harm_nothing(new_lab: Any, process_tree: Any) -> None:
    with new_lab("vpn-egress-reset", faults=True) as lab:
        before = controller_of(lab, process_tree)
        gateway = lab.execute("vpn-gw", "cat /sys/class/net/vpn-gw-eth0/address").stdout.strip()
        client = lab.execute("client", "cat /sys/class/net/client-eth0/address").stdout.strip()
        frames = "\n".join(frame.hex() for frame in crooked_frames(gateway, client)) + "\n"
        sent = lab.execute("client", f"{PYTHON} -c '{SEND}'", frames * 20)
        assert (sent.exit_status, sent.stderr) == (0, "")
        assert "Connection refused" in lab.execute("client", SSH).stderr
        assert controller_of(lab, process_tree) == before
        assert lab.status().notes == []
        with lab.capture() as capture:
            assert bytes.fromhex(frames.splitlines()[0]) in capture.path.read_bytes()


@pytest.mark.parametrize("form", ["module", "file"])
def test_a_stock_ryu_app_can_run_in_place_of_the_policies(form: str, new_lab: Any, tmp_path: Path) -> None:
    app = OtherController("ryu.app.simple_switch_13")
    if form == "file":
        (stock,) = Path(sys.prefix).glob("lib/python3*/site-packages/ryu/app/simple_switch_13.py")
        shutil.copyfile(stock, tmp_path / "my_switch.py")
        app = OtherController.of_file(tmp_path / "my_switch.py")
    with new_lab("healthy", options=LabOptions(other_controller=app)) as lab:
        assert lab.execute("client", f"{SSH} hostname").stdout == "instance\n"
        assert "CONTROLLER" in lab.flow_entries("sg")
        assert packets_to_the_controller(lab)["sg"] > 0
