"""A line of a user's ssh configuration that leads ssh elsewhere."""

from __future__ import annotations

import shlex
from typing import Annotated, Final, Literal

from pydantic import Field

from whodunet.cases.fault import Network, NodeFault, Settings, run_checked
from whodunet.evidence.topology import Topology

_CONFIGURATION: Final = "/root/.ssh/config"


class SshOption(NodeFault):
    """For one destination, the configuration of the host's root states the option before all else that it says."""

    kind: Literal["ssh-option"] = "ssh-option"
    destination: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:%-]+$")] = Field(
        description="what the user types: a name or an address"
    )
    option: Literal["ProxyCommand", "Port", "HostName"]
    value: Annotated[str, Field(pattern=r"^[^\n]+$")]

    def facts(self, topology: Topology) -> dict[str, str]:
        """Which option."""
        return super().facts(topology) | {"option": self.option}

    def inject(self, network: Network) -> Settings:
        """Writes the line ahead of the others: of two, ssh takes the first. Source: ssh_config(5)."""
        before = network.execute(self.node, f"cat {_CONFIGURATION}").stdout
        block = f"Host {self.destination}\n    {self.option} {self.value}\n"
        run_checked(network, self.node, f"cat >{_CONFIGURATION}", stdin=f"{block}{before}")
        return {"configuration": before}

    def remove(self, network: Network, before: Settings) -> None:
        """Writes the configuration as it was."""
        former = str(before["configuration"])
        if former:
            run_checked(network, self.node, f"cat >{_CONFIGURATION}", stdin=former)
        else:
            run_checked(network, self.node, f"rm {_CONFIGURATION}")

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """What ssh would use for the destination."""
        would_use = run_checked(network, self.node, f"ssh -G {shlex.quote(self.destination)}").splitlines()
        meant = f"{self.option.lower()} {self.value}"
        return (f"{self.destination}: {meant}" if meant in would_use else None,)
