"""A security group that forgets idle connections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from whodunet.cases.fault import Fault, Misfit, Network, Settings, mapping_in
from whodunet.cases.fields import InterfaceName, SwitchName
from whodunet.errors import CannotRun
from whodunet.evidence.topology import Topology

_SERVICE: Final = "tracking-timeout"
_CONTROLLER: Final = "security_group"


class TrackingTimeout(Fault):
    """Connections of one interface that are idle for too long are tracked no more, and their packets need rules again.

    Source: Amazon EC2 User Guide, "Amazon EC2 security group connection tracking", idle connection tracking timeout.
    """

    kind: Literal["tracking-timeout"] = "tracking-timeout"
    switch: SwitchName = Field(description="switch whose controller is security_group")
    interface: InterfaceName = Field(description="one of its interfaces that is in a group")
    idle_s: int = Field(ge=1, le=432_000)

    def culprit(self) -> str:
        """The switch, for it tracks."""
        return self.switch

    def facts(self, topology: Topology) -> dict[str, str]:
        """Which part the switch plays."""
        return {"kind": self.kind, "role": topology.nodes[self.switch].role}

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A switch with another controller, an interface that it does not restrict."""
        policy = topology.policies[self.switch]
        restricted = mapping_in(policy, "interfaces")
        if policy.get("controller") != _CONTROLLER:
            those = [name for name, each in topology.policies.items() if each.get("controller") == _CONTROLLER]
            wrong = f"is {self.switch}, which has no security groups"
            yield Misfit(("switch",), wrong, f"use one of: {', '.join(those)}" if those else "there is none")
        elif self.interface not in restricted:
            wrong = f"is {self.interface}, which is in no group of {self.switch}"
            yield Misfit(("interface",), wrong, f"use one of: {', '.join(restricted)}")

    def _behind(self, network: Network) -> str:
        """The host at the other end of the interface's cable."""
        topology = network.topology
        return topology.interfaces[topology.peer_of(self.interface)].node

    def inject(self, network: Network) -> Settings:
        """Tells the switch."""
        settings = {"switch": self.switch, "interface": self.interface, "idle_s": self.idle_s}
        network.add_service(self._behind(network), _SERVICE, settings)
        return {}

    def remove(self, network: Network, before: Settings) -> None:
        """Takes it back."""
        network.remove_service(self._behind(network), _SERVICE)

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """That what has told the switch, and has seen that it knows, has not taken it back."""
        behind = self._behind(network)
        try:
            holds = network.service_is_running(behind, _SERVICE)
            settings = network.service_settings(behind, _SERVICE)
        except CannotRun:  # there is none
            return (None,)
        is_it = holds and (settings["interface"], settings["idle_s"]) == (self.interface, self.idle_s)
        told = f"{self.switch} tracks established connections of {self.interface} for {self.idle_s} s"
        return (told if is_it else None,)
