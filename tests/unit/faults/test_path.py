"""What a router on the path does: a narrower link, a short memory, a proxy in the way, a subnet's border."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pytest
from pydantic import ValidationError

from tests.unit.faults.stand_in import TOPOLOGY, StandIn
from whodunet.cases.fault import Fault
from whodunet.faults.firewall_policy import FirewallPolicy
from whodunet.faults.idle_timeout import IdleTimeout
from whodunet.faults.link_mtu import LinkMtu
from whodunet.faults.multipath_route import MultipathRoute
from whodunet.faults.network_acl import NetworkAcl
from whodunet.faults.path_mtu import PathMtu
from whodunet.faults.tls_interception import TlsInterception

NARROW = PathMtu(node="transit2", interface="transit2-eth1", mtu_bytes=1300)
IDLE = IdleTimeout(node="cloud-edge", idle_s=2, answer="reset")
INTERCEPTED = TlsInterception(node="vpn-gw", source="10.8.0.0/24", destination="10.0.1.20/32")
ACL = NetworkAcl(node="vpc-router", interface="vpc-router-eth2", direction="inbound", ports=(22, 22))
MEMORY = "/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established"


def test_a_narrow_path_loses_what_is_too_long_on_both_ways() -> None:
    too_long = {"match": {"op": ">", "left": {"meta": {"key": "length"}}, "right": 1300}}
    ways = {chain.hook: rule for chain in NARROW.chains() for rule in chain.rules}
    for hook, key in {"prerouting": "iifname", "postrouting": "oifname"}.items():
        there = {"match": {"op": "==", "left": {"meta": {"key": key}}, "right": "transit2-eth1"}}
        assert ways.pop(hook) == (there, too_long, {"counter": None}, {"drop": None})
    assert not ways


def test_a_path_that_is_narrow_one_way_is_no_black_hole() -> None:
    network = StandIn()
    NARROW.inject(network)
    assert NARROW.proof(network)
    tables = network.machines["transit2"].tables
    tables[NARROW.table()] = [each for each in tables[NARROW.table()] if "prerouting" not in str(each)]
    assert NARROW.proof(network) is None


def test_a_link_that_is_too_narrow_for_ipv6_is_for_networks_without() -> None:
    fault = PathMtu(node="transit2", interface="transit2-eth1", mtu_bytes=1279)
    (misfit,) = fault.misfits(TOPOLOGY)
    assert (misfit.key, misfit.fix) == (("mtu_bytes",), "write at least 1280")
    interfaces = dict(TOPOLOGY.interfaces)
    interfaces["transit2-eth1"] = replace(interfaces["transit2-eth1"], addresses=("100.64.2.1/30",))
    assert list(fault.misfits(replace(TOPOLOGY, interfaces=interfaces))) == []


def test_a_memory_that_was_not_shortened_is_no_timeout_and_one_that_still_is_remains() -> None:
    network = StandIn()
    before = IDLE.inject(network)
    files = network.machines["cloud-edge"].files
    assert IDLE.proof(network)
    files[MEMORY] = "432000"
    assert IDLE.proof(network) is None
    IDLE.remove(network, before)
    assert IDLE.remains(network) is None
    files[MEMORY] = "2"
    assert IDLE.remains(network) == "nf_conntrack_tcp_timeout_established = 2"


@pytest.mark.parametrize(
    ("answer", "verdict"), [("reset", {"reject": {"type": "tcp reset"}}), ("silence", {"drop": None})]
)
def test_who_comes_late_is_answered_as_the_fault_says(answer: Any, verdict: object) -> None:
    (chain,) = IdleTimeout(node="cloud-edge", idle_s=2, answer=answer).chains()
    assert [rule[-1] for rule in chain.rules] == [verdict]


@pytest.mark.parametrize("listening", ["LISTEN 0 128 0.0.0.0:84430 0.0.0.0:*\n", "LISTEN 0 128 [::]:443 [::]:*\n", ""])
def test_tls_is_intercepted_only_where_the_proxy_listens(listening: str) -> None:
    network = StandIn()
    INTERCEPTED.inject(network)
    assert INTERCEPTED.proof(network)
    network.says = {"ss ": listening}
    assert INTERCEPTED.proof(network) is None


@pytest.mark.parametrize(
    ("source", "destination", "read"),
    [
        ("10.8.0.0/24", "10.0.1.20/32", ["ip saddr", "ip daddr", "tcp dport"]),
        ("fd00:8::/64", "fd00:10:0:1::20/128", ["ip6 saddr", "ip6 daddr", "tcp dport"]),
        ("fd00:8::/64", "::/0", ["ip6 saddr", "tcp dport"]),
        ("0.0.0.0/0", "10.0.0.0/16", ["ip daddr", "tcp dport"]),
    ],
)
def test_what_is_intercepted_lies_between_two_networks_of_one_family(
    source: str, destination: str, read: list[str]
) -> None:
    (chain,) = TlsInterception(node="vpn-gw", source=source, destination=destination).chains()
    fields: list[Any] = [each["match"] for each in chain.rules[0] if "match" in each]
    assert [" ".join(field["left"]["payload"].values()) for field in fields] == read


def test_two_networks_of_two_families_have_nothing_to_say_to_each_other() -> None:
    with pytest.raises(ValidationError, match="two families"):
        TlsInterception(node="vpn-gw", source="10.8.0.0/24", destination="fd00::/16")


@pytest.mark.parametrize(("direction", "way"), [("inbound", "oifname"), ("outbound", "iifname")])
def test_an_acl_stands_at_the_subnets_side_of_the_router(direction: Any, way: str) -> None:
    (chain,) = ACL.model_copy(update={"direction": direction}).chains()
    (rule,) = chain.rules
    assert rule[0] == {"match": {"op": "==", "left": {"meta": {"key": way}}, "right": "vpc-router-eth2"}}


@pytest.mark.parametrize(
    "fault",
    [
        PathMtu(node="client", interface="client-eth0", mtu_bytes=1300),
        IdleTimeout(node="client", idle_s=2, answer="reset"),
        TlsInterception(node="client", source="10.8.0.0/24", destination="10.0.0.0/16"),
        NetworkAcl(node="client", interface="client-eth0", direction="inbound", ports=(22, 22)),
    ],
    ids=lambda fault: fault.kind,
)
def test_only_a_router_is_on_the_path(fault: Fault) -> None:
    (misfit,) = fault.misfits(TOPOLOGY)
    assert misfit.wrong == "is client, which forwards nothing"


@pytest.mark.parametrize("fault", [NARROW, ACL], ids=lambda fault: fault.kind)
def test_a_router_has_only_its_own_interfaces(fault: Fault) -> None:
    (misfit,) = fault.model_copy(update={"interface": "home-gw-eth0"}).misfits(TOPOLOGY)
    assert misfit.key == ("interface",)
    assert "home-gw-eth0, which" in misfit.wrong


LINK = LinkMtu(node="cloud-edge", interface="cloud-edge-eth2", mtu_bytes=1300)


def test_a_link_is_narrow_at_both_ends_or_it_is_not_in_place() -> None:
    network = StandIn()
    LINK.inject(network)
    ends = {interface: network.machines[node].links[interface]["mtu"] for node, interface in LINK._ends(TOPOLOGY)}
    assert ends == {"cloud-edge-eth2": 1300, "vpc-router-eth0": 1300}
    network.machines["vpc-router"].links["vpc-router-eth0"]["mtu"] = 1500
    assert LINK.proof(network) is None


def test_a_link_to_a_switch_is_no_link_between_two_that_know_its_width() -> None:
    (misfit,) = LinkMtu(node="vpn-gw", interface="vpn-gw-eth0", mtu_bytes=1300).misfits(TOPOLOGY)
    assert misfit.wrong == "is vpn-gw-eth0, whose other end egress-fw-eth2 is of a switch"


@pytest.mark.parametrize(
    ("via", "alive"),
    [
        (("100.64.0.2", "10.9.0.53"), "some"),
        (("100.64.0.2", "100.64.0.1"), "all"),
        (("10.9.0.53", "10.8.0.10"), "none"),
    ],
)
def test_a_next_hop_is_dead_that_forwards_nothing(via: tuple[str, ...], alive: str) -> None:
    assert MultipathRoute(node="vpn-gw", destination="0.0.0.0/0", via=via).facts(TOPOLOGY)["alive"] == alive


@pytest.mark.parametrize(
    ("node", "destination", "via", "wrong"),
    [
        ("client", "0.0.0.0/0", ("10.8.0.1", "10.8.0.53"), "is client, which forwards nothing"),
        ("vpn-gw", "::/0", ("fd00:64::2", "10.9.0.53"), "is 10.9.0.53, and the destination is IPv6"),
        ("vpn-gw", "0.0.0.0/0", ("100.64.0.2", "fd00:9::53"), "is fd00:9::53, and the destination is IPv4"),
        ("vpn-gw", "0.0.0.0/0", ("100.64.0.2", "10.0.1.10"), "is 10.0.1.10, which is no neighbour of vpn-gw"),
        ("vpn-gw", "0.0.0.0/0", ("100.64.0.2", "100.64.0.1"), "has next hops of which all forward"),
        ("vpn-gw", "0.0.0.0/0", ("10.9.0.53", "10.8.0.10"), "has next hops of which none forward"),
    ],
)
def test_a_route_over_next_hops_that_cannot_be_is_refused(
    node: str, destination: str, via: tuple[str, ...], wrong: str
) -> None:
    (misfit,) = MultipathRoute(node=node, destination=destination, via=via).misfits(TOPOLOGY)
    assert misfit.wrong == wrong


def test_a_route_over_a_living_and_a_dead_next_hop_fits_in_either_family() -> None:
    for destination, via in (("0.0.0.0/0", ("100.64.0.2", "10.9.0.53")), ("::/0", ("fd00:64::2", "fd00:9::53"))):
        assert list(MultipathRoute(node="vpn-gw", destination=destination, via=via).misfits(TOPOLOGY)) == []


def test_a_route_has_two_to_eight_next_hops() -> None:
    for number in (1, 9):
        with pytest.raises(ValidationError, match="via"):
            MultipathRoute(node="vpn-gw", destination="0.0.0.0/0", via=("100.64.0.2",) * number)


def test_a_route_with_one_of_its_next_hops_is_another_one() -> None:
    network = StandIn()
    fault = MultipathRoute(node="vpn-gw", destination="0.0.0.0/0", via=("100.64.0.2", "10.9.0.53"))
    fault.inject(network)
    assert fault.proof(network)
    network.machines["vpn-gw"].routes[4] = ["0.0.0.0/0 nexthop via 100.64.0.2"]
    assert fault.proof(network) is None


@pytest.mark.parametrize(
    ("rules", "allows"),
    [
        ([{"destination": "0.0.0.0/0", "action": "allow"}, {"source": "10.0.0.0/8", "action": "allow"}], "ipv4"),
        ([{"source": "fd00::/8", "action": "allow"}], "ipv6"),
        ([{"source": "any", "action": "allow"}], "both"),
        ([], "none"),
    ],
)
def test_a_policy_tells_of_which_family_it_lets_anything_pass(rules: list[dict[str, str]], allows: str) -> None:
    fault = FirewallPolicy(switch="egress-fw", default="drop", rules=tuple(rules))
    assert fault.facts(TOPOLOGY)["allows"] == allows


@pytest.mark.parametrize("action", ["drop", "reset", "reject"])
def test_a_rule_that_refuses_is_a_fault_of_its_own(action: str) -> None:
    with pytest.raises(ValidationError, match="would be a cause of its own"):
        FirewallPolicy(switch="egress-fw", default="drop", rules=({"protocol": "tcp", "action": action},))


@pytest.mark.parametrize("asymmetric", [None, "bypass"])
def test_a_policy_that_refuses_nobody_is_no_fault(asymmetric: Literal["bypass"] | None) -> None:
    fault = FirewallPolicy(switch="egress-fw", default="allow", asymmetric=asymmetric)
    assert [misfit.key for misfit in fault.misfits(TOPOLOGY)] == [("default",)]
