"""What `{instance}` and its like stand for, on a small dual-stack network with labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from tests.unit import case
from whodunet.cases.references import Misreference, References
from whodunet.evidence.topology import Family, Interface, Link, Node, Topology
from whodunet.loading.library import Library

LABELS: Final = {
    "client-eth0": "vpn",
    "fw-eth0": "inside",
    "fw-eth1": "outside",
    "r1-eth0": "near",
    "r1-eth1": "far",
    "instance-eth0": "nic",
}
ADDRESSES: Final = {
    "client-eth0": ("10.8.0.10/24", "fd00:8::10/64"),
    "r1-eth0": ("10.8.0.1/24", "fd00:8::1/64"),
    "r1-eth1": ("10.0.1.1/24", "fd00:1::1/64"),
    "instance-eth0": ("10.0.1.10/24", "fd00:1::10/64"),
}


def topology(family: Family = "ipv4") -> Topology:
    """client.vpn = fw (a switch) = r1 = instance.nic, and a second way out of the client, by r2 and r3 to r1."""
    small = case.topology()
    interfaces = {
        name: Interface(name, each.node, ADDRESSES.get(name, ()), LABELS[name])
        for name, each in small.interfaces.items()
    }
    for name, node, addresses, label in (
        ("client-eth1", "client", ("192.168.1.10/24", "fd00:77::10/64"), "home"),
        ("r2-eth0", "r2", (), "inside"),
        ("r2-eth1", "r2", (), "outside"),
        ("r1-eth2", "r1", (), "home"),
    ):
        interfaces[name] = Interface(name, node, addresses, label)
    nodes = {
        "client": Node("client", "client", initial_ttl=128),
        "fw": Node("fw", "fw", is_switch=True, initial_ttl=255),
        "r1": Node("r1", "router", forwards=True),
        "r2": Node("r2", "router", forwards=True),
        "instance": Node("instance", "instance", ports={"ssh": 2222}, properties={"id": "i-1"}),
    }
    links = (*small.links, Link(("client-eth1", "r2-eth0")), Link(("r2-eth1", "r1-eth2")))
    networks = {"corporate": ("10.8.0.0/16", "fd00:8::/48"), "old": ("172.16.0.0/12",)}
    return replace(
        small,
        interfaces=interfaces,
        nodes=nodes,
        links=links,
        networks=networks,
        family=family,
        uplinks={"client": ("vpn", "home")},
    )


def resolved(text: str, family: Family = "ipv4") -> object:
    value, wrong = References(topology(family)).resolved(text)
    assert not wrong
    return value


def complaints(text: str, family: Family = "ipv4") -> list[str]:
    _, wrong = References(topology(family)).resolved(text)
    return [f"{each.wrong}; {each.fix}" for each in wrong]


@pytest.mark.parametrize(
    ("text", "ipv4", "ipv6"),
    [
        ("ssh ec2-user@{instance}", "ssh ec2-user@10.0.1.10", "ssh ec2-user@fd00:1::10"),
        ("http://{instance.url}/", "http://10.0.1.10/", "http://[fd00:1::10]/"),
        ("nc {instance} {instance.port.ssh}", "nc 10.0.1.10 2222", "nc fd00:1::10 2222"),
        ("{instance.id} {instance.name}", "i-1 instance", "i-1 instance"),
        ("from {corporate}", "from 10.8.0.0/16", "from fd00:8::/48"),
        ("tcpdump -i {fw.inside}", "tcpdump -i fw-eth0", "tcpdump -i fw-eth0"),
        ("ping {r1.near.address}", "ping 10.8.0.1", "ping fd00:8::1"),
        ("{instance.cidr} {r1.near.cidr}", "10.0.1.10/32 10.8.0.1/32", "fd00:1::10/128 fd00:8::1/128"),
        ("curl {r1.near.url}", "curl 10.8.0.1", "curl [fd00:8::1]"),
        ("dig {family.record} x; nc {family.option}", "dig A x; nc -4", "dig AAAA x; nc -6"),
    ],
)
def test_a_reference_stands_for_what_the_topology_has_in_its_family(text: str, ipv4: str, ipv6: str) -> None:
    assert (resolved(text, "ipv4"), resolved(text, "ipv6")) == (ipv4, ipv6)


def test_a_text_that_is_one_reference_keeps_its_type() -> None:
    assert resolved("{instance.port.ssh}") == 2222
    assert resolved("{instance.port.ssh} ") == "2222 "


@pytest.mark.parametrize(
    "text",
    [
        "echo ${HOME} ${instance}",
        "awk '{print $1}'",
        "echo {1..3} {a,b} {a..c}",
        """curl -d '{"a":{"b":1}}'""",
        "curl -w '%{http_code}'",
        "f() { ls; }; {}; { }",
        "docker ps --format '{{.Names}}' {{ names }}",
    ],
)
def test_braces_of_the_shell_and_of_programs_stay_as_they_are(text: str) -> None:
    assert resolved(text) == text


def test_a_brace_that_is_not_closed_is_no_slip_before_other_words_and_doubled_it_is_text() -> None:
    for text in (
        "grep '{print' log",
        "{client,instance}.log",
        "{instance; ls; }",
        "${instance",
        "{{print",
        "instance}",
    ):
        assert resolved(text) == text
    assert resolved("grep '{{instance' {{corporate {instance}") == "grep '{instance' {corporate 10.0.1.10"


def test_doubled_braces_stand_for_the_text_of_a_reference() -> None:
    assert resolved("awk '{{print}}' {{instance}} {{{x}}} {instance}") == "awk '{print}' {instance} {{x}} 10.0.1.10"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "{instnce}",
            "refers to {instnce}, which small does not know; did you mean {instance}? (plain text: {{instnce}})",
        ),
        (
            "{fw.insid}",
            "refers to {fw.insid}, which small does not know; did you mean {fw.inside}? (plain text: {{fw.insid}})",
        ),
        (
            "{fw.maximum-mtu}",
            "refers to {fw.maximum-mtu}, which small does not know; use one of: {fw.name}, {fw.inside}, {fw.outside}",
        ),
        (
            "{r1}",
            "refers to {r1}, but r1 has several addresses in ipv4; use one of: {r1.near.address}, {r1.far.address}",
        ),
        ("{fw.url}", "refers to {fw.url}, but fw has no address in ipv4; name a host"),
    ],
)
def test_a_reference_to_what_is_not_there_is_told_with_the_nearest_that_is(text: str, complaint: str) -> None:
    assert complaints(text) == [complaint]


@pytest.mark.parametrize("name", ["print", "foulard"])
def test_a_reference_that_resembles_nothing_is_told_with_what_there_is(name: str) -> None:
    there = "its nodes are client, fw, r1, r2, instance, its networks corporate, old"
    fix = f"for plain text write {{{{{name}}}}}; {there}"
    assert complaints(f"{{{name}}}") == [f"refers to {{{name}}}, which small does not know; {fix}"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("hostname {instance", "instance"),
        ("{instance.name", "instance.name"),
        ("{corporate {instance}", "corporate"),
    ],
)
def test_a_brace_that_is_not_closed_behind_a_name_of_the_topology_is_a_slip(text: str, name: str) -> None:
    fix = f"write {{{name}}}, or {{{{{name} for the text"
    assert complaints(text) == [f"has {{{name} without its closing brace; {fix}"]


def test_a_network_of_the_other_family_alone_is_not_known() -> None:
    assert resolved("{old}") == "172.16.0.0/12"
    assert len(complaints("{old}", "ipv6")) == 1


def test_every_wrong_reference_of_a_text_is_told() -> None:
    assert len(complaints("{instnce} {instance} {cliemt}")) == 2


def test_a_host_with_several_ways_out_has_the_address_of_the_one_it_uses() -> None:
    assert resolved("{client}") == "10.8.0.10"
    assert References(topology(), {"client": "home"}).values["client"] == "192.168.1.10"


@pytest.mark.parametrize(
    ("said", "point", "ttl"),
    [
        ("as sent by fw", "client-eth0", 255),
        ("as sent by instance", "instance-eth0", 64),
        ("as sent by instance", "r1-eth1", 64),  # comes in there
        ("as sent by instance", "r1-eth0", 63),  # goes out there
        ("as sent by instance", "client-eth0", 63),
        ("as sent by instance", "client-eth1", 62),
        ("as sent by client", "instance-eth0", 127),
    ],
)
def test_a_ttl_is_what_its_sender_begins_with_less_the_routers_on_the_way(said: str, point: str, ttl: int) -> None:
    for family in ("ipv4", "ipv6"):
        assert References(topology(family)).ttl_as_sent(said, point) == ttl


def test_what_a_host_sends_goes_the_way_out_that_it_uses() -> None:
    assert References(topology(), {"client": "home"}).ttl_as_sent("as sent by client", "instance-eth0") == 126


def test_a_ttl_as_sent_by_nobody_or_from_nowhere_is_told() -> None:
    references = References(topology())
    lonely = replace(topology(), links=topology().links[:2])
    assert references.ttl_as_sent("as sent by instnce", "client-eth0") == Misreference(
        "is as sent by instnce, which is not a node of small", "did you mean instance?"
    )
    unreachable = References(lonely).ttl_as_sent("as sent by instance", "client-eth0")
    assert isinstance(unreachable, Misreference)
    assert references.ttl_as_sent("high", "client-eth0") == Misreference(
        'is "high"', "write `as sent by NODE`, or a number"
    )


def test_a_wrong_reference_is_told_once_however_often_it_stands_there() -> None:
    _, wrong = References(topology()).resolved("{nobody} {nobody} {anybody}")
    assert [each.wrong.split("}")[0] for each in wrong] == ["refers to {nobody", "refers to {anybody"]


@pytest.mark.parametrize(
    ("sender", "point", "routers"),
    [
        ("egress-fw", "client.vpn", 0),  # vpn-server leaves TTLs as they are
        ("vpn-gw", "client.vpn", 0),
        ("instance", "client.vpn", 6),  # not by the home line, which carries the tunnel's datagrams alone
        ("client", "instance.nic", 6),
        ("vpn-server", "client.home", 1),
    ],
)
def test_what_goes_through_a_tunnel_passes_no_router_of_the_line_outside(sender: str, point: str, routers: int) -> None:
    topology = Library().topology("openvpn_tunnel")
    known = References(topology)
    assert known.ttl_as_sent(f"as sent by {sender}", topology.labelled[point]) == 64 - routers


def test_off_the_vpn_the_same_packet_goes_by_the_home_line() -> None:
    topology = Library().topology("openvpn_tunnel")
    known = References(topology, {"client": "home"})
    assert known.ttl_as_sent("as sent by instance", topology.labelled["client.home"]) == 64 - 3
