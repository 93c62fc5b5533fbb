"""A lab that is up: the parts that it consists of, and how they answer each request."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import singledispatchmethod
from typing import Final, TypeVar

from whodunet.errors import InvalidInput, Problem
from whodunet.evidence.topology import Topology
from whodunet.lab import openvswitch, requests
from whodunet.lab.capture import RunningCapture
from whodunet.lab.hosts import Host
from whodunet.lab.messages import FileDescriptor
from whodunet.lab.plan import Plan
from whodunet.lab.policies import Policies
from whodunet.lab.processes import Finished, read_logs
from whodunet.lab.requests import AnswerT, Fulfilled, Texts
from whodunet.lab.running_services import RunningServices
from whodunet.lab.service import read_records
from whodunet.lab.uplinks import Uplinks
from whodunet.lab.watch import Watch
from whodunet.spelling import did_you_mean

_FULFILLED: Final = Fulfilled()
_NOTES_BYTES: Final = 1 << 20  # of all notes together; the staging of a scenario takes a few thousand
Named = TypeVar("Named")


@dataclass
class RunningLab:
    """One lab, with a method for each request; all of them raise CannotRun when they cannot do what is asked."""

    plan: Plan
    topology: Topology
    hosts: Mapping[str, Host]
    policies: Policies
    uplinks: Uplinks
    services: RunningServices
    recorded: RunningCapture
    links: Mapping[str, str]
    watch: Watch
    started_s: float = field(default_factory=time.monotonic)
    _notes: dict[str, requests.JsonMapping] = field(default_factory=dict)

    @singledispatchmethod
    def answer(self, request: requests.LabRequest[AnswerT]) -> AnswerT:
        """Does what is asked, and returns the answer of the request's type."""
        raise NotImplementedError(type(request).__name__)

    def _host(self, name: str) -> Host:
        return _named(name, self.hosts, "host of this lab")

    def _switch(self, name: str) -> str:
        return _named(name, {switch: switch for switch in self.topology.policies}, "switch of this lab")

    @answer.register
    def status(self, _: requests.TellStatus) -> requests.LabStatus:
        """What this lab is."""
        return requests.LabStatus(
            name=self.plan.name,
            scenario=self.plan.scenario,
            topology=self.plan.topology,
            seed=self.plan.variation.seed,
            family=self.plan.variation.family,
            places=self.plan.places,
            hosts=tuple(self.hosts),
            switches=tuple(self.topology.policies),
            uplinks=self.uplinks.in_use,
            services=self.services.states(),
            links=self.links,
            notes=self.watch.notes,
            lost=self.watch.lost,
            up_s=time.monotonic() - self.started_s,
        )

    @answer.register
    def describe(self, _: requests.TellTopology) -> Topology:
        """The network, as its file says it."""
        return self.topology

    # Hosts.

    @answer.register
    def execute(self, request: requests.Execute) -> Finished:
        """Runs a shell command."""
        return self._host(request.host).execute(request.command, request.deadline_s, request.stdin)

    @answer.register
    def bind(self, request: requests.BindPath) -> Fulfilled:
        """Shows one thing in place of another."""
        self._host(request.host).bind(request.source, request.target)
        return _FULFILLED

    @answer.register
    def unbind(self, request: requests.UnbindPath) -> Fulfilled:
        """Shows what was there before."""
        self._host(request.host).unbind(request.target)
        return _FULFILLED

    @answer.register
    def write_file(self, request: requests.WriteFile) -> Fulfilled:
        """Copies what the descriptor holds."""
        self._host(request.host).copy_in(request.path, request.name, request.mode, request.content)
        return _FULFILLED

    @answer.register
    def read_file(self, request: requests.ReadFile) -> requests.OpenFile:
        """Opens it."""
        return requests.OpenFile(FileDescriptor(self._host(request.host).open_to_read(request.path)))

    @answer.register
    def set_uplink(self, request: requests.SetUplink) -> Fulfilled:
        """Takes down the ways out that the host prefers to this one."""
        host = self._host(request.host)
        _named(request.uplink, self.uplinks.of(host.name), f"way out of {host.name}")
        self.uplinks.use(host, request.uplink)
        return _FULFILLED

    @answer.register
    def measure_baseline(self, request: requests.MeasureBaseline) -> requests.RoundTrips:
        """Pings the far end: of the other family once, for no probe is to wait until each hop has found the next."""
        near, far = self.topology.baseline
        once = "".join(f"ping -n -c 1 -W 2 {other} >/dev/null & " for other in self.topology.beside(far))
        finished = self._host(near).execute(f"{once}ping -n -c {request.count} -i 0.04 -W 2 {far}; wait", 30)
        times = [float(part.split("=")[1]) for part in finished.stdout.split() if part.startswith("time=")]
        return requests.RoundTrips(times)

    # Switches.

    @answer.register
    def policy(self, request: requests.TellPolicy) -> requests.PolicyInForce:
        """The policy that was confirmed last."""
        return requests.PolicyInForce(self.policies[self._switch(request.switch)])

    @answer.register
    def set_policy(self, request: requests.SetPolicy) -> requests.FlowsConfirmed:
        """Waits for the switch to confirm."""
        return requests.FlowsConfirmed(self.policies.replace(self._switch(request.switch), request.config))

    @answer.register
    def flow_entries(self, request: requests.TellFlowEntries) -> requests.FlowEntries:
        """Asks the switch."""
        return requests.FlowEntries(openvswitch.flow_entries(self._switch(request.switch)))

    @answer.register
    def flow_tables(self, _: requests.TellFlowTables) -> Texts:
        """Asks all switches."""
        return Texts({switch: openvswitch.flow_table(switch) for switch in self.topology.policies})

    # Services.

    @answer.register
    def start_service(self, request: requests.StartService) -> Fulfilled:
        """Waits until it accepts."""
        self.services.start(self._host(request.host), request.service)
        return _FULFILLED

    @answer.register
    def stop_service(self, request: requests.StopService) -> Fulfilled:
        """Waits until it is gone."""
        self.services.stop(self._host(request.host), request.service)
        return _FULFILLED

    @answer.register
    def add_service(self, request: requests.AddService) -> Fulfilled:
        """Waits until it accepts."""
        self.services.add(self._host(request.host), request.service, request.settings)
        return _FULFILLED

    @answer.register
    def remove_service(self, request: requests.RemoveService) -> Fulfilled:
        """Waits until it is gone."""
        self.services.remove(self._host(request.host), request.service)
        return _FULFILLED

    @answer.register
    def configure_service(self, request: requests.ConfigureService) -> Fulfilled:
        """Waits until it accepts again."""
        self.services.configure(self._host(request.host), request.service, request.settings)
        return _FULFILLED

    @answer.register
    def replace_service(self, request: requests.ReplaceService) -> Fulfilled:
        """Waits until the other program accepts."""
        self.services.replace(self._host(request.host), request.service, request.command)
        return _FULFILLED

    @answer.register
    def service(self, request: requests.TellService) -> requests.ServiceState:
        """Whether its own program runs, and with which settings."""
        host = self._host(request.host)
        service = request.service
        is_running, settings = self.services.is_running(host, service), self.services.settings(host, service)
        return requests.ServiceState(is_running, settings, self.services.process(host, service))

    # What is recorded and remembered.

    @answer.register
    def capture(self, _: requests.TellCapture) -> requests.CaptureSoFar:
        """Has the recorder write all that it has."""
        content, counters = self.recorded.so_far()
        return requests.CaptureSoFar(FileDescriptor(content), counters)

    @answer.register
    def logs(self, _: requests.TellLogs) -> Texts:
        """What the lab's daemons wrote."""
        return Texts(read_logs())

    @answer.register
    def records(self, _: requests.TellRecords) -> Texts:
        """What its services recorded."""
        return Texts(read_records())

    @answer.register
    def remember(self, request: requests.Remember) -> Fulfilled:
        """Keeps the note in the lab's memory, of which it may take no more than there is for notes.

        Raises:
            InvalidInput: when it is too large; the one before it is kept.
        """
        kept = {key: note for key, note in self._notes.items() if key != request.key}
        if request.value is not None:
            kept[request.key] = request.value
            if (size := sum(len(key) + len(json.dumps(note)) for key, note in kept.items())) > _NOTES_BYTES:
                wrong = f"makes {size} bytes of notes, and a lab keeps {_NOTES_BYTES}"
                raise InvalidInput(Problem(f"note {request.key[:80]}", wrong, "keep less in it, or forget another"))
        self._notes = kept
        return _FULFILLED

    @answer.register
    def recall(self, request: requests.Recall) -> requests.Note:
        """Finds the note."""
        return requests.Note(self._notes.get(request.key))

    @answer.register
    def stop(self, _: requests.Stop) -> Fulfilled:
        """Leaves it to whoever answers, see `whodunet.lab.answering`: the lab ends once the answer is sent."""
        return _FULFILLED


def _named(name: str, there: Mapping[str, Named], kind: str) -> Named:
    if name not in there:
        raise InvalidInput(Problem(name, f"is not a {kind}", did_you_mean(name, there)))
    return there[name]
