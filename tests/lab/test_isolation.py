"""Nothing leads out of a lab: no packet, no socket, no file of the machine; and labs do not see each other."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from whodunet.lab.control import runtime_folder
from whodunet.lab.host_root import PYTHON
from whodunet.lab.sandboxed import SandboxedLab

# Tries every target it is told, side by side, and prints the ones that answered.
TRY: Final = r"""
import json, socket, subprocess, sys
from concurrent.futures import ThreadPoolExecutor

def attempt(target):
    kind, address, port = target
    if kind == "ping":
        return subprocess.run(["ping", "-c", "1", "-W", "1", address], capture_output=True).returncode == 0
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if kind == "unix":
        family, where = socket.AF_UNIX, address.replace("@", "\0")
    else:
        where = (address, port)
    with socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as out:
        out.settimeout(1)
        try:
            out.connect(where)
            out.send(QUERY)
            return bool(out.recv(512))
        except OSError:
            return False

# A query for the name servers of the root. Source: RFC 1035, section 4.1
QUERY = bytes.fromhex("beef0100000100000000000000" "0002" "0001")
targets = json.loads(sys.stdin.read())
with ThreadPoolExecutor(64) as side_by_side:
    print(json.dumps([t for t, reached in zip(targets, side_by_side.map(attempt, targets)) if reached]))
"""
WRITABLE: Final = r"""
import os, sys
for path in sys.stdin.read().split():
    try:
        os.close(os.open(path, os.O_WRONLY | (os.O_CREAT if path.endswith("/new") else 0)))
        print(path)
    except OSError:
        pass
"""
MACHINE_FILES: Final = (
    "/new", "/usr/new", "/var/lib/new", "/root/new", "/home/new", "/opt/new", f"{Path(__file__).parent}/new",
    f"{sys.prefix}/new", "/usr/bin/env", "/proc/sys/vm/swappiness", "/proc/sys/kernel/core_pattern",
    "/proc/sysrq-trigger", "/proc/irq/default_smp_affinity", "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/module/tcp_cubic/parameters/beta", "/sys/power/state", "/dev/vda", "/dev/sda", "/dev/kmsg", "/dev/mem",
    "/run/machine-etc/new", "/run/machine-etc/passwd", "/sys/fs/cgroup/new",
)  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """What can be reached on the machine, by those who can reach it."""

    listeners: list[socket.socket]
    targets: list[tuple[str, str, int]]

    def was_reached(self) -> bool:
        return bool(select.select(self.listeners, [], [], 0)[0])


def machine_addresses() -> list[str]:
    links = json.loads(subprocess.run(["ip", "-j", "address"], check=True, capture_output=True).stdout)
    return [each["local"] for link in links for each in link["addr_info"] if each["scope"] != "link"]


def name_servers() -> list[str]:
    lines = Path("/etc/resolv.conf").read_text().splitlines()
    return [line.split()[1] for line in lines if line.startswith("nameserver")]


@pytest.fixture
def target_machine(tmp_path: Path) -> Iterator[Machine]:
    """Listeners at every address of the machine, at an abstract and at two file system sockets."""
    with ExitStack() as closing:
        listeners, targets = [], []
        for kind, transport in (("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)):
            listener = closing.enter_context(socket.socket(socket.AF_INET6, transport))
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            listener.bind(("::", 0))
            listeners.append(listener)
            port = listener.getsockname()[1]
            targets += [(kind, address, port) for address in machine_addresses()]
        for path in (f"@whodunet-test-{os.getpid()}", f"{tmp_path}/socket", f"/run/whodunet-test-{os.getpid()}"):
            listener = closing.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            if os.access(Path(path).parent, os.W_OK) or path.startswith("@"):
                listener.bind(path.replace("@", "\0"))
                closing.callback(Path(path).unlink, missing_ok=True)
                listeners.append(listener)
                targets.append(("unix", path, 0))
        for listener in listeners:
            if listener.type == socket.SOCK_STREAM:
                listener.listen(64)
        targets += [(kind, server, 53) for kind in ("tcp", "udp") for server in name_servers()]
        targets += [("ping", address, 0) for address in (*name_servers(), "198.51.100.1")]
        targets += [("ping", address, 0) for address in machine_addresses() if not is_loopback(address)]
        yield Machine(listeners, targets)


def is_loopback(address: str) -> bool:
    return address.startswith("127.") or address == "::1"


def in_sandbox(lab: SandboxedLab, tree: Any, *command: str, stdin: str = "") -> str:
    """Runs a command in the sandbox itself, where the switches are."""
    launcher = tree.launcher_of(lab.name, tree.children(os.getpid()))
    (first,) = tree.children(tree.children(launcher)[0])
    enter = ["nsenter", f"--target={first}", "--user", "--preserve-credentials", "--mount", "--net", "--pid", "--ipc"]
    return subprocess.run([*enter, *command], input=stdin, check=True, capture_output=True, text=True).stdout


def test_the_targets_can_be_reached_from_the_machine_itself(target_machine: Machine) -> None:
    """Or else the next tests would prove nothing."""
    command = [sys.executable, "-c", TRY]
    subprocess.run(command, input=json.dumps(target_machine.targets), check=True, capture_output=True, text=True)
    reached = select.select(target_machine.listeners, [], [], 0)[0]
    assert reached == target_machine.listeners


def test_no_host_and_not_the_sandbox_itself_reaches_the_machine(
    open_lab: SandboxedLab, target_machine: Machine, process_tree: Any
) -> None:
    targets = json.dumps(target_machine.targets)

    def try_from(host: str) -> str:
        return open_lab.execute(host, f"{PYTHON} -c '{TRY}'", targets).stdout

    with ThreadPoolExecutor() as pool:
        answers = dict(zip(open_lab.status().hosts, pool.map(try_from, open_lab.status().hosts), strict=True))
    answers["the sandbox"] = in_sandbox(open_lab, process_tree, sys.executable, "-c", TRY, stdin=targets)
    assert {host: answer.strip() for host, answer in answers.items()} == dict.fromkeys(answers, "[]")
    assert not target_machine.was_reached()


def test_no_process_in_the_sandbox_has_the_folder_of_the_labs_sockets_open(
    open_lab: SandboxedLab, process_tree: Any
) -> None:
    launcher = process_tree.launcher_of(open_lab.name, process_tree.children(os.getpid()))
    (first,) = process_tree.children(process_tree.children(launcher)[0])
    folder = str(runtime_folder())
    assert folder in opened(launcher)  # or else the next line would prove nothing
    assert [pid for pid in (first, *process_tree.descendants(first)) if folder in opened(pid)] == []


def opened(pid: int) -> list[str]:
    """What a process has open, as far as this user may look."""
    with suppress(OSError):
        return [os.readlink(descriptor) for descriptor in Path(f"/proc/{pid}/fd").iterdir()]
    return []


def test_nothing_of_the_machine_can_be_written_to(open_lab: SandboxedLab, process_tree: Any) -> None:
    files = "\n".join(MACHINE_FILES)
    tried = open_lab.execute("client", f"{PYTHON} -c '{WRITABLE}'", f"{files}\n/tmp/new").stdout.split()
    assert tried == ["/new", "/var/lib/new", "/root/new", "/home/new", "/opt/new", "/tmp/new"]  # all of them its own
    assert not [path for path in tried if os.path.exists(path)]
    assert in_sandbox(open_lab, process_tree, sys.executable, "-c", WRITABLE, stdin=files) == ""


def test_the_network_settings_of_a_host_are_its_own(open_lab: SandboxedLab) -> None:
    before = Path("/proc/sys/net/ipv4/tcp_syn_retries").read_text()
    assert open_lab.execute("endpoints", "echo 1 > /proc/sys/net/ipv4/tcp_syn_retries").exit_status == 0
    assert Path("/proc/sys/net/ipv4/tcp_syn_retries").read_text() == before
    assert open_lab.execute("vpc-dns", "cat /proc/sys/net/ipv4/tcp_syn_retries").stdout == before


def test_a_lab_shows_none_of_the_machines_processes(open_lab: SandboxedLab) -> None:
    assert open_lab.execute("client", "ps -e -o comm=").stdout.split() == ["init", "ps"]
    assert open_lab.execute("client", "cat /proc/1/cmdline").stdout.rstrip("\0") == "init"


def test_six_labs_side_by_side_have_the_same_addresses_and_their_own_packets(new_lab: Any) -> None:
    with ExitStack() as stopping, ThreadPoolExecutor(6) as pool:
        labs = [stopping.enter_context(lab) for lab in pool.map(lambda _: new_lab("healthy"), range(6))]
        assert len({lab.name for lab in labs}) == 6
        ssh = "ssh -o ConnectTimeout=5 ec2-user@10.0.1.10 'cat > note; cat note'"
        notes = list(pool.map(lambda lab: lab.execute("client", ssh, lab.name).stdout, labs))
        assert notes == [lab.name for lab in labs]
        labs[0].execute("client", "ping -c 3 -i 0.2 -p c0ffee 10.0.1.10")
        seen = [b"\xc0\xff\xee" * 8 in captured(lab) for lab in labs]
        assert seen == [True, False, False, False, False, False]


def captured(lab: SandboxedLab) -> bytes:
    with lab.capture() as capture:
        return capture.path.read_bytes()
