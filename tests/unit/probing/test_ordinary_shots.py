"""Shots with ordinary sockets, at this machine's own ports."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from whodunet.diagnosis.probes import NotLooked, Shoot, ShotResult
from whodunet.evidence.topology import Family
from whodunet.probing.allowance import Allowance
from whodunet.probing.ordinary_shots import OrdinaryShooter
from whodunet.probing.segments import ADDRESS_FAMILIES

HERE: dict[Family, str] = {"ipv4": "127.0.0.1", "ipv6": "::1"}


@contextmanager
def listener(family: Family) -> Iterator[int]:
    with socket.socket(ADDRESS_FAMILIES[family], socket.SOCK_STREAM) as serving:
        serving.bind((HERE[family], 0))
        serving.listen()
        yield serving.getsockname()[1]


def free_port(family: Family) -> int:
    with listener(family) as port:
        return port


def shoot(*shots: Shoot) -> tuple[list[ShotResult], Allowance]:
    allowance = Allowance()
    results = OrdinaryShooter(allowance).shoot(shots)
    assert all(isinstance(result, ShotResult) for result in results)
    return [result for result in results if isinstance(result, ShotResult)], allowance


@pytest.mark.parametrize("family", HERE)
def test_an_open_port_answers_and_the_connection_that_stood_is_counted(family: Family) -> None:
    with listener(family) as port:
        (result,), allowance = shoot(Shoot("syn", HERE[family], port))
    assert [answer.kind for answer in result.answers] == ["syn-ack"]
    assert result.is_full_handshake
    assert (allowance.full_handshakes, allowance.packets_sent) == (1, 3)


@pytest.mark.parametrize("family", HERE)
def test_a_refusal_that_no_icmp_error_explains_is_a_rst(family: Family) -> None:
    (result,), allowance = shoot(Shoot("syn", HERE[family], free_port(family)))
    assert [(answer.kind, answer.sender, answer.ttl) for answer in result.answers] == [("rst", HERE[family], None)]
    assert result.error is None
    assert (allowance.full_handshakes, allowance.packets_sent) == (0, 1)


@pytest.mark.parametrize("family", HERE)
def test_an_icmp_error_tells_who_sent_it_and_how_far_it_came(family: Family) -> None:
    (result,), _ = shoot(Shoot("datagram", HERE[family], free_port(family)))
    (answer,) = result.answers
    assert (answer.kind, answer.sender, answer.ttl) == ("icmp-error", HERE[family], 64)
    assert answer.icmp == {"ipv4": (3, 3), "ipv6": (1, 4)}[family]


def test_answers_are_in_the_order_of_what_was_asked() -> None:
    closed = free_port("ipv4")
    with listener("ipv4") as port:
        results, _ = shoot(*(Shoot("syn", HERE["ipv4"], each) for each in (port, closed, port)))
    assert [result.answers[0].kind for result in results] == ["syn-ack", "rst", "syn-ack"]


def test_shots_of_one_port_are_all_fired_from_another_where_it_is_taken() -> None:
    with listener("ipv4") as port:
        source = free_port("ipv4")
        results, _ = shoot(*(Shoot("syn", HERE["ipv4"], port, source_port=source) for _ in range(3)))
    assert [answer.kind for result in results for answer in result.answers] == ["syn-ack"] * 3


def test_what_needs_privileges_was_not_looked_at() -> None:
    (result,) = OrdinaryShooter(Allowance()).shoot([Shoot("syn", HERE["ipv4"], 22, source_port=900)])
    assert isinstance(result, NotLooked)


def test_no_whole_connection_is_made_beyond_the_allowance() -> None:
    allowance = Allowance()
    allowance.full_handshakes = 9
    (result,) = OrdinaryShooter(allowance).shoot([Shoot("syn", HERE["ipv4"], 22)])
    assert isinstance(result, NotLooked)
