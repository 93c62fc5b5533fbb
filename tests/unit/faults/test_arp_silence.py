"""Who is silent is silent in both families, and is asked again."""

from __future__ import annotations

import pytest

from tests.unit.faults.stand_in import TOPOLOGY, StandIn
from whodunet.faults.arp_silence import ArpSilence

GATEWAY = ArpSilence(node="vpn-gw", interface="vpn-gw-eth0", neighbour="client")


def test_its_neighbour_has_to_ask_again_when_it_falls_silent_and_when_it_speaks() -> None:
    network = StandIn()
    before = GATEWAY.inject(network)
    assert not network.machines["client"].neighbours
    network.machines["client"].neighbours.add("nobody, after three questions")
    GATEWAY.remove(network, before)
    assert not network.machines["client"].neighbours


@pytest.mark.parametrize("flags", [["UP", "LOWER_UP"], ["XNOARPX"]])
def test_one_that_answers_arp_is_not_silent(flags: list[str]) -> None:
    network = StandIn()
    GATEWAY.inject(network)
    assert "NOARP" in str(GATEWAY.proof(network))
    network.machines["vpn-gw"].links["vpn-gw-eth0"]["flags"] = flags
    assert GATEWAY.proof(network) is None
    assert GATEWAY.remains(network), "it is silent over IPv6 still"


def test_one_that_answers_over_ipv6_is_not_silent() -> None:
    network = StandIn()
    GATEWAY.inject(network)
    network.machines["vpn-gw"].tables.clear()
    assert GATEWAY.proof(network) is None
    assert GATEWAY.remains(network), "it is silent over IPv4 still"


def test_it_neither_hears_nor_says_where_it_is() -> None:
    assert {chain.hook for chain in GATEWAY.chains()} == {"input", "output"}
    said = str([chain.rules for chain in GATEWAY.chains()])
    assert said.count("nd-neighbor-solicit") == said.count("nd-neighbor-advert") == 2
    assert "router" not in said


@pytest.mark.parametrize(
    ("fault", "key", "wrong"),
    [
        (
            ArpSilence(node="client", interface="vpn-gw-eth0", neighbour="vpn-gw"),
            "interface",
            "which client does not have",
        ),
        (
            ArpSilence(node="vpn-gw", interface="vpn-gw-eth0", neighbour="instance"),
            "neighbour",
            "which is on no link with",
        ),
        (
            ArpSilence(node="vpn-gw", interface="vpn-gw-eth0", neighbour="vpn-gw"),
            "neighbour",
            "which is on no link with",
        ),
    ],
)
def test_who_is_silent_has_a_neighbour_on_that_link(fault: ArpSilence, key: str, wrong: str) -> None:
    misfits = list(fault.misfits(TOPOLOGY))
    assert any(misfit.key == (key,) and wrong in misfit.wrong for misfit in misfits)


@pytest.mark.parametrize(("node", "plays"), [("vpn-gw", "gateway"), ("instance", "host")])
def test_a_router_is_somebodys_gateway(node: str, plays: str) -> None:
    fault = ArpSilence(node=node, interface=f"{node}-eth0", neighbour="client")
    assert fault.facts(TOPOLOGY)["plays"] == plays
