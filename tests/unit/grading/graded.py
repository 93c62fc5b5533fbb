"""A case as graders know it, and what tools say of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.unit import case
from whodunet.diagnosis.verdict import HopInterval, Party
from whodunet.evidence.topology import Topology
from whodunet.grading.cost import MeasuredCost
from whodunet.grading.proof import Proof
from whodunet.grading.report import GradedCase, GradeReport, Said, graded
from whodunet.grading.scoring import score
from whodunet.grading.submission import NoVerdict, Submission
from whodunet.grading.truth import CaseTruth, TrueClass, Way

REFUSES = TrueClass(
    "destination-refuses",
    frozenset({"service-not-listening", "host-firewall-reset", "last-hop-reset-imitated"}),
    frozenset({Party.DESTINATION, Party.CLOUD_EDGE}),
)
DESTINATION_REFUSES = CaseTruth(
    "service-not-listening", "instance", frozenset({Party.DESTINATION}), HopInterval(2, 2), (REFUSES,)
)
FIREWALL = CaseTruth("egress-reset", "fw", frozenset({Party.FIRST_HOP}), HopInterval(0, 1))
NOTHING = CaseTruth("none", None, frozenset({Party.NOBODY}), None)


def said(*parties: Party, **more: Any) -> Submission:
    """A verdict that names parties."""
    more["causes"] = frozenset(more.get("causes", ()))
    return Submission(parties=frozenset(parties), **more)


def routed() -> Topology:
    """The small case's network, whose router forwards."""
    topology = case.topology()
    return replace(topology, nodes={**topology.nodes, "r1": replace(topology.nodes["r1"], forwards=True)})


def way(topology: Topology | None = None) -> Way:
    """From the client to the instance."""
    topology = topology or routed()
    return Way("client", "instance", topology.path("client", "instance"), topology)


def report(*cases: GradedCase, **more: Any) -> GradeReport:
    """A report of these cases."""
    told = {"tool": "nc", "title": "netcat", "runs_as": "root", "whodunet": "1", "split": None, "seed": None} | more
    return GradeReport(cases=cases, **told)


def one_case(
    submission: Submission | NoVerdict, truth: CaseTruth = FIREWALL, name: str = "reset", proof: Proof | None = None
) -> GradedCase:
    """A case in which a tool said this."""
    before = GradedCase(name, None, "ipv4", Said.in_truth(truth))
    cost = MeasuredCost(1.5, 3, 1)
    return graded(before, submission, score(submission, truth), proof or Proof(), cost)


def invalid(name: str, because: str) -> GradedCase:
    """A case whose network changed."""
    return GradedCase(name, None, "ipv4", Said.in_truth(FIREWALL), invalid=because)
