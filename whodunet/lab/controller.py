"""The lab's controllers: Ryu processes that carry out policies, told and asked by JSON lines."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from whodunet import catalogue
from whodunet.errors import CannotRun, Problem
from whodunet.lab.messages import from_json
from whodunet.lab.processes import Daemon, Start, environment, start_here, start_spare
from whodunet.lab.spare import Spare
from whodunet.lab.waiting import wait_until

_RESTARTS: Final = 20  # a controller that dies more often than this is beyond help


@dataclass(frozen=True)
class ControlledSwitch:
    """A switch, as its controller knows it."""

    name: str
    dpid: int
    ports: Mapping[str, int]  # interface: OpenFlow port number


@dataclass(frozen=True)
class ControllerEvent:
    """One line of what `controllers/ryu_app.py` tells."""

    event: str
    switch: str = ""
    revision: int = 0  # of the policy that it is about
    entries: int = 0  # that the switch has confirmed
    problems: Sequence[Problem] = ()  # why a policy is refused
    message: str = ""
    dpid: int = 0


class Controller:
    """One Ryu process; it is started again when it dies, and told its policies again."""

    def __init__(
        self, spare: Spare, ryu_app: Path, address: str, other_app: str | None, report: Callable[[str], None]
    ) -> None:
        """Starts it without waiting.

        Args:
            spare: becomes the first one, unless another app is to run; see `spare.stand_by_for_controller`.
            ryu_app: the file that knows Ryu.
            address: where it listens for switches, "127.0.0.1:6653".
            other_app: a Ryu app to run in place of the policies.
            report: told, in one sentence each, what goes wrong.
        """
        self._arguments = [str(ryu_app), "--listen", address]
        self._arguments += ["--app", other_app] if other_app else []
        for place in catalogue.given().places:
            self._arguments += ["--policies", str(place / "controllers")]
        self._report = report
        self._revisions: dict[str, int] = {}
        self._assignments: dict[str, str] = {}  # the line that told it a switch's policy last
        self._events: dict[tuple[str, str], ControllerEvent] = {}
        self._listening = False
        self._restarts = 0
        self._changing = threading.Lock()
        if other_app:
            spare.dismiss()  # it has left out of Ryu what other apps may need
            self._start(self._afresh())
        else:
            self._start(start_spare(spare, json.dumps([self._arguments, environment()]).encode()))

    def _start(self, start: Start) -> None:
        self._listening = False
        self._daemon = Daemon("controller", start, is_asked=True)
        threading.Thread(target=self._read_events, args=(self._daemon,), daemon=True).start()
        self._daemon.when_ended(self._restart)

    def _afresh(self) -> Start:
        return start_here([sys.executable, "-P", *self._arguments])

    def _restart(self, ended: str) -> None:
        self._restarts += 1
        if self._restarts > _RESTARTS:
            self._report(f"{ended}; it died {self._restarts} times, giving up")
            return
        self._report(f"{ended}; started again")
        self._start(self._afresh())
        for line in list(self._assignments.values()):
            self._tell(line)

    def _read_events(self, daemon: Daemon) -> None:
        for line in daemon.stdout:
            event = from_json(line.decode(), ControllerEvent)
            if event.event == "listening":
                self._listening = True
            elif event.event == "failed":
                self._report(f"{event.switch}: {event.message}")
            self._events[event.switch, event.event] = event

    def _tell(self, line: str) -> None:
        try:
            self._daemon.stdin.write(line.encode() + b"\n")
            self._daemon.stdin.flush()
        except BrokenPipeError:
            return  # it has just died; the restart tells it all policies

    def await_listening(self) -> None:
        """Returns when switches can connect."""
        wait_until(lambda: self._listening, "the controller to listen", 60)

    def set_policy(self, switch: ControlledSwitch, config: Mapping[str, object]) -> int:
        """Tells a policy without waiting; returns its revision."""
        with self._changing:
            revision = self._revisions[switch.name] = self._revisions.get(switch.name, 0) + 1
            place = {"switch": switch.name, "dpid": switch.dpid, "ports": dict(switch.ports)}
            line = json.dumps({"set": {**place, "revision": revision, "config": dict(config)}})
            self._assignments[switch.name] = line
        self._tell(line)
        return revision

    def await_confirmed(self, switch: str, revision: int) -> int:
        """Returns the number of flow entries once the switch has confirmed them (barrier reply).

        Raises:
            CannotRun: when the policy is refused, or the switch does not answer.
        """

        def answer() -> ControllerEvent | None:
            events = (self._events.get((switch, kind)) for kind in ("confirmed", "refused"))
            return next((event for event in events if event and event.revision == revision), None)

        event = wait_until(answer, f"{switch} to confirm the flow entries of its policy", 30)
        assert event is not None
        if event.event == "refused":
            raise CannotRun("\n".join(map(str, event.problems)))
        return event.entries

    @property
    def pid(self) -> int:
        """Process id inside the lab."""
        return self._daemon.pid
