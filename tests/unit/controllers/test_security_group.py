from __future__ import annotations

from typing import Any

import pytest

from controllers.security_group import POLICY, SecurityGroup
from tests.unit.controllers.flow_table import ACK, SYN, FlowTable, arp, icmp, ipv6, tcp, udp
from whodunet.errors import InvalidInput
from whodunet.openflow.policy import CONTROLLER, NORMAL, Output

WEB, APP, CLIENT = "10.0.1.10", "10.0.1.20", "10.8.0.10"
ROUTER, WEB_PORT, APP_PORT = 1, 2, 3
PORTS = {"vpc-eth1": ROUTER, "vpc-eth2": WEB_PORT, "vpc-eth3": APP_PORT}
TO_WEB, TO_APP, TO_ROUTER, IS_DROPPED = (WEB_PORT,), (APP_PORT,), (ROUTER,), ()

EVERYBODY = "0.0.0.0/0"
SSH = {"protocol": "tcp", "port": 22, "source": EVERYBODY}


def config(**groups: Any) -> dict[str, Any]:
    """Two instances; `web` and `app` are the groups' rules, nothing inbound unless given."""
    return {
        "controller": "security_group",
        "groups": {"web": {}, "app": {}} | groups,
        "interfaces": {
            "vpc-eth2": {"addresses": [WEB], "groups": ["web"]},
            "vpc-eth3": {"addresses": [APP], "groups": ["app"]},
        },
    }


def policy(**groups: Any) -> SecurityGroup:
    """The policy of such a configuration."""
    return SecurityGroup.from_config(config(**groups), PORTS, "vpc")


def table(**groups: Any) -> FlowTable:
    """The flow table of such a policy."""
    return FlowTable(policy(**groups).flow_entries())


def problems(written: dict[str, Any]) -> list[str]:
    """What is wrong with a configuration, a line for each problem."""
    with pytest.raises(InvalidInput) as caught:
        SecurityGroup.from_config(written, PORTS, "x.yaml:3")
    return [str(problem) for problem in caught.value.problems]


def test_the_module_offers_the_policy() -> None:
    assert POLICY is SecurityGroup


def test_without_inbound_entries_nothing_enters() -> None:
    empty = table()
    for packet in (tcp(CLIENT, WEB, 22), udp(CLIENT, WEB, 53), icmp(CLIENT, WEB, 8)):
        assert empty.send(packet, ROUTER) == IS_DROPPED


def test_without_outbound_entries_stated_everything_leaves() -> None:
    empty = table()
    for packet in (tcp(WEB, CLIENT, 22), udp(WEB, CLIENT, 53), icmp(WEB, CLIENT, 8)):
        assert empty.send(packet, WEB_PORT) == TO_ROUTER


def test_with_an_empty_outbound_nothing_leaves() -> None:
    silent = table(web={"outbound": []})
    assert silent.send(tcp(WEB, CLIENT, 443), WEB_PORT) == IS_DROPPED


def test_an_inbound_entry_lets_its_port_in_and_no_other() -> None:
    ssh = table(web={"inbound": [SSH]})
    assert ssh.send(tcp(CLIENT, WEB, 22), ROUTER) == TO_WEB
    assert ssh.send(tcp(CLIENT, WEB, 23), ROUTER) == IS_DROPPED
    assert ssh.send(udp(CLIENT, WEB, 22), ROUTER) == IS_DROPPED
    assert ssh.send(tcp(CLIENT, APP, 22), ROUTER) == IS_DROPPED


def test_an_inbound_entry_is_about_its_source_only() -> None:
    office = table(web={"inbound": [SSH | {"source": "10.8.0.0/24"}]})
    assert office.send(tcp(CLIENT, WEB, 22), ROUTER) == TO_WEB
    assert office.send(tcp("10.9.0.10", WEB, 22), ROUTER) == IS_DROPPED


def test_a_reply_leaves_without_an_outbound_entry() -> None:
    ssh = table(web={"inbound": [SSH], "outbound": []})
    request = tcp(CLIENT, WEB, 22)
    ssh.send(request, ROUTER)
    assert ssh.send(request.reply(tcp_flags_nxm=SYN | ACK), WEB_PORT) == TO_ROUTER


def test_a_reply_enters_without_an_inbound_entry() -> None:
    empty = table()
    request = tcp(WEB, CLIENT, 443)
    empty.send(request, WEB_PORT)
    assert empty.send(request.reply(tcp_flags_nxm=SYN | ACK), ROUTER) == TO_WEB


def test_an_icmp_error_about_a_tracked_connection_enters() -> None:
    empty = table()
    request = tcp(WEB, CLIENT, 443)
    empty.send(request, WEB_PORT)
    assert empty.send(icmp("10.0.0.1", WEB, 3, 4, about=request), ROUTER) == TO_WEB
    assert empty.send(icmp("10.0.0.1", WEB, 3, 4, about=tcp(WEB, CLIENT, 80)), ROUTER) == IS_DROPPED


def test_an_open_connection_outlives_its_entry_and_a_new_one_is_dropped_at_once() -> None:
    switch = table(web={"inbound": [SSH]})
    old = tcp(CLIENT, WEB, 22)
    switch.send(old, ROUTER)
    switch.send(old.reply(tcp_flags_nxm=SYN | ACK), WEB_PORT)
    switch.replace(policy().flow_entries())
    assert switch.send(old, ROUTER) == TO_WEB
    assert switch.send(old.reply(), WEB_PORT) == TO_ROUTER
    assert switch.send(tcp(CLIENT, WEB, 22, source_port=40001), ROUTER) == IS_DROPPED


def test_between_two_instances_both_groups_have_to_agree() -> None:
    leaves, enters = {"outbound": [SSH_TO_APP]}, {"inbound": [SSH | {"source": f"{WEB}/32"}]}
    assert table(web=leaves, app=enters).send(tcp(WEB, APP, 22), WEB_PORT) == TO_APP
    assert table(web=leaves).send(tcp(WEB, APP, 22), WEB_PORT) == IS_DROPPED
    assert table(web={"outbound": []}, app=enters).send(tcp(WEB, APP, 22), WEB_PORT) == IS_DROPPED


SSH_TO_APP = {"protocol": "tcp", "port": 22, "destination": f"{APP}/32"}


def test_a_reply_between_two_instances_passes_both_groups() -> None:
    switch = table(app={"inbound": [SSH], "outbound": []})
    request = tcp(WEB, APP, 22)
    switch.send(request, WEB_PORT)
    assert switch.send(request.reply(tcp_flags_nxm=SYN | ACK), APP_PORT) == TO_WEB


def test_what_the_sender_tracks_the_receiver_does_not() -> None:
    switch = table()
    request = tcp(WEB, APP, 22)
    assert switch.send(request, WEB_PORT) == IS_DROPPED
    assert switch.send(request, WEB_PORT) == IS_DROPPED


def test_a_group_as_source_means_the_addresses_of_its_interfaces() -> None:
    from_web = table(app={"inbound": [{"protocol": "tcp", "port": 8080, "source": "web"}]})
    assert from_web.send(tcp(WEB, APP, 8080), WEB_PORT) == TO_APP
    assert from_web.send(tcp(CLIENT, APP, 8080), ROUTER) == IS_DROPPED


def test_a_group_as_destination_means_the_addresses_of_its_interfaces() -> None:
    to_app = table(
        web={"outbound": [{"protocol": "all", "destination": "app"}]},
        app={"inbound": [{"protocol": "all", "source": "web"}]},
    )
    assert to_app.send(tcp(WEB, APP, 8080), WEB_PORT) == TO_APP
    assert to_app.send(tcp(WEB, CLIENT, 8080), WEB_PORT) == IS_DROPPED


def test_an_interface_has_the_union_of_its_groups() -> None:
    written = config(web={"inbound": [SSH]}, app={"inbound": [{"protocol": "tcp", "port": 80, "source": EVERYBODY}]})
    written["interfaces"]["vpc-eth2"]["groups"] = ["web", "app"]
    both = FlowTable(SecurityGroup.from_config(written, PORTS, "vpc").flow_entries())
    assert both.send(tcp(CLIENT, WEB, 22), ROUTER) == TO_WEB
    assert both.send(tcp(CLIENT, WEB, 80), ROUTER) == TO_WEB
    assert both.send(tcp(CLIENT, APP, 22), ROUTER) == IS_DROPPED


def test_groups_that_say_the_same_twice_give_each_flow_entry_once() -> None:
    written = config(web={"inbound": [SSH, SSH]}, app={"inbound": [SSH | {"port": "20-30"}]})
    written["interfaces"]["vpc-eth2"]["groups"] = ["web", "app"]
    entries = SecurityGroup.from_config(written, PORTS, "vpc").flow_entries()
    keys = [(entry.table, entry.priority, sorted(entry.match.items())) for entry in entries]
    assert all(keys.count(key) == 1 for key in keys)


def test_icmp_is_allowed_by_type_and_code() -> None:
    ping = table(web={"inbound": [{"protocol": "icmp", "icmp_type": 8, "icmp_code": 0, "source": EVERYBODY}]})
    assert ping.send(icmp(CLIENT, WEB, 8), ROUTER) == TO_WEB
    assert ping.send(icmp(CLIENT, WEB, 8, code=1), ROUTER) == IS_DROPPED
    assert ping.send(icmp(CLIENT, WEB, 13), ROUTER) == IS_DROPPED
    assert ping.send(tcp(CLIENT, WEB, 22), ROUTER) == IS_DROPPED


def test_a_protocol_may_be_a_number() -> None:
    by_number = table(web={"inbound": [SSH | {"protocol": 6}]})
    assert by_number.send(tcp(CLIENT, WEB, 22), ROUTER) == TO_WEB


def test_a_later_fragment_enters_where_its_protocol_and_source_may() -> None:
    dns = table(web={"inbound": [{"protocol": "udp", "ports": "53", "source": "10.8.0.0/24"}]})
    assert dns.send(udp(CLIENT, WEB, 53).later_fragment(), ROUTER) == TO_WEB
    assert dns.send(udp("10.9.0.1", WEB, 53).later_fragment(), ROUTER) == IS_DROPPED
    assert dns.send(tcp(CLIENT, WEB, 53).later_fragment(), ROUTER) == IS_DROPPED


def test_a_later_fragment_of_a_ping_enters_where_a_ping_may() -> None:
    ping = table(web={"inbound": [{"protocol": "icmp", "icmp_type": 8, "source": EVERYBODY}]})
    assert ping.send(icmp(CLIENT, WEB, 8).later_fragment(), ROUTER) == TO_WEB


def test_an_interface_sends_from_its_own_addresses_only() -> None:
    empty = table()
    assert empty.send(tcp(APP, CLIENT, 443), WEB_PORT) == IS_DROPPED
    assert empty.send(arp(APP), WEB_PORT) == IS_DROPPED
    assert empty.send(arp(WEB), WEB_PORT) == (NORMAL,)


def test_an_arp_probe_passes_though_its_sender_has_no_address_yet() -> None:
    assert table().send(arp("0.0.0.0"), WEB_PORT) == (NORMAL,)


def test_arp_of_the_router_passes_and_ipv6_does_not() -> None:
    assert table().send(arp("10.0.1.1"), ROUTER) == (NORMAL,)
    assert table().send(ipv6(), ROUTER) == IS_DROPPED
    assert table().send(ipv6(), WEB_PORT) == IS_DROPPED


def test_broadcasts_and_unknown_destinations_do_not_reach_an_instance() -> None:
    for destination in ("255.255.255.255", "10.0.1.255", "10.0.1.99"):
        assert not {WEB_PORT, APP_PORT} & set(table().send(udp(CLIENT, destination, 53), ROUTER))


def test_interfaces_that_are_not_listed_are_not_restricted() -> None:
    written = config()
    del written["interfaces"]["vpc-eth3"]
    routed = FlowTable(SecurityGroup.from_config(written, PORTS, "vpc").flow_entries())
    assert routed.send(tcp(CLIENT, APP, 22), ROUTER) == TO_APP


def test_nothing_asks_the_controller_and_nothing_is_answered() -> None:
    strict = policy(web={"inbound": [SSH], "outbound": []})
    assert not [rule for rule in strict.flow_entries() if Output(CONTROLLER) in rule.actions]
    assert strict.answer(bytes(64), ROUTER) == ()


def test_every_problem_is_reported_at_once_with_its_place_and_mend() -> None:
    written = config(
        web={"inbund": [], "inbound": [{"protocol": "tpc", "source": "wbe"}]},
        app={"outbound": [{"protocol": "tcp", "port": "9-3", "destination": "1.0.0.9/9"}]},
    )
    written["interfaces"]["vpc-eth2"] = {"addresses": ["10.0.1.300"], "groups": ["wep"]}
    assert problems(written) == [
        "x.yaml:3: groups.web.inbund: unknown key 'inbund'; did you mean inbound?",
        "x.yaml:3: groups.web.inbound[0].protocol: 'tpc' is not one of tcp, udp, icmp, all; did you mean tcp?",
        "x.yaml:3: groups.web.inbound[0].source: there is no group 'wbe'; did you mean web?",
        "x.yaml:3: groups.app.outbound[0].destination: '1.0.0.9/9' has host bits set; write 1.0.0.0/9, or 1.0.0.9/32",
        "x.yaml:3: groups.app.outbound[0].port: the range '9-3' ends before it starts; write \"3-9\"",
        "x.yaml:3: interfaces.vpc-eth2.addresses[0]: '10.0.1.300' is not an IPv4 address; write one as 10.0.0.1",
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
        ({"protocol": "tcp", "destination": EVERYBODY}, "destination: unknown key 'destination'"),
        ({"port": 22}, "protocol: missing"),
    ],
)
def test_a_rule_is_refused_if_it_cannot_be_meant(rule: dict[str, Any], wrong: str) -> None:
    lines = problems(config(web={"inbound": [{"source": EVERYBODY} | rule]}))
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


def test_an_address_belongs_to_one_interface() -> None:
    written = config()
    written["interfaces"]["vpc-eth3"]["addresses"] = [WEB]
    assert problems(written) == [
        "x.yaml:3: interfaces: 10.0.1.10 is listed more than once; give every address to one interface"
    ]
