"""What cuts a wait for a connection short is taken out of a command, and nothing else."""

from __future__ import annotations

from types import ModuleType

import pytest

from whodunet.cases.realistic import without_limits
from whodunet.cases.scenario import Probe


@pytest.mark.parametrize(
    ("command", "patient"),
    [
        ("ssh -o ConnectTimeout=4 ec2-user@10.0.1.10 hostname", "ssh ec2-user@10.0.1.10 hostname"),
        ("ssh -i key -oConnectTimeout=4 -J jump host", "ssh -i key -J jump host"),
        ("curl -v --connect-timeout 4 telnet://10.0.1.10:22", "curl -v telnet://10.0.1.10:22"),
        ("nc -vz -w 2 10.0.1.10 22", "nc -vz 10.0.1.10 22"),
        ("for i in 1 2; do nc -vz -w 1 10.0.1.10 22; done", "for i in 1 2; do nc -vz 10.0.1.10 22; done"),
    ],
)
def test_a_limit_of_the_time_to_connect_is_taken_out_and_the_deadline_is_later(
    case: ModuleType, command: str, patient: str
) -> None:
    scenario = case.scenario()
    probes = {"one": Probe(host="client", command=command, deadline_s=10)}
    question = scenario.question.model_copy(update={"probes": probes})
    [probe] = without_limits(scenario.model_copy(update={"question": question})).question.probes.values()
    assert (probe.command, probe.deadline_s) == (patient, 180)


@pytest.mark.parametrize("command", ["nc -d -w 2 10.0.1.10 22", "ping -c 2 -W 1 10.0.1.10", "timeout 3 ssh host"])
def test_what_limits_something_else_stays(case: ModuleType, command: str) -> None:
    scenario = case.scenario()
    probe = Probe(host="client", command=command)
    question = scenario.question.model_copy(update={"probes": {"one": probe}})
    assert without_limits(scenario.model_copy(update={"question": question})).question.probes == {"one": probe}
