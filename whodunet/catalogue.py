"""Where topologies, controllers, scenarios, causes, faults and services lie, and how one is found by name.

In a checkout the first three folders stand beside the package, in an installed wheel inside it. More of each may lie in
folders of the same names in any other folder: the one that a scenario's file is in, or one that is given.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from whodunet.errors import InvalidInput, Problem
from whodunet.evidence.topology import Topology

if TYPE_CHECKING:
    from whodunet.openflow.policy import Policy

_PACKAGE: Final = Path(__file__).resolve().parent
_CONTROLLER_APP: Final = "ryu_app"  # carries policies out, and is none
_DATA: Final = ("cause_classes", "causes")  # parts whose files are YAML
PARTS: Final = (
    *_DATA,
    "controllers",
    "evidence_fields",
    "faults",
    "packet_kinds",
    "programs",
    "services",
    "topologies",
)  # what may lie beside a scenario
_MODULES: Final = tuple(part for part in PARTS if part not in _DATA)  # those that are Python files

_IN_LABS: Final = ("controllers", "services", "topologies")

_FILE_MODULE: Final = "whodunet_file_"  # what modules that are run from files are called, before their own name

_given: list[Path] = []  # folders that this process was given


def folder(kind: str) -> Path:
    """The project's own folder of a kind: `topologies`, `controllers`, `scenarios`, `causes`."""
    inside = _PACKAGE / kind
    return inside if inside.is_dir() else _PACKAGE.parent / kind


def names(kind: str, suffix: str) -> list[str]:
    """Names of everything in one of the project's own folders, sorted."""
    return sorted(path.stem for path in _files(folder(kind), suffix))


def _files(place: Path, suffix: str) -> Iterator[Path]:
    return (path for path in place.glob(f"*{suffix}") if not path.stem.startswith("_"))


def look_in(folders: Iterable[Path]) -> None:
    """Has this process look in more folders, from now on.

    Raises:
        InvalidInput: when one is not a folder.
    """
    for given in folders:
        if not given.is_dir():
            raise InvalidInput(
                Problem(f"--with {given}", "is not a folder", "name one that holds causes/, faults/, ...")
            )
        _given.append(given.resolve())


def given() -> Catalogue:
    """The project's own folders, and those that this process was given."""
    return Catalogue(tuple(dict.fromkeys(_given)))


def topology(name: str) -> object:
    """The class of one of the project's own topologies, for one that builds on it."""
    return attribute(folder("topologies") / f"{name}.py", "topos")[name]


@dataclass(frozen=True)
class Catalogue:
    """What can be found: the project's own, and what lies in the folders `causes`, `faults` ... of other places."""

    places: tuple[Path, ...] = ()

    def beside(self, file: Path) -> Catalogue:
        """The catalogue of a scenario's file: with what lies beside it.

        Raises:
            InvalidInput: when somebody else could change what would run here.
        """
        place = file.resolve().parent
        parts = [place / part for part in PARTS if (place / part).is_dir()]
        own = {folder(part).resolve() for part in PARTS}
        if place in self.places or not any(part not in own for part in parts):
            return self
        _refuse_what_others_write(file, parts)
        return Catalogue((*self.places, place))

    def files(self, kind: str, suffix: str) -> Mapping[str, Path]:
        """The file of each name, the project's own first.

        Raises:
            InvalidInput: when two files have one name, but not the same content.
        """
        found = {path.stem: path for path in sorted(_files(folder(kind), suffix))}
        for place in self.places:
            for path in sorted(_files(place / kind, suffix)):
                other = found.setdefault(path.stem, path)
                if other != path and other.read_bytes() != path.read_bytes():
                    raise InvalidInput(Problem(str(path), f"has the same name as {other}", "give it a name of its own"))
        return found

    def contents(self) -> Mapping[str, str]:
        """What a lab itself needs of the other places: the text of each file, by its path below a place."""
        found: dict[str, str] = {}
        for place in self.places:
            for part in _IN_LABS:
                for path in _files(place / part, ".py"):
                    found.setdefault(f"{part}/{path.name}", path.read_text(encoding="utf-8", errors="replace"))
        return found

    def controllers(self) -> Mapping[str, Path]:
        """The file of each policy."""
        return {name: path for name, path in self.files("controllers", ".py").items() if name != _CONTROLLER_APP}

    def read_policy(self, config: Mapping[str, Any], topology: Topology, switch: str) -> Policy:
        """A switch's policy, read by its controller.

        Raises:
            InvalidInput: with every problem of the configuration, placed as "SWITCH: KEY".
        """
        interfaces = [name for name, each in topology.interfaces.items() if each.node == switch]
        ports = {name: int(name.rpartition("eth")[2]) for name in interfaces}
        policy: Policy = self.policy_class(str(config.get("controller"))).from_config(config, ports, switch)
        return policy

    def policy_class(self, controller: str) -> Any:
        """The policy class of a controller.

        Raises:
            InvalidInput: when there is no such controller.
        """
        known = self.controllers()
        if controller not in known:
            from whodunet.openflow.policy import meant

            raise InvalidInput(
                Problem("controller", f"is {controller}, which does not exist", meant(controller, list(known)))
            )
        return attribute(known[controller], "POLICY")

    def accepts_connections(self, service: str) -> bool:
        """Whether a service says that it does; one that is not found here is somebody else's, and may.

        Raises:
            InvalidInput: when its file does not run, or holds no service.
        """
        files = {name.replace("_", "-"): path for name, path in self.files("services", ".py").items()}
        path = files.get(service.replace("_", "-"))
        return path is None or bool(getattr(attribute(path, "SERVICE"), "accepts_connections", True))


def _refuse_what_others_write(file: Path, parts: Iterable[Path]) -> None:
    """Python beside a scenario runs as whoever plays it. So it has to be theirs, root's, or the scenario's author's."""
    trusted = {0, os.geteuid(), file.stat().st_uid} if file.exists() else {0, os.geteuid()}
    modules = [part for part in parts if part.name in _MODULES]
    for path in (path for part in modules for path in (part, *_files(part, ".py"))):
        state = path.stat()
        if state.st_uid not in trusted or state.st_mode & 0o002:
            wrong = "can be changed by others, and would run here as you"
            raise InvalidInput(Problem(str(path), wrong, "make it your own and `chmod o-w` it, or name it by --with"))


def load_module(path: Path) -> ModuleType:
    """Runs a Python file as a module.

    Raises:
        InvalidInput: when there is no such file or it does not run.
    """
    name = f"{_FILE_MODULE}{path.stem}_{zlib.crc32(str(path.resolve()).encode()):08x}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise InvalidInput(Problem(str(path), "is not a Python file", "name an existing file that ends in .py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up by name
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise InvalidInput(
            Problem(str(path), f"does not run: {type(error).__name__}: {error}", "fix the file")
        ) from error
    return module


def mistake_in_a_file(error: BaseException) -> Problem | None:
    """Where a file of somebody's own went wrong; None for an error that comes of none."""
    import traceback

    own = {folder(part) for part in PARTS}
    where = None
    for frame, line in traceback.walk_tb(error.__traceback__):  # the innermost is the last
        file = frame.f_code.co_filename
        if frame.f_globals.get("__name__", "").startswith(_FILE_MODULE) and Path(file).parent not in own:
            where = f"{file}:{line}"
    return Problem(where, f"{type(error).__name__}: {error}", "fix the file") if where else None


def attribute(path: Path, name: str) -> Any:
    """What a Python file offers under a name.

    Raises:
        InvalidInput: when it does not run, or offers no such thing.
    """
    module = load_module(path)
    if not hasattr(module, name):
        raise InvalidInput(
            Problem(str(path), f"offers no {name}", f"see docs/scenarios.md, or move it out of {path.parent.name}/")
        )
    return getattr(module, name)
