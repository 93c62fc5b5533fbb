"""Tunnels of an Instance Connect Endpoint on a lab's network, by a client of ours: whatever AWS CLI is installed here.

AWS's own client, where it is new enough, plays the scenarios `iap-...`.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from whodunet import engine
from whodunet.cases.fault import Completed
from whodunet.evidence.topology import Family
from whodunet.lab.host_root import PYTHON
from whodunet.lab.sandboxed import SandboxedLab
from whodunet.loading.library import Library
from whodunet.services.cloud.audit import every_access_recorded, no_open_port

CLIENT: Final = (Path(__file__).parent / "tunneler.py").read_text(encoding="utf-8")
INSTANCE: Final = "instance-eth0"
ENDPOINT: Final = "eice-eth1"
MEGABYTES: Final = 8
HEALTHY: Final = """
title: tunnels
story: none
topology: instance_connect
probes: {ssh: {host: client, command: "true"}}
answer: {cause: none, symptoms: {ssh: {symptom: connected}}}
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxedLab]:
    """A lab with an endpoint, of a case that takes no newer program; and the client in a file of its own."""
    case = tmp_path_factory.mktemp("case") / "tunnels.yaml"
    case.write_text(HEALTHY, encoding="utf-8")
    library = Library()
    plan = engine.plan_for(library.scenario(case), library, f"test-tunnels-{os.getpid()}")
    with SandboxedLab.start(plan) as running:
        written = running.execute("client", "cat > /tmp/tunneler.py", CLIENT)
        assert written.exit_status == 0
        yield running


def address(lab: SandboxedLab, point: str, family: Family = "ipv4") -> str:
    """That of an interface, without its prefix."""
    found = lab.topology.interfaces[point].address(family)
    assert found is not None
    return found.partition("/")[0]


def tunnel(lab: SandboxedLab, port: int = 22, family: Family = "ipv4") -> str:
    """The command that opens a tunnel to the instance, all over one family."""
    endpoint = lab.topology.nodes["eice"].properties
    name = endpoint["service_name" if family == "ipv4" else "dualstack_name"]
    return f"{PYTHON} /tmp/tunneler.py {name} {endpoint['id']} {address(lab, INSTANCE, family)} {port}"


def ssh(lab: SandboxedLab, command: str, options: str = "", family: Family = "ipv4") -> Completed:
    """Runs a command on the instance, by ssh through a tunnel."""
    through = f"-o ProxyCommand={shlex.quote(tunnel(lab, family=family))}"
    instance = lab.topology.nodes["instance"].properties["id"]
    return lab.execute("client", f"ssh {through} {options} ec2-user@{instance} {command}")


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_ssh_reaches_an_instance_whose_port_is_closed_to_everybody_else(lab: SandboxedLab, family: Family) -> None:
    here = address(lab, INSTANCE, family)
    done = ssh(lab, "'hostname; echo $SSH_CONNECTION'", family=family)
    assert done.exit_status == 0, done.stderr
    hostname, connection = done.stdout.splitlines()
    assert hostname == "instance"
    assert connection.split()[::2] == [address(lab, ENDPOINT, family), here]
    for elsewhere in ("cloud-edge", "endpoints"):
        assert lab.execute(elsewhere, f"nc -z -w 2 {here} 22").exit_status != 0


def test_megabytes_come_through_whole_both_ways_at_once(lab: SandboxedLab) -> None:
    make = f"head -c {MEGABYTES << 20} /dev/urandom > /tmp/sent; sha256sum < /tmp/sent"
    sent = lab.execute("client", make).stdout
    there_and_back = ssh(lab, "cat < /tmp/sent | sha256sum")
    assert there_and_back.stdout == sent, there_and_back.stderr


def test_a_pushed_key_lets_in_who_sent_it(lab: SandboxedLab) -> None:
    instance = lab.topology.nodes["instance"].properties["id"]
    key = "rm -f /tmp/key*; ssh-keygen -q -t ed25519 -N '' -f /tmp/key"
    assert lab.execute("client", key).exit_status == 0
    before = ssh(lab, "hostname", "-o IdentitiesOnly=yes -i /tmp/key")
    assert "Permission denied (publickey)" in before.stderr
    pushed = lab.execute(
        "client",
        f"aws ec2-instance-connect send-ssh-public-key --instance-id {instance} --instance-os-user ec2-user"
        " --availability-zone eu-central-1a --ssh-public-key file:///tmp/key.pub",
    )
    assert pushed.exit_status == 0, pushed.stderr
    after = ssh(lab, "hostname", "-o IdentitiesOnly=yes -i /tmp/key")
    assert after.stdout == "instance\n", after.stderr


@pytest.mark.parametrize(
    ("port", "status", "said"), [(2222, "400 ", "Specify either 22"), (3389, "403 ", "OpenTunnel")]
)
def test_a_refused_tunnel_says_why_and_is_recorded(lab: SandboxedLab, port: int, status: str, said: str) -> None:
    done = lab.execute("client", f"{tunnel(lab, port)} < /dev/null")
    assert done.exit_status == 1
    assert done.stderr.startswith(status)
    assert said in done.stderr
    event = json.loads(lab.records()["cloudtrail.jsonl"].splitlines()[-1])
    assert (event["eventName"], event["requestParameters"]["remotePort"]) == ("OpenTunnel", str(port))
    assert said in event["errorMessage"]


def test_the_audit_says_what_this_way_opens_and_what_nobody_records(lab: SandboxedLab) -> None:
    assert ssh(lab, "true").exit_status == 0
    port = no_open_port(lab)
    assert port.holds, port.evidence
    assert "but to the Instance Connect Endpoint's group" in port.clause
    access = every_access_recorded(lab)
    assert access.holds, access.evidence
    assert "what is typed in a tunnel nobody records" in access.evidence[-1]
