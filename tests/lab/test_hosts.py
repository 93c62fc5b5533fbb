"""Each host has files, names, addresses and packets of its own, and the capture has them all."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from whodunet.cases.scenario import Probe
from whodunet.evidence.topology import FAMILIES, Family
from whodunet.lab.pcap_reader import read_capture
from whodunet.lab.sandboxed import SandboxedLab


def on(lab: SandboxedLab, host: str, command: str) -> str:
    done = lab.execute(host, command)
    assert done.exit_status == 0, done.stderr
    return done.stdout


def test_each_host_has_its_own_name(open_lab: SandboxedLab) -> None:
    for host in open_lab.status().hosts:
        assert on(open_lab, host, "hostname; cat /etc/hostname") == f"{host}\n{host}\n"
        assert f"127.0.1.1 {host}" in on(open_lab, host, "cat /etc/hosts")


def test_what_one_host_writes_into_its_files_no_other_reads(open_lab: SandboxedLab) -> None:
    on(open_lab, "transit1", "echo 203.0.113.9 elsewhere >> /etc/hosts; echo mine > ~/note")
    assert "203.0.113.9" in on(open_lab, "transit1", "getent hosts elsewhere")
    assert open_lab.execute("transit2", "getent hosts elsewhere || cat ~/note").exit_status != 0


def test_a_host_may_have_a_quarter_of_the_inotify_instances_that_a_user_of_the_machine_may(
    open_lab: SandboxedLab,
) -> None:
    take = "import ctypes; libc = ctypes.CDLL(None); print(next(n for n in range(2000) if libc.inotify_init() < 0))"
    granted = int(Path("/proc/sys/fs/inotify/max_user_instances").read_text())
    files = "ulimit -n $(ulimit -Hn)"  # each is an open file, too, of which a process may have fewer than there may be
    taken = int(on(open_lab, "transit2", f"{files}; python3 -c '{take}'"))
    assert taken == min(granted // 4, int(on(open_lab, "transit2", "ulimit -Hn")) - 3)


def test_each_host_asks_its_own_resolver(open_lab: SandboxedLab) -> None:
    assert "nameserver 10.9.0.53" in on(open_lab, "client", "cat /etc/resolv.conf")
    assert "nameserver 10.0.0.2" in on(open_lab, "instance", "cat /etc/resolv.conf")
    assert on(open_lab, "client", "getent ahostsv4 instance.cloud.example").split()[0] == "10.0.1.10"
    assert on(open_lab, "instance", "getent ahostsv4 instance.cloud.example").split()[0] == "10.0.1.10"


def test_the_client_knows_the_instances_key_and_the_instance_the_clients(open_lab: SandboxedLab) -> None:
    strict = "-o StrictHostKeyChecking=yes -o BatchMode=yes -o ConnectTimeout=5"
    assert on(open_lab, "client", f"ssh {strict} ec2-user@10.0.1.10 'hostname; whoami'") == "instance\nec2-user\n"
    assert on(open_lab, "client", f"ssh {strict} ec2-user@instance.cloud.example hostname") == "instance\n"
    key = "ssh-keyscan -t ed25519 10.0.1.10 2>/dev/null | grep -v '^#' | cut -d' ' -f3"
    assert on(open_lab, "client", key).strip() in on(open_lab, "client", "cat ~/.ssh/known_hosts")
    assert open_lab.execute("endpoints", f"ssh {strict} ec2-user@10.0.1.10 true").exit_status == 255


def test_two_labs_have_different_keys(open_lab: SandboxedLab, own_lab: SandboxedLab) -> None:
    for file in ("~/.ssh/known_hosts", "~/.ssh/id_ed25519"):
        one, other = (lab.execute("client", f"cat {file}").stdout for lab in (open_lab, own_lab))
        assert one != other


def test_tcpdump_on_a_host_shows_packets_while_they_are_recorded(open_lab: SandboxedLab) -> None:
    watch = "timeout 10 tcpdump -n -l -i client-eth0 -c 1 'icmp and src host 10.0.1.1' >seen 2>said &"
    ping = "until grep -q listening said; do :; done; ping -c 1 -W 5 10.0.1.1 >/dev/null; wait; cat seen"
    seen = on(open_lab, "client", f"{watch} {ping}")
    assert re.search(r"IP 10\.0\.1\.1 > 10\.8\.0\.10: ICMP echo reply", seen)


def test_the_capture_has_every_interface_by_its_name(open_lab: SandboxedLab) -> None:
    on(open_lab, "client", "ping -c 1 -W 2 10.0.1.10; ping -c 1 -W 2 -I 192.168.1.10 192.168.1.1")
    on(open_lab, "instance", "dig +short +time=2 @10.0.0.2 instance.cloud.example")
    with open_lab.capture() as capture:
        content = capture.path.read_bytes()
        assert capture.dropped == {}
    assert all(name.encode() in content for name in open_lab.topology.interfaces)


def test_every_address_of_both_families_is_a_hosts_own_and_in_use_at_once(own_lab: SandboxedLab) -> None:
    for name, interface in own_lab.topology.interfaces.items():
        if interface.addresses:
            shown = on(own_lab, interface.node, f"ip -brief address show dev {name}")
            assert {*interface.addresses, interface.link_local} <= set(shown.split())
    nobodys = [host for host in own_lab.status().hosts if on(own_lab, host, "ip -6 address show tentative")]
    assert nobodys == []


@pytest.mark.parametrize("family", FAMILIES)
def test_hosts_reach_each_other_over_either_family_by_address_and_by_name(
    open_lab: SandboxedLab, family: Family
) -> None:
    address = str(open_lab.topology.interfaces["instance-eth0"].address(family)).partition("/")[0]
    option = "-4" if family == "ipv4" else "-6"
    assert on(open_lab, "client", f"ping -c 2 -i 0.2 -W 2 {address}").count(" ttl=58 ") == 2
    assert on(open_lab, "client", f"ssh -o BatchMode=yes ec2-user@{address} hostname") == "instance\n"
    by_name = f"ssh {option} -o BatchMode=yes ec2-user@instance.cloud.example hostname"
    assert on(open_lab, "client", by_name) == "instance\n"
    assert on(open_lab, "client", f"traceroute {option} -n -I -q 1 -w 2 {address}").count("*") == 0


def test_who_comes_back_to_an_uplink_has_its_addresses_there(own_lab: SandboxedLab) -> None:
    before = on(own_lab, "client", "ip -brief address")
    own_lab.set_uplink("client", "home")
    assert on(own_lab, "client", "ping -c 1 -W 2 fd00:10:0:1::1")
    own_lab.set_uplink("client", "vpn")
    assert on(own_lab, "client", "ip -brief address").split() == before.split()
    assert on(own_lab, "client", "ping -c 1 -W 2 fd00:10:0:1::1")


def test_switches_say_nothing_and_hosts_ask_no_router(own_lab: SandboxedLab) -> None:
    on(own_lab, "client", "ping -c 1 -W 2 10.0.1.10; ping -c 1 -W 2 fd00:10:0:1::10")
    with own_lab.capture() as capture:
        packets = read_capture(capture.path)
    of_switches = {
        name for name, each in own_lab.topology.interfaces.items() if own_lab.topology.nodes[each.node].is_switch
    }
    said = [packet for packet in packets if packet.point in of_switches and packet.direction == "out"]
    heard = {packet.identity for packet in packets if packet.point in of_switches and packet.direction == "in"}
    assert said
    assert all(packet.identity in heard for packet in said), "what a switch sends has come in to it"
    numbers = {packet.icmp.type for packet in packets if packet.icmp and packet.ip and packet.ip.version == 6}
    assert {128, 129, 135, 136} <= numbers
    assert not numbers & {133, 134}, "router solicitations and advertisements"
    assert not [packet for packet in packets if packet.unread]


def test_stamps_are_nanoseconds_and_follow_the_packet_along_its_path(own_lab: SandboxedLab) -> None:
    probe = own_lab.probe("ping", Probe(host="client", command="ping -c 1 -W 5 10.0.1.10"))
    with own_lab.capture() as capture:
        packets = read_capture(capture.path)
    request = [each for each in packets if is_echo_request(each, probe)]
    ways_in = sorted((each for each in request if each.direction == "in"), key=lambda each: each.time_ns)
    assert [each.point for each in ways_in] == [
        "egress-fw-eth1", "vpn-gw-eth0", "transit1-eth0", "transit2-eth0", "transit3-eth0", "cloud-edge-eth0",
        "vpc-router-eth0", "sg-eth1", "instance-eth0",
    ]  # fmt: skip
    assert all(one.time_ns < other.time_ns for one, other in pairwise(ways_in))
    assert any(each.time_ns % 1000 for each in packets)


def is_echo_request(packet: Any, probe: Any) -> bool:
    is_in_time = probe.started_ns <= packet.time_ns <= probe.ended_ns
    return is_in_time and packet.icmp is not None and packet.icmp.type == 8 and packet.ip.destination == "10.0.1.10"


def test_the_path_takes_what_its_links_add_up_to(own_lab: SandboxedLab) -> None:
    """By ratio: near to far is 2 : 45, and no round trip is shorter than the emulated delay."""
    near, far = (min(round_trips(own_lab, address)) for address in ("10.8.0.1", "10.0.1.10"))
    assert near >= 2
    assert far >= 45
    assert far / near > 5
    assert min(own_lab.baseline_round_trips_ms()) < 3 * 45


def round_trips(lab: SandboxedLab, address: str) -> list[float]:
    said = on(lab, "client", f"ping -c 8 -i 0.1 -W 2 {address}")
    return [float(time) for time in re.findall(r"time=([\d.]+)", said)]
