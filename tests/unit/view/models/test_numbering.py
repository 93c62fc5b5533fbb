"""Sequence numbers are counted from the SYNs of their own connection."""

from __future__ import annotations

from types import ModuleType

from whodunet.view.models.numbering import NumberedPacket, Numbering


def test_numbers_count_from_the_syn_of_either_side_around_their_end(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S", seq=2**32 - 2), 0, "client-eth0 out"),
        *case.seen(case.tcp("S.", answer=True, seq=7000, ack=2**32 - 1), 1, "client-eth0 in"),
        *case.seen(case.tcp("P.", seq=3, ack=7001, payload=b"x"), 2, "client-eth0 out"),
    ]

    *_, data = map(Numbering(packets).of, packets)

    assert (data.seq, data.ack, data.knows_both_isns) == (5, 1, True)


def test_without_a_syn_they_are_as_they_are(case: ModuleType) -> None:
    [packet] = case.seen(case.tcp(".", seq=1001, ack=7001), 0, "client-eth0 out")

    assert Numbering([packet]).of(packet) == NumberedPacket(packet, 1001, 7001, knows_both_isns=False)


def test_a_connection_of_other_ports_has_numbers_of_its_own(case: ModuleType) -> None:
    packets = [
        *case.seen(case.tcp("S", seq=1000), 0, "client-eth0 out"),
        *case.seen(case.tcp("S", seq=5000, port=50001), 1, "client-eth0 out"),
        *case.seen(case.tcp("F.", seq=5007, port=50001), 2, "client-eth0 out"),
    ]

    assert Numbering(packets).of(packets[-1]).seq == 7
