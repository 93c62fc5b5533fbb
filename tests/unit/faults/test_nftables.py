"""A filter is a fault's own as the kernel lists it, whichever version of nft asks; nothing that resembles it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.unit.faults.stand_in import StandIn
from whodunet.cases.fault import Fault
from whodunet.errors import CannotRun
from whodunet.faults.arp_silence import ArpSilence
from whodunet.faults.idle_timeout import IdleTimeout
from whodunet.faults.network_acl import NetworkAcl
from whodunet.faults.nftables import NftablesFault
from whodunet.faults.packet_filter import PacketFilter
from whodunet.faults.path_mtu import PathMtu
from whodunet.faults.tls_interception import TlsInterception

RESET: Final = PacketFilter(node="vpn-gw", hook="forward", destination_port=22, payload="SSH-", verdict="tcp-reset")
REFUSE: Final = PacketFilter(node="vpn-gw", hook="forward", destination_port=22, verdict="icmp-port-unreachable")
ACL: Final = NetworkAcl(node="vpc-router", interface="vpc-router-eth2", direction="inbound", ports=(22, 22))
IDLE: Final = IdleTimeout(node="cloud-edge", idle_s=2, answer="reset")
NARROW: Final = PathMtu(node="transit2", interface="transit2-eth1", mtu_bytes=1300)
SILENT: Final = ArpSilence(node="vpn-gw", interface="vpn-gw-eth0", neighbour="client")
INTERCEPTED: Final = TlsInterception(node="vpn-gw", source="fd00:8::/64", destination="fd00:10:0:1::20/128")
EVERY: Final[list[NftablesFault]] = [RESET, REFUSE, ACL, IDLE, NARROW, SILENT, INTERCEPTED]
every = pytest.mark.parametrize("fault", EVERY, ids=lambda fault: fault.kind)


def injected(fault: Fault) -> StandIn:
    network = StandIn()
    fault.inject(network)
    return network


def rules(network: StandIn, fault: NftablesFault) -> list[dict[str, Any]]:
    """The rules that were loaded, to be changed."""
    return [each["rule"] for each in network.machines[fault.node].tables[fault.table()] if "rule" in each]


def matching(key: str, value: object) -> dict[str, Any]:
    return {"match": {"op": "==", "left": {"meta": {"key": key}}, "right": value}}


@every
def test_counts_handles_and_comments_of_the_table_make_no_difference(fault: NftablesFault) -> None:
    network = injected(fault)

    def counted(listed: Any) -> Any:
        if "rule" not in listed:
            return listed
        counts = {"counter": {"packets": 7, "bytes": 420}}
        expressions = [counts if "counter" in each else each for each in listed["rule"]["expr"]]
        return {"rule": listed["rule"] | {"handle": 4, "expr": expressions}}

    network.kernel = counted
    assert fault.proof(network)


# Each: what nft of a Debian lists in place of what was loaded. Source: nft 1.0.6 (Debian 12) and 1.1.3 (Debian 13)
LISTED_INSTEAD: Final[list[tuple[NftablesFault, Callable[[str], str]]]] = [
    (SILENT, lambda text: text.replace('"nd-neighbor-solicit", "nd-neighbor-advert"', "136, 135")),
    (RESET, lambda text: text.replace('"0x5353482d"', "1397966893")),
]


@pytest.mark.parametrize(("fault", "listed"), LISTED_INSTEAD)
def test_a_number_in_place_of_its_name_and_a_set_in_another_order_are_the_same(
    fault: NftablesFault, listed: Callable[[str], str]
) -> None:
    network = injected(fault)
    network.kernel = lambda each: json.loads(listed(json.dumps(each)))
    assert network.kernel(rules(network, fault)) != rules(network, fault) or fault is RESET
    assert fault.proof(network)


@pytest.mark.parametrize(
    ("fault", "listed", "other"), [(NARROW, "1300", "1301"), (SILENT, '"nd-neighbor-solicit"', "136")]
)
def test_another_number_is_another_rule(fault: NftablesFault, listed: str, other: str) -> None:
    network = injected(fault)
    network.kernel = lambda each: json.loads(json.dumps(each).replace(listed, other))
    assert fault.proof(network) is None


def test_numbers_of_icmp_and_of_icmpv6_are_not_each_others() -> None:
    network = injected(REFUSE)
    over_ipv4, over_ipv6 = rules(network, REFUSE)
    over_ipv4["expr"][-1]["reject"]["expr"], over_ipv6["expr"][-1]["reject"]["expr"] = 3, 4
    assert REFUSE.proof(network)
    over_ipv4["expr"][-1]["reject"]["expr"], over_ipv6["expr"][-1]["reject"]["expr"] = 4, 3
    assert REFUSE.proof(network) is None


@pytest.mark.parametrize(
    ("fault", "number", "added"),
    [
        (RESET, 0, matching("l4proto", "tcp")),
        (RESET, 0, matching("l4proto", 6)),
        (REFUSE, 0, matching("nfproto", "ipv4")),
        (REFUSE, 1, matching("nfproto", "ipv6")),
        (SILENT, 0, matching("nfproto", "ipv6")),
        (SILENT, 1, matching("l4proto", "ipv6-icmp")),
        (INTERCEPTED, 0, matching("nfproto", "ipv6")),
    ],
)
def test_what_a_rule_needs_and_nft_adds_makes_no_difference(
    fault: NftablesFault, number: int, added: dict[str, Any]
) -> None:
    network = injected(fault)
    rules(network, fault)[number]["expr"].insert(0, added)
    assert fault.proof(network)


@pytest.mark.parametrize(
    ("fault", "number", "added"),
    [
        (RESET, 0, matching("nfproto", "ipv4")),
        (RESET, 0, matching("l4proto", "udp")),
        (REFUSE, 0, matching("nfproto", "ipv6")),
        (ACL, 0, matching("nfproto", "ipv6")),
        (ACL, 0, matching("iifname", "vpc-router-eth2")),
        (INTERCEPTED, 0, matching("nfproto", "ipv4")),
    ],
)
def test_a_rule_that_matches_less_is_not_the_faults(fault: NftablesFault, number: int, added: dict[str, Any]) -> None:
    network = injected(fault)
    rules(network, fault)[number]["expr"].insert(0, added)
    assert fault.proof(network) is None


@pytest.mark.parametrize(
    ("path", "other"),
    [
        ((0, "match", "right"), 2222),
        ((0, "match", "op"), "!="),
        ((1, "match", "right"), "0x47455420"),
        ((3, "reject"), {"type": "icmp", "expr": "port-unreachable"}),
    ],
)
def test_a_rule_that_says_something_else_is_not_the_faults(path: tuple[Any, ...], other: object) -> None:
    network = injected(RESET)
    part = rules(network, RESET)[0]["expr"]
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = other
    assert RESET.proof(network) is None


@every
def test_a_table_with_a_rule_more_or_less_is_not_the_faults(fault: NftablesFault) -> None:
    for number in (0, 2):
        network = injected(fault)
        objects = network.machines[fault.node].tables[fault.table()]
        objects[-1:] = objects[-1:] * number
        assert fault.proof(network) is None


@pytest.mark.parametrize(("key", "other"), [("hook", "input"), ("type", "route"), ("prio", 0)])
def test_a_chain_elsewhere_is_not_the_faults(key: str, other: object) -> None:
    network = injected(ACL)
    (chain,) = (each["chain"] for each in network.machines["vpc-router"].tables[ACL.table()] if "chain" in each)
    chain[key] = other
    assert ACL.proof(network) is None


def test_rules_in_another_order_are_not_the_faults() -> None:
    network = injected(REFUSE)
    network.machines["vpn-gw"].tables[REFUSE.table()][-2:] = network.machines["vpn-gw"].tables[REFUSE.table()][:-3:-1]
    assert REFUSE.proof(network) is None


def test_a_table_that_is_not_understood_is_no_proof_either_way() -> None:
    network = StandIn(says={"nft -j list": '{"nftables": [{"chain": {}}]}'})
    with pytest.raises(CannotRun, match="nft's list of a table is not understood"):
        ACL.proof(network)


def test_two_faults_of_a_kind_have_two_tables() -> None:
    assert len({fault.table() for fault in EVERY}) == len(EVERY)
    assert ACL.table() == ACL.model_copy().table()
