"""The way out, of what `ip -j` prints (iproute2 6.1) on machines of each kind."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence

import pytest
from pydantic import JsonValue

from whodunet.diagnosis.probes import LookAtWayOut, NotLooked, WayOut
from whodunet.probing import way_out
from whodunet.probing.way_out import look_at_way_out

ASKED = LookAtWayOut("10.0.1.10", 22)
ROUTE: JsonValue = {"dst": "10.0.1.10", "gateway": "10.8.0.1", "dev": "eth0", "prefsrc": "10.8.0.10", "flags": []}
LINK: Mapping[str, JsonValue] = {
    "ifname": "eth0",
    "flags": ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"],
    "mtu": 1500,
    "operstate": "UP",
    "link_type": "ether",
    "linkinfo": {"info_kind": "veth"},
}


class Machine:
    """Answers as `ip` and `nft` would, and notes who was roused."""

    def __init__(self) -> None:
        self.route: JsonValue = [ROUTE]
        self.link: JsonValue = [dict(LINK)]
        self.neighbours: list[JsonValue] = [[{"dst": "10.8.0.1", "lladdr": "aa", "state": ["REACHABLE"]}]]
        self.complaint = ""
        self.roused: list[str] = []

    def run(self, command: Sequence[str], **_: object) -> subprocess.CompletedProcess[str]:
        if command[0] == "nft":
            return subprocess.CompletedProcess(command, 1, "", "Operation not permitted (you must be root)")
        if "route" in command:
            return self._answer(command, self.route)
        if "link" in command:
            return self._answer(command, self.link)
        return self._answer(command, self.neighbours.pop(0) if len(self.neighbours) > 1 else self.neighbours[0])

    def _answer(self, command: Sequence[str], said: JsonValue) -> subprocess.CompletedProcess[str]:
        if self.complaint:
            return subprocess.CompletedProcess(command, 2, "", self.complaint)
        return subprocess.CompletedProcess(command, 0, json.dumps(said), "")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(subprocess, "run", machine.run)
    monkeypatch.setattr(way_out, "_LOOK_AGAIN_S", 0.0)
    return machine


def looked(machine: Machine) -> WayOut:
    found = look_at_way_out(ASKED, machine.roused.append)
    assert isinstance(found, WayOut)
    return found


def test_a_usual_way_out_leads_by_a_gateway_that_is_there(machine: Machine) -> None:
    assert looked(machine) == WayOut(
        "unicast", "eth0", "10.8.0.10", "10.8.0.1", 1500, neighbour="reachable", is_on_link=False
    )
    assert machine.roused == []


def test_a_neighbour_has_no_gateway_and_is_asked_for_itself(machine: Machine) -> None:
    machine.route = [{"dst": "10.0.1.10", "dev": "eth0", "prefsrc": "10.0.1.2"}]
    found = looked(machine)
    assert (found.gateway, found.is_on_link) == (None, True)


def test_a_gateway_of_the_other_family_is_one(machine: Machine) -> None:
    machine.route = [{"dst": "10.0.1.10", "via": {"family": "inet6", "host": "fe80::1"}, "dev": "eth0"}]
    assert looked(machine).gateway == "fe80::1"


@pytest.mark.parametrize(
    ("complaint", "route"),
    [
        ("RTNETLINK answers: Permission denied", "prohibit"),
        ("RTNETLINK answers: Invalid argument", "blackhole"),
        ("RTNETLINK answers: No route to host", "unreachable"),
        ("RTNETLINK answers: Network is unreachable", "none"),
    ],
)
def test_a_route_that_leads_nowhere_is_told_by_the_kernels_own_error(
    machine: Machine, complaint: str, route: str
) -> None:
    machine.complaint = complaint
    assert looked(machine).route == route


def test_an_ip_that_cannot_say_was_not_looked_at(machine: Machine) -> None:
    machine.complaint = 'Option "-j" is unknown, try "ip -help".'
    assert isinstance(look_at_way_out(ASKED, machine.roused.append), NotLooked)


def test_a_machine_without_ip_was_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert look_at_way_out(ASKED, lambda _: None) == NotLooked("needs `ip` of iproute2")


def test_a_next_hop_that_nobody_has_asked_for_is_roused_and_awaited(machine: Machine) -> None:
    machine.neighbours = [[], [{"state": ["INCOMPLETE"]}], [{"state": ["INCOMPLETE"]}], [{"state": ["REACHABLE"]}]]
    assert looked(machine).neighbour == "reachable"
    assert machine.roused == ["10.0.1.10"]


def test_a_next_hop_that_does_not_tell_has_failed(machine: Machine) -> None:
    machine.neighbours = [[{"state": ["FAILED"]}], [{"state": ["INCOMPLETE"]}], [{"state": ["FAILED"]}]]
    assert looked(machine).neighbour == "failed"
    assert machine.roused == ["10.0.1.10"]


def test_a_link_without_neighbours_tells_nothing_of_them(machine: Machine) -> None:
    machine.neighbours = [[]]
    assert looked(machine).neighbour == "unknown"


@pytest.mark.parametrize(
    ("changed", "is_tunnel"),
    [
        ({}, False),
        ({"linkinfo": {"info_kind": "tun", "info_data": {"type": "tun"}}, "link_type": "none"}, True),
        ({"linkinfo": {"info_kind": "tun", "info_data": {"type": "tap"}}}, False),
        ({"linkinfo": {"info_kind": "wireguard"}, "link_type": "none"}, True),
        ({"linkinfo": {}, "link_type": "ppp"}, True),
    ],
)
def test_a_tunnel_is_told_by_its_kind(machine: Machine, changed: dict[str, JsonValue], is_tunnel: bool) -> None:
    machine.link = [dict(LINK) | changed]
    assert looked(machine).is_tunnel is is_tunnel


@pytest.mark.parametrize("changed", [{"flags": ["NO-CARRIER", "UP"]}, {"operstate": "DOWN"}])
def test_a_link_that_is_down_has_no_carrier(machine: Machine, changed: dict[str, JsonValue]) -> None:
    machine.link = [dict(LINK) | changed]
    assert not looked(machine).has_carrier


def test_an_mtu_that_was_learnt_on_the_path_counts_more_than_the_links(machine: Machine) -> None:
    machine.route = [{"dev": "eth0", "gateway": "10.8.0.1", "metrics": [{"mtu": 1300}]}]
    assert looked(machine).mtu_bytes == 1300
