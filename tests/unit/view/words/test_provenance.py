"""A packet's comment says who really sent it, and where it ended."""

from __future__ import annotations

import pytest

from whodunet.evidence.provenance import Provenance
from whodunet.view.words.provenance import comment

ELSEWHERE = "an interface that is not the topology's"


@pytest.mark.parametrize(
    ("provenance", "says"),
    [
        (Provenance("client", None, "arrived", "instance"), "genuine, sent by client; reached instance"),
        (
            Provenance("egress-fw", "instance", "arrived", "client"),
            "spoofed, sent by egress-fw in the name of instance; reached client",
        ),
        (Provenance("client", None, "dropped", "sg"), "genuine, sent by client; dropped at sg"),
        (
            Provenance("client", None, "dropped", "transit1", "transit2"),
            "genuine, sent by client; dropped between transit1 and transit2",
        ),
        (
            Provenance("client", None, "taken over", "proxy", translated_by=("vpn-gw",)),
            "genuine, sent by client; addresses changed by vpn-gw; taken over by proxy in its destination's name",
        ),
        (
            Provenance("client", None, "nowhere", "vpc-router"),
            "genuine, sent by client; last seen at vpc-router: nobody has its destination's address",
        ),
        (Provenance("client", None, "on its link", "vpn-gw"), "genuine, sent by client; for several on its link"),
        (
            Provenance("client", None, "unsettled", "transit1"),
            "genuine, sent by client; last seen at transit1, still on its way when recording ended",
        ),
        (
            Provenance(None, None, "dropped", None),
            f"sender unknown: first seen at {ELSEWHERE}; dropped at {ELSEWHERE}",
        ),
        (None, "neither IP nor ARP: not followed"),
    ],
)
def test_a_comment(provenance: Provenance | None, says: str) -> None:
    assert comment(provenance) == says
