"""What `up` says of a network is what somebody needs to begin, of that lab's own network."""

from __future__ import annotations

from dataclasses import replace

from whodunet.cli.servers import servers_of_labs, servers_table
from whodunet.evidence.topology import Topology
from whodunet.loading.library import Library
from whodunet.variation import Variation


def topology(name: str = "corporate_vpn", variation: Variation | None = None) -> Topology:
    return Library(variation=variation or Variation()).topology(name)


def test_servers_are_told_with_addresses_ports_and_what_they_are_known_by() -> None:
    table = servers_table(topology("session_manager"), "client")
    told = [line.split() for line in table.splitlines()]
    assert told[0] == ["SERVER", "ADDRESS", "PORTS", "KNOWN", "BY"]
    assert ["corp-dns", "10.9.0.53", "dns", "53"] in told
    [instance] = [words for words in told if words[0] == "instance"]
    assert instance[1:4] == ["10.0.1.10", "ssh", "22"]
    assert {"instance.cloud.example,", "i-0abcd1234efgh5678,", "eu-central-1"} <= {*table.split()}


def test_neither_switches_nor_routers_nor_the_vantage_are_among_them() -> None:
    there = topology()
    serving = {name: replace(node, ports={"any": 1}) for name, node in there.nodes.items()}
    told = servers_table(replace(there, nodes=serving), "client").splitlines()[1:]
    assert [line.split()[0] for line in told] == ["corp-dns", "vpc-dns", "instance", "endpoints"]


def test_addresses_and_ports_are_those_of_the_variation() -> None:
    drawn = topology(variation=Variation(5, "ipv6"))
    told = servers_table(drawn, "client")
    [instance] = [line.split() for line in told.splitlines() if line.startswith("instance")]
    assert instance[1] == str(drawn.interfaces["instance-eth0"].address("ipv6")).partition("/")[0]
    assert instance[3] == str(drawn.nodes["instance"].ports["ssh"])


def test_where_nothing_serves_there_is_no_table() -> None:
    there = topology()
    silent = replace(there, nodes={name: replace(node, ports={}) for name, node in there.nodes.items()})
    assert servers_table(silent, "client") == servers_of_labs({"seat-1": silent}, "client") == ""


def test_of_several_labs_each_tells_its_own() -> None:
    labs = {f"seat-{seed}": topology(variation=Variation(seed)) for seed in (1, 2)}
    told = [line.split() for line in servers_of_labs(labs, "client").splitlines()[1:]]
    addresses = {words[0]: words[2] for words in told if words[1] == "instance"}
    assert addresses == {
        lab: str(each.interfaces["instance-eth0"].address()).partition("/")[0] for lab, each in labs.items()
    }
