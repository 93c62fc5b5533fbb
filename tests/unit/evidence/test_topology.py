"""What a topology says of its interfaces."""

from __future__ import annotations

import pytest

from whodunet.evidence.topology import Interface


@pytest.mark.parametrize(
    ("addresses", "link_local"),
    [
        (("10.8.0.10/24", "fd00:8::10/64"), "fe80::10/64"),
        (("fd00:8:0:1:a:b:c:d/64",), "fe80::a:b:c:d/64"),
        (("10.8.0.10/24",), None),
        ((), None),
    ],
)
def test_an_interface_has_the_same_number_on_its_link_as_on_its_network(
    addresses: tuple[str, ...], link_local: str | None
) -> None:
    assert Interface("client-eth0", "client", addresses).link_local == link_local
