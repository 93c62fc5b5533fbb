"""A clock is as wrong as the fault says, compared with another node's."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.unit.faults.stand_in import NOW_S, TOPOLOGY, StandIn
from whodunet.errors import CannotRun
from whodunet.faults.clock_skew import ClockSkew

FAST = ClockSkew(node="client", offset_s=3600)


def test_the_proof_is_the_difference() -> None:
    network = StandIn()
    FAST.inject(network)
    assert FAST.proof(network) == "the clock of client differs from that of vpn-gw by +3600 s"


@pytest.mark.parametrize("seen_s", [3600 + 59, 3600 - 59])
def test_the_time_that_asking_takes_makes_no_difference(seen_s: int) -> None:
    network = StandIn()
    network.machines["client"].files |= {"/etc/ld.so.preload": "libfaketime.so.1", "/etc/faketimerc": f"+{seen_s}s"}
    assert FAST.proof(network)


@pytest.mark.parametrize("seen_s", [-3600, 3700, 60, 0])
def test_a_clock_that_is_wrong_otherwise_is_not_the_faults(seen_s: int) -> None:
    network = StandIn()
    network.machines["client"].files |= {"/etc/ld.so.preload": "libfaketime.so.1", "/etc/faketimerc": f"{seen_s:+d}s"}
    assert FAST.proof(network) is None
    assert (FAST.remains(network) is None) == (seen_s == 0)


def test_all_clocks_may_be_wrong_together() -> None:
    assert FAST.remains(StandIn(says={"date": str(NOW_S + 3600)})) is None


def test_without_the_library_nothing_is_changed() -> None:
    network = StandIn()
    del network.machines["client"].files["/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"]
    state = network.state()
    with pytest.raises(CannotRun, match="client: libfaketime, of Debian's package faketime"):
        FAST.inject(network)
    assert network.state() == state


@pytest.mark.parametrize("offset_s", [0, 59, -59, 10**10])
def test_what_nobody_would_notice_or_believe_is_refused(offset_s: int) -> None:
    with pytest.raises(ValidationError, match="is out of range"):
        ClockSkew(node="client", offset_s=offset_s)


@pytest.mark.parametrize(("offset_s", "clock"), [(60, "fast"), (-60, "slow")])
def test_which_way_it_is_wrong_is_a_fact(offset_s: int, clock: str) -> None:
    assert ClockSkew(node="client", offset_s=offset_s).facts(TOPOLOGY)["clock"] == clock
