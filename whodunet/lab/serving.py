"""The server of a lab: the lab itself, from bring-up to the last request."""

from __future__ import annotations

import json
import os
import socket
import threading
from contextlib import suppress
from typing import Final

from whodunet.errors import WhodunetError
from whodunet.lab.answering import serve
from whodunet.lab.bring_up import bring_up
from whodunet.lab.hosts import HostMaker
from whodunet.lab.plan import Plan
from whodunet.lab.spare import Spares
from whodunet.lab.watch import STOPPED, Watch

ENDED: Final = 75  # exit status when the lab ends by itself


class Lifeline:
    """The socket pair to the process that asked for the lab; the lab lives no longer than it, unless let go."""

    def __init__(self, stream: socket.socket) -> None:
        self.is_let_go = False
        self._stream = stream
        self._writing = threading.Lock()
        threading.Thread(target=self._end_with_owner, daemon=True).start()

    def _end_with_owner(self) -> None:
        with suppress(OSError):
            self.is_let_go = self._stream.recv(1) != b""
        if not self.is_let_go:
            os._exit(ENDED)

    def tell(self, kind: str, text: str) -> None:
        """Sends one line of progress, of failure or of warning to the owner, if there still is one."""
        line = json.dumps({"kind": kind, "text": text}).encode() + b"\n"
        with self._writing:
            try:
                self._stream.sendall(line)
            except OSError:
                return  # let go, and nobody is there to read it


def run_server(
    plans: socket.socket,
    births: socket.socket,
    door: socket.socket,
    stream: socket.socket,
    spares: Spares,
) -> int:
    """Waits for the plan, makes the lab and answers requests until its end; returns the exit status.

    Args:
        births: to the process that makes hosts.
        door: over which the launcher passes connections on.
        stream: to the process that asked for the lab.
        spares: what the lab will be made of.
    """
    text = plans.makefile("rb").readline()
    if not text:
        return ENDED
    plan = Plan.from_json(text.decode())
    lifeline = Lifeline(stream)

    def end(reason: str) -> None:
        if not lifeline.is_let_go:
            lifeline.tell("failed", reason)
        elif reason != STOPPED:
            door.sendall(reason.encode())  # to the launcher, which notes it for whoever asks after the lab
        os._exit(ENDED)

    watch = Watch(lambda text: lifeline.tell("progress", text), end)
    try:
        lab = bring_up(plan, HostMaker(births, plan.shares), watch, spares)
    except WhodunetError as error:
        end(watch.reason_of(str(error)))
    except Exception as error:
        end(watch.reason_of(f"the lab could not be brought up: {type(error).__name__}: {error}"))
    lifeline.tell("ready", "")
    serve(door, lab)
    return 0
