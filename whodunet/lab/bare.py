"""A bare sandbox: namespaces and a private Open vSwitch, for other people's Mininet scripts and test suites."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from whodunet import catalogue
from whodunet.core.errors import WhodunetError
from whodunet.lab import linux, openvswitch, sandbox
from whodunet.lab.processes import LOGS, check, environment

_PROGRAMS: Final = Path("/run/lab/bin")
# Scripts ask for bridges with the kernel's datapath, which may not be there and is not ours to load.
_USERSPACE_VSCTL: Final = """\
#!/bin/bash
bridges=()
for word; do
  [ "$previous" = add-br ] && bridges+=(-- set Bridge "$word" datapath_type=netdev)
  previous=$word
done
exec /usr/bin/ovs-vsctl "$@" "${bridges[@]}"
"""
# The name of the controller that Mininet starts by default: `controller ... ptcp:PORT`.
_LEARNING_SWITCH: Final = """\
#!/bin/bash
address=${{!#}}
port=${{address##*:}}
exec {python} -P {ryu_app} --listen 127.0.0.1:$port --app ryu.app.simple_switch_13 < <(exec sleep infinity)
"""


def run(command: Sequence[str]) -> NoReturn:
    """Runs a command in a sandbox of its own and exits with its status; nothing of either is left.

    Raises:
        CannotRun: when the kernel refuses a namespace or a mount.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command
    keep = (Path(sys.prefix), Path(sys.base_prefix), Path(__file__).resolve().parents[2], Path.cwd())
    directory = Path.cwd()
    sys.exit(sandbox.wait(sandbox.enter(lambda: _be_first(command, directory, keep), keep)))


def _be_first(command: Sequence[str], directory: Path, keep: Sequence[Path]) -> int:
    sandbox.hide_machine(keep)
    LOGS.mkdir(parents=True)
    child = os.fork()
    if child == 0:
        os._exit(_inside(command, directory))
    return linux.reap_until_end_of(child)


def _inside(command: Sequence[str], directory: Path) -> int:
    try:
        check(["ip", "link", "set", "dev", "lo", "up"])
        openvswitch.start(finishes_checksums=True)  # a plain Mininet's hosts leave them open
        _install("ovs-vsctl", _USERSPACE_VSCTL)
        ryu_app = catalogue.folder("controllers") / "ryu_app.py"
        _install("controller", _LEARNING_SWITCH.format(python=sys.executable, ryu_app=ryu_app))
        settings = environment() | {"PATH": f"{_PROGRAMS}:{environment()['PATH']}", "SHELL": "/bin/bash"}
        heed_interrupts = ["env", "--default-signal=INT"]
        child = subprocess.Popen([*heed_interrupts, *command], cwd=directory, env=settings)
    except (OSError, WhodunetError) as error:
        os.write(2, f"whodunet: {error}\n".encode())
        return 3
    status = child.wait()
    return status if status >= 0 else 128 - status


def _install(name: str, script: str) -> None:
    """Puts a script before the machine's programs."""
    _PROGRAMS.mkdir(parents=True, exist_ok=True)
    path = _PROGRAMS / name
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)
