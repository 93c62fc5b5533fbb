"""The machine that figures were measured on, in one line: they mean little without it."""

from __future__ import annotations

import os
import platform
import subprocess

from benchmarks.labs import environment


def machine_line() -> str:
    """Kernel, cores, Python, Open vSwitch, and how busy the machine was when the measuring began."""
    command = ["ovs-vswitchd", "--version"]
    first = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True).stdout.splitlines()[
        0
    ]
    parts = [
        f"{platform.system()} {platform.release()} {platform.machine()}",
        f"{len(os.sched_getaffinity(0))} cores",
        f"Python {platform.python_version()}",
        f"Open vSwitch {first.rpartition(' ')[2]}",
        f"load average {os.getloadavg()[0]:.1f}",
    ]
    return ", ".join(parts)
