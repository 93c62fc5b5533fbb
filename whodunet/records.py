"""The folder in which the records of runs are kept: one folder a run.

A record is complete once its run.json is there, which is written last. While a run is being played its folder is
locked, so that nobody takes it for one that was given up.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from whodunet import catalogue
from whodunet.cases.record_json import to_json
from whodunet.errors import CannotRun, InvalidInput, Problem

RUN_FILE: Final = "run.json"
SCENARIO_FILE: Final = "scenario.yaml"
TOPOLOGY_FILE: Final = "topology.json"
CAPTURE_FILE: Final = "capture.pcapng"
FILES: Final = (RUN_FILE, SCENARIO_FILE, TOPOLOGY_FILE, CAPTURE_FILE)  # without one of these it is no complete record
if TYPE_CHECKING:
    from whodunet.cases.recording import Recording

State = Literal["complete", "incomplete", "outdated", "playing"]
_STAMP: Final = "%Y%m%d-%H%M%S"
_FEW: Final = 5  # names that still fit a message
_LEAST_BYTES: Final = 1 << 20  # a record of one probe takes half of it


@dataclass(frozen=True)
class Record:
    """One run that is kept, or what is left of one."""

    folder: Path
    state: State
    began_s: float  # since the epoch
    size_bytes: int

    @property
    def name(self) -> str:
        """The folder's name, by which commands know it."""
        return self.folder.name


def runs_folder() -> Path:
    """Where records are kept. Source: XDG Base Directory Specification: $XDG_STATE_HOME, ignored unless absolute.

    Raises:
        CannotRun: when this user has no home directory.
    """
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    if state.is_absolute():
        return state / "whodunet" / "runs"
    try:
        return Path.home() / ".local" / "state" / "whodunet" / "runs"
    except RuntimeError as error:
        raise CannotRun(f"no place for records: {error}; set HOME or XDG_STATE_HOME") from error


def grades_folder() -> Path:
    """Where the records of graded tools are kept: a folder for each time, with one record a case.

    Raises:
        CannotRun: when this user has no home directory.
    """
    return runs_folder().parent / "grades"


def record_name(name: str) -> str:
    """What a play or a test is called, as the name of its record's folder."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")


def new_run_folder(name: str) -> Path:
    """A folder for the record of a run that begins now; not made yet."""
    return runs_folder() / f"{name}-{time.strftime(_STAMP)}-{os.getpid()}"


def require_empty(folder: Path) -> None:
    """A folder that was named to keep records in has nothing in it, or is not there yet.

    Raises:
        InvalidInput: when it has.
    """
    if folder.is_dir() and any(_entries(folder)):
        raise InvalidInput(Problem(f"--keep {folder}", "is not empty", "name a new folder"))


@contextmanager
def new_record(folder: Path, source: str) -> Iterator[Path]:
    """A folder for a record, made before the run is played; taken away again when what is done in the `with` fails.

    Args:
        source: the text of the scenario's file, with which the record begins.

    Raises:
        InvalidInput: when the folder has something in it.
        CannotRun: when it cannot be made or written to, or has no room.
    """
    require_empty(folder)
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        with record_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / SCENARIO_FILE).write_text(source, encoding="utf-8")
            _require_room(folder)
        with _locked(folder):
            yield folder
    except BaseException:
        _remove(folder, made)
        raise


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Inside the `with`, the run of this record is being played; the lock goes with the process, however it ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def record_errors(folder: Path) -> Iterator[None]:
    """Inside the `with`, what the system refuses to a record is told in one line.

    Raises:
        CannotRun: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        where = error.filename if error.filename is not None else folder
        fix = "--keep FOLDER names another place"
        raise CannotRun(f"the record cannot be kept: {where}: {error.strerror or error}; {fix}") from error


def _require_room(folder: Path) -> None:
    there = os.statvfs(folder)
    if there.f_blocks and there.f_bavail * there.f_frsize < _LEAST_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def _remove(folder: Path, made: Sequence[Path]) -> None:
    """Removes what is in a folder, and those folders that were made for it and hold nothing else."""
    for entry in _entries(folder) if folder.is_dir() else ():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
    for each in made:
        with suppress(OSError):
            each.rmdir()


@dataclass(frozen=True)
class LabFiles:
    """What a record keeps of a lab besides what is judged."""

    flow_tables: Mapping[str, str]  # by switch
    logs: Mapping[str, str]  # by the log's name
    places: Sequence[Path] = ()  # whose causes, faults, topologies ... the case was played with


def keep_record(folder: Path, recording: Recording, capture: bytes, about: LabFiles) -> None:
    """Writes a record; run.json comes last, so that a folder without it is known to be incomplete.

    Raises:
        CannotRun: when it cannot be written.
    """
    texts = {
        SCENARIO_FILE: recording.scenario.source,
        TOPOLOGY_FILE: to_json(recording.topology),
        RUN_FILE: to_json(recording.run),
    }
    keep_lab(folder, texts, capture, about)


def keep_lab(folder: Path, texts: Mapping[str, str], capture: bytes, about: LabFiles) -> None:
    """Writes what there is to know of a lab, and after that files with these texts.

    Raises:
        CannotRun: when it cannot be written.
    """
    texts = {
        **{f"flows-{switch}.txt": table for switch, table in about.flow_tables.items()},
        **{f"logs/{name.replace('/', '_')}": text for name, text in about.logs.items()},
        **texts,
    }
    with record_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CAPTURE_FILE).write_bytes(capture)
        _keep_what_lies_beside(about.places, folder)
        for name, text in texts.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")


def _keep_what_lies_beside(places: Sequence[Path], folder: Path) -> None:
    """Copies the causes, faults, topologies ... of other places, without which a record could not be read again."""
    for place in places:
        for path in (path for part in catalogue.PARTS for path in (place / part).glob("[!_]*.*")):
            if path.suffix in (".py", ".yaml"):
                (folder / path.parent.name).mkdir(exist_ok=True)
                shutil.copyfile(path, folder / path.parent.name / path.name)


def records() -> list[Record]:
    """All records of this user, the latest first."""
    kept = [_record(folder) for folder in _entries(runs_folder()) if folder.is_dir() and not folder.is_symlink()]
    return sorted(kept, key=lambda record: (record.began_s, record.name), reverse=True)


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def _record(folder: Path) -> Record:
    files = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.lstat().st_size for path in files)
    return Record(folder, _state(folder), _began_s(folder), size)


def lacking(folder: Path) -> tuple[str, ...]:
    """The files that a record lacks; the topology alone, where an earlier version kept it, which kept none."""
    return tuple(name for name in FILES if not (folder / name).is_file())


def _state(folder: Path) -> State:
    missing = lacking(folder)
    if not missing:
        return "complete"
    if missing == (TOPOLOGY_FILE,):
        return "outdated"
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return "playing"
    finally:
        os.close(lock)
    return "incomplete"


def _began_s(folder: Path) -> float:
    """When the run began, by the folder's name; a folder that somebody renamed is as old as its latest change."""
    *_, day, clock, _ = ["", "", *folder.name.rsplit("-", 3)]
    try:
        return time.mktime(time.strptime(f"{day}-{clock}", _STAMP))
    except (ValueError, OverflowError):
        return folder.stat().st_mtime


def latest_record() -> Path:
    """The folder of the last run that was kept to its end.

    Raises:
        InvalidInput: when there is none.
    """
    for record in records():
        if record.state == "complete":
            return record.folder
    raise InvalidInput(Problem("show", f"no record is kept in {runs_folder()}", "`whodunet run NAME` makes one"))


def find_record(name: str) -> Path:
    """The folder of a record, by its name or its path.

    Raises:
        InvalidInput: when there is none.
    """
    from whodunet.spelling import did_you_mean

    for folder in (Path(name), runs_folder() / name):
        if folder.is_dir():
            return folder
    known = [record.name for record in records()]
    of_that_scenario = [each for each in known if each.startswith(f"{name}-")]
    if of_that_scenario:
        fix = f"did you mean {of_that_scenario[0]}?"
    elif known:
        fix = did_you_mean(name, known, listed_by="whodunet runs", such_as=known[:_FEW])
    else:
        fix = "`whodunet run NAME` makes one"
    raise InvalidInput(Problem(name, "is not a record", fix))


def prune(kept: Sequence[Record], keep: int, older_than_s: float | None = None) -> list[Record]:
    """Removes records, but for the latest `keep` and those that are being played; returns the removed.

    Args:
        kept: as `records` gives them.
        older_than_s: leaves those that are younger.

    Raises:
        OSError: when one cannot be removed.
    """
    now = time.time()
    old = [each for each in kept[keep:] if older_than_s is None or now - each.began_s > older_than_s]
    removable = [each for each in old if each.state != "playing"]
    for record in removable:
        shutil.rmtree(record.folder)
    return removable
