"""Types at a command in a terminal of its own: `python3 - COMMAND` with this file on standard input.

COMMAND is a JSON list: the command, then steps of ["expect", REGEX], ["type", TEXT], ["resize", ROWS, COLUMNS] and
["end"]. All that the terminal showed is printed; the exit status is the command's, or 99 where a step waited in vain.
"""

import fcntl
import json
import os
import pty
import re
import select
import struct
import sys
import termios
import time

DEADLINE_S = 25
shown = ""  # by the terminal, from the start


def look(terminal: int, until: float) -> bool:
    """Takes what the command printed; False when it has ended, or the time is over."""
    global shown  # noqa: PLW0603 - a script with one terminal
    if not select.select([terminal], [], [], max(0, until - time.monotonic()))[0]:
        return False
    try:
        chunk = os.read(terminal, 65536)
    except OSError:  # Linux's word for the end of a terminal
        return False
    shown += chunk.decode(errors="replace")
    return bool(chunk)


def expect(terminal: int, pattern: str, start: int) -> int:
    """Waits until the pattern appears after `start`; where it ends."""
    until = time.monotonic() + DEADLINE_S
    while (found := re.search(pattern, shown[start:], re.MULTILINE)) is None:
        if not look(terminal, until):
            sys.stdout.write(f"{shown}\n*** {pattern!r} did not come\n")
            sys.exit(99)
    return start + found.end()


def main() -> None:
    """Plays the steps."""
    command, *steps = json.loads(sys.argv[1])
    child, terminal = pty.fork()
    if child == 0:
        os.execvp("sh", ["sh", "-c", f"exec {command}"])  # a shell in between would die of ^C
    place = 0
    for kind, *what in steps:
        if kind == "expect":
            place = expect(terminal, what[0], place)
        elif kind == "type":
            os.write(terminal, what[0].encode())
        elif kind == "resize":
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *what, 0, 0))
    until = time.monotonic() + DEADLINE_S
    while look(terminal, until):
        pass
    sys.stdout.write(shown)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


main()
