"""The process of a lab, from its start to its end. Three parts of it are three processes:

- the launcher, outside the sandbox: receives the plan, keeps the door (it accepts connections of the lab's own user and
  of nobody else), and removes the socket when the lab has ended;
- the first process of the sandbox: hides the machine, and forks the maker of hosts while it is still small;
- the server: the lab itself, from bring-up to the last request (`whodunet.lab.serving`).

The first process, the maker of hosts, the recorder, the link emulator and the controller are forked before anything
large is imported: what a process has loaded, each of its children holds in part.

Run as `python -P -m whodunet.lab.server LIFELINE FOLDER LABEL`: an inherited socket, on which the plan comes as a line
of JSON with the control socket beside it; an inherited descriptor of the folder that the socket lies in; and what lists
of processes show. It is ended by `stop`, by the end of the process at the other end of the lifeline, or by the end of
anything that a lab is made of.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

from whodunet import catalogue
from whodunet.errors import CannotRun
from whodunet.lab import control, host_messages, host_process, host_root, link_emulator, linux, recorder, sandbox, spare
from whodunet.lab.control import peer_is_own_user
from whodunet.lab.memory_limit import MemoryLimit

_LONGEST_REASON: Final = 4096  # bytes
_ENDED: Final = 75  # exit status when nobody tells it what it is to be
_GROWING: Final = {"/run/lab/log": "64m", "/run/lab/capture": "260m", "/run/lab/records": "64m"}
_CONNECTIONS: Final = "256"  # buckets of each host's own table of TCP connections, instead of the machine's table
_OPEN_FILES: Final = 2048  # a program that closes all that could be open takes longer, the more that is


def _serve(
    plans: socket.socket,
    births: socket.socket,
    door: socket.socket,
    lifeline: socket.socket,
    others: tuple[socket.socket, ...],
) -> int:
    """The server: imports what takes long while the machine is being hidden and the plan is on its way."""
    _close(*others)
    mine = (plans, births, door, lifeline)
    recording = _spare(recorder.stand_by, mine)
    emulating = _spare(link_emulator.stand_by, (*mine, recording.orders))
    ryu_app = catalogue.folder("controllers") / "ryu_app.py"
    controller = _spare(
        lambda orders: spare.stand_by_for_controller(orders, ryu_app), (*mine, recording.orders, emulating.orders)
    )
    from whodunet.lab.serving import run_server

    return run_server(plans, births, door, lifeline, spare.Spares(recording, emulating, controller))


def _spare(stand_by: Callable[[socket.socket], int], others: tuple[socket.socket, ...]) -> spare.Spare:
    orders, asked = socket.socketpair()

    def be_spare() -> int:
        _close(orders, *others)
        return stand_by(asked)

    pid = _fork(be_spare)
    asked.close()
    return spare.Spare(pid, orders)


def _be_first(
    plans: socket.socket,
    door: socket.socket,
    lifeline: socket.socket,
    needed: list[Path],
    others: tuple[socket.socket, ...],
    folder: int,
) -> int:
    """The first process of the sandbox; returns the server's exit status."""
    _close(*others)
    os.close(folder)
    linux.ask_for_low_latency()
    told, tells = socket.socketpair()
    births, asked = host_messages.connection()
    _fork(lambda: _make_hosts(asked, (plans, door, lifeline, told, tells, births)))
    asked.close()
    server = _fork(lambda: _serve(told, births, door, lifeline, (plans, tells)))
    _close(told, births, door)
    # In a child, with which the memory that it takes is given back; what it mounts, it mounts for all of them.
    preparing = _fork(lambda: _prepare(plans, tells, needed))
    _close(plans, tells)
    _, failed = os.waitpid(preparing, 0)
    return os.waitstatus_to_exitcode(failed) & 0xFF if failed else linux.reap_until_end_of(server)


def _prepare(plans: socket.socket, tells: socket.socket, needed: list[Path]) -> int:
    """Makes of the machine what a lab sees of it, and passes the plan on when that is done; returns an exit status."""
    from whodunet.lab.plan import Plan

    authorities = host_root.machine_authorities()  # some hundred files, read while the plan is on its way
    text = plans.makefile("rb").readline()
    if not text:
        return _ENDED
    plan = Plan.from_json(text.decode())
    sandbox.hide_machine([*needed, *map(Path, plan.keep), *(Path(share.source) for share in plan.shares)])
    with suppress(OSError):  # Linux 6.2 and later; it saves a tenth of a lab's start
        Path("/proc/sys/net/ipv4/tcp_child_ehash_entries").write_text(_CONNECTIONS, encoding="ascii")
    _make_folders()
    host_root.prepare_template(plan.variation.family, authorities)
    tells.sendall(text)
    return 0


def _fork(run: Callable[[], int]) -> int:
    child = os.fork()
    if child == 0:
        try:
            os._exit(run())
        except OSError as error:
            os.write(2, f"whodunet: {error.strerror or error}; {sandbox.FIX}\n".encode())
        except Exception as error:
            os.write(2, f"whodunet: {type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(70)
    return child


def _make_hosts(asked: socket.socket, others: tuple[socket.socket, ...]) -> int:
    """Forked, and no program of its own: one that is started in here is this user namespace's, and its root, who is a
    host's, too, may then list what it and all that are forked of it have open. Source: proc(5), /proc/PID, "dumpable".
    """
    _close(*others)
    host_process.make_hosts(asked)
    return 0


def _close(*sockets: socket.socket) -> None:
    for each in sockets:
        each.close()


def _make_folders() -> None:
    """What only the lab itself sees; what grows has file systems of its own, so that it takes nobody else's room."""
    for folder, size in _GROWING.items():
        os.makedirs(folder)
        linux.mount("lab", folder, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, f"mode=0700,size={size}")
    Path("/run/lab").chmod(0o700)


def _receive_plan(lifeline: socket.socket) -> tuple[bytes, socket.socket]:
    """Waits for the plan and the control socket; ends with whoever was to send them."""
    text, descriptors = b"", []
    while not text.endswith(b"\n"):
        chunk, received, _, _ = socket.recv_fds(lifeline, 1 << 16, 1)
        if not chunk:
            sys.exit(_ENDED)
        text += chunk
        descriptors += received
    return text, socket.socket(fileno=descriptors[0])


def _keep_door(listener: socket.socket, door: socket.socket, entered: int) -> None:
    """Lets the lab's own user in, until the sandbox has ended."""
    ended = os.pidfd_open(entered)
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    poll.register(ended, select.POLLIN)
    listener.setblocking(False)
    while ended not in (descriptor for descriptor, _ in poll.poll()):
        with suppress(OSError):
            stream, _ = listener.accept()
            with stream:
                if peer_is_own_user(stream):
                    socket.send_fds(door, [b"c"], [stream.fileno()])
    os.close(ended)


def _limit_open_files() -> None:
    import resource

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_OPEN_FILES, hard), hard))


def launch(lifeline: socket.socket, folder: int) -> NoReturn:
    """Launches a sandbox and keeps the lab's door until its end."""
    gc.freeze()  # or the first collection in each process would have every page copied that it shares with the others
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    _limit_open_files()
    plans, told = socket.socketpair()
    door, inside = socket.socketpair()
    needed = [Path(sys.prefix), Path(sys.base_prefix), Path(__file__).resolve().parents[2]]
    memory = MemoryLimit()
    try:
        entered = sandbox.enter(
            lambda: _be_first(told, inside, lifeline, needed, (plans, door), folder), needed, memory.take_in
        )
    except CannotRun as error:
        memory.remove()
        lifeline.sendall(json.dumps({"kind": "failed", "text": str(error)}).encode() + b"\n")
        sys.exit(3)
    _close(told, inside)
    text, listener = _receive_plan(lifeline)
    lifeline.close()
    with suppress(OSError):  # the sandbox has ended already; its owner hears why
        plans.sendall(text)
    plans.close()
    _keep_door(listener, door, entered)
    status = sandbox.wait(entered)
    memory.remove()
    name = json.loads(text)["name"]
    with suppress(OSError):  # nothing was said: it was stopped, or killed
        if reason := door.recv(_LONGEST_REASON, socket.MSG_DONTWAIT).decode(errors="replace"):
            control.note_end(name, reason, folder)
    control.remove(name, folder)
    os._exit(status)  # nothing is left to be written or told, and Python would take a tenth of the stop to end


if __name__ == "__main__":
    launch(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))
