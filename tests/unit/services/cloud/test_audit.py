"""The audit says no where a clause of the mandate is broken, and its evidence names the place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from whodunet.cases.fault import Completed
from whodunet.errors import CannotRun
from whodunet.evidence.topology import Topology
from whodunet.loading.library import Library
from whodunet.services.cloud.audit import every_access_recorded, no_internet_route, no_open_port, no_public_address

ADDRESSES = {
    "instance": ["127.0.0.1", "::1", "10.0.1.10", "fd00:10:0:1::10", "169.254.169.254", "fe80::1"],
    "endpoints": ["127.0.0.1", "10.0.1.20"],
}
STARTED: Mapping[str, Any] = {
    "eventName": "StartSession",
    "sourceIPAddress": "10.8.0.10",
    "userIdentity": {"arn": "arn:aws:sts::123456789012:assumed-role/Developer/ann"},
    "responseElements": {"sessionId": "ann-1"},
}
REFUSED: Mapping[str, Any] = {
    "eventName": "StartSession",
    "sourceIPAddress": "10.8.0.10",
    "userIdentity": {},
    "errorCode": "MissingAuthenticationToken",
}


@dataclass
class StandIn:
    """A network that keeps the mandate, but for what a test changes."""

    topology: Topology = field(default_factory=lambda: Library().topology("session_manager"))
    inbound: list[Any] = field(default_factory=list)
    answers: dict[str, Completed] = field(default_factory=dict)  # by a part of the command
    trail: str = f"{json.dumps(STARTED)}\n{json.dumps(REFUSED)}\n"
    transcripts: tuple[str, ...] = ("ann-1.log",)
    sshd_log: str = "Accepted publickey for ec2-user from 127.0.0.1 port 40000 ssh2\n"

    def execute(self, node: str, command: str, stdin: str = "") -> Completed:
        """Answers with the last that fits."""
        usual = {
            "ip -json": json.dumps([{"addr_info": [{"local": each} for each in ADDRESSES.get(node, ())]}]),
            "nft list ruleset": "",
            "python3 -": "none 0\n",
            "route show default": "blackhole default\n",
            "curl": '{"__type":"MissingAuthenticationTokenException"} 400',
            "aws configure": "eu-central-1\n",
        }
        fitting = [done for part, done in self.answers.items() if part in command]
        texts = [text for part, text in usual.items() if part in command]
        return fitting[-1] if fitting else Completed(0 if texts else 1, "".join(texts[-1:]), "")

    def records(self) -> Mapping[str, str]:
        """The trail, and a transcript each."""
        return {"cloudtrail.jsonl": self.trail} | {f"transcripts/{name}": "" for name in self.transcripts}

    def logs(self) -> Mapping[str, str]:
        """That of the instance's sshd."""
        return {"instance-sshd.log": self.sshd_log}

    def policy(self, switch: str) -> dict[str, Any]:
        """One group, at the instance."""
        interfaces = {"sg-eth2": {"addresses": ["10.0.1.10"], "groups": ["instance-sg"]}}
        return {"interfaces": interfaces, "groups": {"instance-sg": {"inbound": self.inbound}}}


def answering(part: str, stdout: str, exit_status: int = 0) -> Any:
    return StandIn(answers={part: Completed(exit_status, stdout, "")})


@pytest.mark.parametrize("clause", [no_public_address, no_open_port, no_internet_route, every_access_recorded])
def test_a_network_that_keeps_the_mandate_has_a_yes(clause: Any) -> None:
    finding = clause(StandIn())
    assert finding.holds, finding.evidence


def test_an_address_of_the_internet_is_a_no() -> None:
    public = json.dumps([{"addr_info": [{"local": "52.29.1.1"}]}])
    finding = no_public_address(answering("ip -json", public))
    assert not finding.holds
    assert "PUBLIC: 52.29.1.1" in finding.evidence[0]


def test_an_address_that_is_translated_inwards_is_a_no() -> None:
    assert not no_public_address(answering("nft list ruleset", "  tcp dport 22 dnat to 10.0.1.10\n")).holds


def test_every_address_that_could_be_reached_is_tried() -> None:
    evidence = no_open_port(StandIn()).evidence  # type: ignore[arg-type]
    tried = [line.partition("TCP ports of ")[2] for line in evidence if line.startswith("tried")]
    assert [each.rpartition(": open")[0] for each in tried] == ["10.0.1.10", "fd00:10:0:1::10"]


def test_an_inbound_entry_is_a_no_even_where_nothing_answers() -> None:
    network: Any = StandIn(inbound=[{"protocol": "tcp", "port": 22, "source": "10.8.0.0/16"}])
    assert not no_open_port(network).holds


@pytest.mark.parametrize("scan", ["22 0\n", "22 8080 0\n", "none 3\n"])
def test_a_port_that_answers_is_a_no_whatever_the_rules_say(scan: str) -> None:
    assert not no_open_port(answering("python3 -", scan)).holds
    assert not no_open_port(answering("python3 - fd00:10:0:1::10", scan)).holds


def test_a_default_route_is_a_no() -> None:
    for family in ("-4", "-6"):
        assert not no_internet_route(answering(f"ip {family} route show default", "default via 100.64.4.1\n")).holds


@pytest.mark.parametrize("attempt", ["nc -z -w 1 198.51.100.1", "nc -z -w 1 2001:db8::1"])
def test_a_connection_to_the_internet_is_a_no_whatever_the_routes_say(attempt: str) -> None:
    assert not no_internet_route(answering(attempt, "")).holds


def test_a_call_without_a_signature_that_is_answered_is_a_no() -> None:
    assert not every_access_recorded(answering("curl", '{"SessionId":"x"} 200')).holds


def test_a_session_that_nobody_was_authorised_to_start_is_a_no() -> None:
    network: Any = StandIn(transcripts=("ann-1.log", "ghost-2.log"))
    finding = every_access_recorded(network)
    assert not finding.holds
    assert any("ghost-2" in line for line in finding.evidence)


def test_a_login_by_ssh_is_a_no() -> None:
    network: Any = StandIn(sshd_log="Accepted publickey for ec2-user from 10.8.0.10 port 40000 ssh2\n")
    assert not every_access_recorded(network).holds


def test_who_is_signed_in_is_found_whatever_the_role_of_the_host() -> None:
    topology = Library().topology("session_manager")
    nodes = {**topology.nodes, "client": replace(topology.nodes["client"], role="workstation")}
    network: Any = StandIn(topology=replace(topology, nodes=nodes))
    assert every_access_recorded(network).holds
    network.topology = replace(topology, furnishings={})
    with pytest.raises(CannotRun, match="no host of session_manager has an aws-profile"):
        every_access_recorded(network)


def test_no_trail_is_a_no() -> None:
    network: Any = StandIn(trail="")
    assert not every_access_recorded(network).holds


def test_a_lab_without_an_instance_cannot_be_audited() -> None:
    empty: Any = StandIn(topology=Topology("two_hosts", {}, {}, (), ("a", "10.0.0.1")))
    with pytest.raises(CannotRun, match="two_hosts has no instance"):
        no_public_address(empty)


ENDPOINT_RULE: Mapping[str, Any] = {"protocol": "tcp", "port": 22, "source": "eice-sg"}
TUNNEL: Mapping[str, Any] = {
    "eventName": "OpenTunnel",
    "sourceIPAddress": "10.8.0.10",
    "userIdentity": {"arn": "arn:aws:sts::123456789012:assumed-role/Developer/ann"},
}
THROUGH_TUNNEL = "Accepted publickey for ec2-user from 10.0.1.30 port 40000 ssh2\n"


class WithEndpoint(StandIn):
    """A network that an Instance Connect Endpoint leads into."""

    def __init__(self, **changes: Any) -> None:
        super().__init__(topology=Library().topology("instance_connect"), **changes)
        self.answers["ip -json"] = Completed(0, json.dumps([{"addr_info": [{"local": "10.0.1.30"}]}]), "")

    def policy(self, switch: str) -> dict[str, Any]:
        """The endpoint is in a group of its own."""
        policy = super().policy(switch)
        endpoint = {"addresses": ["10.0.1.30"], "groups": ["eice-sg"]}
        return {**policy, "interfaces": {**policy["interfaces"], "sg-eth4": endpoint}}


def test_a_rule_for_the_endpoint_alone_is_a_yes_that_names_it() -> None:
    network: Any = WithEndpoint(inbound=[ENDPOINT_RULE])
    finding = no_open_port(network)
    assert finding.holds
    assert (
        finding.clause == "no inbound port open but to the Instance Connect Endpoint's group, to nobody outside the VPC"
    )
    assert any("Session Manager needs no rule" in line for line in finding.evidence)


@pytest.mark.parametrize(
    "other", [{**ENDPOINT_RULE, "source": "10.0.0.0/16"}, {**ENDPOINT_RULE, "source": "instance-sg"}]
)
def test_a_rule_for_anybody_else_beside_it_is_a_no(other: Any) -> None:
    network: Any = WithEndpoint(inbound=[ENDPOINT_RULE, other])
    assert not no_open_port(network).holds


def test_a_login_through_a_tunnel_that_the_trail_has_is_a_yes_which_says_what_is_not_recorded() -> None:
    trail = "".join(f"{json.dumps(event)}\n" for event in (TUNNEL, REFUSED, STARTED))
    network: Any = WithEndpoint(sshd_log=THROUGH_TUNNEL, trail=trail)
    finding = every_access_recorded(network)
    assert finding.holds
    assert "logins by ssh that came through no session: 0" in finding.evidence
    assert "what is typed in a tunnel nobody records" in finding.evidence[-1]


@pytest.mark.parametrize("event", [{**TUNNEL, "errorCode": "AccessDenied"}, {**TUNNEL, "userIdentity": {}}])
def test_a_login_from_the_endpoint_without_an_authorised_tunnel_is_a_no(event: Any) -> None:
    trail = "".join(f"{json.dumps(each)}\n" for each in (event, REFUSED, STARTED))
    network: Any = WithEndpoint(sshd_log=THROUGH_TUNNEL, trail=trail)
    assert not every_access_recorded(network).holds
