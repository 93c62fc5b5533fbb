"""What the faults that are another policy of a switch's controller have in common."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from whodunet import catalogue
from whodunet.cases.fault import Fault, Misfit, Network, Settings
from whodunet.cases.fields import SwitchName
from whodunet.errors import CannotRun, InvalidInput
from whodunet.evidence.topology import Topology
from whodunet.openflow.flow_table import TableEntry, reported, stated
from whodunet.openflow.policy import Policy

Key = tuple[str | int, ...]


class PolicyFault(Fault):
    """The policy that a switch's controller carries out says something else than it should."""

    controller: ClassVar[str]  # the one whose policies it changes

    switch: SwitchName

    def culprit(self) -> str:
        """The switch, for it enforces the policy."""
        return self.switch

    @abstractmethod
    def changed(self, policy: Settings) -> dict[str, object]:
        """The policy with the fault in it; the same policy when it is in it already."""

    @abstractmethod
    def key_of(self, place: str) -> Key:
        """The fault's own key of a place in the policy: "rules[0].with" is ("reject_with",)."""

    @abstractmethod
    def shown(self, entries: frozenset[TableEntry], policy: Settings) -> str:
        """What of the switch's entries, which are those of the changed policy, makes the difference; for people."""

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A switch with another controller, and whatever the controller has against the policy with the fault."""
        policy = topology.policies[self.switch]
        if policy.get("controller") != self.controller:
            those = [name for name, each in topology.policies.items() if each.get("controller") == self.controller]
            wrong = f"is {self.switch}, whose controller is {policy.get('controller')} and not {self.controller}"
            yield Misfit(("switch",), wrong, f"use one of: {', '.join(those)}" if those else "there is none")
            return
        yield from self.policy_misfits(policy, topology)

    def policy_misfits(self, policy: Settings, topology: Topology) -> Iterator[Misfit]:
        """What the controller has against the policy with the fault in it; that it makes no difference."""
        try:
            without, with_fault = (
                stated(self._compiled(each, topology).flow_entries()) for each in (policy, self.changed(policy))
            )
            if without == with_fault:
                wrong = f"makes no difference to what {self.switch} does"
                yield Misfit(self.key_of(""), wrong, "write what does, or take the fault out")
        except InvalidInput as error:
            for problem in error.problems:
                place = problem.place.removeprefix(f"{self.switch}:").strip()
                yield Misfit(self.key_of(place), problem.wrong, problem.fix)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """The switch's flow entries, when they are exactly those of the policy with the fault in it.

        They are compared field by field, all of them: so no entry of a higher priority decides first.
        """
        policy = network.policy(self.switch)
        of_switch = [name for name, each in network.topology.interfaces.items() if each.node == self.switch]
        ports = {name: int(name.rpartition("eth")[2]) for name in of_switch}
        try:
            entries = reported(network.flow_entries(self.switch), ports)
        except ValueError as error:
            raise CannotRun(f"{self.switch}: {error}") from error
        expected = stated(self._compiled(self.changed(policy), network.topology).flow_entries())
        return (self.shown(entries, policy) if entries == expected else None,)

    def _compiled(self, policy: Settings, topology: Topology) -> Policy:
        """A policy as its controller reads it; that may lie beside this kind of fault."""
        kinds = Path(inspect.getfile(type(self))).parent
        return catalogue.given().beside(kinds).read_policy(policy, topology, self.switch)
