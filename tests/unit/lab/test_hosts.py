"""What a host is told when it gets its network: addresses, routes and settings of both families."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest

from whodunet.errors import CannotRun
from whodunet.evidence.topology import Family
from whodunet.lab import host_messages as messages
from whodunet.lab.hosts import FirstProcess, Host
from whodunet.lab_topo import HostSettings, Uplink


@pytest.fixture(autouse=True)
def files_may_be_given_to_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a lab's user namespace; an ordinary user who runs these tests may not."""
    monkeypatch.setattr(os, "fchown", lambda *_: None)


ADDRESSES = {"gw-eth0": ("10.8.0.1/24", "fd00:8::1/64", "fe80::1/64"), "gw-eth1": ("100.64.0.1/30",)}


class FirstProcessOnPaper:
    """Notes what it is asked."""

    name, pid = "gw", 7

    def __init__(self, root: Path) -> None:
        (root / "etc").mkdir()
        self._root = root
        self.asked: list[messages.Request] = []

    def await_born(self) -> tuple[dict[str, int], int]:
        return {}, os.open(self._root, os.O_PATH)

    def ask(self, request: messages.Request) -> None:
        self.asked.append(request)


def configured(root: Path, settings: HostSettings, family: Family = "ipv4") -> messages.Configure:
    first = FirstProcessOnPaper(root)
    Host(cast(FirstProcess, first), settings, family).configure(ADDRESSES, 128, ["tuntap add dev gw-eth1 mode tap"])
    (request,) = first.asked
    assert isinstance(request, messages.Configure)
    return request


def test_devices_come_first_then_addresses_then_links_and_what_needs_them(tmp_path: Path) -> None:
    lines = configured(tmp_path, {"routes": ("default via 100.64.0.2", "fd00:9::/48 via fd00:8::2")}).ip_batch
    assert lines[0] == "tuntap add dev gw-eth1 mode tap"
    in_order = [
        "link set dev gw-eth0 addrgenmode none",
        "address add 10.8.0.1/24 dev gw-eth0",
        "link set dev gw-eth0 up",
        "route add multicast ff00::/8 dev gw-eth0 table local metric 1024",
        "route replace default via 100.64.0.2",
        "route replace fd00:9::/48 via fd00:8::2",
    ]
    assert [line for line in lines if line in in_order] == in_order


def test_addresses_of_ipv6_are_in_use_at_once_and_each_interface_hears_groups(tmp_path: Path) -> None:
    lines = configured(tmp_path, {}).ip_batch
    assert {line for line in lines if "nodad" in line} == {
        "address add fd00:8::1/64 dev gw-eth0 nodad",
        "address add fe80::1/64 dev gw-eth0 nodad",
    }
    groups = [line.split() for line in lines if "ff00::/8" in line]
    assert len(groups) == len({words[-1] for words in groups}) == 2, "two of one metric would be one"


def test_rules_of_ipv6_are_told_apart_because_ip_does_not(tmp_path: Path) -> None:
    rules = ("from 10.0.0.0/16 iif gw-eth0 blackhole", "from fd00:10::/48 iif gw-eth0 blackhole")
    request = configured(tmp_path, {"rules": rules})
    assert [line for line in request.ip_batch if line.startswith("rule")] == [f"rule add {rules[0]}"]
    assert request.ip6_batch == [f"rule add {rules[1]}"]


@pytest.mark.parametrize(("forwards", "value"), [(True, "1"), (False, "0")])
def test_a_router_forwards_both_families_and_a_host_neither(tmp_path: Path, forwards: bool, value: str) -> None:
    settings = configured(tmp_path, {"forwards": forwards}).settings
    assert (settings["ipv4/ip_forward"], settings["ipv6/conf/all/forwarding"]) == (value, value)


def test_what_it_sends_has_the_same_ttl_in_both_families(tmp_path: Path) -> None:
    settings = configured(tmp_path, {}).settings
    assert (settings["ipv4/ip_default_ttl"], settings["ipv6/conf/default/hop_limit"]) == ("128", "128")
    assert (settings["ipv4/icmp_ratelimit"], settings["ipv6/icmp/ratelimit"]) == ("0", "0")


def test_the_first_uplink_is_the_default_route_of_both_families(tmp_path: Path) -> None:
    uplinks = {
        "vpn": Uplink("gw-eth0", gateway=("10.8.0.2", "fd00:8::2"), resolver=()),
        "home": Uplink("gw-eth1", gateway=("100.64.0.2",), resolver=()),
    }
    lines = configured(tmp_path, {"uplinks": uplinks}).ip_batch
    assert [line for line in lines if "default" in line] == [
        "route replace default via 10.8.0.2",
        "route replace default via fd00:8::2",
    ]


@pytest.mark.parametrize(("family", "first"), [("ipv4", "10.9.0.53"), ("ipv6", "fd00:9::53")])
def test_its_resolver_is_asked_over_the_family_of_the_lab_first(tmp_path: Path, family: Family, first: str) -> None:
    configured(tmp_path, {"resolver": ("10.9.0.53", "fd00:9::53")}, family)
    lines = (tmp_path / "etc/resolv.conf").read_text().splitlines()
    assert lines[0] == f"nameserver {first}"
    assert len([line for line in lines if line.startswith("nameserver")]) == 2


def test_what_is_ended_before_it_answers_is_told_at_once() -> None:
    here, there = messages.connection()
    first = FirstProcess("client", 7, here)
    with here, there, ThreadPoolExecutor() as side:
        asked = side.submit(first.ask, messages.Start(("true",)))
        messages.tell(there, messages.receive(there).number, messages.Ended, status=-9)
        with pytest.raises(CannotRun, match="client: it was ended before it could answer"):
            asked.result(5)


def test_the_end_of_a_program_is_told_after_its_start() -> None:
    here, there = messages.connection()
    first = FirstProcess("client", 7, here)
    with here, there, ThreadPoolExecutor() as side:
        asked = side.submit(first.ask, messages.Start(("true",)))
        started = messages.receive(there).number
        messages.tell(there, started, messages.Done, pid=12)
        messages.tell(there, started, messages.Ended, status=3)
        number, done, _ = asked.result(5)
        assert (done.pid, first.await_end(number, 5)) == (12, 3)
