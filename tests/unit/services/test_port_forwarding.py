"""A router forwards a port to a server, and from inside as far as it is told."""

from __future__ import annotations

import pytest

from whodunet.services.port_forwarding import Hairpin, PortForwarding


def table(hairpin: Hairpin) -> str:
    """The table of such a router."""
    settings = {"outside": "gw-eth1", "public": "100.64.0.1", "inside": "10.70.0.0/24", "to": "10.70.0.20"}
    return "\n".join(PortForwarding(**settings, port=22, hairpin=hairpin).table())


@pytest.mark.parametrize(
    ("hairpin", "translates_from_inside", "hides_who_asks"),
    [("works", True, True), ("answered-directly", True, False), ("not-translated", False, False)],
)
def test_from_inside_it_translates_as_far_as_it_is_told(
    hairpin: Hairpin, translates_from_inside: bool, hides_who_asks: bool
) -> None:
    rules = table(hairpin)
    assert ('iifname "gw-eth1" ip daddr 100.64.0.1' not in rules) == translates_from_inside
    assert ("ip daddr 10.70.0.20 tcp dport 22 masquerade" in rules) == hides_who_asks


def test_all_that_leaves_has_the_public_address_however_it_is_inside() -> None:
    for hairpin in ("works", "answered-directly", "not-translated"):
        assert 'oifname "gw-eth1" ip saddr 10.70.0.0/24 masquerade' in table(hairpin)
