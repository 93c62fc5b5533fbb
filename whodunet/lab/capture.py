"""The capture of a running lab: starts the recorder (`whodunet.lab.recorder`), and asks it how far it is."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from whodunet.errors import CannotRun
from whodunet.lab.messages import from_json
from whodunet.lab.processes import LOGS, Child, Daemon, ForkedChild

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


class SpareRecorder:
    """A recorder that waits to be told what to record."""

    def __init__(self, pid: int, orders: socket.socket) -> None:
        self._pid = pid
        self._orders = orders

    def start(self, interfaces: Mapping[str, int], streams: Sequence[int]) -> Child:
        """Has it record these, with these standard streams."""
        namespaces = sorted(set(interfaces.values()))
        places = [(name, namespaces.index(namespace)) for name, namespace in interfaces.items()]
        order = json.dumps([str(_FILE), places]).encode()
        with self._orders:
            socket.send_fds(self._orders, [order], [*streams, *namespaces])
        return ForkedChild(self._pid)


class RunningCapture:
    """Records every interface of the lab from now on."""

    def __init__(self, interfaces: Mapping[str, int], recorder: SpareRecorder) -> None:
        """Starts the recorder without waiting.

        Args:
            interfaces: each by its name, with a descriptor of the network namespace that it lies in.
        """
        self.daemon = Daemon("recorder", partial(recorder.start, interfaces), is_asked=True)
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
