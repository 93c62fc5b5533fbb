"""pytest plugin: scenario files as tests, and labs as fixtures for other people's test suites.

    pytest scenarios/                        every YAML scenario, one test per claim

    @pytest.mark.scenario("vpn-egress-reset")
    def test_my_tool_blames_the_firewall(lab):
        seen = lab.probe("client", f"my-tool --json {lab.case.target.host} {lab.case.target.port}")
        assert lab.grade(seen.stdout).party.outcome == "exact"

`lab` is a running lab of the marked scenario, with its fault in place, of its own for each test, and gone afterwards.
`lab.grade` reads a verdict as `whodunet grade` does, and says what it is worth.
With `--whodunet-seed N`, `--whodunet-family ipv6`, networks are drawn from a number, and probes go over IPv6. With
`--whodunet-keep FOLDER`, the record of each scenario and the capture of each lab that a test failed on stay there. With
`--whodunet-mutations`, one more test of each scenario: whether its claims would fail if things were different.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from whodunet.errors import CannotRun, InvalidInput
from whodunet.evidence.topology import FAMILIES
from whodunet.variation import AS_STATED, Variation, read_seed
from whodunet.view.visible import visible, visible_line

if TYPE_CHECKING:
    from whodunet.cases.claims import Claim
    from whodunet.cases.recording import Recording
    from whodunet.cases.scenario import Scenario
    from whodunet.evidence.observation import Observation
    from whodunet.evidence.symptom import Symptom
    from whodunet.grader import CaseToGrade
    from whodunet.grading.scoring import Score
    from whodunet.lab.sandboxed import SandboxedLab
    from whodunet.loading.library import Library

_MARKER: Final = (
    "scenario(name, fault=True, seed=..., family=...): the scenario of the `lab` fixture; fault=False leaves its fault "
    "out; seed and family take the place of --whodunet-seed and --whodunet-family"
)
# Other people's YAML files lie beside their tests; a scenario file is one that has these two keys.
_KEYS_OF_A_SCENARIO: Final = (re.compile(r"^topology:", re.MULTILINE), re.compile(r"^answer:", re.MULTILINE))
_PLAYER: Final = pytest.StashKey["Player"]()
_WARM: Final = pytest.StashKey[ExitStack]()  # while it is open, labs are forked from one process
_FAILED: Final = pytest.StashKey[bool]()  # of a test: that it failed, when its fixtures are taken down


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options that say in which variation networks are; those of other plugins are called --seed, too."""
    group = parser.getgroup("whodunet", "network labs of whodunet")
    draw = "draw the networks' particulars from a number, instead of those that their topologies state"
    group.addoption("--whodunet-seed", type=read_seed, metavar="N", help=draw)
    group.addoption("--whodunet-family", choices=FAMILIES, default=AS_STATED.family, help="which one probes go over")
    group.addoption("--whodunet-keep", type=Path, metavar="FOLDER", help="keep there the records of what failed")
    mutations = "test of each scenario, too, that its claims fail without its fault, and with other packets"
    group.addoption("--whodunet-mutations", action="store_true", help=mutations)


def _library(config: pytest.Config) -> Library:
    from whodunet.loading.library import Library

    return Library(variation=_asked(config))


def _asked(config: pytest.Config) -> Variation:
    return Variation(config.getoption("--whodunet-seed"), config.getoption("--whodunet-family"))


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known."""
    config.addinivalue_line("markers", _MARKER)
    keep = config.getoption("--whodunet-keep")
    if keep is not None:
        from whodunet.records import require_empty

        try:
            require_empty(keep)
        except InvalidInput as error:
            raise pytest.UsageError(f"--whodunet-keep: {error}") from error


def pytest_report_header(config: pytest.Config) -> str | None:
    """What networks are asked to be."""
    return f"whodunet: {_asked(config)}" if _asked(config) != AS_STATED else None


def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends labs that an interrupted session left."""
    player = config.stash.get(_PLAYER, None)
    if player is not None:
        player.end()
    if (warm := config.stash.get(_WARM, None)) is not None:
        warm.close()


def _start_warm(session: pytest.Session) -> None:
    """Has labs be forked from one process, where the session needs several."""
    if _WARM in session.config.stash:
        return
    from whodunet.lab.launching import started_warm

    played = {item.path for item in session.items if isinstance(item, PlayedTest)}
    in_labs = [item for item in session.items if "lab" in getattr(item, "fixturenames", ())]
    warm = session.config.stash[_WARM] = ExitStack()
    warm.enter_context(started_warm(len(played) + len(in_labs)))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collects scenario files."""
    if file_path.suffix not in (".yaml", ".yml"):
        return None
    text = file_path.read_text(encoding="utf-8", errors="replace")
    if not all(key.search(text) for key in _KEYS_OF_A_SCENARIO):
        return None
    return ScenarioFile.from_parent(parent, path=file_path)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Notes for the fixture `lab` that its test failed."""
    report = yield
    item.stash[_FAILED] = report.failed
    return report


def _play(scenario: Scenario, library: Library, keep: Path | None) -> Recording:
    """Plays a scenario; its record stays in the folder if a claim does not hold."""
    from whodunet import engine
    from whodunet.records import new_record

    if keep is None:
        return engine.play(scenario, library, lambda text: None)
    with new_record(keep, scenario.source):
        recording = engine.play(scenario, library, lambda text: None, keep)
    if recording.outcome == "held":
        shutil.rmtree(keep)
    return recording


class Player:
    """Plays the scenarios of a session, several at a time; each once, whatever number of its claims are tested."""

    def __init__(self, scenarios: Iterable[Scenario], library: Library, keep: Path | None = None) -> None:
        from whodunet.scheduling import SideBySide, Task, expected_s

        tasks = {
            scenario.source: Task(
                partial(_play, scenario, library, keep and keep / scenario.question.name),
                expected_s(scenario, library.of(scenario).topology(scenario.question.topology)),
            )
            for scenario in scenarios
        }
        self._plays = SideBySide(tasks, jobs=None)

    def recording(self, scenario: Scenario) -> Recording:
        """What came of a scenario.

        Raises:
            CannotRun: when its lab could not be brought up, or ended before its time.
        """
        return self._plays.results[scenario.source].result()

    def end(self) -> None:
        """Ends every lab that still runs."""
        self._plays.end()


class ScenarioFile(pytest.File):
    """One scenario file; its tests are the claims of its answer."""

    library: Library
    scenario: Scenario

    def collect(self) -> Iterator[pytest.Item]:
        """One test for each claim; a file with problems is an error that lists them all."""
        from whodunet.cases.claims import claims_of
        from whodunet.lab.programs import lacking_version
        from whodunet.loading.scenario_file import NotOverFamily

        self.library = _library(self.config)
        try:
            self.scenario = self.library.scenario(self.path)
        except NotOverFamily as error:
            yield NotPlayed.from_parent(self, name="not played", because=error.because)
            return
        except InvalidInput as error:
            raise self.CollectError(visible(str(error))) from error
        lacking = lacking_version(self.scenario.question.requires)
        if lacking is not None:
            yield NotPlayed.from_parent(self, name="not played", because=lacking)
            return
        for claim in claims_of(self.scenario):
            yield ClaimTest.from_parent(self, name=visible_line(claim.id), claim=claim)
        if self.config.getoption("--whodunet-mutations"):
            yield MutationsTest.from_parent(self, name="can fail")


class NotPlayed(pytest.Item):
    """Stands for a scenario that is about the other family, or takes a newer program than there is here."""

    def __init__(self, *, because: str, **more: Any) -> None:
        super().__init__(**more)
        self._because = because

    def runtest(self) -> None:
        """Says why."""
        pytest.skip(visible_line(self._because))


class ClaimDidNotHold(Exception):
    """A claim was judged, and it did not hold; or it could not be judged."""


class PlayedTest(pytest.Item):
    """A test of what came of playing a scenario."""

    parent: ScenarioFile

    @property
    def recording(self) -> Recording:
        """What came of it."""
        return _player(self).recording(self.parent.scenario)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *_: Any, **__: Any) -> Any:
        """The claim, what was expected and what was seen, instead of a traceback."""
        if isinstance(excinfo.value, ClaimDidNotHold | CannotRun):
            return visible(str(excinfo.value))
        return super().repr_failure(excinfo)


class ClaimTest(PlayedTest):
    """One claim of a scenario."""

    def __init__(self, *, claim: Claim, **more: Any) -> None:
        super().__init__(**more)
        self._claim = claim

    def runtest(self) -> None:
        """Fails when the claim does not hold, and when nobody can tell."""
        judgement = next(each for each in self.recording.judgements if each.claim == self._claim)
        if judgement.outcome != "held":
            words = (
                f"{self._claim.says}: {judgement.outcome}",
                f"expected {judgement.expected}",
                f"seen     {judgement.seen}",
            )
            raise ClaimDidNotHold("\n  ".join(map(visible_line, words)))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The scenario file and the claim."""
        return self.path, None, visible_line(f"{self.path.stem}: {self._claim.says}")


class MutationsTest(PlayedTest):
    """What a scenario claims would fail if its fault were not there, or its packets were others."""

    def runtest(self) -> None:
        """Fails with each change that broke nothing; no other play is needed for it."""
        from whodunet.cases.falsifying import unfalsified

        unbroken = unfalsified(self.recording)
        if unbroken:
            raise ClaimDidNotHold(
                "\n  ".join(("what cannot fail proves nothing", *map(visible_line, map(str, unbroken))))
            )

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The scenario file."""
        return self.path, None, f"{self.path.stem}: its claims can fail"


def _player(item: PlayedTest) -> Player:
    """The session's player, which starts with all selected scenarios when the first claim is tested."""
    stash = item.config.stash
    if _PLAYER not in stash:
        selected = [each.parent for each in item.session.items if isinstance(each, PlayedTest)]
        files = {file.path: file for file in selected}
        keep = item.config.getoption("--whodunet-keep")
        _start_warm(item.session)
        stash[_PLAYER] = Player([file.scenario for file in files.values()], item.parent.library, keep)
    return stash[_PLAYER]


class ScenarioLab:
    """A running lab of one scenario, as tests use it."""

    def __init__(self, scenario: Scenario, network: SandboxedLab, library: Library) -> None:
        self.scenario = scenario
        self.network = network
        self.topology = library.of(scenario).topology(scenario.question.topology)
        self._library = library

    @cached_property
    def case(self) -> CaseToGrade:
        """The scenario as a tool is asked about it: its `target` has the host and the port.

        Raises:
            InvalidInput: when no tool can be asked, as of a session by an instance's id.
        """
        from whodunet.grader import CaseToGrade

        return CaseToGrade.of(Path(self.scenario.file), self._library)

    def grade(self, verdict: str) -> Score:
        """What a verdict is worth, given as the published JSON (`whodunet schema verdict`)."""
        from whodunet.grading.scoring import score
        from whodunet.grading.submission import from_json

        return score(from_json(verdict), self.case.truth)

    def probe(self, host: str, command: str, deadline_s: float = 30) -> Observation:
        """Runs a shell command on a host, as a person there would, and returns exit status, output and time."""
        from whodunet.cases.scenario import Probe

        return self.network.probe(command, Probe(host=host, command=command, deadline_s=deadline_s))

    def symptom(self, observation: Observation) -> Symptom:
        """What an observation is in a user's words, as its output and its packets show it."""
        from whodunet.evidence.probe_evidence import evidence_of_probe
        from whodunet.lab.pcap_reader import read_capture

        with self.network.capture() as capture:
            packets = read_capture(capture.path)
        return evidence_of_probe(observation, packets, self.topology, capture.dropped).reading.symptom

    def keep(self, folder: Path) -> None:
        """Writes what there is to know of the lab into a folder: capture of every interface, flow tables, logs.

        Raises:
            CannotRun: when it cannot be written.
        """
        from whodunet.lab.pcap_reader import content_of
        from whodunet.records import SCENARIO_FILE, LabFiles, keep_lab

        with self.network.capture() as capture:
            content = content_of(capture.path, capture.size_bytes)
        about = LabFiles(self.network.flow_tables(), self.network.logs())
        keep_lab(folder, {SCENARIO_FILE: self.scenario.source}, content, about)

    def inject(self) -> None:
        """Puts the scenario's faults in."""
        for fault in self.scenario.staging.faults:
            self.network.inject(fault)

    def remove(self) -> None:
        """Takes the scenario's faults out."""
        for fault in self.scenario.staging.faults:
            self.network.remove(fault)


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[ScenarioLab]:
    """A lab of the scenario that the test is marked with; its fault is in place."""
    from whodunet.engine import plan_for
    from whodunet.lab.sandboxed import SandboxedLab
    from whodunet.loading.library import Library, find_scenario
    from whodunet.records import record_name

    marker = request.node.get_closest_marker("scenario")
    if marker is None or len(marker.args) != 1:
        raise pytest.UsageError('the fixture `lab` needs a scenario: @pytest.mark.scenario("vpn-egress-reset")')
    asked = _asked(request.config)
    library = Library(
        variation=Variation(marker.kwargs.get("seed", asked.seed), marker.kwargs.get("family", asked.family))
    )
    scenario = library.scenario(find_scenario(str(marker.args[0])))
    _start_warm(request.session)
    with SandboxedLab.start(plan_for(scenario, library)) as network:
        running = ScenarioLab(scenario, network, library)
        if marker.kwargs.get("fault", True):
            running.inject()
        yield running
        keep = request.config.getoption("--whodunet-keep")
        if keep is not None and request.node.stash.get(_FAILED, False):
            running.keep(keep / record_name(request.node.nodeid))
