"""Whatever of a lab is killed, and whenever: nothing of it is left, and who asked for it is told in one line."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest

from whodunet.errors import CannotRun
from whodunet.lab.waiting import wait_until

KILLS: Final = 200
AT_A_TIME: Final = 5
# One probe that answers at once: a run is little more than start-up, baseline and stopping.
QUICK: Final = """
title: quick
story: quick
topology: corporate_vpn
probes:
  nc: {host: client, command: nc -vz -w 9 10.0.1.10 22}
answer:
  cause: none
  symptoms:
    nc: {symptom: connected}
"""


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it was quicker


@dataclass(frozen=True)
class Killing:
    """One kill: of which command, when in its life (0 to 1), and which of its processes."""

    number: int
    command: str
    moment: float
    victim: str

    @property
    def lab(self) -> str:
        return f"kill-{self.number}"


def plan_kills(seed: int) -> list[Killing]:
    """Moments all over the life of the commands, in an order of their own; victims in turn."""
    dice = random.Random(seed)
    victims = ("command", "launcher", "first process", "server", "any")
    commands = ("up", "check", "up", "exec", "up", "run", "up", "check", "down", "check")
    kills = []
    for number in range(KILLS):
        victim, moment = victims[number % 5], (number + dice.random()) / KILLS
        if victim not in ("command", "launcher"):
            moment = 0.3 + 0.7 * moment  # before, there is no such process
        kills.append(Killing(number, commands[number // 5 % len(commands)], moment, victim))
    dice.shuffle(kills)
    return kills


class Killer:
    """Runs commands on a machine and kills what the plan says."""

    def __init__(self, machine: Any, tree: Any, life_s: float) -> None:
        self.machine = machine
        self.tree = tree
        self.life_s = life_s
        self.killed: Counter[str] = Counter()

    def carry_out(self, killing: Killing) -> None:
        getattr(self, killing.command)(killing)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started: subprocess.Popen[str] = self.machine.popen(self.machine.command, *arguments, **quiet)
        return started

    def strike(self, killing: Killing, started: subprocess.Popen[str], life_s: float, launcher: int | None) -> None:
        """Waits for the moment, then kills the victim, or what of the command comes nearest to it by then."""
        end = time.monotonic() + killing.moment * life_s
        wait_until(lambda: time.monotonic() >= end or started.poll() is not None, "the moment", life_s + 60)
        there = self.processes(started, launcher)
        victim = next((name for name in (killing.victim, "server", "first process", "launcher") if there.get(name)), "")
        pid = random.Random(killing.number).choice(there.get(victim) or there["command"] or [0])
        if pid:
            self.killed[victim or "command"] += 1
            kill(pid)
        else:
            self.killed["nothing: it had ended"] += 1

    def processes(self, started: subprocess.Popen[str], launcher: int | None) -> dict[str, list[int]]:
        command = self.tree.children(started.pid)
        launchers = [launcher] if launcher else [pid for pid in map(self.launcher_of, command) if pid]
        entering = [pid for each in launchers for pid in self.tree.children(each)]
        firsts = [pid for each in entering for pid in self.tree.children(each)]
        parts = [pid for each in firsts for pid in self.tree.children(each)]  # maker, server, and the hosts
        servers = [pid for pid in parts if self.tree.children(pid)][:1]
        others = [pid for pid in parts if pid not in servers]
        others += [pid for each in parts for pid in self.tree.descendants(each)]
        return {
            "command": command,
            "launcher": launchers,
            "first process": firsts,
            "server": servers,
            "any": others,
        }

    def launcher_of(self, command: int) -> int | None:
        launchers = (pid for pid in self.tree.children(command) if "whodunet.lab.server" in self.tree.command_line(pid))
        return next(launchers, None)

    def check(self, killing: Killing) -> None:
        started = self.start("check", "/tmp/quick.yaml")
        self.strike(killing, started, self.life_s, None)
        started.wait(60)

    def run(self, killing: Killing) -> None:
        started = self.start("run", "/tmp/quick.yaml", "--keep", f"/tmp/home/record-{killing.number}")
        self.strike(killing, started, self.life_s, None)
        started.wait(60)

    def up(self, killing: Killing) -> None:
        """The lab may have been let go before the kill; then it stays, as it should, until `down`."""
        started = self.start("up", "/tmp/quick.yaml", "--as", killing.lab)
        self.strike(killing, started, self.life_s / 2, None)
        started.wait(60)
        self.take_down(killing.lab)

    def down(self, killing: Killing) -> None:
        """Killed while it ends."""
        assert self.machine.whodunet("up", "/tmp/quick.yaml", "--as", killing.lab).returncode == 0
        launcher = self.tree.launcher_of(killing.lab, self.tree.descendants(self.machine.first))
        ending = self.start("down", "--lab", killing.lab)
        self.strike(killing, ending, self.life_s / 10, launcher)
        ending.wait(60)
        self.take_down(killing.lab)

    def exec(self, killing: Killing) -> None:
        """The command itself, on a lab that goes on; what it started there goes with the lab."""
        started = self.start("exec", "--lab", "standing", "client", "--", "sleep", "1000")
        self.strike(replace(killing, victim="command"), started, self.life_s / 20, None)
        started.wait(60)

    def take_down(self, lab: str) -> None:
        """Ends a lab if it is there, and forgets why it ended if it has done so by itself."""
        down = self.machine.whodunet("down", "--lab", lab)
        assert down.returncode in (0, 3), down.stderr


def life_under_load(machine: Any) -> float:
    """How long the soonest of some commands takes here while the others run."""

    def run(_: int) -> float:
        started = time.monotonic()
        assert machine.whodunet("check", "/tmp/quick.yaml").returncode == 0
        return time.monotonic() - started

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return min(pool.map(run, range(AT_A_TIME)))


def test_a_kill_at_any_of_200_moments_leaves_nothing(
    fresh_machine: Any, process_tree: Any, leaving_nothing: Any
) -> None:
    seed = int(os.environ.get("WHODUNET_KILL_SEED", time.time_ns() % 10**6))
    print(f"seed {seed}; WHODUNET_KILL_SEED={seed} repeats it")
    machine = fresh_machine
    machine.path("/tmp/quick.yaml").write_text(QUICK)
    life_s = life_under_load(machine)
    killer = Killer(machine, process_tree, life_s)
    with leaving_nothing(machine, but=r"^/tmp/home/record-"):
        assert machine.whodunet("up", "/tmp/quick.yaml", "--as", "standing").returncode == 0
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            list(pool.map(killer.carry_out, plan_kills(seed)))
        machine.whodunet("ps")  # removes the sockets that killed labs have left
        assert machine.whodunet("exec", "--lab", "standing", "client", "hostname").stdout == "client\n"
        killer.take_down("standing")
    print(f"life {life_s:.1f} s; killed: {dict(killer.killed)}")
    assert killer.killed["nothing: it had ended"] < KILLS / 4, "the moments do not lie in the commands' lives"


LEAVE: Final = r"""
import os, socket, subprocess
listener = socket.socket(socket.AF_UNIX)
listener.set_inheritable(True)
listener.bind("/run/left-socket")
open("/tmp/left", "w").close()
subprocess.run("ip link add left type veth peer left-too; mount -t tmpfs left /mnt", shell=True, check=True)
subprocess.run(["mkdir", "/run/left"], check=True)
os.execvp("unshare", ["unshare", "--net", "sh", "-c", "echo left; exec sleep 1000"])
"""


def test_the_comparison_sees_whatever_is_left(spare_machine: Any) -> None:
    """Or else the next tests would prove nothing."""
    before = spare_machine.snapshot()
    left = spare_machine.popen(sys.executable, "-c", LEAVE, stdout=subprocess.PIPE)
    assert left.stdout.readline() == "left\n"
    after = spare_machine.snapshot()
    seen = {kind for kind in before if after[kind] - before[kind]}
    assert seen == {"process", "namespace", "interface", "mount", "unix socket", "file"}
    left.kill()
    left.wait()
    left.stdout.close()


ESSENTIAL: Final = ("ovsdb-server", "ovs-vswitchd", "recorder", "link-emulator", "init")
LOSABLE: Final = ("sshd", "dnsmasq")


@pytest.mark.parametrize("program", ESSENTIAL)
def test_a_lab_ends_with_whatever_it_is_made_of_and_says_so(program: str, new_lab: Any, process_tree: Any) -> None:
    with new_lab("healthy") as lab:
        launcher = process_tree.launcher_of(lab.name, process_tree.children(os.getpid()))
        victims = [pid for pid in process_tree.descendants(launcher) if is_program(pid, program, process_tree)]
        kill(victims[-1])
        with pytest.raises(CannotRun) as ended:
            wait_until(lambda: lab.status() is None, "the lab to end")
        assert str(ended.value).endswith("the lab ends with it")
        assert len(str(ended.value).splitlines()) == 1


@pytest.mark.parametrize("program", LOSABLE)
def test_a_lab_goes_on_without_what_root_on_a_host_can_end_and_remembers_that(
    program: str, new_lab: Any, process_tree: Any
) -> None:
    with new_lab("healthy") as lab:
        launcher = process_tree.launcher_of(lab.name, process_tree.children(os.getpid()))
        victims = [pid for pid in process_tree.descendants(launcher) if is_program(pid, program, process_tree)]
        kill(victims[-1])
        lost = wait_until(lambda: lab.status().lost, "the lab to notice")
        assert re.search(r"was killed by signal 9|ended with exit status", lost[0])
        assert lab.execute("transit1", "hostname").stdout == "transit1\n"


def is_program(pid: int, program: str, tree: Any) -> bool:
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return False  # it has just ended
    return name == program or (name.startswith("python") and f"whodunet.lab.{program}\0" in tree.command_line(pid))


def interrupted(machine: Any, number: int, line: str, *arguments: str) -> tuple[int, str]:
    """Signals a command once it has said a line on its standard error; status and the rest of what it said there."""
    command = machine.popen(machine.command, *arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    for said in command.stderr:
        if line in said:
            break
    machine.interrupt(command, number)
    _, rest = command.communicate(timeout=60)
    return command.returncode, rest


@pytest.mark.parametrize("line", ["nodes and cables are made", "ready after", "client$ "])
def test_ctrl_c_ends_a_run_with_one_line_and_status_130(machine: Any, leaving_nothing: Any, line: str) -> None:
    with leaving_nothing(machine):
        status, said = interrupted(machine, signal.SIGINT, line, "run", "security-group-drop")
    assert (status, said.strip().splitlines()[-1]) == (130, "whodunet: interrupted; nothing is left running")
    assert "Traceback" not in said


def test_ctrl_c_ends_all_labs_of_a_check(machine: Any, leaving_nothing: Any, process_tree: Any) -> None:
    with leaving_nothing(machine):
        command = machine.popen(machine.command, "check", "egress-drop", "security-group-drop", stderr=subprocess.PIPE)
        wait_until(lambda: len(process_tree.descendants(command.pid)) > 40, "two labs to be nearly up")
        machine.interrupt(command, signal.SIGINT)
        _, said = command.communicate(timeout=60)
    assert (command.returncode, said.strip()) == (130, "whodunet: interrupted; nothing is left running")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_end_of_a_terminal_is_the_end_of_its_lab(machine: Any, leaving_nothing: Any, number: int) -> None:
    with leaving_nothing(machine):
        status, said = interrupted(machine, number, "ready after", "run", "security-group-drop")
    assert status in (128 + number, -number)
    assert "Traceback" not in said


def test_a_lab_that_stays_outlives_the_terminal_it_came_from(machine: Any, leaving_nothing: Any) -> None:
    with leaving_nothing(machine):
        up = machine.popen(machine.command, "up", "healthy", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        up.communicate(timeout=60)
        machine.interrupt(up, signal.SIGHUP)
        assert machine.whodunet("exec", "client", "hostname").stdout == "client\n"
        assert machine.whodunet("down", "healthy").stdout == "healthy is down\n"


@pytest.mark.parametrize("program", ["ovs-vswitchd", "ovsdb-server", "ovs-vsctl", "link-emulator"])
def test_a_lab_whose_process_is_killed_while_it_comes_up_does_not_hang(
    machine: Any, leaving_nothing: Any, process_tree: Any, program: str
) -> None:
    with leaving_nothing(machine):
        up = machine.popen(machine.command, "up", "healthy", stderr=subprocess.PIPE)

        def there() -> list[int]:
            return [pid for pid in process_tree.descendants(up.pid) if is_program(pid, program, process_tree)]

        kill(wait_until(there, f"{program} to be there")[-1])
        _, said = up.communicate(timeout=60)
    assert up.returncode == 3
    assert program in said or "first process" in said
