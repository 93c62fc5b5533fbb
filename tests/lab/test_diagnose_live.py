"""`whodunet diagnose` as people run it, on the client of real labs: as root and as somebody without capabilities.

A host sees /usr alone, so the package is shown to it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import pytest

import whodunet
from whodunet import catalogue, engine
from whodunet.evidence.topology import Family
from whodunet.lab.host_root import PYTHON, Shared
from whodunet.lab.pcap_reader import read_capture
from whodunet.lab.plan import LabOptions
from whodunet.lab.sandboxed import SandboxedLab
from whodunet.loading.library import Library
from whodunet.variation import Variation
from whodunet.view.verdict_json import PublishedVerdict

SHOWN_AT: Final = "/opt/checkout"
PACKAGE: Final = Shared(str(Path(whodunet.__file__).parent), f"{SHOWN_AT}/whodunet")
COMMAND: Final = f"env PYTHONPATH={SHOWN_AT} {PYTHON} -m whodunet.cli.main diagnose"
WITHOUT_CAPABILITIES: Final = "setpriv --reuid=1000 --regid=1000 --clear-groups --inh-caps=-all --bounding-set=-all"
INSTANCE: Final[dict[Family, str]] = {"ipv4": "10.0.1.10", "ipv6": "fd00:10:0:1::10"}
FIREWALL: Final[dict[Family, str]] = {"ipv4": "10.8.0.1", "ipv6": "fd00:8::1"}


@dataclass(frozen=True)
class Case:
    """A scenario, and what its client can know."""

    scenario: str
    family: Family
    symptom: str
    parties: frozenset[str]  # of which one is to blame, and which cannot be told apart from here
    cause: str | None  # that has to be among those named
    exit_status: int = 1


CASES: Final = [
    *(
        Case("vpn-egress-reset", family, "refused", frozenset({"first hop"}), "egress-reset")
        for family in ("ipv4", "ipv6")
    ),
    Case("egress-icmp-refused", "ipv4", "refused", frozenset({"first hop"}), "egress-icmp-refused"),
    Case("sshd-down", "ipv6", "refused", frozenset({"service", "destination"}), "service-not-listening"),
    Case("security-group-drop", "ipv4", "timed out", frozenset({"cloud edge", "destination"}), "security-group-empty"),
    Case("gateway-arp-silent", "ipv4", "unreachable", frozenset({"local network"}), "gateway-arp-silent"),
    Case("healthy", "ipv6", "connected", frozenset({"nobody"}), None, exit_status=0),
]


@contextmanager
def lab_of(case: Case) -> Iterator[SandboxedLab]:
    library = Library(variation=Variation(None, case.family))
    scenario = library.scenario(catalogue.folder("scenarios") / f"{case.scenario}.yaml")
    plan = engine.plan_for(scenario, library, options=LabOptions(shares=(PACKAGE,)))
    with SandboxedLab.start(plan) as lab:
        for fault in scenario.staging.faults:
            lab.inject(fault)
        yield lab


def diagnosed(lab: SandboxedLab, case: Case, who: str) -> PublishedVerdict:
    done = lab.execute("client", f"{who} {COMMAND} --json {INSTANCE[case.family]} 22")
    assert done.exit_status == case.exit_status, done.stderr
    return PublishedVerdict.model_validate_json(done.stdout)


@pytest.mark.parametrize("case", CASES, ids=[f"{case.scenario}-{case.family}" for case in CASES])
def test_who_did_it_is_told_by_root_and_by_anybody_and_nobody_else_is_bothered(case: Case) -> None:
    with lab_of(case) as lab:
        began_ns = time.time_ns()
        found = [diagnosed(lab, case, who) for who in ("", WITHOUT_CAPABILITIES)]
        with lab.capture() as capture:
            sent = [
                packet
                for packet in read_capture(capture.path)
                if packet.time_ns > began_ns
                and lab.topology.node_at(packet.point) == "client"
                and packet.direction == "out"
            ]

    assert [verdict.cost.is_privileged for verdict in found] == [True, False]
    for verdict in found:
        assert verdict.symptom == case.symptom
        assert case.parties <= set(verdict.parties)
        assert case.cause is None or case.cause in verdict.causes
        assert verdict.cost.packets_sent <= 100
        assert verdict.cost.full_handshakes < 10
        assert verdict.cost.took_s < 20
    beside = {packet.ip.destination for packet in sent if packet.ip} - {INSTANCE[case.family]}
    assert [each for each in beside if not ip_address(each).is_multicast and not ip_address(each).is_link_local] == []


@pytest.fixture(scope="module")
def reference_lab() -> Iterator[SandboxedLab]:
    """The reference case over IPv4, with its fault in place."""
    with lab_of(CASES[0]) as lab:
        yield lab


def test_the_reference_case_is_solved_within_seconds_with_the_packets_that_prove_it(
    reference_lab: SandboxedLab,
) -> None:
    verdict = diagnosed(reference_lab, CASES[0], "")

    assert set(verdict.parties) == {"first hop"}
    assert verdict.hops is not None
    assert (verdict.hops.farthest, verdict.box) == (1, FIREWALL["ipv4"])
    assert "not by 10.0.1.10" in verdict.summary
    cited = [packet for citation in verdict.evidence for packet in citation.packets]
    assert any(packet.tcp is not None and packet.tcp.flags == "R." and packet.ip for packet in cited)
    with reference_lab.capture() as capture:
        seen = [packet for packet in read_capture(capture.path) if packet.point == "client-eth0"]
    for packet in cited:
        assert any(
            (each.direction, each.tcp.seq, each.tcp.ack, each.ip.ttl)
            == (packet.direction, packet.tcp.seq, packet.tcp.ack, packet.ip.ttl)
            for each in seen
            if each.tcp is not None and each.ip is not None and packet.tcp is not None and packet.ip is not None
        )


def test_a_diagnosis_is_readable_on_a_small_terminal_and_keeps_its_packets(reference_lab: SandboxedLab) -> None:
    done = reference_lab.execute(
        "client", f"COLUMNS=80 {COMMAND} {INSTANCE['ipv4']} ssh --explain --write /tmp/proof.pcapng"
    )

    assert done.exit_status == 1
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "Your connection is refused by a box 1 hop away (10.8.0.1)" in done.stdout
    assert "Step by step" in done.stdout
    shown = reference_lab.execute("client", "tcpdump -n -r /tmp/proof.pcapng 'tcp[tcpflags] & tcp-rst != 0'")
    assert f"IP {INSTANCE['ipv4']}.22 > 10.8.0.10." in shown.stdout


def test_the_same_rules_read_the_capture_that_was_kept(reference_lab: SandboxedLab) -> None:
    where = f"{COMMAND} {INSTANCE['ipv4']} 22 --json"
    reference_lab.execute("client", f"{where} --write /tmp/kept.pcapng")

    done = reference_lab.execute("client", f"{COMMAND} --pcap /tmp/kept.pcapng {INSTANCE['ipv4']} 22 --json")

    read = json.loads(done.stdout)
    assert (read["parties"], read["symptom"]) == (["first hop"], "refused")
    assert read["cost"]["packets_sent"] == 0
