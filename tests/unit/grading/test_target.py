"""What a case is about is read off the command that its user types first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit import case
from whodunet.cases.scenario import Probe
from whodunet.evidence.topology import Topology
from whodunet.grading.target import Target, target_of


def topology() -> Topology:
    small = case.topology()
    instance = replace(
        small.nodes["instance"],
        ports={"ssh": 2022, "https": 8443},
        properties={"dns_name": "instance.cloud.example", "id": "i-0abc"},
    )
    return replace(small, nodes={**small.nodes, "instance": instance})


def target(command: str) -> Target | None:
    question = case.scenario().question.model_copy(update={"probes": {"it": Probe(host="client", command=command)}})
    return target_of(question, topology())


@pytest.mark.parametrize(
    ("command", "host", "port"),
    [
        ("ssh -i key.pem -o ConnectTimeout=4 ec2-user@10.0.1.10 hostname", "10.0.1.10", 2022),
        ("ssh -p 2200 ec2-user@10.0.1.10", "10.0.1.10", 2200),
        ("ssh -J ec2-user@10.8.0.1 ec2-user@10.0.1.10 hostname", "10.0.1.10", 2022),
        ("ssh ec2-user@instance.cloud.example", "instance.cloud.example", 2022),
        ("nc -vz -w 4 10.0.1.10 22", "10.0.1.10", 22),
        ("for try in 1 2 3; do nc -vz -w 1 10.0.1.10 22 || break; done | tail -n 1", "10.0.1.10", 22),
        ("curl -sS https://10.0.1.10/", "10.0.1.10", 8443),
        ("curl -sS https://instance.cloud.example:9443/x", "instance.cloud.example", 9443),
        ("curl -v telnet://10.0.1.10:22 </dev/null", "10.0.1.10", 22),
        ("curl http://[fd00:1::10]:80/", "fd00:1::10", 80),
        ("bash -lc 'curl -sS http://10.0.1.10/'", "10.0.1.10", 80),
    ],
)
def test_host_and_port_are_those_of_the_command(command: str, host: str, port: int) -> None:
    assert target(command) == Target(host, port, "instance")


@pytest.mark.parametrize(
    "command", ["aws ssm start-session --target i-0abc", "curl https://elsewhere.example/", "true"]
)
def test_a_command_that_names_no_host_of_the_network_has_no_target(command: str) -> None:
    assert target(command) is None
