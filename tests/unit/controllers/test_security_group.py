from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from controllers.security_group import POLICY, SecurityGroup
from tests.unit.controllers.flow_table import (
    ACK,
    ADVERTISEMENT,
    ECHO_REQUEST_V6,
    REDIRECT,
    ROUTER_ADVERTISEMENT,
    ROUTER_SOLICITATION,
    SOLICITATION,
    SYN,
    FlowTable,
    arp,
    icmp,
    neighbour_discovery,
    ping,
    tcp,
    udp,
)
from whodunet.errors import InvalidInput
from whodunet.openflow.policy import CONTROLLER, NORMAL, Output


class Ends(NamedTuple):
    """The addresses of one family."""

    web: str
    app: str
    router: str
    client: str
    clients: str  # the client's network
    stranger: str
    everybody: str
    host: str  # the length of the prefix that is one address

    def is_ipv6(self) -> bool:
        """Which family it is."""
        return ":" in self.web


IPV4 = Ends("10.0.1.10", "10.0.1.20", "10.0.1.1", "10.8.0.10", "10.8.0.0/24", "10.9.0.10", "0.0.0.0/0", "/32")
IPV6 = Ends("fd00:1::10", "fd00:1::20", "fd00:1::1", "fd00:8::10", "fd00:8::/64", "2001:db8::1", "::/0", "/128")
WEB_LINK_LOCAL, APP_LINK_LOCAL, ROUTER_LINK_LOCAL = "fe80::10", "fe80::20", "fe80::1"
ROUTER, WEB_PORT, APP_PORT = 1, 2, 3
PORTS = {"vpc-eth1": ROUTER, "vpc-eth2": WEB_PORT, "vpc-eth3": APP_PORT}
TO_WEB, TO_APP, TO_ROUTER, IS_DROPPED, TO_NEIGHBOURS = (WEB_PORT,), (APP_PORT,), (ROUTER,), (), (NORMAL,)


Config = dict[str, dict[str, Any]]


def ssh_from(source: str) -> dict[str, object]:
    """An inbound rule."""
    return {"protocol": "tcp", "port": 22, "source": source}


def config(**groups: Mapping[str, object]) -> Config:
    """Two instances; `web` and `app` are the groups' rules, nothing inbound unless given."""
    return {
        "groups": {"web": {}, "app": {}} | groups,
        "interfaces": {
            "vpc-eth2": {"addresses": [IPV4.web, IPV6.web], "groups": ["web"]},
            "vpc-eth3": {"addresses": [IPV4.app, IPV6.app], "groups": ["app"]},
        },
    }


def policy(**groups: Mapping[str, object]) -> SecurityGroup:
    """The policy of such a configuration."""
    return SecurityGroup.from_config(config(**groups), PORTS, "vpc")


def table(**groups: Mapping[str, object]) -> FlowTable:
    """The flow table of such a policy."""
    return FlowTable(policy(**groups).flow_entries())


def problems(written: Config) -> list[str]:
    """What is wrong with a configuration, a line for each problem."""
    with pytest.raises(InvalidInput) as caught:
        SecurityGroup.from_config(written, PORTS, "x.yaml:3")
    return [str(problem) for problem in caught.value.problems]


def test_the_module_offers_the_policy() -> None:
    assert POLICY is SecurityGroup


def test_without_inbound_entries_nothing_enters(ends: Ends) -> None:
    empty = table()
    for packet in (tcp(ends.client, ends.web, 22), udp(ends.client, ends.web, 53), ping(ends.client, ends.web)):
        assert empty.send(packet, ROUTER) == IS_DROPPED


def test_without_outbound_entries_stated_everything_leaves(ends: Ends) -> None:
    empty = table()
    for packet in (tcp(ends.web, ends.client, 22), udp(ends.web, ends.client, 53), ping(ends.web, ends.client)):
        assert empty.send(packet, WEB_PORT) == TO_ROUTER


def test_with_an_empty_outbound_nothing_leaves(ends: Ends) -> None:
    silent = table(web={"outbound": []})
    assert silent.send(tcp(ends.web, ends.client, 443), WEB_PORT) == IS_DROPPED


def test_an_inbound_entry_lets_its_port_in_and_no_other(ends: Ends) -> None:
    switch = table(web={"inbound": [ssh_from(ends.everybody)]})
    assert switch.send(tcp(ends.client, ends.web, 22), ROUTER) == TO_WEB
    assert switch.send(tcp(ends.client, ends.web, 23), ROUTER) == IS_DROPPED
    assert switch.send(udp(ends.client, ends.web, 22), ROUTER) == IS_DROPPED
    assert switch.send(tcp(ends.client, ends.app, 22), ROUTER) == IS_DROPPED


def test_an_inbound_entry_is_about_its_source_only(ends: Ends) -> None:
    office = table(web={"inbound": [ssh_from(ends.clients)]})
    assert office.send(tcp(ends.client, ends.web, 22), ROUTER) == TO_WEB
    assert office.send(tcp(ends.stranger, ends.web, 22), ROUTER) == IS_DROPPED


def test_a_reply_leaves_without_an_outbound_entry(ends: Ends) -> None:
    switch = table(web={"inbound": [ssh_from(ends.everybody)], "outbound": []})
    request = tcp(ends.client, ends.web, 22)
    switch.send(request, ROUTER)
    assert switch.send(request.reply(tcp_flags_nxm=SYN | ACK), WEB_PORT) == TO_ROUTER


def test_a_reply_enters_without_an_inbound_entry(ends: Ends) -> None:
    empty = table()
    request = tcp(ends.web, ends.client, 443)
    empty.send(request, WEB_PORT)
    assert empty.send(request.reply(tcp_flags_nxm=SYN | ACK), ROUTER) == TO_WEB


def test_an_icmp_error_about_a_tracked_connection_enters(ends: Ends) -> None:
    empty = table()
    request, another = tcp(ends.web, ends.client, 443), tcp(ends.web, ends.client, 80)
    empty.send(request, WEB_PORT)
    too_big = (2, 0) if ends.is_ipv6() else (3, 4)
    assert empty.send(icmp(ends.router, ends.web, *too_big, about=request), ROUTER) == TO_WEB
    assert empty.send(icmp(ends.router, ends.web, *too_big, about=another), ROUTER) == IS_DROPPED


def test_an_icmp_error_of_an_instance_about_a_tracked_connection_leaves(ends: Ends) -> None:
    switch = table(web={"inbound": [{"protocol": "udp", "port": 53, "source": ends.everybody}], "outbound": []})
    question = udp(ends.client, ends.web, 53)
    switch.send(question, ROUTER)
    port_unreachable = (1, 4) if ends.is_ipv6() else (3, 3)
    assert switch.send(icmp(ends.web, ends.client, *port_unreachable, about=question), WEB_PORT) == TO_ROUTER


def test_an_open_connection_outlives_its_entry_and_a_new_one_is_dropped_at_once(ends: Ends) -> None:
    switch = table(web={"inbound": [ssh_from(ends.everybody)]})
    old = tcp(ends.client, ends.web, 22)
    switch.send(old, ROUTER)
    switch.send(old.reply(tcp_flags_nxm=SYN | ACK), WEB_PORT)
    switch.replace(policy().flow_entries())
    assert switch.send(old, ROUTER) == TO_WEB
    assert switch.send(old.reply(), WEB_PORT) == TO_ROUTER
    assert switch.send(tcp(ends.client, ends.web, 22, source_port=40001), ROUTER) == IS_DROPPED


def test_between_two_instances_both_groups_have_to_agree(ends: Ends) -> None:
    leaves, enters = (
        {"outbound": [{"protocol": "tcp", "port": 22, "destination": f"{ends.app}{ends.host}"}]},
        {"inbound": [ssh_from(f"{ends.web}{ends.host}")]},
    )
    assert table(web=leaves, app=enters).send(tcp(ends.web, ends.app, 22), WEB_PORT) == TO_APP
    assert table(web=leaves).send(tcp(ends.web, ends.app, 22), WEB_PORT) == IS_DROPPED
    assert table(web={"outbound": []}, app=enters).send(tcp(ends.web, ends.app, 22), WEB_PORT) == IS_DROPPED


def test_a_reply_between_two_instances_passes_both_groups(ends: Ends) -> None:
    switch = table(app={"inbound": [ssh_from(ends.everybody)], "outbound": []})
    request = tcp(ends.web, ends.app, 22)
    switch.send(request, WEB_PORT)
    assert switch.send(request.reply(tcp_flags_nxm=SYN | ACK), APP_PORT) == TO_WEB


def test_what_the_sender_tracks_the_receiver_does_not(ends: Ends) -> None:
    switch = table()
    request = tcp(ends.web, ends.app, 22)
    assert switch.send(request, WEB_PORT) == IS_DROPPED
    assert switch.send(request, WEB_PORT) == IS_DROPPED


def test_a_group_as_source_means_the_addresses_of_its_interfaces(ends: Ends) -> None:
    from_web = table(app={"inbound": [{"protocol": "tcp", "port": 8080, "source": "web"}]})
    assert from_web.send(tcp(ends.web, ends.app, 8080), WEB_PORT) == TO_APP
    assert from_web.send(tcp(ends.client, ends.app, 8080), ROUTER) == IS_DROPPED


def test_a_group_as_destination_means_the_addresses_of_its_interfaces(ends: Ends) -> None:
    to_app = table(
        web={"outbound": [{"protocol": "all", "destination": "app"}]},
        app={"inbound": [{"protocol": "all", "source": "web"}]},
    )
    assert to_app.send(tcp(ends.web, ends.app, 8080), WEB_PORT) == TO_APP
    assert to_app.send(tcp(ends.web, ends.client, 8080), WEB_PORT) == IS_DROPPED


def test_an_interface_has_the_union_of_its_groups(ends: Ends) -> None:
    written = config(
        web={"inbound": [ssh_from(ends.everybody)]},
        app={"inbound": [{"protocol": "tcp", "port": 80, "source": ends.everybody}]},
    )
    written["interfaces"]["vpc-eth2"]["groups"] = ["web", "app"]
    both = FlowTable(SecurityGroup.from_config(written, PORTS, "vpc").flow_entries())
    assert both.send(tcp(ends.client, ends.web, 22), ROUTER) == TO_WEB
    assert both.send(tcp(ends.client, ends.web, 80), ROUTER) == TO_WEB
    assert both.send(tcp(ends.client, ends.app, 22), ROUTER) == IS_DROPPED


def test_groups_that_say_the_same_twice_give_each_flow_entry_once(ends: Ends) -> None:
    written = config(
        web={"inbound": [ssh_from(ends.everybody), ssh_from(ends.everybody)]},
        app={"inbound": [ssh_from(ends.everybody) | {"port": "20-30"}]},
    )
    written["interfaces"]["vpc-eth2"]["groups"] = ["web", "app"]
    entries = SecurityGroup.from_config(written, PORTS, "vpc").flow_entries()
    keys = [(entry.table, entry.priority, sorted(entry.match.items())) for entry in entries]
    assert all(keys.count(key) == 1 for key in keys)


def test_icmp_is_allowed_by_type_and_code() -> None:
    echo = {"protocol": "icmp", "icmp_type": 8, "icmp_code": 0, "source": IPV4.everybody}
    switch = table(web={"inbound": [echo]})
    assert switch.send(icmp(IPV4.client, IPV4.web, 8), ROUTER) == TO_WEB
    assert switch.send(icmp(IPV4.client, IPV4.web, 8, code=1), ROUTER) == IS_DROPPED
    assert switch.send(icmp(IPV4.client, IPV4.web, 13), ROUTER) == IS_DROPPED
    assert switch.send(tcp(IPV4.client, IPV4.web, 22), ROUTER) == IS_DROPPED
    assert switch.send(ping(IPV6.client, IPV6.web), ROUTER) == IS_DROPPED


def test_icmpv6_is_allowed_by_type_and_code() -> None:
    echo = {"protocol": "icmpv6", "icmp_type": ECHO_REQUEST_V6, "icmp_code": 0, "source": IPV6.everybody}
    switch = table(web={"inbound": [echo]})
    assert switch.send(icmp(IPV6.client, IPV6.web, ECHO_REQUEST_V6), ROUTER) == TO_WEB
    assert switch.send(icmp(IPV6.client, IPV6.web, ECHO_REQUEST_V6, code=1), ROUTER) == IS_DROPPED
    assert switch.send(icmp(IPV6.client, IPV6.web, 129), ROUTER) == IS_DROPPED
    assert switch.send(tcp(IPV6.client, IPV6.web, 22), ROUTER) == IS_DROPPED
    assert switch.send(ping(IPV4.client, IPV4.web), ROUTER) == IS_DROPPED


def test_icmp_of_a_group_is_that_of_ipv4_and_icmpv6_that_of_ipv6() -> None:
    for protocol, in_version, other in (("icmp", IPV4, IPV6), ("icmpv6", IPV6, IPV4)):
        switch = table(app={"inbound": [{"protocol": protocol, "source": "web"}]})
        assert switch.send(ping(in_version.web, in_version.app), WEB_PORT) == TO_APP
        assert switch.send(ping(other.web, other.app), WEB_PORT) == IS_DROPPED


def test_everybody_is_everybody_of_one_family(ends: Ends) -> None:
    switch, other = table(web={"inbound": [ssh_from(ends.everybody)]}), IPV4 if ends.is_ipv6() else IPV6
    assert switch.send(tcp(ends.stranger, ends.web, 22), ROUTER) == TO_WEB
    assert switch.send(tcp(other.stranger, other.web, 22), ROUTER) == IS_DROPPED


def test_a_protocol_may_be_a_number(ends: Ends) -> None:
    by_number = table(web={"inbound": [ssh_from(ends.everybody) | {"protocol": 6}]})
    assert by_number.send(tcp(ends.client, ends.web, 22), ROUTER) == TO_WEB


def test_a_later_fragment_enters_where_its_source_may(ends: Ends) -> None:
    dns = table(web={"inbound": [{"protocol": "udp", "ports": "53", "source": ends.clients}]})
    assert dns.send(udp(ends.client, ends.web, 53).later_fragment(), ROUTER) == TO_WEB
    assert dns.send(udp(ends.stranger, ends.web, 53).later_fragment(), ROUTER) == IS_DROPPED


def test_a_later_fragment_of_another_protocol_is_dropped_where_a_switch_can_tell_which_it_is() -> None:
    dns = table(web={"inbound": [{"protocol": "udp", "ports": "53", "source": IPV4.clients}]})
    assert dns.send(tcp(IPV4.client, IPV4.web, 53).later_fragment(), ROUTER) == IS_DROPPED


def test_a_later_fragment_enters_and_leaves_where_a_protocol_without_ports_may(ends: Ends) -> None:
    all_udp = {"protocol": "udp", "source": ends.everybody}
    switch = table(web={"inbound": [all_udp], "outbound": [{"protocol": "udp", "destination": ends.everybody}]})
    assert switch.send(udp(ends.client, ends.web, 53).later_fragment(), ROUTER) == TO_WEB
    assert switch.send(udp(ends.web, ends.client, 5353).later_fragment(), WEB_PORT) == TO_ROUTER


def test_a_later_fragment_of_a_ping_enters_where_a_ping_may(ends: Ends) -> None:
    protocol, echo = ("icmpv6", ECHO_REQUEST_V6) if ends.is_ipv6() else ("icmp", 8)
    switch = table(web={"inbound": [{"protocol": protocol, "icmp_type": echo, "source": ends.everybody}]})
    assert switch.send(ping(ends.client, ends.web).later_fragment(), ROUTER) == TO_WEB


def test_an_interface_sends_from_its_own_addresses_only(ends: Ends) -> None:
    assert table().send(tcp(ends.web, ends.client, 443), WEB_PORT) == TO_ROUTER
    assert table().send(tcp(ends.app, ends.client, 443), WEB_PORT) == IS_DROPPED


def test_an_interface_sends_from_its_own_link_local_address_only() -> None:
    assert table().send(ping(WEB_LINK_LOCAL, ROUTER_LINK_LOCAL), WEB_PORT) == TO_ROUTER
    assert table().send(ping(APP_LINK_LOCAL, ROUTER_LINK_LOCAL), WEB_PORT) == IS_DROPPED
    assert table().send(ping("fe80::99", ROUTER_LINK_LOCAL), WEB_PORT) == IS_DROPPED


def test_an_interface_may_list_another_link_local_address() -> None:
    written = config()
    written["interfaces"]["vpc-eth2"]["addresses"] = [IPV6.web, "fe80::99"]
    switch = FlowTable(SecurityGroup.from_config(written, PORTS, "vpc").flow_entries())
    assert switch.send(ping("fe80::99", ROUTER_LINK_LOCAL), WEB_PORT) == TO_ROUTER
    assert switch.send(ping(WEB_LINK_LOCAL, ROUTER_LINK_LOCAL), WEB_PORT) == IS_DROPPED


def test_an_interface_says_in_arp_of_its_own_address_only_that_it_is_here() -> None:
    assert table().send(arp(IPV4.web), WEB_PORT) == TO_NEIGHBOURS
    assert table().send(arp(IPV4.app), WEB_PORT) == IS_DROPPED


@pytest.mark.parametrize("own", [IPV6.web, WEB_LINK_LOCAL])
def test_an_interface_asks_for_neighbours_and_routers_from_its_own_addresses_only(own: str) -> None:
    assert table().send(neighbour_discovery(SOLICITATION, own, IPV6.router), WEB_PORT) == TO_NEIGHBOURS
    assert table().send(neighbour_discovery(ROUTER_SOLICITATION, own), WEB_PORT) == TO_NEIGHBOURS
    for foreign in (IPV6.app, APP_LINK_LOCAL, "fe80::99"):
        assert table().send(neighbour_discovery(SOLICITATION, foreign, IPV6.router), WEB_PORT) == IS_DROPPED
        assert table().send(neighbour_discovery(ROUTER_SOLICITATION, foreign), WEB_PORT) == IS_DROPPED


@pytest.mark.parametrize("own", [IPV6.web, WEB_LINK_LOCAL])
def test_an_interface_advertises_its_own_addresses_only(own: str) -> None:
    assert table().send(neighbour_discovery(ADVERTISEMENT, own, own), WEB_PORT) == TO_NEIGHBOURS
    for foreign in (IPV6.router, ROUTER_LINK_LOCAL, IPV6.app):
        assert table().send(neighbour_discovery(ADVERTISEMENT, own, foreign), WEB_PORT) == IS_DROPPED
        assert table().send(neighbour_discovery(ADVERTISEMENT, foreign, own), WEB_PORT) == IS_DROPPED


def test_an_interface_without_an_address_yet_asks_about_its_own_and_for_a_router() -> None:
    assert table().send(neighbour_discovery(SOLICITATION, "::", WEB_LINK_LOCAL), WEB_PORT) == TO_NEIGHBOURS
    assert table().send(neighbour_discovery(ROUTER_SOLICITATION, "::"), WEB_PORT) == TO_NEIGHBOURS
    assert table().send(neighbour_discovery(SOLICITATION, "::", IPV6.app), WEB_PORT) == IS_DROPPED


def test_an_interface_never_says_that_it_is_a_router_nor_that_another_is_better() -> None:
    for kind in (ROUTER_ADVERTISEMENT, REDIRECT):
        assert table().send(neighbour_discovery(kind, WEB_LINK_LOCAL), WEB_PORT) == IS_DROPPED


def test_neighbour_discovery_that_a_router_has_passed_on_is_dropped() -> None:
    """It can come from anywhere, and no host believes it: RFC 4861, section 7.1."""
    passed_on = neighbour_discovery(ADVERTISEMENT, IPV6.web, IPV6.web, hop_limit=254)
    assert table().send(passed_on, WEB_PORT) == IS_DROPPED


def test_an_interface_without_an_address_of_a_family_sends_and_gets_nothing_of_it() -> None:
    written = config(web={"inbound": [ssh_from(IPV4.everybody), ssh_from(IPV6.everybody)]})
    written["interfaces"]["vpc-eth2"]["addresses"] = [IPV4.web]
    only_ipv4 = FlowTable(SecurityGroup.from_config(written, PORTS, "vpc").flow_entries())
    assert only_ipv4.send(tcp(IPV4.client, IPV4.web, 22), ROUTER) == TO_WEB
    assert WEB_PORT not in only_ipv4.send(tcp(IPV6.client, IPV6.web, 22), ROUTER)
    assert only_ipv4.send(tcp(IPV6.web, IPV6.client, 22), WEB_PORT) == IS_DROPPED
    assert only_ipv4.send(neighbour_discovery(SOLICITATION, "::", IPV6.web), WEB_PORT) == IS_DROPPED
    assert only_ipv4.send(neighbour_discovery(ROUTER_SOLICITATION, "::"), WEB_PORT) == IS_DROPPED


def test_an_arp_probe_passes_though_its_sender_has_no_address_yet() -> None:
    assert table().send(arp("0.0.0.0"), WEB_PORT) == TO_NEIGHBOURS


def test_arp_and_neighbour_and_router_discovery_of_the_router_pass() -> None:
    assert table().send(arp(IPV4.router), ROUTER) == TO_NEIGHBOURS
    for kind in (ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, SOLICITATION, ADVERTISEMENT):
        assert table().send(neighbour_discovery(kind, ROUTER_LINK_LOCAL, IPV6.web), ROUTER) == TO_NEIGHBOURS


@pytest.mark.parametrize(
    "destination", ["255.255.255.255", "10.0.1.255", "10.0.1.99", "ff02::1", "fd00:1::99", "fe80::99"]
)
def test_broadcasts_and_unknown_destinations_do_not_reach_an_instance(destination: str) -> None:
    everything = {"inbound": [{"protocol": "all", "source": each.everybody} for each in (IPV4, IPV6)]}
    sender = IPV6.client if ":" in destination else IPV4.client
    out_of = table(web=everything, app=everything).send(udp(sender, destination, 53), ROUTER)
    assert not {WEB_PORT, APP_PORT} & set(out_of)


def test_interfaces_that_are_not_listed_are_not_restricted(ends: Ends) -> None:
    written = config()
    del written["interfaces"]["vpc-eth3"]
    routed = FlowTable(SecurityGroup.from_config(written, PORTS, "vpc").flow_entries())
    assert routed.send(tcp(ends.client, ends.app, 22), ROUTER) == TO_APP


def test_nothing_asks_the_controller_and_nothing_is_answered() -> None:
    strict = policy(web={"inbound": [ssh_from(IPV4.everybody), ssh_from(IPV6.everybody)], "outbound": []})
    assert not [rule for rule in strict.flow_entries() if Output(CONTROLLER) in rule.actions]
    assert strict.answer(bytes(64), ROUTER) == ()


def test_every_problem_is_reported_at_once_with_its_place_and_mend() -> None:
    written = config(
        web={"inbund": [], "inbound": [{"protocol": "tpc", "source": "wbe"}]},
        app={"outbound": [{"protocol": "tcp", "port": "9-3", "destination": "1.0.0.9/9"}]},
    )
    written["interfaces"]["vpc-eth2"] = {"addresses": ["10.0.1.a"], "groups": ["wep"]}
    assert problems(written) == [
        "x.yaml:3: groups.web.inbund: unknown key 'inbund'; did you mean inbound?",
        "x.yaml:3: groups.web.inbound[0].protocol: 'tpc' is not one of tcp, udp, icmp, icmpv6, all; did you mean tcp?",
        "x.yaml:3: groups.web.inbound[0].source: there is no group 'wbe'; did you mean web?",
        "x.yaml:3: groups.app.outbound[0].destination: '1.0.0.9/9' has host bits set; write 1.0.0.0/9, or 1.0.0.9/32",
        "x.yaml:3: groups.app.outbound[0].port: the range '9-3' ends before it starts; write \"3-9\"",
        "x.yaml:3: interfaces.vpc-eth2.addresses[0]: '10.0.1.a' is not an IP address; write one as 10.0.0.1 or fd00::1",
        "x.yaml:3: interfaces.vpc-eth2.groups[0]: 'wep' is not one of web, app; did you mean web?",
    ]


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ({"protocol": "icmp", "port": 22}, "port: only TCP and UDP have ports"),
        ({"protocol": "all", "ports": "1-2"}, "ports: only TCP and UDP have ports"),
        ({"protocol": "tcp", "port": 22, "ports": 22}, "port: `port` and `ports` are the same"),
        ({"protocol": "tcp", "icmp_type": 8}, "icmp_type: only ICMP has types and codes"),
        ({"protocol": "icmp", "icmp_code": 1}, "icmp_code: a code means nothing without its type"),
        ({"protocol": "icmp", "icmp_type": 256}, "icmp_type: 256 is not a number from 0 to 255"),
        ({"protocol": 300}, "protocol: 300 is not a number from 0 to 255"),
        ({"protocol": True}, "protocol: True is not a number from 0 to 255"),
        ({"protocol": "tcp", "destination": IPV4.everybody}, "destination: unknown key 'destination'"),
        ({"port": 22}, "protocol: missing"),
        ({"protocol": "icmp", "source": "fd00::/8"}, "protocol: icmp is IPv4's, and fd00::/8 is not; write icmpv6"),
        ({"protocol": 58, "source": "10.0.0.0/8"}, "protocol: icmpv6 is IPv6's, and 10.0.0.0/8 is not; write icmp"),
        ({"protocol": "tcp", "source": "any"}, "source: there is no group 'any'; write 0.0.0.0/0, ::/0, or a rule for"),
        ({"protocol": "tcp", "source": "fd00::1/8"}, "source: 'fd00::1/8' has host bits set; write fd00::/8, or fd00:"),
    ],
)
def test_a_rule_is_refused_if_it_cannot_be_meant(rule: dict[str, object], wrong: str) -> None:
    lines = problems(config(web={"inbound": [{"source": IPV4.everybody, **rule}]}))
    assert any(f"x.yaml:3: groups.web.inbound[0].{wrong}" in line for line in lines)


def test_an_entry_without_a_source_is_refused() -> None:
    assert any("inbound[0].source" in line for line in problems(config(web={"inbound": [{"protocol": "tcp"}]})))


def test_an_interface_that_the_switch_does_not_have_is_refused() -> None:
    written = config()
    written["interfaces"]["vpc-eth4"] = {"addresses": ["10.0.1.40"], "groups": ["web"]}
    assert any("interfaces.vpc-eth4: the switch has no interface" in line for line in problems(written))


def test_an_interface_without_address_or_group_is_refused() -> None:
    written = config()
    written["interfaces"]["vpc-eth2"] = {}
    lines = problems(written)
    assert any("vpc-eth2.addresses: missing" in line for line in lines)
    assert any("vpc-eth2.groups: missing" in line for line in lines)


def test_an_address_belongs_to_one_interface(ends: Ends) -> None:
    written = config()
    written["interfaces"]["vpc-eth3"]["addresses"] = [ends.web]
    shared = f"x.yaml:3: interfaces: {ends.web} is that of several interfaces; give every address to one of them"
    assert shared in problems(written)


def test_a_link_local_address_belongs_to_one_interface() -> None:
    written = config()
    written["interfaces"]["vpc-eth3"]["addresses"] = ["fd00:2::10"]
    assert problems(written) == [
        "x.yaml:3: interfaces: fe80::10 is that of several interfaces; give every address to one of them"
    ]
