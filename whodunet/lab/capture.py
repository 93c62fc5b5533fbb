"""The capture of a running lab: starts the recorder (`whodunet.lab.recorder`), and asks it how far it is."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from whodunet.errors import CannotRun
from whodunet.lab.messages import from_json
from whodunet.lab.processes import LOGS, Daemon, start_spare
from whodunet.lab.spare import Spare

_FILE: Final = Path("/run/lab/capture/capture.pcapng")


@dataclass(frozen=True)
class CaptureCounters:
    """What the recorder says of the capture file up to now."""

    dropped: Mapping[str, int]  # capture point: packets that it had to leave out
    frames: Mapping[str, int]  # capture point: frames in the file
    size_bytes: int
    time_ns: int  # CLOCK_REALTIME, as it read it then
    clock_offset_ns: int  # CLOCK_REALTIME minus CLOCK_BOOTTIME
    waited_ns: int | None  # by what carries the lab's packets, for a processor


class RunningCapture:
    """Records every interface of the lab from now on."""

    def __init__(self, interfaces: Mapping[str, int], recorder: Spare) -> None:
        """Starts the recorder without waiting.

        Args:
            interfaces: each by its name, with a descriptor of the network namespace that it lies in.
        """
        namespaces = sorted(set(interfaces.values()))
        places = [(name, namespaces.index(namespace)) for name, namespace in interfaces.items()]
        order = json.dumps([str(_FILE), places]).encode()
        self.daemon = Daemon("recorder", start_spare(recorder, order, namespaces), is_asked=True)
        self._asking = threading.Lock()

    def await_ready(self) -> None:
        """Returns when every interface is recorded.

        Raises:
            CannotRun: when the recorder could not start.
        """
        if not self.daemon.stdout.readline():
            raise CannotRun(f"the recorder did not start: {(LOGS / 'recorder.log').read_text()[-500:]}")

    def so_far(self) -> tuple[int, CaptureCounters]:
        """A descriptor of the capture file, which holds every packet up to now, and what the recorder says of it."""
        with self._asking:
            counters = from_json(self.daemon.ask("flush"), CaptureCounters)
        return os.open(_FILE, os.O_RDONLY), counters
