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
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6ND_NA,
    ICMPv6NDOptDstLLAddr,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

from whodunet.lab.host_root import PYTHON
from whodunet.lab.plan import LabOptions, OtherController
from whodunet.lab.sandboxed import SandboxedLab
from whodunet.lab.waiting import wait_until

WHODUNET: Final = str(Path(sys.executable).with_name("whodunet"))
INSTANCE, INSTANCE_V6 = "10.0.1.10", "fd00:10:0:1::10"
ENDPOINTS_V6, VPC_ROUTER_V6 = "fd00:10:0:1::20", "fd00:10:0:1::1"
SSH: Final = f"ssh -o ConnectTimeout=4 -o BatchMode=yes ec2-user@{INSTANCE}"
SSH_PORT: Final = {"protocol": "tcp", "port": 22, "source": "0.0.0.0/0"}
SSH_PORT_V6: Final = SSH_PORT | {"source": "::/0"}
SEND: Final = r"""
import socket, sys
raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
raw.bind((sys.argv[1], 0))
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
    (pid,) = (pid for pid in tree.descendants(launcher) if is_controller(tree.command_line(pid)))
    return int(pid)


def is_controller(command_line: str) -> bool:
    """The first of a lab is forked, and bears that name; later ones are the program."""
    return command_line.startswith("controller\0") or "ryu_app.py\0--listen" in command_line


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


def set_rules(lab: SandboxedLab, *rules: dict[str, Any], default: str = "allow") -> None:
    lab.set_policy("egress-fw", lab.policy("egress-fw") | {"rules": list(rules), "default": default})


def connects(lab: SandboxedLab, address: str = INSTANCE) -> bool:
    return lab.execute("client", f"nc -z -w 2 {address} 22").exit_status == 0


def mac_of(lab: SandboxedLab, node: str, interface: str) -> str:
    return lab.execute(node, f"cat /sys/class/net/{interface}/address").stdout.strip()


def send(lab: SandboxedLab, node: str, interface: str, *frames: bytes) -> None:
    """Has a host send frames as they are."""
    lines = "".join(f"{frame.hex()}\n" for frame in frames)
    sent = lab.execute(node, f"{PYTHON} -c '{SEND}' {interface}", lines)
    assert (sent.exit_status, sent.stderr) == (0, "")


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
        set_inbound(own_lab, SSH_PORT, SSH_PORT_V6)
        assert connects(own_lab)
        assert connects(own_lab, INSTANCE_V6)
        assert own_lab.flow_entries("egress-fw") == entries["egress-fw"]


def test_a_successor_enforces_what_its_predecessor_was_told_last(own_lab: SandboxedLab, process_tree: Any) -> None:
    set_inbound(own_lab)
    kill_controller(own_lab, process_tree)
    own_lab.set_policy("egress-fw", own_lab.policy("egress-fw"))  # returns when the successor has confirmed it
    for address in (INSTANCE, INSTANCE_V6):
        assert not connects(own_lab, address)
        assert own_lab.execute("client", f"ping -c 1 -W 1 {address}").exit_status == 1


def test_without_a_controller_a_switch_lets_nothing_through_that_it_did_not_before(
    own_lab: SandboxedLab, process_tree: Any
) -> None:
    """Fail-secure: a stopped controller (it cannot be started again while it is there) opens nothing."""
    set_inbound(own_lab)
    controller = controller_of(own_lab, process_tree)
    os.kill(controller, signal.SIGSTOP)
    try:
        assert not connects(own_lab)
        assert not connects(own_lab, INSTANCE_V6)
    finally:
        os.kill(controller, signal.SIGCONT)


@pytest.mark.parametrize(("address", "clients"), [(INSTANCE, "10.8.0.0/24"), (INSTANCE_V6, "fd00:8::/64")])
def test_packets_of_an_allowed_connection_never_go_to_the_controller(
    own_lab: SandboxedLab, address: str, clients: str
) -> None:
    set_rules(own_lab, {"source": clients, "protocol": "tcp", "port": 23, "action": "reset"})
    own_lab.execute("client", f"ping -c 1 -W 5 {address}")
    before = packets_to_the_controller(own_lab)
    download = f"ssh -o ConnectTimeout=4 -o BatchMode=yes ec2-user@{address} 'head -c 3000000 /dev/zero' | wc -c"
    assert own_lab.execute("client", download).stdout == "3000000\n"
    assert packets_to_the_controller(own_lab) == before
    own_lab.execute("client", f"nc -z -w 2 {address} 23")
    assert packets_to_the_controller(own_lab)["egress-fw"] > before["egress-fw"]  # so the count can tell


def test_a_rule_about_one_family_lets_the_other_pass(own_lab: SandboxedLab) -> None:
    set_inbound(own_lab, SSH_PORT)
    assert (connects(own_lab), connects(own_lab, INSTANCE_V6)) == (True, False)
    set_inbound(own_lab, SSH_PORT_V6)
    assert (connects(own_lab), connects(own_lab, INSTANCE_V6)) == (False, True)
    set_inbound(own_lab, SSH_PORT, SSH_PORT_V6)
    set_rules(own_lab, {"source": "::/0", "protocol": "tcp", "port": 22, "action": "drop"})
    assert (connects(own_lab), connects(own_lab, INSTANCE_V6)) == (True, False)


def test_over_ipv6_a_client_says_what_the_firewall_rejects_with(own_lab: SandboxedLab) -> None:
    words = {
        "port-unreachable": "Connection refused",
        "net-unreachable": "Network is unreachable",
        "host-unreachable": "No route to host",
        "admin-prohibited": "Permission denied",
        "policy-fail": "Permission denied",
        "reject-route": "Permission denied",
    }
    for rejection, said in words.items():
        set_rules(own_lab, {"destination": "fd00:10::/48", "action": "reject", "with": rejection})
        assert said in own_lab.execute("client", f"nc -v -z -w 3 {INSTANCE_V6} 22").stderr


def test_a_firewall_that_drops_all_lets_neighbours_find_each_other(own_lab: SandboxedLab) -> None:
    gateway = "fd00:8::1"
    set_rules(own_lab, default="drop")
    own_lab.execute("client", "ip -6 neigh flush dev client-eth0")
    assert own_lab.execute("client", f"ping -c 1 -W 1 {gateway}").exit_status == 1
    assert "lladdr" in own_lab.execute("client", f"ip -6 neigh show {gateway}").stdout


def test_packets_in_fragments_pass_where_their_first_fragment_may(own_lab: SandboxedLab) -> None:
    set_rules(own_lab, {"protocol": "icmp", "action": "allow"}, default="drop")
    echo_v6 = {"protocol": "icmpv6", "icmp_type": 128, "source": "fd00:8::/64"}
    set_inbound(own_lab, {"protocol": "icmp", "icmp_type": 8, "source": "10.8.0.0/24"}, echo_v6)
    for address in (INSTANCE, INSTANCE_V6):
        assert own_lab.execute("client", f"ping -c 1 -W 5 -s 3000 {address}").exit_status == 0
    set_rules(own_lab, default="drop")
    for address in (INSTANCE, INSTANCE_V6):
        assert own_lab.execute("client", f"ping -c 1 -W 1 -s 3000 {address}").exit_status == 1


def test_packet_too_big_reaches_an_instance_whose_group_lets_no_icmp_in(own_lab: SandboxedLab) -> None:
    set_inbound(own_lab, SSH_PORT_V6)
    assert own_lab.execute("transit1", "ip link set dev transit1-eth0 mtu 1300").exit_status == 0
    download = f"ssh -o ConnectTimeout=4 -o BatchMode=yes ec2-user@{INSTANCE_V6} 'head -c 300000 /dev/zero' | wc -c"
    assert own_lab.execute("client", f"timeout 10 {download}").stdout == "300000\n"
    assert "mtu 1300" in own_lab.execute("instance", "ip -6 route get fd00:8::10").stdout


def advertisement(source_mac: str, source: str, target: str) -> bytes:
    """What says to the VPC's router that `target` is at a card that nobody has."""
    says = ICMPv6ND_NA(tgt=target, R=0, S=0, O=1) / ICMPv6NDOptDstLLAddr(lladdr="02:00:00:00:00:99")
    return bytes(Ether(src=source_mac, dst="33:33:00:00:00:01") / IPv6(src=source, dst="ff02::1", hlim=255) / says)


def test_an_instance_can_say_of_no_address_but_its_own_where_it_is(own_lab: SandboxedLab) -> None:
    def router_believes(address: str) -> bool:
        return "02:00:00:00:00:99" in own_lab.execute("vpc-router", f"ip -6 neigh show {address}").stdout

    for address in (INSTANCE_V6, ENDPOINTS_V6):
        assert own_lab.execute("vpc-router", f"ping -c 1 -W 5 {address}").exit_status in (0, 1)  # asks where it is
    own = mac_of(own_lab, "instance", "instance-eth0")
    foreign = [advertisement(own, source, ENDPOINTS_V6) for source in (INSTANCE_V6, ENDPOINTS_V6, "fe80::10")]
    send(own_lab, "instance", "instance-eth0", *foreign, advertisement(own, INSTANCE_V6, INSTANCE_V6))
    wait_until(lambda: router_believes(INSTANCE_V6), "the router to believe what the instance says of itself")
    assert not router_believes(ENDPOINTS_V6)


def crooked_frames(gateway: str, client: str) -> list[bytes]:
    """Frames that no honest sender sends, all for the port that is reset."""
    link = Ether(dst=gateway, src=client)
    ip, ip6 = IP(src="10.8.0.10", dst="10.0.1.10"), IPv6(src="fd00:8::10", dst=INSTANCE_V6)
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
        link / ip6 / TCP(sport=40000, dport=22, flags="R"),
        link / ip6 / TCP(sport=40000, dport=22, flags="SFRPAUEC"),
        link / ip6 / TCP(sport=40000, dport=22, flags="S", dataofs=15),
        link / ip6 / TCP(sport=40000, dport=22, flags="S", chksum=1),
        link / IPv6(src="fd00:8::10", dst=INSTANCE_V6, plen=4) / syn,
        link / IPv6(src="fd00:8::10", dst=INSTANCE_V6, plen=65535) / syn,
        link / IPv6(src="fd00:8::10", dst=INSTANCE_V6, version=7) / syn,
        link / IPv6(src="fd00:8::10", dst=INSTANCE_V6, hlim=0) / syn,
        link / IPv6(src="fd00:8::10", dst=INSTANCE_V6, nh=0) / Raw(b"\x06\xff" + b"\0" * 60),
        link / ip6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / syn,
        link / ip6 / IPv6ExtHdrRouting(segleft=1, addresses=["fd00::1"]) / syn,
        link / ip6 / IPv6ExtHdrFragment(m=1) / syn,
        link / ip6 / IPv6ExtHdrFragment(offset=3) / Raw(b"\0" * 16),
        link / IPv6(src="::", dst=INSTANCE_V6) / syn,
        link / IPv6(src="fd00:8::10", dst="ff02::1") / syn,
        link / ip6 / ICMPv6DestUnreach() / Raw(b"\x60"),
        link / ip6 / ICMPv6ND_NA(tgt="fd00:8::1"),
        link / ARP(op=1, psrc="10.8.0.10", pdst="10.8.0.1"),
        Ether(dst=gateway, src=client, type=0x88CC) / Raw(b"\0" * 64),
    ]
    cut = [whole[:length] for length in (15, 20, 33, 34, 36, 40, 47, 53)]
    return [*map(bytes, frames), *cut]


def test_crooked_packets_harm_nothing(new_lab: Any, process_tree: Any) -> None:
    with new_lab("vpn-egress-reset", faults=True) as lab:
        set_rules(lab, {"protocol": "tcp", "port": 22, "action": "reset"})
        before = controller_of(lab, process_tree)
        gateway, client = mac_of(lab, "vpn-gw", "vpn-gw-eth0"), mac_of(lab, "client", "client-eth0")
        frames = crooked_frames(gateway, client)
        send(lab, "client", "client-eth0", *frames * 20)
        for address in (INSTANCE, INSTANCE_V6):
            assert "Connection refused" in lab.execute("client", f"nc -v -z -w 3 {address} 22").stderr
        assert controller_of(lab, process_tree) == before
        assert not lab.status().notes
        with lab.capture() as capture:
            assert frames[0] in capture.path.read_bytes()


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
