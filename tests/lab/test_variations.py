"""A lab is the network that its seed draws, and what runs there prefers its family."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any, Final

import pytest

from whodunet import catalogue, engine
from whodunet.lab.sandboxed import SandboxedLab
from whodunet.loading.library import Library
from whodunet.variation import Variation

VARIATION: Final = Variation(7, "ipv6")


@pytest.fixture(scope="module")
def drawn_lab() -> Iterator[SandboxedLab]:
    """A healthy lab of a seed, over IPv6."""
    library = Library(variation=VARIATION)
    scenario = library.scenario(catalogue.folder("scenarios") / "healthy.yaml")
    with SandboxedLab.start(engine.plan_for(scenario, library, f"test-drawn-{os.getpid()}")) as lab:
        yield lab


def on(lab: SandboxedLab, host: str, command: str) -> str:
    done = lab.execute(host, command)
    assert done.exit_status == 0, done.stderr
    return done.stdout


def test_a_lab_says_of_itself_what_was_drawn(drawn_lab: SandboxedLab) -> None:
    drawn = Library(variation=VARIATION).topology("corporate_vpn")
    assert drawn_lab.topology == drawn
    assert (drawn_lab.status().seed, drawn_lab.status().family) == (7, "ipv6")
    assert set(drawn_lab.status().hosts) == {node.name for node in drawn.nodes.values() if not node.is_switch}


def test_hosts_have_the_drawn_addresses_and_ttls_and_no_others(drawn_lab: SandboxedLab) -> None:
    topology = Library(variation=VARIATION).topology("corporate_vpn")
    for host in ("client", "vpn-gw", "transit1", "cloud-edge", "instance"):
        links: list[dict[str, Any]] = json.loads(on(drawn_lab, host, "ip -json address show scope global"))
        seen = {f"{each['local']}/{each['prefixlen']}" for link in links for each in link["addr_info"] if each}
        assert seen == {own for each in topology.interfaces.values() if each.node == host for own in each.addresses}


def test_what_a_host_sends_has_the_ttl_of_its_role(drawn_lab: SandboxedLab) -> None:
    topology = Library(variation=VARIATION).topology("corporate_vpn")
    next_hops = {"instance": "vpc-router.subnet", "vpc-router": "instance.nic", "cloud-edge": "vpc-router.outside"}
    answering = {host: topology.interfaces[topology.labelled[far]] for host, far in next_hops.items()}
    assert {topology.nodes[interface.node].initial_ttl for interface in answering.values()} == {64, 255}
    for host, interface in answering.items():
        for own in interface.addresses:
            answer = on(drawn_lab, host, f"ping -c 1 -W 5 {own.partition('/')[0]}")
            assert f" ttl={topology.nodes[interface.node].initial_ttl} " in answer


@pytest.mark.parametrize("family", ["-4", "-6"])
def test_the_clouds_names_are_reached_over_both_families(drawn_lab: SandboxedLab, family: str) -> None:
    for name in ("instance", "vpc-router"):
        on(drawn_lab, "client", f"ping {family} -c 1 -W 5 {name}.cloud.example")
    on(drawn_lab, "instance", f"ping {family} -c 1 -W 5 vpc-router.cloud.example")


def test_programs_try_the_family_of_the_lab_first(drawn_lab: SandboxedLab, open_lab: SandboxedLab) -> None:
    for lab, is_ipv6 in ((drawn_lab, True), (open_lab, False)):
        first = on(lab, "client", "getent ahosts instance.cloud.example").split()[0]
        asked = on(lab, "client", "cat /etc/resolv.conf").split()[1]
        peer = on(lab, "client", "ssh ec2-user@instance.cloud.example 'echo $SSH_CONNECTION'").split()[0]
        assert [":" in address for address in (first, asked, peer)] == [is_ipv6] * 3


def test_ssh_finds_sshd_at_the_port_that_was_drawn(drawn_lab: SandboxedLab) -> None:
    port = Library(variation=VARIATION).topology("corporate_vpn").nodes["instance"].ports["ssh"]
    assert port != 22
    connection = on(drawn_lab, "client", "ssh -o StrictHostKeyChecking=yes ec2-user@instance 'echo $SSH_CONNECTION'")
    assert connection.split()[3] == str(port)
