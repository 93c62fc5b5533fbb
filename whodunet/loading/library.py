"""Everything that the folders hold, loaded by name: topologies, policies, causes, fault kinds, scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from whodunet import catalogue, faults
from whodunet.core.causes import Cause
from whodunet.core.errors import InvalidInput, Problem
from whodunet.core.fault import Fault
from whodunet.core.scenario import Scenario
from whodunet.core.topology import Topology
from whodunet.loading.scenario_file import read_scenario
from whodunet.loading.validation import did_you_mean
from whodunet.topology import LabTopo, describe

_CAUSES = Path(__file__).resolve().parents[1] / "causes"


@cache
def topo(name: str) -> LabTopo:
    """The Mininet topology of that name."""
    path = catalogue.folder("topologies") / f"{name}.py"
    made: LabTopo = catalogue.load_module(path).topos[name]()
    return made


@cache
def policy_module(controller: str) -> Any:
    """The policy class of a controller.

    Raises:
        InvalidInput: when there is no such controller.
    """
    known = [name for name in catalogue.names("controllers", ".py") if name != "ryu_app"]
    if controller not in known:
        raise InvalidInput(
            Problem("controller", f"is {controller}, which does not exist", did_you_mean(controller, known))
        )
    return catalogue.load_module(catalogue.folder("controllers") / f"{controller}.py").POLICY


class Library:
    """What scenario files may refer to."""

    def topology_names(self) -> list[str]:
        """All topologies."""
        return catalogue.names("topologies", ".py")

    def topology(self, name: str) -> Topology:
        """The topology of that name."""
        return describe(name, topo(name))

    @cache  # noqa: B019 - a library lives as long as the process
    def causes(self) -> Mapping[str, Cause]:
        """The taxonomy."""
        files = sorted(_CAUSES.glob("*.yaml"))
        parts = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in files}
        return {name: Cause.model_validate({"name": name, **part}, strict=False) for name, part in parts.items()}

    @cache  # noqa: B019
    def fault_kinds(self) -> Mapping[str, type[Fault]]:
        """All kinds of faults."""
        return faults.kinds()

    def standing_policy(self, topology: str, switch: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """A topology's own policy of a switch, with some of its keys replaced."""
        return dict(topo(topology).nodeInfo(switch)["policy"]) | dict(changes)

    def policy_problems(self, topology: str, switch: str, policy: Mapping[str, Any]) -> list[tuple[str, Problem]]:
        """What a switch's controller has against a policy: the key in it, and the problem."""
        whole = self.standing_policy(topology, switch, policy)
        try:
            read_policy(whole, self.topology(topology), switch)
        except InvalidInput as error:
            return [(problem.place.removeprefix(f"{switch}:").strip(), problem) for problem in error.problems]
        return []

    @cache  # noqa: B019
    def scenario(self, path: Path, name: str | None = None) -> Scenario:
        """The scenario of a file; its name is the file's, if none is given.

        Raises:
            InvalidInput: with every problem of the file.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(Problem(str(path), f"cannot be read: {error}", "name a readable YAML file")) from error
        return read_scenario(text, name or path.stem, _shown(path), self)


def read_policy(config: Mapping[str, Any], topology: Topology, switch: str) -> Any:
    """A switch's policy, read by its controller.

    Raises:
        InvalidInput: with every problem of the configuration, placed as "SWITCH: KEY".
    """
    interfaces = [name for name, each in topology.interfaces.items() if each.node == switch]
    ports = {name: int(name.rpartition("eth")[2]) for name in interfaces}
    return policy_module(str(config.get("controller"))).from_config(config, ports, switch)


def _shown(path: Path) -> str:
    """The path as messages name it: relative where it lies below the current directory."""
    resolved = path.resolve()
    return str(resolved.relative_to(Path.cwd())) if resolved.is_relative_to(Path.cwd()) else str(path)


def find_scenario(name: str) -> Path:
    """The file of a scenario, by its name or its path.

    Raises:
        InvalidInput: when there is none.
    """
    if name.endswith((".yaml", ".yml")) or "/" in name:
        path = Path(name)
        if not path.is_file():
            raise InvalidInput(Problem(name, "does not exist", "name a scenario (`whodunet list`) or an existing file"))
        return path
    known = scenario_names()
    if name not in known:
        raise InvalidInput(Problem(name, "is no scenario", did_you_mean(name, known)))
    return catalogue.folder("scenarios") / f"{name}.yaml"


def scenario_names() -> list[str]:
    """All scenarios that come with the lab."""
    return catalogue.names("scenarios", ".yaml")
