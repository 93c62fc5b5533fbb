"""Reads the record of a run and judges it again, without a lab: with the network as it was then."""

from __future__ import annotations

from pathlib import Path

from whodunet.cases.record_json import from_json
from whodunet.cases.recording import Recording
from whodunet.cases.scenario import Scenario
from whodunet.errors import InvalidInput, Problem
from whodunet.evidence.capture import CaptureReader
from whodunet.evidence.observation import Run
from whodunet.evidence.topology import Topology
from whodunet.lab import pcap_reader
from whodunet.loading.library import Library
from whodunet.loading.topology_checks import require_sound
from whodunet.records import CAPTURE_FILE, RUN_FILE, SCENARIO_FILE, TOPOLOGY_FILE, lacking
from whodunet.variation import Variation


def read_record(folder: Path, library: Library, read: CaptureReader = pcap_reader.read) -> Recording:
    """Reads a record and judges it again, with what this version of the lab knows of scenarios, symptoms and evidence.

    Raises:
        InvalidInput: when the folder holds no complete record.
    """
    _require_complete(folder)
    run = from_json(Run, (folder / RUN_FILE).read_bytes(), str(folder / RUN_FILE))
    place = str(folder / TOPOLOGY_FILE)
    topology = require_sound(from_json(Topology, (folder / TOPOLOGY_FILE).read_bytes(), place), place)
    then = Library(library.catalogue, Variation(run.seed, run.family), recorded=topology)
    scenario = then.scenario(folder / SCENARIO_FILE, run.scenario)
    _require_same_network(folder, run, topology, scenario)
    capture = folder / CAPTURE_FILE
    return Recording.read(scenario, topology, run, read(pcap_reader.content_of(capture), str(capture)))


def _require_same_network(folder: Path, run: Run, topology: Topology, scenario: Scenario) -> None:
    """Refuses files of two records in one folder, as far as they are of two networks."""
    kept = (topology.name, topology.family, topology.seed)
    played = (run.topology, run.family, None if topology.seed is None else run.seed)  # None: it draws nothing
    if kept != played or scenario.question.topology != run.topology:
        wrong = f"is another network than that of {RUN_FILE} and {SCENARIO_FILE}"
        raise InvalidInput(Problem(str(folder / TOPOLOGY_FILE), wrong, "run the scenario again"))


def _require_complete(folder: Path) -> None:
    missing = lacking(folder)
    if missing == (TOPOLOGY_FILE,) and not (folder / TOPOLOGY_FILE).exists():
        wrong = "was kept by an earlier version, which did not keep the network with it"
        raise InvalidInput(Problem(str(folder), wrong, "run the scenario again"))
    if missing:
        what = [f"{name} is {'no file' if (folder / name).exists() else 'missing'}" for name in missing]
        wrong = f"holds no complete record: {', '.join(what)}"
        raise InvalidInput(Problem(str(folder), wrong, "name a folder that a finished `whodunet run` made"))
