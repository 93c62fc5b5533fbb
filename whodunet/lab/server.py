"""The server: the process inside a sandbox that is one lab, from bring-up to the last request.

Run as `python -P -m whodunet.lab.server LIFELINE LABEL`: an inherited socket, on which the plan comes as a line of JSON
with the control socket beside it, and what lists of processes show. It is ended by `stop`, by the end of the process at
the other end of the lifeline, or by the end of anything that a lab is made of.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from whodunet.core.errors import CannotRun, WhodunetError
from whodunet.lab import sandbox
from whodunet.lab.control import Connection, peer_is_own_user
from whodunet.lab.linux import ask_for_low_latency
from whodunet.lab.plan import Plan

_ENDED: Final = 75  # exit status when the lab ends by itself


class Lifeline:
    """The socket pair to the process that asked for the lab; the lab lives no longer than it, unless let go."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._writing = threading.Lock()
        threading.Thread(target=self._end_with_owner, daemon=True).start()

    def _end_with_owner(self) -> None:
        try:
            is_let_go = self._stream.recv(1) != b""
        except OSError:
            is_let_go = False
        if not is_let_go:
            os._exit(_ENDED)

    def tell(self, kind: str, text: str) -> None:
        """Sends one line of progress, of failure or of warning to the owner, if there still is one."""
        line = json.dumps({"kind": kind, "text": text}).encode() + b"\n"
        with self._writing:
            try:
                self._stream.sendall(line)
            except OSError:
                return  # let go, and nobody is there to read it


class Server:
    """Answers requests; each connection has its own thread."""

    def __init__(self, listener: socket.socket, lab: Any) -> None:
        self._listener = listener
        self._lab = lab

    def serve(self) -> None:
        """Accepts connections until the process ends."""
        while True:
            stream, _ = self._listener.accept()
            if peer_is_own_user(stream):
                threading.Thread(target=self._converse, args=(Connection(stream),), daemon=True).start()
            else:
                stream.close()

    def _converse(self, connection: Connection) -> None:
        try:
            while True:
                request, descriptors = connection.receive()
                for descriptor in descriptors:
                    os.close(descriptor)
                answer, sent = self._answer(request)
                connection.send(answer, sent)
                for descriptor in sent:
                    os.close(descriptor)
        except (EOFError, OSError, ValueError):
            connection.close()

    def _answer(self, request: dict[str, Any]) -> tuple[Mapping[str, Any], tuple[int, ...]]:
        name = request.pop("operation", None)
        operation: Callable[..., Any] | None = self._lab.operations.get(name)
        if operation is None:
            return {"error": f"this lab does not know how to {name}; it runs another version of whodunet"}, ()
        try:
            answer = operation(**request)
        except WhodunetError as error:
            return {"error": str(error)}, ()
        except Exception as error:
            return {"error": f"{name} failed: {type(error).__name__}: {error}"}, ()
        return answer if isinstance(answer, tuple) else (answer or {}, ())


def _serve(control: int, stream: socket.socket, plan: Plan) -> int:
    from whodunet.lab.running import RunningLab

    ask_for_low_latency()
    lifeline = Lifeline(stream)

    def end(reason: str) -> None:
        lifeline.tell("failed", reason)
        os._exit(_ENDED)

    try:
        lab = RunningLab(plan, progress=lambda text: lifeline.tell("progress", text), end=end)
        lab.bring_up()
    except WhodunetError as error:
        end(str(error))
    except Exception as error:
        end(f"the lab could not be brought up: {type(error).__name__}: {error}")
    lifeline.tell("ready", "")
    Server(socket.socket(fileno=control), lab).serve()
    return 0


def _receive_plan(lifeline: socket.socket) -> tuple[Plan, int]:
    """Waits for the plan and the control socket; ends with whoever was to send them."""
    text, descriptors = b"", []
    while not text.endswith(b"\n"):
        chunk, received, _, _ = socket.recv_fds(lifeline, 1 << 16, 1)
        if not chunk:
            sys.exit(_ENDED)
        text += chunk
        descriptors += received
    return Plan.from_json(text.decode()), descriptors[0]


def main(arguments: list[str]) -> int:
    """Enters a new sandbox and is its lab until the end."""
    import whodunet.lab.running  # noqa: F401 - takes as long as the other side takes to find out what it wants

    lifeline = socket.socket(fileno=int(arguments[0]))
    plan, control = _receive_plan(lifeline)
    keep = (Path(sys.prefix), Path(sys.base_prefix), Path(__file__).resolve().parents[2], *map(Path, plan.keep))
    try:
        sandbox.launch(lambda: _serve(control, lifeline, plan), keep)
    except CannotRun as error:
        lifeline.sendall(json.dumps({"kind": "failed", "text": str(error)}).encode() + b"\n")
        return 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
