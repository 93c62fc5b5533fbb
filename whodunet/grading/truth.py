"""What is true of a case, in the words in which diagnostic tools give their verdicts: party, hops, cause, classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from whodunet.cases.causes import Cause, CauseClass, Taxonomy
from whodunet.cases.scenario import Scenario
from whodunet.diagnosis.verdict import HopInterval, Party
from whodunet.evidence.topology import Topology

_CLOUD_ROLES: Final = frozenset({"cloud-edge", "vpc-router", "security-group", "vpc-endpoints"})

# By whom the taxonomy says has to change something; where it depends on the place, every place that is usual.
_USUAL: Final[Mapping[str, frozenset[Party]]] = {
    "application": frozenset({Party.SERVICE}),
    "client configuration": frozenset({Party.CONFIGURATION, Party.PROXY}),
    "client machine": frozenset({Party.THIS_MACHINE}),
    "cloud configuration": frozenset({Party.CLOUD_EDGE}),
    "destination host": frozenset({Party.DESTINATION}),
    "egress firewall": frozenset({Party.FIRST_HOP}),
    "first hop": frozenset({Party.LOCAL_NETWORK}),
    "managed access": frozenset({Party.CLOUD_EDGE, Party.DESTINATION}),
    "names": frozenset({Party.RESOLVER, Party.CONFIGURATION}),
    "path": frozenset({Party.PATH, Party.CLOUD_EDGE}),
    "payload filter": frozenset({Party.FIRST_HOP, Party.PATH}),
    "service": frozenset({Party.SERVICE}),
    "stateful box on the path": frozenset({Party.FIRST_HOP, Party.PATH, Party.CLOUD_EDGE}),
}


_OF_SERVICES: Final = ("service", "sshd-option")  # kinds of faults


@dataclass(frozen=True)
class TrueClass:
    """A class of causes that look the same from the client, of which the true cause is one."""

    name: str
    members: frozenset[str]
    parties: frozenset[Party]  # of all members


@dataclass(frozen=True)
class CaseTruth:
    """All that a verdict on a case is compared with. Nothing of it ever reaches the client."""

    cause: str
    culprit: str | None  # node, or link as "a - b"
    parties: frozenset[Party]  # each is right
    hops: HopInterval | None  # None: the culprit is not on the way to the destination
    classes: tuple[TrueClass, ...] = ()

    def class_named(self, name: str | None) -> TrueClass | None:
        """The class of that name; None when the true cause is not in it."""
        return next((each for each in self.classes if each.name == name), None)


@dataclass(frozen=True)
class Way:
    """How a case's packets would go: from the vantage to the destination."""

    vantage: str
    destination: str
    nodes: tuple[str, ...]  # from the one to the other; empty where the topology has no way
    topology: Topology

    @classmethod
    def of(cls, scenario: Scenario, topology: Topology, destination: str) -> Way:
        """The way by which the vantage goes out in this scenario.

        A host's uplink is the interface that is labelled like it.
        """
        vantage = scenario.question.vantage
        uplinks = topology.uplinks.get(vantage, ())
        used = scenario.staging.setup.uplinks.get(vantage, uplinks[0] if uplinks else "")
        others = (topology.labelled.get(f"{vantage}.{uplink}") for uplink in uplinks if uplink != used)
        avoided = frozenset(topology.interfaces[topology.peer_of(each)].node for each in others if each)
        return cls(vantage, destination, topology.path(vantage, destination, avoided), topology)

    def hops_to(self, culprit: str) -> HopInterval | None:
        """How many hops away a node of it is; None when it is not on the way.

        What does not lower TTLs, such as a switch, is between two hops: from a client it may be either.
        """
        names = frozenset(culprit.split(" - "))
        passed = 0
        for name in self.nodes:
            node = self.topology.nodes[name]
            counts = name != self.vantage and not node.is_switch and (node.lowers_ttl or name == self.destination)
            passed += counts
            if name in names:
                is_between = not counts and name != self.vantage
                return HopInterval(passed, passed + is_between)
        return None

    def party_at(self, culprit: str) -> frozenset[Party]:
        """Who a node is to somebody at the vantage, by its place alone."""
        if culprit == self.vantage:
            return frozenset({Party.THIS_MACHINE})
        if culprit == self.destination:
            return frozenset({Party.DESTINATION})
        hops, end = self.hops_to(culprit), self.hops_to(self.destination)
        node = self.topology.nodes.get(culprit)
        parties = {Party.CLOUD_EDGE} if node is not None and node.role in _CLOUD_ROLES else set()
        if hops is None or end is None:
            return frozenset(parties or {Party.PATH})
        if hops.nearest <= 1:
            parties.add(Party.FIRST_HOP)
        if hops.farthest >= end.farthest - 1:
            parties.add(Party.CLOUD_EDGE)
        elif hops.nearest > 1:
            parties.add(Party.PATH)
        return frozenset(parties)


def truth_of(scenario: Scenario, taxonomy: Taxonomy, way: Way) -> CaseTruth:
    """The truth of a case, of its outermost cause where it has several."""
    answer = scenario.answer
    cause = taxonomy.causes.get(answer.cause)
    if answer.culprit is None:
        return CaseTruth(answer.cause, None, frozenset({Party.NOBODY}), None)
    return CaseTruth(
        cause=answer.cause,
        culprit=answer.culprit,
        parties=_parties(cause, answer.culprit, way),
        hops=way.hops_to(answer.culprit),
        classes=tuple(class_as_graded(each, taxonomy) for each in taxonomy.classes_of(cause)) if cause else (),
    )


def usual_parties(cause: Cause) -> frozenset[Party]:
    """Who has to change something about a cause, wherever it may sit: of a host whose service is at fault either."""
    usual = _USUAL.get(cause.party, frozenset())
    is_its_service = cause.fault is not None and cause.fault.get("kind") in _OF_SERVICES
    return usual | {Party.SERVICE} if Party.DESTINATION in usual and is_its_service else usual


def class_as_graded(of: CauseClass, taxonomy: Taxonomy) -> TrueClass:
    """A class with its members, and everybody whom one of them would have change something."""
    members = taxonomy.members(of)
    names = frozenset(cause.name for cause in members)
    return TrueClass(of.name, names, frozenset().union(*map(usual_parties, members)))


def _parties(cause: Cause | None, culprit: str, way: Way) -> frozenset[Party]:
    """Who has to change something, as tools name parties: by the cause, and where it says no more, by the place."""
    usual = usual_parties(cause) if cause is not None else frozenset()
    place = way.party_at(culprit)
    match cause and cause.party, culprit == way.vantage:
        case ("client configuration" | "application", True):
            parties = frozenset({Party.CONFIGURATION})
        case ("names", False):  # if it is here, it is the hosts file, or which resolver is asked
            parties = frozenset({Party.RESOLVER})
        case ("client configuration", False):  # a proxy or jump host that was told not to
            parties = frozenset({Party.PROXY})
        case ("client machine" | "cloud configuration", False):  # or who carries its rules out
            parties = usual | place
        case ("destination host" | "service", _) if culprit != way.destination:  # of what this connection depends on
            parties = frozenset({Party.PROXY})
        case ("path", _):
            parties = place | ({Party.PATH} if Party.CLOUD_EDGE in place else frozenset())
        case ("egress firewall" | "payload filter" | "stateful box on the path" | "managed access", _):
            parties = place
        case _:
            parties = usual or place
    return parties
