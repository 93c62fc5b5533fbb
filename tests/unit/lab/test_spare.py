"""A process that was forked in advance becomes what it is told, once."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

from whodunet.lab.spare import Spare, stand_by_for_program

SAYS_WHAT_IT_IS = """
import os, sys
read = os.read(0, 100).decode()
said = [sys.argv[1:], os.environ["COLOUR"], "HOME" in os.environ, read, os.getsid(0) == os.getpid()]
os.write(1, repr(said).encode())
os._exit(7 if __name__ == "__main__" else 1)
"""


def forked(stand_by: Callable[[socket.socket], int]) -> Spare:
    orders, asked = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        orders.close()
        os._exit(stand_by(asked))
    asked.close()
    return Spare(pid, orders)


def stand_by(orders: socket.socket) -> int:
    return stand_by_for_program(orders, "spare")


def exit_status(spare: Spare) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(spare.pid, 0)[1])


def test_it_runs_the_program_with_these_arguments_variables_and_streams(tmp_path: Path) -> None:
    program, out = tmp_path / "program.py", tmp_path / "out"
    program.write_text(SAYS_WHAT_IT_IS)
    (tmp_path / "in").write_text("said")
    spare = forked(stand_by)
    with (tmp_path / "in").open() as stdin, out.open("w") as stdout:
        order = json.dumps([[str(program), "--listen", "here"], {"COLOUR": "red"}]).encode()
        spare.start(order, (stdin.fileno(), stdout.fileno(), stdout.fileno()))
    assert exit_status(spare) == 7
    assert out.read_text() == "[['--listen', 'here'], 'red', False, 'said', True]"


def test_it_ends_with_the_lab_that_has_no_order_for_it() -> None:
    spare = forked(stand_by)
    spare.orders.close()
    assert exit_status(spare) == 0
