"""What a diagnosis is doing, while it does."""

from __future__ import annotations

from whodunet.diagnosis.probes import Converse, LookAtWayOut, ReadConfiguration, ResolveName, Shoot
from whodunet.view.words.probing import in_progress

HOST = "10.0.1.10"


def test_shots_are_counted_by_kind_with_how_far_they_go() -> None:
    shots = [Shoot("syn", HOST, 22, ttl=ttl) for ttl in (1, 2, 3)] + [Shoot("echo", HOST)]
    assert in_progress(shots) == "sends 3 SYNs and 1 ping to 10.0.1.10, up to 3 hops far"
    assert in_progress([Shoot("datagram", HOST, 33434)]) == "sends 1 datagram to 10.0.1.10"


def test_what_is_done_side_by_side_is_told_in_one_line_each_once() -> None:
    probes = (LookAtWayOut(HOST, 22), ResolveName("box", "ipv4"), ResolveName("box", "ipv4"))
    assert in_progress(probes) == "looks at the way out to 10.0.1.10; asks about the name box"
    assert in_progress([ReadConfiguration(HOST, 22)]) == "reads the configuration of ssh and proxies"
    talks = [Converse(HOST, 443, tls_name="box"), Converse(HOST, 22)]
    assert in_progress(talks) == "connects to 10.0.1.10 port 443 with TLS; connects to 10.0.1.10 port 22"
