"""A VPN that claims more than it should, or less, is told apart by what its topology says."""

from __future__ import annotations

import pytest

from tests.unit.faults.stand_in import StandIn
from whodunet.faults.vpn_routes import VpnRoutes
from whodunet.loading.library import Library

FULL, SPLIT = Library().topology("openvpn_tunnel"), Library().topology("openvpn_split")


@pytest.mark.parametrize(
    ("topology", "routes", "claims"),
    [
        (FULL, ("10.8.0.0/16",), "less"),
        (FULL, ("fd00:8::/48",), "less"),
        (SPLIT, ("10.8.0.0/16",), "less"),
        (SPLIT, ("10.8.0.0/16", "10.9.0.0/16", "10.0.0.0/16"), "more"),
        (SPLIT, ("0.0.0.0/0",), "more"),
        (SPLIT, ("10.0.0.0/8",), "more"),
        (SPLIT, ("10.8.0.0/15",), "more"),  # of which the half is within
    ],
)
def test_it_claims_more_where_a_network_goes_through_the_tunnel_that_should_not(
    topology: object, routes: tuple[str, ...], claims: str
) -> None:
    fault = VpnRoutes(node="vpn-server", routes=routes)
    assert fault.facts(topology)["claims"] == claims  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("node", "routes", "key"),
    [
        ("client", ("10.8.0.0/16",), "node"),
        ("vpn-server", ("10.8.0.0/16", "fd00:8::/48"), "routes"),
        ("vpn-server", ("0.0.0.0/0",), "routes"),
    ],
)
def test_what_cannot_be_is_refused(node: str, routes: tuple[str, ...], key: str) -> None:
    assert [misfit.key for misfit in VpnRoutes(node=node, routes=routes).misfits(FULL)] == [(key,)]


def test_a_caller_that_is_off_the_vpn_stays_so() -> None:
    network = StandIn(FULL)
    network.stop_service("client", "openvpn-client")

    VpnRoutes(node="vpn-server", routes=("10.8.0.0/16",)).inject(network)

    assert not network.service_is_running("client", "openvpn-client")
