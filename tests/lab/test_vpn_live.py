"""A VPN in a running lab is OpenVPN's own: its client makes the way, and what goes through it is encrypted outside."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from whodunet import catalogue, engine
from whodunet.cases.fault import Completed
from whodunet.evidence.trails import trails_of
from whodunet.evidence.tunnels import carriers
from whodunet.lab.pcap_reader import read_capture
from whodunet.lab.sandboxed import SandboxedLab
from whodunet.loading.library import Library

INSTANCE = {"ipv4": "10.0.1.10", "ipv6": "fd00:10:0:1::10"}


@pytest.fixture(scope="module")
def vpn_lab() -> Iterator[SandboxedLab]:
    """A healthy lab in which everything goes through the tunnel."""
    library = Library()
    scenario = library.scenario(catalogue.folder("scenarios") / "vpn-healthy.yaml")
    with SandboxedLab.start(engine.plan_for(scenario, library, f"test-vpn-{os.getpid()}")) as lab:
        yield lab


def on_client(lab: SandboxedLab, command: str) -> Completed:
    return lab.execute("client", command)


def hops(lab: SandboxedLab, family: str) -> list[str]:
    """The addresses of the first two hops."""
    done = on_client(lab, f"traceroute -n -I -q 1 -m 2 -w 3 {INSTANCE[family]}")
    return [line.split()[1] for line in done.stdout.splitlines()[1:]]


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_a_packet_is_plain_at_both_ends_of_the_tunnel_and_known_datagrams_carry_it(
    vpn_lab: SandboxedLab, family: str
) -> None:
    assert on_client(vpn_lab, f"ping -n -c 2 -i 0.2 -W 3 -s 700 {INSTANCE[family]}").exit_status == 0

    topology = vpn_lab.topology
    with vpn_lab.capture() as capture:
        trails = trails_of(read_capture(capture.path), topology)
    length = 700 + 8 + {"ipv4": 20, "ipv6": 40}[family]  # other tests' pings have other lengths
    pings = [t for t in trails if t.first.is_echo and t.first.ip and t.first.ip.length == length and INSTANCE[family] in
             (t.first.ip.source, t.first.ip.destination)]  # fmt: skip
    carried = carriers(trails, topology)

    assert len(pings) == 4
    for ping in pings:
        assert {"client-tun0", "vpn-server-tun0"} <= set(ping.points)
        assert "client-eth0" not in ping.points
        assert set(carried[ping].points) == {"client-eth0", "home-gw-eth0", "home-gw-eth1", "vpn-server-eth0"}


def test_a_packet_that_does_not_fit_into_the_tunnel_is_refused_before_it_is_sent(vpn_lab: SandboxedLab) -> None:
    fits, too_long = (on_client(vpn_lab, f"ping -c 1 -W 3 -M do -s {size} 10.0.1.10") for size in (1372, 1373))
    assert fits.exit_status == 0
    assert "message too long, mtu=1400" in too_long.stderr + too_long.stdout


@pytest.mark.parametrize(("family", "first"), [("ipv4", "10.8.1.1"), ("ipv6", "fd00:8:0:1::1")])
def test_the_first_hop_in_the_tunnel_is_the_gateway_behind_the_firewall(
    vpn_lab: SandboxedLab, family: str, first: str
) -> None:
    assert hops(vpn_lab, family)[0] == first


def test_who_leaves_the_vpn_stops_its_client_and_goes_by_the_home_line_until_it_runs_again(
    vpn_lab: SandboxedLab,
) -> None:
    vpn_lab.set_uplink("client", "home")
    assert on_client(vpn_lab, "pgrep -x openvpn").exit_status == 1
    assert on_client(vpn_lab, "ip route show dev client-tun0").stdout == ""
    assert hops(vpn_lab, "ipv4") == ["192.168.1.1", "100.64.9.2"]
    assert vpn_lab.status().services["client"]["openvpn-client"] == "stopped"

    vpn_lab.set_uplink("client", "vpn")
    assert on_client(vpn_lab, "pgrep -x openvpn").exit_status == 0
    assert hops(vpn_lab, "ipv4") == ["10.8.1.1", "100.64.0.2"]
    assert on_client(vpn_lab, "head -1 /etc/resolv.conf").stdout == "nameserver 10.9.0.53\n"


def test_a_tunnel_that_a_host_makes_is_in_its_own_network_alone(vpn_lab: SandboxedLab) -> None:
    assert on_client(vpn_lab, "ip tuntap add dev mine mode tun").exit_status == 0
    assert on_client(vpn_lab, "ip link show mine").exit_status == 0
    others = [host for host in vpn_lab.status().hosts if host != "client"]
    assert [vpn_lab.execute(host, "ip link show mine").exit_status for host in others] == [1] * len(others)
    assert on_client(vpn_lab, "ip link del mine").exit_status == 0
