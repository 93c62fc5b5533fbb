"""A lab from the outside: what the engine, the command line and test suites drive."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from whodunet.cases.fault import Completed, Fault, FaultNotInPlace
from whodunet.cases.lab import Capture
from whodunet.cases.scenario import Probe, Setup, Staging
from whodunet.errors import CannotRun
from whodunet.evidence.observation import Observation
from whodunet.evidence.topology import Topology
from whodunet.lab.control import Connection
from whodunet.lab.launching import LabProcess, Progress
from whodunet.lab.plan import Plan

_FAULT_COMMAND_S: Final = 30.0
_STAGING: Final = "staging"


def _key(fault: Fault) -> str:
    """The key under which a lab remembers what was there before the fault."""
    return f"before {fault.model_dump_json()}"


def _silent(text: str) -> None:
    """Progress that nobody wants to see."""


class SandboxedLab:
    """A running lab, as `whodunet.cases.lab.Lab` and `whodunet.cases.fault.Network` ask for it."""

    def __init__(self, connection: Connection, topology: Topology, process: LabProcess | None) -> None:
        self._connection = connection
        self.topology = topology
        self._process = process

    @classmethod
    def start(
        cls, plan: Plan, topology: Topology, progress: Progress = _silent, process: LabProcess | None = None
    ) -> Self:
        """Brings a lab up; returns when it is ready. The lab ends with this process, however that ends.

        Args:
            process: a process for it that was started in advance; a new one if None.
        """
        process = process or LabProcess(plan.name)
        try:
            process.tell(plan)
            process.await_ready(progress)
            return cls(Connection.to(process.name), topology, process)
        except BaseException:
            process.kill()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def name(self) -> str:
        """The name under which `whodunet ps` lists it."""
        return str(self.status()["name"])

    def let_go(self) -> None:
        """Lets the lab live on after this process."""
        assert self._process is not None
        self._process.let_go()
        self._process = None

    def stop(self) -> None:
        """Ends the lab; returns when nothing of it is left."""
        self._connection.close()
        if self._process is not None:
            self._process.kill()

    def ask(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Sends a request; where the lab has ended meanwhile, the error says why."""
        try:
            answer, descriptors = self._connection.ask(operation, **arguments)
        except CannotRun as error:
            has_ended = self._process is not None and isinstance(error.__cause__, OSError | EOFError)
            reason = self._process.why_it_ended() if self._process and has_ended else None
            raise CannotRun(reason or str(error)) from error
        for descriptor in descriptors:
            os.close(descriptor)
        return answer

    def status(self) -> dict[str, Any]:
        """What the lab is, as the lab says."""
        return self.ask("status")

    # What a fault does to a lab.

    def execute(self, node: str, command: str, stdin: str = "") -> Completed:
        """Runs a shell command on a node as its root."""
        done = self.ask("execute", host=node, command=command, deadline_s=_FAULT_COMMAND_S, stdin=stdin)
        if done["exit_status"] is None:
            raise CannotRun(f"{node}: `{command}` did not end within {_FAULT_COMMAND_S:g} s")
        return Completed(done["exit_status"], done["stdout"], done["stderr"])

    def bind(self, node: str, source: str, target: str) -> None:
        """Shows a folder or file of a node in place of another one."""
        self.ask("bind", host=node, source=source, target=target)

    def unbind(self, node: str, target: str) -> None:
        """Takes away what `bind` has put there last."""
        self.ask("unbind", host=node, target=target)

    def policy(self, switch: str) -> dict[str, Any]:
        """The policy that a switch's controller carries out now."""
        return dict(self.ask("policy", switch=switch)["policy"])

    def set_policy(self, switch: str, config: Mapping[str, Any]) -> None:
        """Replaces a policy; returns when the switch has confirmed the flow entries."""
        self.ask("set_policy", switch=switch, config=dict(config))

    def flow_entries(self, switch: str) -> str:
        """The flow table as the switch reports it."""
        return str(self.ask("flow_entries", switch=switch)["entries"])

    def start_service(self, node: str, service: str) -> None:
        """Starts a service; returns when it accepts."""
        self.ask("start_service", host=node, service=service)

    def stop_service(self, node: str, service: str) -> None:
        """Stops a service; returns when it is gone."""
        self.ask("stop_service", host=node, service=service)

    def add_service(self, node: str, service: str, settings: Mapping[str, Any]) -> None:
        """Gives a node a further service; returns when it accepts."""
        self.ask("add_service", host=node, service=service, settings=dict(settings))

    def remove_service(self, node: str, service: str) -> None:
        """Takes a service that was added away."""
        self.ask("remove_service", host=node, service=service)

    def restart_service(self, node: str, service: str) -> None:
        """Stops a service and starts it again; returns when it is ready."""
        self.stop_service(node, service)
        self.start_service(node, service)

    def service_is_running(self, node: str, service: str) -> bool:
        """True while the service's own program runs."""
        return bool(self.ask("service_is_running", host=node, service=service)["running"])

    def service_settings(self, node: str, service: str) -> dict[str, Any]:
        """The settings that a service runs with."""
        return dict(self.ask("service_settings", host=node, service=service)["settings"])

    def configure_service(self, node: str, service: str, settings: Mapping[str, Any]) -> None:
        """Starts a service again with other settings; returns when it accepts."""
        self.ask("configure_service", host=node, service=service, settings=dict(settings))

    def replace_service(self, node: str, service: str, command: str) -> None:
        """Runs another program in place of a stopped service; returns when it accepts."""
        self.ask("replace_service", host=node, service=service, command=command)

    # What the engine does with a lab.

    def set_uplink(self, host: str, uplink: str) -> None:
        """Has a host use one of its ways out."""
        self.ask("set_uplink", host=host, uplink=uplink)

    def inject(self, fault: Fault) -> str:
        """Puts a fault in and returns the proof that it is there; the lab remembers what was there before."""
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
        fault.remove(self, known["before"])
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
        faults = tuple(kinds[each["kind"]].model_validate_json(json.dumps(each)) for each in told["faults"])
        return Staging(setup=Setup.model_validate_json(json.dumps(told["setup"])), faults=faults)

    def _remember(self, key: str, value: Mapping[str, Any] | None) -> None:
        self.ask("remember", key=key, value=value)

    def _recall(self, key: str) -> dict[str, Any] | None:
        value: dict[str, Any] | None = self.ask("recall", key=key)["value"]
        return value

    def baseline_rtt_ms(self) -> float | None:
        """Least round trip of the topology's baseline path now; None when it does not answer."""
        least: float | None = self.ask("baseline")["least_ms"]
        return least

    def probe(self, name: str, probe: Probe) -> Observation:
        """Runs one real command on one host."""
        try:
            done = self.ask("execute", host=probe.host, command=probe.command, deadline_s=probe.deadline_s)
        except CannotRun as error:
            return Observation(name, probe.host, probe.command, None, "", "", 0, 0, failure=str(error))
        return Observation(probe=name, host=probe.host, command=probe.command, **done)

    @contextmanager
    def capture(self) -> Iterator[Capture]:
        """Everything recorded so far; the file stays readable inside the `with`, also when the lab has ended."""
        counters, (descriptor,) = self._connection.ask("capture")
        try:
            yield Capture(Path(f"/proc/self/fd/{descriptor}"), **counters)
        finally:
            os.close(descriptor)

    def flow_tables(self) -> dict[str, str]:
        """The flow table of each switch, with its counters."""
        return dict(self.ask("flow_tables")["tables"])

    def logs(self) -> dict[str, str]:
        """What the lab's daemons wrote, by file name."""
        return dict(self.ask("logs")["logs"])

    def records(self) -> dict[str, str]:
        """The audit trail of the lab's cloud and the transcripts of its sessions, by path."""
        return dict(self.ask("records")["records"])
