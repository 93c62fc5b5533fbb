"""How far a tunnel's datagram took a packet is judged by the datagram that is known to have carried it."""

from __future__ import annotations

import pytest

from tests.unit import case, tunnel
from whodunet.cases.evidence_fields.carried_as_far_as import CarriedAsFarAs
from whodunet.cases.findings import Finding, Witness
from whodunet.evidence.packets import CapturedPacket


def finding(point: str, packets: list[CapturedPacket], **dropped: int) -> Finding:
    lost = {name.replace("_", "-"): count for name, count in dropped.items()}
    witness = Witness.of("SYN", None, case.left(packets, of=tunnel.topology(), dropped=lost))
    (found,) = CarriedAsFarAs(point).findings(witness)
    return found


def lost_after(*places: str) -> list[CapturedPacket]:
    return [*case.seen(case.tcp("S"), 0, "client-tun0 out"), *tunnel.datagram(40, 3, 0.2, *places)]


def test_it_holds_where_the_datagram_was_last_seen() -> None:
    found = finding("server-eth0", list(tunnel.syn_through()))
    assert (found.outcome, found.seen) == ("held", "carried as far as server-eth0")
    assert [packet.point for packet in found.packets] == ["server-eth0"]


@pytest.mark.parametrize("point", ["client-eth0", "server-eth0"])
def test_it_breaks_where_the_datagram_came_less_far_or_farther(point: str) -> None:
    found = finding(point, lost_after(*tunnel.WHOLE_OUTER[:2]))
    assert (found.outcome, found.seen) == ("broken", "carried as far as home-eth0")


def test_where_no_datagram_is_known_to_have_carried_it_it_could_not_be_measured() -> None:
    found = finding("server-eth0", lost_after())
    assert (found.outcome, found.seen) == ("could-not-measure", "which datagram carried it cannot be told")


def test_a_point_that_lost_packets_may_have_seen_the_datagram() -> None:
    found = finding("home-eth0", lost_after(*tunnel.WHOLE_OUTER[:2]), home_eth1=2)
    assert (found.outcome, found.seen) == ("could-not-measure", "the recorder at home-eth1 lost 2 packets")


def test_without_such_a_packet_it_breaks() -> None:
    assert finding("server-eth0", tunnel.alive(1, 0)).outcome == "broken"
