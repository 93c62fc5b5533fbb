"""A program that a sandbox on the machine lets do everything but connect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from whodunet.cases.fault import Misfit, Network, NodeFault, Settings, run_checked
from whodunet.cases.fields import ProgramName
from whodunet.errors import CannotRun
from whodunet.evidence.topology import Topology

_FOLDER: Final = "/run/sandboxes"
# As `firejail --seccomp=connect` would do, whose links stand in front of a program in the PATH. Source: seccomp(2),
# prctl(2); the numbers: asm/unistd.h, linux/audit.h and linux/filter.h.
_SANDBOX: Final = """\
#!/usr/bin/python3
# Runs a program that may not connect.
import ctypes, errno, os, struct, sys

connect, architecture = {"x86_64": (42, 0xC000003E), "aarch64": (203, 0xC00000B7)}[os.uname().machine]
load, if_equal, result, allow, fail = 0x20, 0x15, 0x06, 0x7FFF0000, 0x00050000
steps = [
    (load, 0, 0, 4),
    (if_equal, 0, 3, architecture),
    (load, 0, 0, 0),
    (if_equal, 0, 1, connect),
    (result, 0, 0, fail | errno.EPERM),
    (result, 0, 0, allow),
]
filled = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in steps))
program = struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(filled))
kernel = ctypes.CDLL(None, use_errno=True)
if kernel.prctl(38, 1, 0, 0, 0) or kernel.prctl(22, 2, program, 0, 0):
    sys.exit(f"seccomp: {os.strerror(ctypes.get_errno())}")
os.execv(TRUE, sys.argv)
"""
_FORBIDDEN: Final = "Operation not permitted"


class ProgramSandboxed(NodeFault):
    """In the program's place stands a sandbox that runs it, and has connect(2) fail with EPERM."""

    kind: Literal["program-sandboxed"] = "program-sandboxed"
    program: ProgramName

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """A program that cannot be asked to connect to the machine itself."""
        if self.program not in _ASKS:
            yield Misfit(("program",), f"is {self.program}", f"use one of: {', '.join(_ASKS)}")

    def inject(self, network: Network) -> Settings:
        """Keeps the program elsewhere, and shows the sandbox in its place."""
        place = network.execute(self.node, f"command -v {self.program}").stdout.strip()
        if not place.startswith("/"):
            raise CannotRun(f"{self.node} has no program {self.program}")
        true, sandbox = f"{_FOLDER}/true/{self.program}", f"{_FOLDER}/{self.program}"
        run_checked(network, self.node, f"mkdir -p {_FOLDER}/true && cp {place} {true}")
        run_checked(network, self.node, f"cat >{sandbox}", _SANDBOX.replace("TRUE", repr(true)))
        run_checked(network, self.node, f"chmod 755 {sandbox}")
        network.bind(self.node, sandbox, place)
        return {"place": place}

    def remove(self, network: Network, before: Settings) -> None:
        """Takes the sandbox away."""
        network.unbind(self.node, str(before["place"]))
        run_checked(network, self.node, f"rm -rf {_FOLDER}")

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """What the program says of a connection to its own machine."""
        said = network.execute(self.node, _ASKS[self.program])
        line = next((each for each in (said.stderr + said.stdout).splitlines() if _FORBIDDEN in each), None)
        return (f"{self.node}: {line}" if line else None,)


# How each connects to a port of the machine itself at which nobody listens.
_ASKS: Final = {
    "ssh": "ssh -F none -o BatchMode=yes -o ConnectTimeout=2 -p 1 127.0.0.1 true",
    "nc": "nc -vz -w 2 127.0.0.1 1",
    "curl": "curl -sS -v --max-time 2 http://127.0.0.1:1/",
}
