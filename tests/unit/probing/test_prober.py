"""A diagnosis is led to its verdict; what it takes is counted, and nothing heavy is loaded for it."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Generator

from whodunet.diagnosis.probes import Converse, LookAtWayOut, Probe, ReadConfiguration, Result, Shoot, ShotResult
from whodunet.diagnosis.verdict import Party, Verdict
from whodunet.evidence.capture import CaptureContent
from whodunet.evidence.symptom import Symptom
from whodunet.probing.prober import Prober, lead

HERE = "127.0.0.1"
LOADED = """
import sys
import whodunet.cli.diagnosing, whodunet.probing.prober, whodunet.view.text.verdict
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"mininet", "ryu", "scapy", "eventlet", "botocore"}))
print(*sorted(name for name in sys.modules if name.startswith("whodunet.lab")))
"""


def no_capture(capture: bytes, place: str = "") -> CaptureContent:
    raise AssertionError(f"nothing is heard without privileges: {place} {len(capture)}")


def closed_port() -> int:
    with socket.socket() as bound:
        bound.bind((HERE, 0))
        port: int = bound.getsockname()[1]
        return port


def verdict(port: int) -> Verdict:
    nobody = frozenset({Party.NOBODY})
    return Verdict(HERE, port, "ipv4", Symptom.REFUSED, nobody, frozenset(), None, None, None, "low", "", ())


def test_results_come_back_in_the_order_of_what_was_asked_and_the_cost_is_told() -> None:
    port = closed_port()
    got: list[tuple[Result, ...]] = []

    def procedure() -> Generator[tuple[Probe, ...], tuple[Result, ...], Verdict]:
        got.append((yield (Converse(HERE, port), Shoot("syn", HERE, port), ReadConfiguration(HERE, port))))
        got.append((yield (Shoot("syn", HERE, port, source_port=900),)))
        return verdict(port)

    asked: list[int] = []
    with Prober(no_capture, is_ordinary=True) as prober:
        found = lead(procedure(), prober, lambda probes: asked.append(len(probes)))

    assert [[type(result).__name__ for result in results] for results in got] == [
        ["ConversationResult", "ShotResult", "Configuration"],
        ["NotLooked"],
    ]
    assert asked == [3, 1]
    assert found.cost.packets_sent == 2
    assert found.cost.full_handshakes == 0
    assert not found.cost.is_privileged
    assert found.cost.took_s > 0


def test_a_procedure_that_asks_nothing_has_its_verdict_at_once() -> None:
    def procedure() -> Generator[tuple[Probe, ...], tuple[Result, ...], Verdict]:
        yield from ()
        return verdict(22)

    with Prober(no_capture, is_ordinary=True) as prober:
        assert lead(procedure(), prober).cost.packets_sent == 0


def test_ports_that_are_held_can_be_sent_from_and_are_free_afterwards() -> None:
    with socket.create_server((HERE, 0)) as listening:
        with Prober(no_capture, is_ordinary=True) as prober:
            (held,) = prober.free_ports(1)
            (result,) = prober.carry_out([Shoot("syn", HERE, listening.getsockname()[1], source_port=held)])
        connection, (_, came_from) = listening.accept()
        connection.close()
    assert isinstance(result, ShotResult)
    assert came_from == held
    with socket.socket() as mine:
        mine.bind((HERE, held))


def test_the_way_to_this_machine_is_local() -> None:
    with Prober(no_capture, is_ordinary=True) as prober:
        (way,) = prober.carry_out([LookAtWayOut(HERE, 22)])
    assert getattr(way, "interface", None) == "lo"


def test_nothing_that_a_diagnosis_does_not_need_is_loaded_for_it() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
