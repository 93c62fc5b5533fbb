"""A process that was forked while the lab was small, and waits to be told what to be.

It shares what was loaded by then with all others that come from the same process, and starts without an interpreter's
start.
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

from whodunet.lab import linux

_LONGEST_ORDER_BYTES: Final = 1 << 16
_MOST_DESCRIPTORS: Final = 253  # Source: unix(7), SCM_RIGHTS
_preloaded: dict[str, ModuleType] = {}  # what loading Ryu has brought and changed, by name


class Spare:
    """The lab's end of the socket to such a process."""

    def __init__(self, pid: int, orders: socket.socket) -> None:
        self.pid = pid
        self.orders = orders

    def start(self, order: bytes, streams: Sequence[int], descriptors: Sequence[int] = ()) -> None:
        """Gives it its one order, three standard streams and further descriptors.

        One that has died gets none: that it has is noticed as its end is at any other time.
        """
        with self.orders, suppress(BrokenPipeError):
            socket.send_fds(self.orders, [order], [*streams, *descriptors])

    def dismiss(self) -> None:
        """Nothing is asked of it: it ends."""
        self.orders.close()


@dataclass(frozen=True)
class Spares:
    """Those of a lab, by what each will be."""

    recorder: Spare
    emulator: Spare  # of links
    controller: Spare


def await_order(orders: socket.socket) -> tuple[bytes, list[int]]:
    """In that process: the order, and the further descriptors; it leads a session of its own from then on.

    The order is empty where the lab has ended before it gave one.
    """
    order, descriptors, _, _ = socket.recv_fds(orders, _LONGEST_ORDER_BYTES, _MOST_DESCRIPTORS)
    os.setsid()
    for standard, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    orders.close()
    return order, descriptors[3:]


def preload(ryu_app: Path) -> None:
    """Loads Ryu for the controllers that are going to be forked from here, and hides it from all else.

    It puts others in the place of modules that it has no use for, and that its neighbours have.
    """
    before, arguments = dict(sys.modules), sys.argv
    _load(ryu_app)
    sys.argv = arguments
    _preloaded.update({name: module for name, module in sys.modules.items() if before.get(name) is not module})
    for name in _preloaded:
        if name in before:
            sys.modules[name] = before[name]
        else:
            del sys.modules[name]


def _load(ryu_app: Path) -> None:
    sys.argv = [str(ryu_app)]
    spec = importlib.util.spec_from_file_location(ryu_app.stem, ryu_app)
    assert spec is not None  # as of every file that ends in .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[ryu_app.stem] = module
    spec.loader.exec_module(module)


def stand_by_for_controller(orders: socket.socket, ryu_app: Path) -> int:
    """Loads Ryu, waits to be told the command line, and runs the policies; returns the exit status.

    The order is JSON, [[FILE, ARGUMENT ...], {VARIABLE: VALUE}]: what stands on its command line, and its environment.

    Args:
        ryu_app: the file that knows Ryu.
    """
    linux.set_command_line("controller")
    if _preloaded:
        sys.modules.update(_preloaded)
    else:
        _load(ryu_app)
    order, _ = await_order(orders)
    if not order:
        return 0
    sys.argv, environment = json.loads(order)
    os.environ.clear()
    os.environ.update(environment)
    status: int = sys.modules[ryu_app.stem].main()
    return status
