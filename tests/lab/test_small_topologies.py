"""A network may be as small as two hosts and a cable, without a switch or a router."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

WHODUNET: Final = str(Path(sys.executable).with_name("whodunet"))
PAIR: Final = '''
from whodunet.lab_topo import LabTopo


class Pair(LabTopo):
    """client ==5 ms== server"""

    baseline = ("client", "server.nic")

    def build(self, *args, **params):
        self.host("client", "client", furnishings={"ssh-keys": {}})
        self.host("server", "server", services={"sshd": {"login": "ec2-user"}}, ports={"ssh": 22})
        self.connect("client", "server", addresses=("10.1.0.1/24", "10.1.0.2/24"), labels=("nic", "nic"), delay_ms=5)


topos = {"pair": Pair}
'''
CASE: Final = """
title: two hosts
story: ssh is refused by {server.name}.
topology: pair
faults: [{kind: service, node: server, service: sshd, state: stopped}]
probes:
  ssh: {host: client, command: "ssh -o ConnectTimeout=3 ec2-user@{server} hostname"}
answer:
  cause: service-not-listening
  culprit: server
  symptoms: {ssh: {symptom: refused}}
  evidence:
    - {probe: ssh, packet: RST, first_seen_at: server.nic, ttl: {client.nic: as sent by server}}
  repaired:
    symptoms: {ssh: {symptom: connected, output: ["{server.name}"]}}
"""


def test_a_case_of_two_hosts_and_a_cable_holds(tmp_path: Path) -> None:
    (tmp_path / "topologies").mkdir()
    (tmp_path / "topologies" / "pair.py").write_text(PAIR)
    (tmp_path / "two-hosts.yaml").write_text(CASE)
    command = [WHODUNET, "check", "./two-hosts.yaml"]
    checked = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.splitlines()[-1] == "1 of 1 scenarios held"
