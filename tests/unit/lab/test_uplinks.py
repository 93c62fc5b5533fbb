"""A way out that a program makes comes and goes with the program; one that is a cable with its interface."""

from __future__ import annotations

from typing import Any

import pytest

from whodunet.evidence.topology import Interface
from whodunet.lab.uplinks import Uplinks
from whodunet.lab_topo import Uplink


class _Recorded:
    """Host and services in one, which keep in order what is asked of them."""

    name = "client"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def ip(self, *lines: str) -> None:
        self.asked.append(f"ip {'; '.join(lines)}")

    def set_resolver(self, addresses: tuple[str, ...]) -> None:
        self.asked.append(f"resolver {' '.join(addresses)}")

    def await_early(self) -> None:
        self.asked.append("await others")

    def start(self, host: object, service: str) -> None:
        self.asked.append(f"start {service}")

    def stop(self, host: object, service: str) -> None:
        self.asked.append(f"stop {service}")


INTERFACES = {
    "client-tun0": Interface("client-tun0", "client", ("10.8.0.10/24",)),
    "client-eth0": Interface("client-eth0", "client", ("192.168.1.10/24",)),
}
HOME = Uplink("client-eth0", ("192.168.1.1",), ("192.168.1.1",))
HOME_COMES_UP = [
    "ip link set dev client-eth0 up; route replace default via 192.168.1.1 dev client-eth0",
    "resolver 192.168.1.1",
]


@pytest.fixture
def recorded() -> Any:
    return _Recorded()


def test_the_way_that_a_program_makes_is_taken_by_starting_that(recorded: Any) -> None:
    tunnel = Uplink("client-tun0", ("10.8.1.1",), ("10.9.0.53",), service="openvpn-client")
    uplinks = Uplinks({"client": {"vpn": tunnel, "home": HOME}}, INTERFACES, recorded)

    uplinks.choose_all({"client": recorded}, {})

    assert recorded.asked == ["await others", "start openvpn-client", "resolver 10.9.0.53"]
    assert uplinks.in_use == {"client": "vpn"}


def test_it_is_left_by_stopping_the_program(recorded: Any) -> None:
    tunnel = Uplink("client-tun0", ("10.8.1.1",), ("10.9.0.53",), service="openvpn-client")
    uplinks = Uplinks({"client": {"vpn": tunnel, "home": HOME}}, INTERFACES, recorded)

    uplinks.use(recorded, "home")

    assert recorded.asked == ["stop openvpn-client", *HOME_COMES_UP]


def test_a_way_that_is_a_cable_is_left_by_taking_its_interface_down(recorded: Any) -> None:
    cable = Uplink("client-tun0", ("10.8.1.1",), ("10.9.0.53",))
    uplinks = Uplinks({"client": {"vpn": cable, "home": HOME}}, INTERFACES, recorded)

    uplinks.use(recorded, "home")

    assert recorded.asked == ["ip link set dev client-tun0 down", *HOME_COMES_UP]
