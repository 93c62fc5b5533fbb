"""A program that is not installed on a host."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

from whodunet.cases.fault import Network, NodeFault, Settings, list_in, run_checked
from whodunet.cases.fields import ProgramName
from whodunet.errors import CannotRun
from whodunet.evidence.topology import Topology


class ProgramMissing(NodeFault):
    """The host's folder of the program is mounted over with one that has everything else."""

    kind: Literal["program-missing"] = "program-missing"
    program: ProgramName

    def facts(self, topology: Topology) -> dict[str, str]:
        """Which part the host plays, and what it lacks."""
        return super().facts(topology) | {"program": self.program}

    def inject(self, network: Network) -> Settings:
        """Hides the program wherever the PATH finds it."""
        hidden: list[str] = []
        while found := self._where(network):
            folder = str(PurePosixPath(found).parent)
            if folder in hidden:
                raise CannotRun(f"{self.node}: {found} could not be hidden")
            self._mount_without(network, folder, len(hidden))
            hidden.append(folder)
        if not hidden:
            raise CannotRun(f"{self.node} has no program {self.program}; nothing is left to take away")
        return {"hidden": hidden}

    def _mount_without(self, network: Network, folder: str, number: int) -> None:
        """Mounts a folder of links to what is in the true one, but for the program."""
        true, farm = self._places(number)
        run_checked(network, self.node, f"rm -rf {farm} && mkdir -p {true} {farm}")
        network.bind(self.node, folder, true)
        run_checked(network, self.node, f"ln -s {true}/* {farm}/ && rm {farm}/{self.program}")
        network.bind(self.node, farm, folder)

    def _places(self, number: int) -> tuple[str, str]:
        """Where the true folder is to be found meanwhile, and the one that is shown instead."""
        own = f"/run/hidden/{self.node}/{self.program}/{number}"
        return f"{own}/true", f"{own}/farm"

    def remove(self, network: Network, before: Settings) -> None:
        """Takes the mounts away."""
        for number, folder in reversed(list(enumerate(map(str, list_in(before, "hidden"))))):
            true, _ = self._places(number)
            for mounted in (folder, true):
                network.unbind(self.node, mounted)

    def _where(self, network: Network) -> str:
        return network.execute(self.node, f"command -v {self.program}").stdout.strip()

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """That the host's shell does not find it."""
        return (None if self._where(network).startswith("/") else f"{self.node}: {self.program}: command not found",)
