"""The controller that was forked in advance has loaded its program before, and becomes what it is told, once."""

from __future__ import annotations

import colorsys
import json
import os
import socket
import sys
from pathlib import Path

from whodunet.lab.spare import Spare, preload, stand_by_for_controller

SAYS_WHAT_IT_IS = """
import os, sys
from dataclasses import dataclass
os.write(int(os.environ["LOADED"]), repr(sys.argv == [__file__]).encode())

@dataclass
class Told:
    arguments: "list[str]"

def main() -> int:
    read = os.read(0, 100).decode()
    said = [Told(sys.argv[1:]), os.environ["COLOUR"], "HOME" in os.environ, read, os.getsid(0) == os.getpid()]
    os.write(1, repr(said).encode())
    return 7
"""


class Forked:
    """A spare that runs a file, and the pipe that this file writes to when it is loaded."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "program.py"
        self.program.write_text(SAYS_WHAT_IT_IS)
        orders, asked = socket.socketpair()
        self._loaded, tells = os.pipe()
        pid = os.fork()
        if pid == 0:
            orders.close()
            os.environ["LOADED"] = str(tells)
            os._exit(stand_by_for_controller(asked, self.program))
        asked.close()
        os.close(tells)
        self.spare = Spare(pid, orders)

    def said_when_loaded(self) -> str:
        return os.read(self._loaded, 100).decode()

    def exit_status(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.spare.pid, 0)[1])


def test_it_loads_its_program_without_an_order_and_ends_when_it_is_dismissed(tmp_path: Path) -> None:
    forked = Forked(tmp_path)
    assert forked.said_when_loaded() == "True"
    forked.spare.dismiss()
    assert forked.exit_status() == 0


def test_it_runs_what_it_loaded_with_these_arguments_variables_and_streams(tmp_path: Path) -> None:
    forked, out = Forked(tmp_path), tmp_path / "out"
    (tmp_path / "in").write_text("said")
    with (tmp_path / "in").open() as stdin, out.open("w") as stdout:
        order = json.dumps([[str(forked.program), "--listen", "here"], {"COLOUR": "red"}]).encode()
        forked.spare.start(order, (stdin.fileno(), stdout.fileno(), stdout.fileno()))
    assert forked.exit_status() == 7
    assert out.read_text() == "[Told(arguments=['--listen', 'here']), 'red', False, 'said', True]"


STANDS_IN = """
import sys
from types import ModuleType
sys.modules["colorsys"] = ModuleType("in place of colorsys")
sys.modules["made_up"] = ModuleType("made_up")
main = lambda: 8 if sys.modules["colorsys"].__name__ == "in place of colorsys" and "made_up" in sys.modules else 1
"""


def test_what_was_preloaded_is_there_for_controllers_alone(tmp_path: Path) -> None:
    program = tmp_path / "stands_in.py"
    program.write_text(STANDS_IN)
    orders, asked = socket.socketpair()
    told_r, tell_w = os.pipe()
    pid = os.fork()
    if pid == 0:
        orders.close()
        before, arguments = dict(sys.modules) | {"colorsys": colorsys}, sys.argv
        preload(program)
        os.write(tell_w, repr((sys.modules == before, sys.argv is arguments)).encode())
        program.unlink()
        os._exit(stand_by_for_controller(asked, program))
    asked.close()
    assert os.read(told_r, 100) == b"(True, True)"
    Spare(pid, orders).start(json.dumps([[str(program)], {}]).encode(), (tell_w, tell_w, tell_w))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 8
    for descriptor in (told_r, tell_w):
        os.close(descriptor)


def test_an_order_to_one_that_has_died_is_no_error_of_whoever_gives_it() -> None:
    orders, asked = socket.socketpair()
    asked.close()
    with open(os.devnull, "rb") as nothing:
        Spare(0, orders).start(b"order", (nothing.fileno(),) * 3)
    assert orders.fileno() == -1
