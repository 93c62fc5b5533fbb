"""A running lab, as those outside talk to it: the engine, faults, the command line and test suites."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from whodunet.cases.fault import Completed, Fault, FaultNotInPlace
from whodunet.cases.lab import Capture
from whodunet.cases.scenario import Probe, Setup, Staging
from whodunet.errors import CannotRun
from whodunet.evidence.observation import Observation
from whodunet.evidence.topology import Topology
from whodunet.lab import control, requests
from whodunet.lab.connection import ControlConnection
from whodunet.lab.messages import FileDescriptor, MalformedMessage
from whodunet.lab.requests import AnswerT, JsonMapping, LabRequest, LabStatus, RequestRefused

_ANSWER_S: Final = 120.0  # more than the slowest request takes that has no deadline of its own
_FAULT_COMMAND_S: Final = 30.0
_STAGING: Final = "staging"


class LabClient:
    """A conversation with a lab; it is what `whodunet.cases.lab.Lab` and `whodunet.cases.fault.Network` ask for.

    Each method says what it has the lab do. All raise CannotRun: with the lab's own words when it refuses, and with the
    reason where there is one when it ends meanwhile.
    """

    def __init__(self, connection: ControlConnection, name: str) -> None:
        self.name = name  # under which `whodunet ps` lists it
        self.connection = connection
        self._asking = threading.Lock()  # an answer goes to who asked, also when several threads ask

    @classmethod
    def to(cls, name: str) -> LabClient:
        """Begins to talk to the running lab of that name."""
        return LabClient(ControlConnection(control.connect(name)), name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the conversation."""
        self.connection.close()

    def ask(self, request: LabRequest[AnswerT], timeout_s: float = _ANSWER_S) -> AnswerT:
        """Sends a request and waits for its answer."""
        what = _words(request)
        try:
            with self._asking:
                self.connection.send(request)
                expected: tuple[type[AnswerT | RequestRefused], ...] = (request.answer_type(), RequestRefused)
                answer = self.connection.receive(expected, timeout_s)
        except (TimeoutError, BlockingIOError) as error:
            raise CannotRun(f"the lab did not answer within {timeout_s:g} s when it was asked to {what}") from error
        except MalformedMessage as error:
            raise CannotRun(f"this lab runs another version of whodunet: {error}") from error
        except (EOFError, OSError) as error:
            raise CannotRun(self.why_it_ended() or f"the lab ended while it was asked to {what}") from error
        if isinstance(answer, RequestRefused):
            raise CannotRun(answer.reason)
        return answer

    def why_it_ended(self) -> str | None:
        """The lab's own last word, once it has ended by itself; None when there is none."""
        with suppress(CannotRun):
            control.await_gone(self.name)
        why = control.why_it_ended(self.name)
        return f"the lab {self.name} has ended by itself: {why}" if why else None

    def status(self, timeout_s: float = _ANSWER_S) -> LabStatus:
        """What the lab says of itself."""
        return self.ask(requests.TellStatus(), timeout_s)

    @cached_property
    def topology(self) -> Topology:
        """The network that it was made from."""
        return self.ask(requests.TellTopology())

    def end(self) -> None:
        """Ends the lab; returns when nothing of it is left."""
        self.ask(requests.Stop())
        control.await_gone(self.name)

    # Hosts.

    def execute(self, node: str, command: str, stdin: str = "", deadline_s: float = _FAULT_COMMAND_S) -> Completed:
        """Runs a shell command on a node as its root, to its end.

        Raises:
            CannotRun: also when it has not ended at the deadline.
        """
        done = self.ask(requests.Execute(node, command, deadline_s, stdin), deadline_s + _ANSWER_S)
        if done.exit_status is None:
            raise CannotRun(f"{node}: `{command}` did not end within {deadline_s:g} s")
        return Completed(done.exit_status, done.stdout, done.stderr)

    def probe(self, name: str, probe: Probe) -> Observation:
        """Runs one real command on one host."""
        try:
            done = self.ask(requests.Execute(probe.host, probe.command, probe.deadline_s), probe.deadline_s + _ANSWER_S)
        except CannotRun as error:
            return Observation(name, probe.host, probe.command, None, "", "", 0, 0, failure=str(error))
        return Observation(probe=name, host=probe.host, command=probe.command, **vars(done))

    def bind(self, node: str, source: str, target: str) -> None:
        """Shows a folder or file of a node in place of another one."""
        self.ask(requests.BindPath(node, source, target))

    def unbind(self, node: str, target: str) -> None:
        """Takes away what `bind` has put there last."""
        self.ask(requests.UnbindPath(node, target))

    def write_file(self, host: str, path: str, name: str, mode: int, content: int) -> None:
        """Writes what a descriptor holds into a file of a host; into one called `name` where the path is a folder."""
        self.ask(requests.WriteFile(host, path, name, mode, FileDescriptor(content)))

    def read_file(self, host: str, path: str) -> int:
        """A descriptor of a file of a host, which the caller closes."""
        return self.ask(requests.ReadFile(host, path)).content

    def set_uplink(self, host: str, uplink: str) -> None:
        """Has a host use one of its ways out."""
        self.ask(requests.SetUplink(host, uplink))

    def baseline_round_trips_ms(self) -> Sequence[float]:
        """Round trips of the topology's baseline path now; none when it does not answer."""
        return self.ask(requests.MeasureBaseline()).times_ms

    def baseline_rtt_ms(self) -> float | None:
        """The least of them, which is the path's own; None when it does not answer."""
        return min(self.baseline_round_trips_ms(), default=None)

    # Switches.

    def policy(self, switch: str) -> dict[str, object]:
        """The policy that a switch's controller carries out now."""
        return dict(self.ask(requests.TellPolicy(switch)).config)

    def set_policy(self, switch: str, config: JsonMapping) -> None:
        """Replaces a policy; returns when the switch has confirmed the flow entries."""
        self.ask(requests.SetPolicy(switch, config))

    def flow_entries(self, switch: str) -> str:
        """The flow table as the switch reports it."""
        return self.ask(requests.TellFlowEntries(switch)).text

    def flow_tables(self) -> Mapping[str, str]:
        """The flow table of each switch, with its counters."""
        return self.ask(requests.TellFlowTables()).by_name

    # Services.

    def start_service(self, node: str, service: str) -> None:
        """Starts a service; returns when it accepts."""
        self.ask(requests.StartService(node, service))

    def stop_service(self, node: str, service: str) -> None:
        """Stops a service; returns when it is gone."""
        self.ask(requests.StopService(node, service))

    def restart_service(self, node: str, service: str) -> None:
        """Stops a service and starts it again; returns when it is ready."""
        self.stop_service(node, service)
        self.start_service(node, service)

    def add_service(self, node: str, service: str, settings: JsonMapping) -> None:
        """Gives a node a further service; returns when it accepts."""
        self.ask(requests.AddService(node, service, settings))

    def remove_service(self, node: str, service: str) -> None:
        """Takes a service that was added away."""
        self.ask(requests.RemoveService(node, service))

    def service_is_running(self, node: str, service: str) -> bool:
        """True while the service's own program runs."""
        return self.ask(requests.TellService(node, service)).is_running

    def service_process(self, node: str, service: str) -> int | None:
        """The process id of a service, or of what stands in for it, on its node; None where there is none."""
        return self.ask(requests.TellService(node, service)).process

    def service_settings(self, node: str, service: str) -> dict[str, object]:
        """The settings that a service runs with."""
        return dict(self.ask(requests.TellService(node, service)).settings)

    def configure_service(self, node: str, service: str, settings: JsonMapping) -> None:
        """Starts a service again with other settings; returns when it accepts."""
        self.ask(requests.ConfigureService(node, service, settings))

    def replace_service(self, node: str, service: str, command: str) -> None:
        """Runs another program in place of a service; returns when it accepts."""
        self.ask(requests.ReplaceService(node, service, command))

    # What is recorded.

    @contextmanager
    def capture(self) -> Iterator[Capture]:
        """Everything recorded so far; the file stays readable inside the `with`, also when the lab has ended."""
        recorded = self.ask(requests.TellCapture())
        try:
            yield Capture(path=Path(f"/proc/self/fd/{recorded.content}"), **vars(recorded.counters))
        finally:
            os.close(recorded.content)

    def logs(self) -> Mapping[str, str]:
        """What the lab's daemons wrote, by file name."""
        return self.ask(requests.TellLogs()).by_name

    def records(self) -> Mapping[str, str]:
        """What its services recorded, by path: the audit trail of its cloud, and the transcripts of its sessions."""
        return self.ask(requests.TellRecords()).by_name

    # Faults. The lab remembers what was there before each, for commands that take it out later.

    def inject(self, fault: Fault) -> str:
        """Puts a fault in and returns the proof that it is there."""
        before = fault.inject(self)
        self._remember(_key(fault), {"before": before, "proof": None})  # it may have to be taken out all the same
        proof = fault.proof(self)
        if proof is None:
            raise FaultNotInPlace(f"{fault.kind} at {fault.culprit()} was injected and cannot be seen in the lab")
        self._remember(_key(fault), {"before": before, "proof": proof})
        return proof

    def remove(self, fault: Fault) -> str:
        """Takes a fault out and returns the proof that it is gone."""
        known = self._recall(_key(fault))
        if known is None:
            raise CannotRun(f"{fault.kind} at {fault.culprit()} was not injected into this lab")
        before = known["before"]
        assert isinstance(before, dict)
        fault.remove(self, before)
        self._remember(_key(fault), None)
        left = fault.remains(self)
        if left is not None:
            raise FaultNotInPlace(f"{fault.kind} at {fault.culprit()} was removed and is still there: {left}")
        return f"gone: {known['proof']}"

    def remember_staging(self, staging: Staging) -> None:
        """Has the lab remember its scenario's faults, for commands that switch them later."""
        self._remember(_STAGING, staging.model_dump(mode="json"))

    def staging(self, kinds: Mapping[str, type[Fault]]) -> Staging | None:
        """What `remember_staging` was told; None when nothing was.

        Args:
            kinds: every kind of fault.
        """
        told = self._recall(_STAGING)
        if told is None:
            return None
        assert isinstance(told["faults"], list)
        faults = tuple(kinds[each["kind"]].model_validate_json(json.dumps(each)) for each in told["faults"])
        return Staging(setup=Setup.model_validate_json(json.dumps(told["setup"])), faults=faults)

    def _remember(self, key: str, value: JsonMapping | None) -> None:
        self.ask(requests.Remember(key, value))

    def _recall(self, key: str) -> JsonMapping | None:
        return self.ask(requests.Recall(key)).value


def _key(fault: Fault) -> str:
    return f"before {fault.model_dump_json()}"


def _words(request: object) -> str:
    """What a request asks for, as an error tells it: "set policy"."""
    return re.sub(r"(?<=.)([A-Z])", r" \1", type(request).__name__).lower()
