"""Links between two capture points: whatever shapes them, a packet is seen as sent, lost or not, and as received.

A kernel that refuses netem, which it may be asked for in vain, is told of; the links are delayed all the same.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Final

import pytest

from whodunet import catalogue
from whodunet.evidence.packets import CapturedPacket, Direction
from whodunet.evidence.topology import Link
from whodunet.lab import links
from whodunet.lab.links import Cable, End
from whodunet.lab.pcap_reader import read_capture
from whodunet.lab.plan import BESIDE, Plan
from whodunet.lab.sandboxed import SandboxedLab

SHAPED: Final = '''
from whodunet.lab_topo import LabTopo


class Shaped(LabTopo):
    """near ==20 ms, 4 ms more or less, 1 Mbit/s== far, near ==all lost== gone"""

    baseline = ("near", "far.nic")

    def build(self, *args, **params):
        for name in ("near", "far", "gone"):
            self.host(name, "host")
        ends = {"addresses": ("10.1.0.1/24", "10.1.0.2/24"), "labels": ("to-far", "nic")}
        self.connect("near", "far", **ends, delay_ms=20, jitter_ms=4, rate_mbit=1)
        self.connect("near", "gone", addresses=("10.2.0.1/24", "10.2.0.2/24"), labels=("to-gone", "nic"), loss_pct=100)


topos = {"shaped": Shaped}
'''
LEAST_DELAY_MS: Final = 16
PINGS: Final = 20
FRAME_BYTES: Final = 414  # of an echo message of 372 bytes
AT_ONE_MBIT_MS: Final = 8 * FRAME_BYTES / 1000
AT_ONCE: Final = f"ping -n -q -c {PINGS} -l {PINGS} -s 372 -W 2"


@pytest.fixture(scope="module")
def pinged() -> Sequence[CapturedPacket]:
    """What was captured of twenty echos at once to `far`, and twenty to `gone`."""
    topology_file = "topologies/shaped.py"
    plan = Plan(
        name=f"shaped-{os.getpid()}",
        topology_file=str(BESIDE / topology_file),
        topology="shaped",
        ryu_app=str(catalogue.folder("controllers") / "ryu_app.py"),
        beside={topology_file: SHAPED},
    )
    with SandboxedLab.start(plan) as lab:
        lab.execute("near", f"ip neigh replace 10.2.0.2 lladdr 02:00:00:00:00:01 dev near-eth1; {AT_ONCE} 10.2.0.2")
        answered = lab.execute("near", f"{AT_ONCE} 10.1.0.2")
        assert f" {PINGS} received" in answered.stdout, answered.stdout
        with lab.capture() as capture:
            packets = list(read_capture(capture.path))
    return packets


def echoes(packets: Sequence[CapturedPacket], point: str, direction: Direction, kind: int) -> dict[int, int]:
    """When each of the long echo messages was seen, by sequence number, in the order in which they were."""
    return {
        packet.icmp.sequence: packet.time_ns
        for packet in packets
        if (packet.point, packet.direction) == (point, direction)
        and packet.icmp is not None
        and packet.icmp.type == kind
        and packet.length == FRAME_BYTES
    }


@pytest.mark.parametrize(("kind", "sender", "receiver"), [(8, "near-eth0", "far-eth0"), (0, "far-eth0", "near-eth0")])
def test_a_delay_lies_between_where_a_packet_is_sent_and_where_it_is_received(
    pinged: Sequence[CapturedPacket], kind: int, sender: str, receiver: str
) -> None:
    sent, received = echoes(pinged, sender, "out", kind), echoes(pinged, receiver, "in", kind)
    assert len(sent) == len(received) == PINGS
    assert min(received[each] - sent[each] for each in sent) >= LEAST_DELAY_MS * 1e6


def test_no_delay_of_a_link_is_charged_to_the_host_behind_it(pinged: Sequence[CapturedPacket]) -> None:
    asked, answered = echoes(pinged, "far-eth0", "in", 8), echoes(pinged, "far-eth0", "out", 0)
    assert min(answered[each] - asked[each] for each in asked) < LEAST_DELAY_MS * 1e6


def test_packets_of_a_link_with_jitter_stay_in_order(pinged: Sequence[CapturedPacket]) -> None:
    assert list(echoes(pinged, "far-eth0", "in", 8)) == list(echoes(pinged, "near-eth0", "out", 8))


def test_a_slow_link_spreads_what_was_sent_at_once(pinged: Sequence[CapturedPacket]) -> None:
    sent, received = (list(echoes(pinged, *there, 8).values()) for there in (("near-eth0", "out"), ("far-eth0", "in")))
    first, last = 1, PINGS - 1  # ping sends one, and then all others
    assert received[last] - sent[first] >= (last - first) * AT_ONE_MBIT_MS * 1e6


def test_what_a_link_loses_is_seen_as_sent_and_never_as_received(pinged: Sequence[CapturedPacket]) -> None:
    assert len(echoes(pinged, "near-eth1", "out", 8)) == PINGS
    assert not [packet for packet in pinged if (packet.point, packet.direction) == ("gone-eth0", "in")]


IN_BETWEEN: Final = """
set -e
PATH=$PATH:/usr/sbin:/sbin
unshare --net sleep infinity &
far=$!
trap 'kill $far' EXIT
until [ "$(readlink /proc/$far/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do :; done
sed "s,/proc/self/fd/7,/proc/$far/ns/net," <<<"$1" | ip -batch -
tc -batch - <<<"$2"
ip address add 10.1.0.1/24 dev near-eth0
ip link set near-eth0 up
nsenter --net=/proc/$far/ns/net sh -c 'ip address add 10.1.0.2/24 dev far-eth0; ip link set far-eth0 up'
ping -n -q -c 5 -l 5 -s 372 -W 2 10.1.0.2
"""


def test_middles_carry_everything_each_way_through_their_qdiscs(machine: Any) -> None:
    """With a qdisc that a kernel without netem has, too."""
    link = Link(("near-eth0", "far-eth0"), rate_mbit=1)
    ends = (End("near-eth0", "02:00:00:00:00:01", None, "link0~0"), End("far-eth0", "02:00:00:00:00:02", 7, "link0~1"))
    cable = Cable(link, ends)
    made = "\n".join(links.veth_commands(cable, has_netem=True))
    joined = "\n".join(links.middle_commands(cable, "tbf rate 0.1mbit burst 500 latency 10s"))
    said = machine.run("unshare", "--net", "bash", "-c", IN_BETWEEN, "bash", made, joined)
    assert " 5 received" in said.stdout, said.stdout + said.stderr
    slowest_ms = float(said.stdout.rpartition("= ")[2].split("/")[2])
    assert slowest_ms > 3 * 10 * AT_ONE_MBIT_MS  # the bucket holds one message, and part of another


REFUSING: Final = 'mount --bind "$0" "$(readlink -f /usr/sbin/tc)"; exec "$@"'


def up(machine: Any, lab: str, kernels_words: str) -> str:
    """What `whodunet up` tells on a machine whose tc is refused netem in these words."""
    tc = machine.path("/tmp/tc")
    tc.write_text(f"#!/bin/sh\necho '{kernels_words}' >&2\nexit 2\n")
    tc.chmod(0o755)
    command = (machine.command, "up", "healthy", "--as", lab)
    told = machine.run("unshare", "--mount", "bash", "-c", REFUSING, "/tmp/tc", *command)
    assert told.returncode == 0, told.stderr
    try:
        ping = machine.whodunet("exec", "--lab", lab, "client", "--", "ping", "-c", "3", "10.0.1.1")
        assert "time=" in ping.stdout, ping.stdout + ping.stderr
        assert float(ping.stdout.partition("time=")[2].split()[0]) > 40
    finally:
        machine.whodunet("down", "--lab", lab)
    text: str = told.stderr
    return text


@pytest.mark.parametrize(
    ("lab", "kernels_words", "told"),
    [
        (
            "netem-denied",
            "RTNETLINK answers: Operation not permitted",
            "netem is refused (RTNETLINK answers: Operation not permitted): links are delayed in user space",
        ),
        ("netem-absent", "Error: Specified qdisc kind is unknown.", None),
    ],
)
def test_a_refusal_is_told_and_a_kernel_without_netem_is_nothing_special(
    machine: Any, lab: str, kernels_words: str, told: str | None
) -> None:
    said = " ".join(up(machine, lab, kernels_words).split())
    assert (told in said) if told else ("netem" not in said)
