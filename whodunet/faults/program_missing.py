"""A program that is not installed on a host."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Literal

from whodunet.core.errors import CannotRun
from whodunet.core.fault import Network, NodeFault, run_checked
from whodunet.core.fields import ProgramName
from whodunet.core.topology import Topology


class ProgramMissing(NodeFault):
    """The host's folder of the program is mounted over with one that has everything else."""

    kind: Literal["program-missing"] = "program-missing"
    program: ProgramName

    def facts(self, topology: Topology) -> dict[str, str]:
        """Which part the host plays, and what it lacks."""
        return super().facts(topology) | {"program": self.program}

    def inject(self, network: Network) -> Mapping[str, Any]:
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
        true, farm = (f"/run/hidden/{self.node}/{self.program}/{number}/{kind}" for kind in ("true", "farm"))
        lines = [
            f"rm -rf {farm} && mkdir -p {true} {farm} && mount --bind {folder} {true}",
            f"ln -s {true}/* {farm}/ && rm {farm}/{self.program}",
            f"mount --bind {farm} {folder}",
        ]
        run_checked(network, self.node, " && ".join(lines))

    def remove(self, network: Network, before: Mapping[str, Any]) -> None:
        """Takes the mounts away; lazily, because the shell that does it was started from there."""
        for number, folder in reversed(list(enumerate(before["hidden"]))):
            true = f"/run/hidden/{self.node}/{self.program}/{number}/true"
            run_checked(network, self.node, f"umount --lazy {folder} {true}")

    def _where(self, network: Network) -> str:
        return network.execute(self.node, f"command -v {self.program}").stdout.strip()

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """That the host's shell does not find it."""
        return (None if self._where(network).startswith("/") else f"{self.node}: {self.program}: command not found",)
