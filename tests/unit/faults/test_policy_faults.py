"""Faults of policies are proven by the switch's own flow entries, whatever the policy says."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from tests.unit.faults.stand_in import TOPOLOGY, StandIn
from whodunet.cases.fault import Fault
from whodunet.errors import CannotRun
from whodunet.faults.firewall_rule import FirewallRule
from whodunet.faults.security_group_inbound import SecurityGroupInbound

DROP_22 = FirewallRule(switch="egress-fw", source="10.8.0.0/24", protocol="tcp", port=22, action="drop")
HTTPS_FROM_COMPANY = {"protocol": "tcp", "port": 443, "source": "10.8.0.0/16"}
CLOSED = SecurityGroupInbound(switch="sg", group="endpoints-sg", inbound=(HTTPS_FROM_COMPANY,))
EMPTY = SecurityGroupInbound(switch="sg", group="endpoints-sg", inbound=())


@pytest.mark.parametrize(
    "fault",
    [
        DROP_22,
        FirewallRule(switch="egress-fw", action="drop"),
        FirewallRule(switch="egress-fw", protocol="udp", port=53, action="reject", reject_with="host-unreachable"),
        FirewallRule(switch="egress-fw", destination="10.0.1.10/32", protocol="tcp", action="reset"),
        FirewallRule(switch="egress-fw", destination="fd00::/8", action="reject", reject_with="policy-fail"),
        FirewallRule(switch="egress-fw", source="fd00::/8", action="reject", reject_with="reject-route"),
        CLOSED,
        EMPTY,
    ],
)
def test_a_policy_fault_is_seen_while_it_is_in_and_only_then(fault: Fault) -> None:
    network = StandIn()
    assert fault.proof(network) is None
    before = fault.inject(network)
    assert fault.proof(network)
    assert fault.remains(network)
    fault.remove(network, before)
    assert fault.remains(network) is None
    assert network.policies == StandIn().policies


@pytest.mark.parametrize("error", ["policy-fail", "reject-route"])
def test_an_error_of_ipv6_alone_fits_no_rule_for_both_families(error: Literal["policy-fail", "reject-route"]) -> None:
    fault = FirewallRule(switch="egress-fw", action="reject", reject_with=error)
    (misfit,) = fault.misfits(TOPOLOGY)
    assert (misfit.key, misfit.wrong) == (("reject_with",), f"IPv4 has no {error}")
    assert misfit.fix.endswith("or reject from ::/0 only")


def test_the_proof_of_a_rule_is_its_flow_entry() -> None:
    network = StandIn()
    DROP_22.inject(network)
    assert DROP_22.proof(network) == "table=2, priority=65280,tcp,nw_src=10.8.0.0/24,tp_dst=22 actions=drop"


def test_the_proof_of_a_group_is_what_still_lets_in() -> None:
    network = StandIn()
    CLOSED.inject(network)
    proof = str(CLOSED.proof(network))
    assert all(part in proof for part in ("nw_dst=10.0.1.20", "nw_src=10.8.0.0/16", "tp_dst=443"))
    network = StandIn()
    EMPTY.inject(network)
    assert "lets a new connection in to 10.0.1.20" in str(EMPTY.proof(network))


@pytest.mark.parametrize("fault", [DROP_22, CLOSED, EMPTY])
def test_a_policy_that_the_switch_does_not_carry_out_proves_nothing(fault: FirewallRule | SecurityGroupInbound) -> None:
    network = StandIn()
    network.flow_tables[fault.switch] = network.carried_out(fault.switch)
    fault.inject(network)
    assert fault.proof(network) is None


@pytest.mark.parametrize(
    ("installed", "instead"),
    [
        ("tp_dst=22 actions=drop", "tp_dst=2222 actions=drop"),
        ("nw_src=10.8.0.0/24,tp_dst=22 actions=drop", "nw_src=10.8.0.0/16,tp_dst=22 actions=drop"),
        ("table=2, priority=65280,tcp", "table=1, priority=65280,tcp"),
        ("tp_dst=22 actions=drop", "tp_dst=22 actions=NORMAL"),
        ("cookie=0x1, table=2, priority=65280,tcp,nw_src=10.8.0.0/24,tp_dst=22 actions=drop\n", ""),
    ],
)
def test_an_entry_that_only_looks_like_the_rules_proves_nothing(installed: str, instead: str) -> None:
    network = StandIn()
    DROP_22.inject(network)
    table = network.carried_out("egress-fw")
    assert installed in table
    network.flow_tables["egress-fw"] = table.replace(installed, instead)
    assert DROP_22.proof(network) is None


def test_a_rule_before_which_another_entry_decides_is_not_in_place() -> None:
    network = StandIn()
    DROP_22.inject(network)
    first = "table=2, priority=65500,ip actions=ct(commit,zone=257),NORMAL\n"
    network.flow_tables["egress-fw"] = network.carried_out("egress-fw") + first
    assert DROP_22.proof(network) is None


def test_a_rule_is_seen_beside_one_for_a_port_that_contains_its_digits() -> None:
    network = StandIn()
    policy = network.policy("egress-fw")
    other = {"source": "10.8.0.0/24", "protocol": "tcp", "port": 2222, "action": "drop"}
    network.set_policy("egress-fw", policy | {"rules": [other]})
    assert DROP_22.proof(network) is None
    before = DROP_22.inject(network)
    assert DROP_22.proof(network)
    DROP_22.remove(network, before)
    assert DROP_22.remains(network) is None


def test_a_table_that_cannot_be_read_is_no_proof_either_way() -> None:
    network = StandIn()
    network.flow_tables["egress-fw"] = "priority=1,mpls actions=resubmit(,7)\n"
    with pytest.raises(CannotRun, match="egress-fw: flow entry not understood"):
        DROP_22.proof(network)


INTERFACE = {"addresses": ["10.0.1.10"], "groups": ["instance-sg"]}
ONLY_IPV4 = {**TOPOLOGY.policies["sg"], "interfaces": {"sg-eth2": INTERFACE}}


@pytest.mark.parametrize(("source", "makes_a_difference"), [("0.0.0.0/0", True), ("::/0", False)])
def test_rules_that_let_nobody_in_are_no_other_rules(source: str, makes_a_difference: bool) -> None:
    topology = replace(TOPOLOGY, policies={**TOPOLOGY.policies, "sg": ONLY_IPV4})
    ssh = {"protocol": "tcp", "port": 22, "source": source}
    misfits = list(SecurityGroupInbound(switch="sg", group="instance-sg", inbound=(ssh,)).misfits(topology))
    told = [(("inbound",), "makes no difference to what sg does")]
    assert [(misfit.key, misfit.wrong) for misfit in misfits] == ([] if makes_a_difference else told)


@pytest.mark.parametrize(
    ("inbound", "whom"),
    [
        ((), "none"),
        (({"protocol": "tcp", "port": 8443, "source": "0.0.0.0/0"},), "other-services"),
        (({"protocol": "udp", "port": 22, "source": "::/0"},), "other-services"),
        (({"protocol": "tcp", "port": 22, "source": "10.9.0.0/16"},), "other-sources"),
        (({"protocol": "all", "source": "fd00:9::/48"},), "other-sources"),
        (({"protocol": "tcp", "source": "10.9.0.0/16"},), "other-sources"),
        (({"protocol": "tcp", "port": 22, "source": "endpoints-sg"},), "other-group"),
        (({"protocol": "tcp", "port": 22, "source": "0.0.0.0/0"},), "ipv4-only"),
        (({"protocol": "tcp", "port": 22, "source": "::/0"},), "other-sources"),
    ],
)
def test_what_is_wrong_with_a_groups_rules_follows_from_those_that_it_should_have(
    inbound: tuple[dict[str, object], ...], whom: str
) -> None:
    ssh = [{"protocol": "tcp", "port": 22, "source": source} for source in ("0.0.0.0/0", "::/0")]
    policy = TOPOLOGY.policies["sg"]
    groups = {**policy["groups"], "instance-sg": {"inbound": ssh}}
    topology = replace(TOPOLOGY, policies={**TOPOLOGY.policies, "sg": {**policy, "groups": groups}})
    fault = SecurityGroupInbound(switch="sg", group="instance-sg", inbound=inbound)
    assert fault.facts(topology)["rules"] == whom
