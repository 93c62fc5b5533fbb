"""A process that has imported all that labs are made of, and forks the launcher of each: that is most of their start.

It knows nothing of any lab, and so none has anything of another in its memory: what it is given are descriptors,
which it passes on. It ends with whoever started it, and labs go on without it.

Run as `python -P -m whodunet.lab.warm STREAM REMARK`: an inherited socket, over which one is asked for after another;
and a remark for lists of processes, in whose place the launchers show what they are.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
from contextlib import suppress
from typing import Final, NoReturn

from whodunet import catalogue
from whodunet.importing import collect_rarely
from whodunet.lab import linux, server, spare

_LONGEST_LABEL_BYTES: Final = 1 << 12
_HANDED_OVER: Final = 4  # descriptors: label, lifeline, folder, standard error


def main(arguments: list[str]) -> None:
    """Forks launchers until nobody asks any more."""
    collect_rarely()
    stream = socket.socket(fileno=int(arguments[0]))
    import whodunet.lab.serving  # noqa: F401 - what the server of each lab would take long to import

    spare.preload(catalogue.folder("controllers") / "ryu_app.py")
    gc.collect()
    gc.freeze()
    while True:
        _, handed_over, _, _ = socket.recv_fds(stream, 1, _HANDED_OVER)
        if not handed_over:
            return
        _reap()
        launcher = os.fork()
        if launcher == 0:
            stream.close()
            _be_launcher(*handed_over)
        for descriptor in handed_over:
            os.close(descriptor)
        _tell(stream, launcher)


def _tell(stream: socket.socket, launcher: int) -> None:
    """Passes on a descriptor of the launcher, by which its end is noticed."""
    ends = os.pidfd_open(launcher)
    with suppress(OSError):  # whoever asked is gone, and so will this process be
        socket.send_fds(stream, [b"!"], [ends])
    os.close(ends)


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _be_launcher(label: int, lifeline: int, folder: int, said: int) -> NoReturn:
    """As a launcher that was started for itself."""
    try:
        os.setsid()
        os.dup2(said, 2)
        os.close(said)
        linux.set_command_line("whodunet.lab.server", os.read(label, _LONGEST_LABEL_BYTES).decode())
        os.close(label)
        server.launch(socket.socket(fileno=lifeline), folder)
    finally:
        os._exit(70)


if __name__ == "__main__":
    main(sys.argv[1:])
