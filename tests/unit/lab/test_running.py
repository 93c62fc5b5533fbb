"""A running lab has a method for each request, and answers with what the request says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_type_hints

import pytest

from whodunet.errors import InvalidInput
from whodunet.evidence.topology import Interface, Topology
from whodunet.lab import requests
from whodunet.lab.plan import Plan
from whodunet.lab.processes import Finished
from whodunet.lab.running import RunningLab
from whodunet.lab.watch import Watch

MIB = 1 << 20


def handler_of(request_type: type) -> Any:
    return vars(RunningLab)["answer"].dispatcher.dispatch(request_type)


@pytest.mark.parametrize("request_type", [each for each in requests.REQUESTS if each is not requests.Attach])
def test_every_request_is_answered_with_its_own_type_of_answer(request_type: type[requests.LabRequest[Any]]) -> None:
    handler = handler_of(request_type)
    assert handler is not handler_of(requests.LabRequest)
    assert get_type_hints(handler)["return"] is request_type.answer_type()


class Parts:
    """Whatever a lab is made of, of which nothing is asked here."""

    in_use: Mapping[str, str] = {}

    def states(self) -> Mapping[str, Mapping[str, str]]:
        return {"server": {"sshd": "running"}}


@pytest.fixture
def lab() -> RunningLab:
    parts: Any = Parts()
    topology = Topology("two", {}, {}, (), ("a", "10.0.0.1"), policies={"gate": {"controller": "port_gate"}})
    watch = Watch(progress=lambda text: None, end=lambda reason: None)
    plan = Plan(name="mine", topology_file="", topology="two", ryu_app="")
    return RunningLab(plan, topology, {"client": parts}, parts, parts, parts, parts, {}, watch)


@pytest.mark.parametrize(
    ("request_", "complaint"),
    [
        (requests.Execute("clint", "true", 1), "clint: is not a host of this lab; did you mean client?"),
        (requests.TellPolicy("gte"), "gte: is not a switch of this lab; did you mean gate?"),
    ],
)
def test_a_name_that_the_lab_does_not_have_is_refused(
    lab: RunningLab, request_: requests.LabRequest[Any], complaint: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        lab.answer(request_)
    assert str(refused.value) == complaint


def test_what_it_says_of_itself_has_what_it_lost(lab: RunningLab) -> None:
    lab.watch.lost.append("sshd was killed by signal 9")
    status = lab.answer(requests.TellStatus())
    assert (status.name, status.hosts, status.switches) == ("mine", ("client",), ("gate",))
    assert status.services == {"server": {"sshd": "running"}}
    assert status.lost == ["sshd was killed by signal 9"]


def test_a_note_is_kept_until_it_is_forgotten(lab: RunningLab) -> None:
    lab.answer(requests.Remember("key", {"a": [1]}))
    assert lab.answer(requests.Recall("key")).value == {"a": [1]}
    lab.answer(requests.Remember("key", None))
    assert lab.answer(requests.Recall("key")).value is None


def test_a_daemon_that_ends_before_the_lab_is_up_ends_the_lab_and_later_is_remembered() -> None:
    ends: list[str] = []
    watch = Watch(progress=lambda text: None, end=ends.append)
    reactions: list[Any] = []
    daemon: Any = type("Daemon", (), {"when_ended": lambda self, react: reactions.append(react)})()
    watch.may_lose(daemon)
    watch.is_up = True
    reactions[0]("sshd ended")
    assert (ends, watch.lost, watch.notes) == ([], ["sshd ended"], ["sshd ended"])
    watch.ends_with(daemon)
    reactions[1]("ovs-vswitchd ended")
    assert ends == ["ovs-vswitchd ended; the lab ends with it"]


def test_a_note_that_the_lab_has_no_room_for_is_refused_and_what_it_had_before_is_kept(lab: RunningLab) -> None:
    lab.answer(requests.Remember("faults", {"before": "policy"}))
    with pytest.raises(
        InvalidInput, match=f"note faults: makes [0-9]+ bytes of notes, and a lab keeps {MIB}; keep less"
    ):
        lab.answer(requests.Remember("faults", {"before": "x" * MIB}))
    assert lab.answer(requests.Recall("faults")) == requests.Note({"before": "policy"})


def test_many_small_notes_have_no_more_room_than_a_large_one(lab: RunningLab) -> None:
    half = {"before": "x" * (MIB // 2)}
    lab.answer(requests.Remember("one", half))
    with pytest.raises(InvalidInput, match="note other: "):
        lab.answer(requests.Remember("other", half))
    lab.answer(requests.Remember("one", None))
    lab.answer(requests.Remember("other", half))
    assert lab.answer(requests.Recall("other")) == requests.Note(half)


def test_the_baseline_has_the_hops_of_both_families_find_each_other_before_anybody_probes() -> None:
    commands: list[str] = []

    class Near:
        name = "a"

        def execute(self, command: str, deadline_s: float) -> Finished:
            commands.append(command)
            return Finished(0, "64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=45.1 ms", "", 0, 0, 0, 0)

    parts: Any = Parts()
    near: Any = Near()
    far_end = {"b-eth0": Interface("b-eth0", "b", ("10.0.0.1/24", "fd00::1/64"))}
    topology = Topology("two", {}, far_end, (), ("a", "10.0.0.1"))
    watch = Watch(progress=lambda text: None, end=lambda reason: None)
    plan = Plan(name="mine", topology_file="", topology="two", ryu_app="")
    running = RunningLab(plan, topology, {"a": near}, parts, parts, parts, parts, {}, watch)

    assert running.answer(requests.MeasureBaseline()) == requests.RoundTrips([45.1])

    (command,) = commands
    assert "ping -n -c 1 -W 2 fd00::1 >/dev/null & " in command
    assert command.endswith(" 10.0.0.1; wait")
