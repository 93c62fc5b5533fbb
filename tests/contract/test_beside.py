"""Causes, fault kinds, services, topologies and controllers beside a scenario, or in a folder that is given."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from whodunet import catalogue
from whodunet.cases.claims import claims_of
from whodunet.catalogue import Catalogue
from whodunet.errors import InvalidInput
from whodunet.evidence import packet_kinds, programs
from whodunet.evidence.observation import Observation
from whodunet.evidence.packets import CapturedPacket, Tcp
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptoms import read_symptom
from whodunet.lab import running_services
from whodunet.loading import learning
from whodunet.loading.library import Library, find_scenario, scenario_names

FAULT: Final = '''
from typing import Literal
from whodunet.cases.fault import NodeFault

class Hiccup(NodeFault):
    """It hiccups."""

    kind: Literal["hiccup"] = "hiccup"
    loud: bool = False

    def facts(self, topology):
        return super().facts(topology) | {"loud": str(self.loud).lower()}

    def inject(self, network):
        return {}

    def remove(self, network, before):
        pass

    def signs(self, network):
        return (None,)
'''
CAUSE: Final = """
id: Z01
party: someone
title: A router hiccups
looks_like: timed out
told_by: the sound
fault: {kind: hiccup}
"""
CASE: Final = """
title: t
story: s
topology: corporate_vpn
faults: [{kind: hiccup, node: vpn-gw}]
probes: {nc: {host: client, command: nc -vz 10.0.1.10 22}}
answer:
  cause: CAUSE
  culprit: vpn-gw
  symptoms: {nc: {symptom: timed out}}
  repaired: {symptoms: {nc: {symptom: connected}}}
"""
TOPOLOGY: Final = """
from whodunet.lab_topo import LabTopo

class Two(LabTopo):
    baseline = ("client", "10.1.0.2")

    def build(self):
        self.host("client", "client")
        self.switch("gate", "gate", {"controller": "open_gate"})
        self.host("server", "server", services={"echo": {}})
        self.connect("client", "gate", addresses=("10.1.0.1/24", None))
        self.connect("gate", "server", addresses=(None, "10.1.0.2/24"))

topos = {"two": Two}
"""
CONTROLLER: Final = """
from whodunet.openflow.policy import NORMAL, ConfigReader, FlowEntry, Output

class OpenGate:
    @classmethod
    def from_config(cls, config, ports, place):
        reader = ConfigReader(place)
        reader.mapping(config, "", ("controller",))
        reader.finish()
        return cls()

    def flow_entries(self):
        return (FlowEntry(0, {}, (Output(NORMAL),)),)

    def answer(self, frame, in_port):
        return ()

POLICY = OpenGate
"""
SERVICE: Final = """
from whodunet.lab.service import Listener

class Echo(Listener):
    port = 7

    def prepare(self, host):
        pass

    def command(self, host):
        return ["ncat"]

SERVICE = Echo
"""


def place(folder: Path, files: Mapping[str, str]) -> Path:
    """Writes files below a folder; the folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def case(cause: str) -> str:
    return CASE.replace("CAUSE", cause)


def complaint(path: Path) -> str:
    with pytest.raises(InvalidInput) as refused:
        Library(Catalogue()).scenario(path)
    return str(refused.value)


@pytest.fixture
def _only_own_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_given", [])


def test_a_fault_kind_and_a_cause_beside_a_scenario_are_known_to_it_alone(tmp_path: Path) -> None:
    place(tmp_path, {"faults/hiccup.py": FAULT, "causes/router-hiccup.yaml": CAUSE, "case.yaml": case("router-hiccup")})
    library = Library(Catalogue())
    scenario = library.scenario(tmp_path / "case.yaml")
    assert scenario.answer.cause == "router-hiccup"
    assert library.of(scenario).cause_titles(scenario) == ("A router hiccups",)
    assert "hiccup" not in library.fault_kinds()
    assert "router-hiccup" not in library.causes()


@pytest.mark.parametrize("stated", ["egress-drop", "a-cause-that-is-yet-to-be-made"])
def test_a_fault_without_a_cause_is_told_its_facts_and_the_file_that_would_add_one(tmp_path: Path, stated: str) -> None:
    place(tmp_path, {"faults/hiccup.py": FAULT, "case.yaml": case(stated)})
    said = complaint(tmp_path / "case.yaml")
    head, *lines = said.splitlines()
    assert "the taxonomy lacks the cause of a fault with the facts kind hiccup, role vpn-gateway, loud false" in head
    assert "`cause: unlisted` and `cause_title`" in head
    place(tmp_path, {"causes/mine.yaml": "\n".join(lines) + "\n", "case.yaml": case("mine")})
    assert Library(Catalogue()).scenario(tmp_path / "case.yaml").answer.cause == "mine"


def test_a_cause_that_nobody_lists_has_the_scenarios_own_title(tmp_path: Path) -> None:
    text = case("unlisted\n  cause_title: The router has the hiccups")
    place(tmp_path, {"faults/hiccup.py": FAULT, "case.yaml": text})
    library = Library(Catalogue())
    scenario = library.scenario(tmp_path / "case.yaml")
    assert library.of(scenario).cause_titles(scenario) == ("The router has the hiccups",)


def test_two_causes_between_which_nothing_decides_are_refused(tmp_path: Path) -> None:
    other = CAUSE.replace("Z01", "Z02").replace("kind: hiccup", "kind: [hiccup, cough]")
    files = {"faults/hiccup.py": FAULT, "causes/one.yaml": CAUSE, "causes/other.yaml": other, "case.yaml": case("one")}
    place(tmp_path, files)
    assert "asks for as many facts as one, and a fault may have all of them" in complaint(tmp_path / "case.yaml")


def test_the_cause_that_asks_for_more_facts_is_the_one(tmp_path: Path) -> None:
    more = CAUSE.replace("Z01", "Z02").replace("{kind: hiccup}", "{kind: hiccup, role: vpn-gateway}")
    files = {"faults/hiccup.py": FAULT, "causes/one.yaml": CAUSE, "causes/more.yaml": more, "case.yaml": case("more")}
    place(tmp_path, files)
    assert Library(Catalogue()).scenario(tmp_path / "case.yaml").answer.cause == "more"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"causes/one.yaml": CAUSE.replace("Z01", "F01")}, "id: is F01, as that of egress-reset"),
        (
            {"causes/one.yaml": CAUSE.replace("looks_like: timed out", "looks_like: slow")},
            'one.yaml:5: looks_like: is "slow"',
        ),
        (
            {"causes/one.yaml": CAUSE.replace("told_by", "toldby")},
            "one.yaml:6: toldby: unknown key; did you mean told_by?",
        ),
        ({"causes/one.yaml": "[]"}, "one.yaml:1: is not a mapping of keys to values; start it with `id: Z01`"),
        ({"causes/egress-drop.yaml": CAUSE}, "egress-drop.yaml: has the same name as "),
        ({"faults/other.py": FAULT.replace('"hiccup"', '"service"')}, "other.py: its kind service already exists"),
        ({"faults/other.py": "x = 1"}, "other.py: holds no kind of fault"),
        ({"faults/other.py": "import nothing_of_the_kind"}, "other.py: does not run: ModuleNotFoundError"),
        ({"faults/other.py": "raise SystemExit(0)"}, "other.py: does not run: SystemExit: 0"),
        ({"topologies/corporate_vpn.py": TOPOLOGY}, "corporate_vpn.py: has the same name as "),
    ],
)
def test_a_bad_file_beside_a_scenario_is_one_error_with_its_place(
    tmp_path: Path, files: Mapping[str, str], said: str
) -> None:
    place(tmp_path, {"faults/hiccup.py": FAULT, "causes/router-hiccup.yaml": CAUSE.replace("Z01", "Z09")} | dict(files))
    place(tmp_path, {"case.yaml": case("router-hiccup")})
    assert said in complaint(tmp_path / "case.yaml")


def test_python_beside_a_scenario_that_others_can_change_is_not_run(tmp_path: Path) -> None:
    place(tmp_path, {"faults/hiccup.py": "raise SystemExit", "case.yaml": case("x")})
    (tmp_path / "faults/hiccup.py").chmod(0o666)
    assert "hiccup.py: can be changed by others, and would run here as you" in complaint(tmp_path / "case.yaml")
    (tmp_path / "faults/hiccup.py").chmod(0o644)
    (tmp_path / "faults").chmod(0o1777)
    assert "faults: can be changed by others, and would run here as you" in complaint(tmp_path / "case.yaml")


def test_a_topology_and_a_controller_beside_a_scenario_make_its_network(tmp_path: Path) -> None:
    text = (
        "title: t\nstory: s\ntopology: two\nprobes: {p: {host: client, command: ping 10.1.0.2}}\n"
        "answer: {cause: none, symptoms: {p: {symptom: connected}}}\n"
    )
    place(tmp_path, {"topologies/two.py": TOPOLOGY, "controllers/open_gate.py": CONTROLLER, "case.yaml": text})
    library = Library(Catalogue())
    scenario = library.scenario(tmp_path / "case.yaml")
    assert list(library.of(scenario).topology("two").nodes) == ["client", "gate", "server"]
    place(tmp_path, {"case.yaml": text + "setup: {policies: {gate: {open: 1}}}\n"})
    assert "setup.policies.gate.open: unknown key 'open'" in complaint(tmp_path / "case.yaml")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("10.1.0.1/24", "10.1.0.999/24", "interfaces.client-eth0.addresses: '10.1.0.999/24' is no address"),
        ('"server", "server"', '"server", 5', "nodes.server.role: Input should be a valid string; fix the file"),
        ("def build(self):", "def build(self):\n        raise SystemExit(0)", "makes no topology two: SystemExit: 0"),
    ],
)
def test_a_topology_that_no_network_can_be_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in TOPOLOGY
    files = {"topologies/two.py": TOPOLOGY.replace(old, new), "controllers/open_gate.py": CONTROLLER}
    place(tmp_path, {**files, "case.yaml": case("none").replace("corporate_vpn", "two")})
    assert f"two.py: {said}" in complaint(tmp_path / "case.yaml")


POLICY_FAULT: Final = '''
from typing import ClassVar, Literal
from whodunet.faults.policy_fault import PolicyFault

class LeftAjar(PolicyFault):
    """The gate is left ajar."""

    controller: ClassVar[str] = "open_gate"
    kind: Literal["left-ajar"] = "left-ajar"

    def facts(self, topology):
        return {"kind": self.kind}

    def changed(self, policy):
        return {**policy, "ajar": True}

    def key_of(self, place):
        return (place,)

    def shown(self, entries, policy):
        return "ajar"

    inject = remove = lambda self, *_: {}
'''


def test_a_fault_of_a_policy_is_asked_of_the_controller_that_lies_beside_it(tmp_path: Path) -> None:
    files = {"topologies/two.py": TOPOLOGY, "controllers/open_gate.py": CONTROLLER, "faults/ajar.py": POLICY_FAULT}
    text = CASE.replace("corporate_vpn", "two").replace(
        "{kind: hiccup, node: vpn-gw}", "{kind: left-ajar, switch: gate}"
    )
    place(tmp_path, {**files, "case.yaml": text})
    assert "faults[0].ajar: unknown key 'ajar'" in complaint(tmp_path / "case.yaml")


PROGRAM: Final = """
from whodunet.evidence.program import Program
from whodunet.evidence.packets import CapturedPacket, Tcp
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import Row

ROWS = (Row(r"^came back$", Symptom.CONNECTED), Row(r"^lost", Symptom.TIMED_OUT))
PROGRAM = Program(names=("carrier-pigeon",), rows=ROWS)
"""


@pytest.fixture
def _only_own_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_known", programs.known())
    monkeypatch.setattr(learning, "_learnt", {})


@pytest.mark.usefixtures("_only_own_programs")
def test_the_words_of_a_program_beside_a_scenario_are_symptoms(tmp_path: Path) -> None:
    seen = Observation("p", "client", "carrier-pigeon h", 0, "lost over the sea\n", "", 0, 0)
    assert read_symptom(seen.command, seen).symptom is Symptom.UNKNOWN
    Library(Catalogue((place(tmp_path, {"programs/pigeon.py": PROGRAM}),)))
    assert read_symptom(seen.command, seen).symptom is Symptom.TIMED_OUT
    Library(Catalogue((place(tmp_path / "a copy, as a record has one", {"programs/pigeon.py": PROGRAM}),)))


@pytest.mark.usefixtures("_only_own_programs")
@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("pigeon", PROGRAM.replace("carrier-pigeon", "ncat"), "is about ncat, whose words are known already"),
        ("curl", PROGRAM, "is about curl, whose words are known already"),
        ("pigeon", "PROGRAM = 7", "holds no program in PROGRAM"),
        ("pigeon", "", "offers no PROGRAM"),
    ],
)
def test_a_file_about_no_new_program_is_one_error_with_its_place(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        Library(Catalogue((place(tmp_path, {f"programs/{name}.py": text}),)))
    assert f"programs/{name}.py: {said}" in str(refused.value)


CROSSED_WIRES: Final = '''
from typing import Literal
from whodunet.cases.fault import Fault
from whodunet.cases.fields import InterfaceName, SwitchName

class CrossedWires(Fault):
    """Two ports are swapped."""

    kind: Literal["crossed-wires"] = "crossed-wires"
    gate: SwitchName
    ends: tuple[InterfaceName, ...]

    def culprit(self):
        return self.gate

    def facts(self, topology):
        return {"kind": self.kind}

    inject = remove = signs = lambda self, *_: ()
'''


def test_a_kind_of_fault_names_what_it_likes_and_what_does_not_exist_is_refused(tmp_path: Path) -> None:
    place(tmp_path, {"faults/crossed_wires.py": CROSSED_WIRES})
    faults = "[{kind: crossed-wires, gate: client, ends: [egress-fw.inside, egress-fw.outside, egress-fw.up]}]"
    written = case("unlisted").replace("[{kind: hiccup, node: vpn-gw}]", faults)
    (tmp_path / "case.yaml").write_text(written)
    said = complaint(tmp_path / "case.yaml")
    assert "faults[0].gate: is client, which is not a switch of corporate_vpn; use one of: egress-fw, sg" in said
    assert "faults[0].ends[2]: is egress-fw.up, which is not an interface of corporate_vpn" in said
    assert "ends[0]" not in said
    assert "ends[1]" not in said


KINDS: Final = """
from whodunet.evidence.packet_kinds import Kind

KINDS = (Kind("half-open end", ("TCP",), lambda packet: packet.tcp.flags == "F"),)
"""
CLAIM_OF_KIND: Final = """
title: t
story: s
topology: corporate_vpn
probes: {nc: {host: client, command: nc -vz 10.0.1.10 22}}
answer:
  cause: none
  symptoms: {nc: {symptom: connected}}
  evidence: [{probe: nc, packet: half-open end, seen_at: [client-eth0]}]
"""


@pytest.fixture
def _only_own_packet_kinds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(packet_kinds, "_added", {})
    monkeypatch.setattr(learning, "_learnt", {})
    packet_kinds.add(())
    yield
    monkeypatch.undo()
    packet_kinds.add(())


@pytest.mark.usefixtures("_only_own_packet_kinds")
def test_a_kind_of_packet_beside_a_scenario_can_be_claimed(tmp_path: Path) -> None:
    place(tmp_path, {"case.yaml": CLAIM_OF_KIND})
    assert 'packet: is "half-open end"; use one of: ' in complaint(tmp_path / "case.yaml")
    place(tmp_path, {"packet_kinds/closing.py": KINDS})
    (claim,) = Library(Catalogue()).scenario(tmp_path / "case.yaml").answer.faulty.evidence
    end = CapturedPacket("client-eth0", 0, "out", "", "", 60, tcp=Tcp(1, 2, "F", 0, 0, 0))
    assert claim.packet in packet_kinds.kinds(end)
    assert packet_kinds.may_be(replace(end, tcp=None, unread="IP"), claim.packet)
    Library(Catalogue((place(tmp_path / "a copy, as a record has one", {"packet_kinds/closing.py": KINDS}),)))


@pytest.mark.usefixtures("_only_own_packet_kinds")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        (KINDS.replace("half-open end", "RST"), "its kind RST already exists"),
        ("KINDS = ('RST',)", "holds no kinds of packets in KINDS"),
        ("KINDS = ()", "holds no kinds of packets in KINDS"),
        ("", "offers no KINDS"),
    ],
)
def test_a_file_of_no_new_kind_of_packet_is_one_error_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Library(Catalogue((place(tmp_path, {"packet_kinds/closing.py": text}),)))
    assert f"packet_kinds/closing.py: {said}" in str(refused.value)


FIELD: Final = """
from pydantic import RootModel
from whodunet.cases.evidence_field import CapturePoint, EvidenceField
from whodunet.cases.findings import Finding

class Avoids(EvidenceField, RootModel[tuple[CapturePoint, ...]]):
    def words(self):
        yield f"avoids {', '.join(self.root)}"

    def findings(self, witness):
        yield Finding("held", "avoided", "avoided")

FIELD = Avoids
"""
CLAIMING: Final = """
title: t
story: s
topology: corporate_vpn
probes: {nc: {host: client, command: nc -vz 10.0.1.10 22}}
answer:
  cause: none
  symptoms: {nc: {symptom: connected}}
  evidence: [{probe: nc, packet: SYN, avoids: [POINT]}]
"""


def test_a_field_of_evidence_beside_a_scenario_can_be_claimed_there_alone(tmp_path: Path) -> None:
    there, elsewhere = tmp_path / "there", tmp_path / "elsewhere"
    place(there, {"evidence_fields/avoids.py": FIELD, "case.yaml": CLAIMING.replace("POINT", "home-gw.outside")})
    place(elsewhere, {"case.yaml": CLAIMING.replace("POINT", "home-gw.outside")})
    scenario = Library(Catalogue()).scenario(there / "case.yaml")
    says = [claim.says for claim in claims_of(scenario)]
    assert says[1] == "the SYN of nc avoids home-gw-eth1"
    assert "answer.evidence[0].avoids: unknown key" in complaint(elsewhere / "case.yaml")
    place(there, {"case.yaml": CLAIMING.replace("POINT", "home-gw-eth7")})
    assert "avoids[0]: is home-gw-eth7, which is not an interface of corporate_vpn" in complaint(there / "case.yaml")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("ttl", FIELD, "the key ttl of evidence already exists"),
        ("sender", FIELD, "the key sender of evidence already exists"),
        ("model_dump", FIELD, "is not named as a key of evidence can be"),
        ("as-sent", FIELD, "is not named as a key of evidence can be"),
        ("avoids", "FIELD = 7", "holds no field of evidence in FIELD"),
        ("avoids", FIELD.replace("def words", "def word"), "holds no field of evidence in FIELD"),
        ("avoids", "", "offers no FIELD"),
    ],
)
def test_a_file_that_is_no_field_of_evidence_is_one_error_with_its_place(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    place(tmp_path, {f"evidence_fields/{name}.py": text, "case.yaml": CLAIMING.replace("POINT", "home-gw.outside")})
    assert f"evidence_fields/{name}.py: {said}" in complaint(tmp_path / "case.yaml")


def test_a_pattern_that_is_none_is_told_with_its_file(tmp_path: Path) -> None:
    place(tmp_path, {"programs/pigeon.py": PROGRAM.replace("^lost", "^(lost")})
    with pytest.raises(InvalidInput, match=r"programs/pigeon\.py: has the pattern .*unterminated subpattern"):
        Library(Catalogue((tmp_path,)))


def test_a_kind_of_fault_that_lacks_something_is_told_with_its_file(tmp_path: Path) -> None:
    place(tmp_path, {"faults/hiccup.py": FAULT.replace("def signs(", "def sings("), "case.yaml": case("x")})
    assert "hiccup.py: its kind hiccup has no signs(); add it" in complaint(tmp_path / "case.yaml")


def test_a_mistake_in_a_file_of_ones_own_is_told_with_file_and_line(tmp_path: Path) -> None:
    file = place(tmp_path, {"faults/hiccup.py": "def f(x):\n    return 1 / x\n"}) / "faults/hiccup.py"
    with pytest.raises(ZeroDivisionError) as theirs:
        catalogue.attribute(file, "f")(0)
    mistake = catalogue.mistake_in_a_file(theirs.value)
    assert str(mistake) == f"{file}:2: ZeroDivisionError: division by zero; fix the file"
    with pytest.raises(ZeroDivisionError) as ours:
        assert 1 / 0
    assert catalogue.mistake_in_a_file(ours.value) is None


@pytest.mark.usefixtures("_only_own_places")
def test_a_folder_that_is_given_is_known_to_all_that_is_read(tmp_path: Path) -> None:
    place(tmp_path, {"faults/hiccup.py": FAULT, "causes/router-hiccup.yaml": CAUSE})
    place(tmp_path, {"scenarios/hiccups.yaml": case("router-hiccup"), "services/echo.py": SERVICE})
    catalogue.look_in([tmp_path])
    assert "hiccups" in scenario_names()
    assert Library().scenario(find_scenario("hiccups")).answer.cause == "router-hiccup"
    assert "router-hiccup" in Library().causes()
    assert running_services.kind("echo", catalogue.given()).__name__ == "Echo"


@pytest.mark.usefixtures("_only_own_places")
def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is not a folder"):
        catalogue.look_in([tmp_path / "nowhere"])


def test_own_folders_are_no_place_beside_a_scenario_of_the_checkout() -> None:
    checkout = catalogue.folder("scenarios").parent
    assert Catalogue().beside(checkout / "my-case.yaml").places == ()


def test_the_schema_knows_the_kinds_of_a_given_folder(tmp_path: Path) -> None:
    from whodunet.loading.scenario_file import json_schema

    place(tmp_path, {"faults/hiccup.py": FAULT})
    schema = json_schema(Library(Catalogue((tmp_path,))))
    assert "hiccup" in json.dumps(schema)
