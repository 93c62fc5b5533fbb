"""The attacker: root on a host of a lab, as a learner is and as what injects faults, in root's lab and in a guest's.

What nobody on a host may see holds one word, SECRET, wherever it lies: on the machine, on another host, in the
scenario. Each attack is a small program. On the machine itself it gets through, or else it would prove nothing.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pytest

from whodunet import catalogue
from whodunet.lab.messages import encode, from_json
from whodunet.lab.requests import AnswerT, Execute, LabRequest, ReplaceService, StartService, TellLogs, TellStatus
from whodunet.lab.waiting import wait_until

SECRET: Final = "rosebud-7141"
ROOT: Final = Path(__file__).resolve().parents[2]
TYPIST: Final = (Path(__file__).parent / "typist.py").read_text(encoding="utf-8")
PYTHON: Final = "/opt/whodunet/venv/bin/python"  # on a host
PORT: Final = 7141
EVERYWHERE: Final = "~ /opt /tmp /run /etc /home /mnt /srv /var/tmp /var/log"
PLACES: Final = (
    "/opt/secret", "/tmp/secret", "/run/secret", "/var/tmp/secret", "/dev/shm/secret", "/etc/issue.net", "~/secret",
    f"{ROOT}/LICENSE",
)  # fmt: skip

# Puts the word into every place of a machine, or of a host, then listens, holds and waits.
WITNESS: Final = r"""
import ctypes, os, socket, sys, threading
secret = sys.argv[1]
for place in sys.argv[2:]:
    try:
        open(os.path.expanduser(place), "w").write(secret)
    except OSError:
        pass
os.chdir("/opt")
held = open("/opt/secret")
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
segment = libc.shmget(7141, 4096, 0o1666)
ctypes.memmove(libc.shmat(segment, None, 0), secret.encode(), len(secret))
def serve(family, address):
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    listener.listen()
    if isinstance(address, str) and address[0] == "/":
        os.chmod(address, 0o777)
    def answer():
        while True:
            connection, _ = listener.accept()
            connection.sendall(secret.encode())
            connection.close()
    threading.Thread(target=answer, daemon=True).start()
for path in ("\0witness", "/tmp/witness", "/run/witness", os.path.expanduser("~/witness")):
    serve(socket.AF_UNIX, path)
if len(sys.argv) > 3:
    serve(socket.AF_INET, ("127.0.0.1", 7141))
print("ready", flush=True)
sys.stdin.read()
"""
# A command that has the word in its environment, open in its descriptor 9, and in its keyring.
CAREFREE: Final = r"""
import ctypes, os, sys
secret, *command = sys.argv[1:]
libc = ctypes.CDLL(None)
libc.syscall(250, 1, None)
libc.syscall(248, b"user", b"witness", secret.encode(), len(secret), -3)
os.dup2(os.open("/opt/secret", os.O_RDONLY), 9)
os.environ["AWS_SECRET_ACCESS_KEY"] = secret
os.execvp(command[0], command)
"""
PRINT_FROM_SOCKETS: Final = r"""
import os, socket
for address in ("\0witness", "/tmp/witness", "/run/witness", os.path.expanduser("~/witness"), ("127.0.0.1", 7141)):
    try:
        with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as out:
            out.connect(address)
            print(out.recv(99).decode())
    except OSError as error:
        print(error)
"""
PRINT_KEYS: Final = r"""
import ctypes
libc = ctypes.CDLL(None)
for ring in (-3, -4, -5):
    key = libc.syscall(250, 10, ring, b"user", b"witness", 0)
    found = ctypes.create_string_buffer(99)
    if key > 0 and libc.syscall(250, 11, key, found, 99) > 0:
        print(found.value.decode())
"""
PRINT_SHARED_MEMORY: Final = r"""
import ctypes
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
segment = libc.shmget(7141, 4096, 0o666)
if segment >= 0:
    print(ctypes.string_at(libc.shmat(segment, None, 0), 99).decode())
"""
PRINT_MEMORY: Final = r"""
import os, re
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        if int(pid) == os.getpid() or not re.search(b"python|init|server", open(f"/proc/{pid}/cmdline", "rb").read()):
            continue
        heap = re.search(r"^(\w+)-(\w+) .*\[heap\]", open(f"/proc/{pid}/maps").read(), re.MULTILINE)
        with open(f"/proc/{pid}/mem", "rb", 0) as memory:
            memory.seek(int(heap[1], 16))
            print(*re.findall(rb"\w+-7141", memory.read(int(heap[2], 16) - int(heap[1], 16))))
    except (OSError, TypeError) as error:
        print(error)
"""
PRINT_BY_HANDLE: Final = r"""
import ctypes, os, struct
libc = ctypes.CDLL(None, use_errno=True)
size, kind, handle = "HANDLE".split()
wanted = ctypes.create_string_buffer(struct.pack("Ii", int(size), int(kind)) + bytes.fromhex(handle))
for place in ("/usr", "/usr/bin", "/"):
    found = libc.open_by_handle_at(os.open(place, os.O_RDONLY), wanted, os.O_RDONLY)
    if found >= 0:
        print("through" if os.read(found, 1) else "empty")
"""
PRINT_AFTER_CHROOTS: Final = r"""
import os
outside = os.open("/", os.O_RDONLY)
os.makedirs("/tmp/prison", exist_ok=True)
os.chroot("/tmp/prison")
os.fchdir(outside)
for _ in range(64):
    os.chdir("..")
os.chroot(".")
print(open("/opt/secret").read())
"""
TRACE_THE_FIRST: Final = r"""
import ctypes
if ctypes.CDLL(None).ptrace(0x4206, 1, None, None) == 0:  # PTRACE_SEIZE
    print("through")
"""
MAKE_A_DEVICE: Final = r"""
import os, stat
os.mknod("/tmp/device", stat.S_IFCHR | 0o600, os.makedev(1, 5))
print("through" if os.read(os.open("/tmp/device", os.O_RDONLY), 1) else "")
"""
SET_THE_CLOCK: Final = "import ctypes; ctypes.CDLL(None).syscall(164, None, None) == 0 and print('through')"
SPEAK_TO_THE_HYPERVISOR: Final = "import socket; socket.socket(socket.AF_VSOCK); print('through')"
# Source of the numbers: asm/unistd.h of x86_64.
CALL: Final = """
import ctypes
ctypes.set_errno(0)
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall({}, -1, -1, -1, -1, -1)
print("through" if ctypes.get_errno() != 38 else "no such call")
"""
SAME_VALUE: Final = "value=$(cat {0}) && value=${{value##*[}} && echo ${{value%%]*}} >{0} && echo through"


def python(program: str) -> str:
    """A shell command that runs a program."""
    return f"python3 - <<'END'\n{program}\nEND"


# These print SECRET, or "through", where nothing stands in their way.
READING: Final[Mapping[str, str]] = {
    "the environment of processes": "cat /proc/[0-9]*/environ | tr '\\0' '\\n'",
    "the command lines of processes": "cat /proc/[0-9]*/cmdline",
    "descriptors of processes": "for fd in /proc/[0-9]*/fd/*; do [ ! -f $fd ] || head -c 9999 $fd; done",
    "an inherited descriptor": "cat <&9",
    "roots of processes": "cat /proc/[0-9]*/root/opt/secret",
    "working directories of processes": "cat /proc/[0-9]*/cwd/secret",
    "memory of processes": python(PRINT_MEMORY),
    "mounts": "cat /proc/[0-9]*/mountinfo",
    **{f"the file {place}": f"cat {place}" for place in PLACES},
    "all files that there are": f"grep -rhoEs -D skip --exclude-dir=packages '[a-z]+-{PORT}' {EVERYWHERE}",
    "sockets": python(PRINT_FROM_SOCKETS),
    "keys": python(PRINT_KEYS),
    "shared memory": python(PRINT_SHARED_MEMORY),
    "nsenter": "nsenter --target 1 --mount --root -- cat /opt/secret",
    "two chroots": python(PRINT_AFTER_CHROOTS),
}
BREAKING: Final[Mapping[str, str]] = {
    "a file by its handle": python(PRINT_BY_HANDLE),
    "tracing the first process": python(TRACE_THE_FIRST),
    "the first process's environment": "cat /proc/1/environ >/dev/null && echo through",
    "the first process's descriptors": "ls /proc/1/fd/ >/dev/null && echo through",
    "the first process's root": "ls /proc/1/root/ >/dev/null && echo through",
    "the first process's memory": "exec 8<>/proc/1/mem && echo through",
    "the first process's namespaces": "readlink /proc/1/ns/mnt && echo through",
    "a device of its own": python(MAKE_A_DEVICE),
    "/usr made writable": "mount -o remount,rw,bind /usr && touch /usr/.now && rm /usr/.now && echo through",
    "a file in /usr": "touch /usr/.try && rm /usr/.try && echo through",
    **{f"the machine's {path}": f"umount --lazy {path} && echo through" for path in ("/usr", "/proc", "/sys", "/tmp")},
    "a /proc that is not locked": "mount -t proc proc /mnt && [ -w /mnt/sys/kernel/core_pattern ] && echo through",
    "the core pattern": SAME_VALUE.format("/proc/sys/kernel/core_pattern"),
    "swappiness": SAME_VALUE.format("/proc/sys/vm/swappiness"),
    "open files of the machine": SAME_VALUE.format("/proc/sys/fs/file-max"),
    "a setting in /sys": SAME_VALUE.format("/sys/kernel/mm/transparent_hugepage/enabled"),
    "a kernel file system": "mount -t debugfs none /mnt && echo through",
    "the hypervisor": python(SPEAK_TO_THE_HYPERVISOR),
    "the kernel's log": python(CALL.format(103)),
    "bpf": python(CALL.format(321)),
    "io_uring": python(CALL.format(425)),
    "userfaultfd": python(CALL.format(323)),
    "perf_event_open": python(CALL.format(298)),
    "the clock": python(SET_THE_CLOCK),
}
# What injects faults may do this, for it has to; whoever works on a host may not.
LEARNING: Final[Mapping[str, str]] = {
    "mounting": "mount -t tmpfs none /mnt && echo through",
    "a mount namespace": "unshare --mount true && echo through",
    "a user namespace": "unshare --user true && echo through",
    "a process namespace": "unshare --pid --fork true && echo through",
    "a network namespace": "unshare --net true && echo through",
    "a new root": "cd /tmp && mkdir -p new && mount --bind new new && pivot_root new new && echo through",
}
# What an ordinary user's own namespaces do not allow either: these are shown to work where the suite runs as root.
FOR_ROOT_ALONE: Final = {
    "a file by its handle", "a device of its own", "/usr made writable", "a file in /usr", "the machine's /sys",
    "a /proc that is not locked", "the core pattern", "swappiness", "open files of the machine", "a setting in /sys",
    "a kernel file system", "the clock", "a new root",
}  # fmt: skip
OWNERS: Final = ("root", "guest") if os.geteuid() == 0 else ("root",)
ONLY_ROOT: Final = pytest.mark.skipif("guest" not in OWNERS, reason="there is one user only")
ATTACKS: Final = {**READING, **BREAKING, **LEARNING}
# Runs attacks that come as JSON on standard input, side by side; prints what each of them printed.
RUN: Final = r"""
import json, subprocess, sys
from concurrent.futures import ThreadPoolExecutor
def run(attack):
    pipes = {"stdin": subprocess.DEVNULL, "capture_output": True, "close_fds": False}
    done = subprocess.run(["timeout", "30", "bash", "-c", attack], **pipes)
    return done.stdout.decode(errors="replace")[-50000:] + done.stderr.decode(errors="replace")[-500:]
attacks = json.loads(sys.stdin.read())
with ThreadPoolExecutor(8) as side_by_side:
    print(json.dumps(dict(zip(attacks, side_by_side.map(run, attacks.values())))))
"""
# Asks a lab as the library does.
ASK: Final = r"""
import sys
from whodunet.lab.client import LabClient
from whodunet.lab.messages import decode, to_json
from whodunet.lab.requests import REQUESTS
print(to_json(LabClient.to(sys.argv[1]).ask(decode(sys.stdin.buffer.read(), REQUESTS))))
"""


@dataclass(frozen=True)
class Owner:
    """A user of a machine who has a lab on it."""

    machine: Any
    lab: str
    prefix: tuple[str, ...]  # words before a command of this user

    def popen(self, *command: str, **options: Any) -> subprocess.Popen[str]:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started: subprocess.Popen[str] = self.machine.popen(*self.prefix, *command, **pipes | options)
        return started

    def run(self, *command: str, said: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
        child = self.popen(*command, **options)
        out, err = child.communicate(said, timeout=100)
        return subprocess.CompletedProcess(command, child.returncode, out, err)

    def whodunet(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return self.run(self.machine.command, *arguments, **options)

    def up(self, scenario: str) -> None:
        """From a shell that has the word in its environment, in an open file and in its keyring."""
        carefree = (sys.executable, "-c", CAREFREE, SECRET)
        done = self.run(*carefree, self.machine.command, "up", scenario, "--as", self.lab)
        assert done.returncode == 0, done.stderr

    def learner(self, host: str, *command: str, said: str = "") -> subprocess.CompletedProcess[str]:
        return self.run(*self.on(host, *command), said=said)

    def on(self, host: str, *command: str) -> tuple[str, ...]:
        """The words that run a command on a host, as a learner does."""
        return (self.machine.command, "exec", "--lab", self.lab, host, "--", *command)

    def ask(self, request: LabRequest[AnswerT]) -> AnswerT:
        asked = self.run(sys.executable, "-c", ASK, self.lab, said=encode(request)[0].decode())
        assert asked.returncode == 0, asked.stderr
        return from_json(asked.stdout, request.answer_type())

    def attack(self, host: str, attacks: Mapping[str, str]) -> dict[str, str]:
        """What each attack printed."""
        out = self.learner(host, "python3", "-c", RUN, said=json.dumps(attacks)).stdout
        printed: dict[str, str] = json.loads(out)
        return printed


PLANT: Final = r"""
set -e
mount -t tmpfs -o mode=1777 "$SECRET" /opt
mount --bind /usr /usr
echo "$SECRET" >/tmp/word
for file in /etc/issue.net "$LICENSE"; do [ -e "$file" ] || touch "$file"; mount --bind /tmp/word "$file"; done
sed "s/^title: .*/title: $SECRET/" "$SCENARIOS/$STEM.yaml" >"/opt/$SECRET.yaml"
"""
MAKE_HANDLE: Final = r"""
import ctypes, struct, sys
handle, mount = ctypes.create_string_buffer(struct.pack("Ii", 128, 0), 136), ctypes.c_int()
assert ctypes.CDLL(None).name_to_handle_at(-100, sys.argv[1].encode(), handle, ctypes.byref(mount), 0) == 0
size, kind = struct.unpack("Ii", handle.raw[:8])
print(size, kind, handle.raw[8 : 8 + size].hex())
"""
# By whom the labs are: an ordinary user who runs the suite is root in the machine of namespaces, with ids of its own.


def got_through(printed: str) -> bool:
    return SECRET in printed or "through" in printed.splitlines()


class Siege:
    """Labs of several owners on one machine, with the word in all places; each attack is carried out once."""

    def __init__(self, machine: Any, prefixes: Mapping[str, tuple[str, ...]]) -> None:
        self.machine = machine
        self.owners = {name: Owner(machine, f"walls-{name}", prefix) for name, prefix in prefixes.items()}
        self.root = self.owners["root"]
        settings = {"SECRET": SECRET, "LICENSE": f"{ROOT}/LICENSE", "SCENARIOS": str(catalogue.folder("scenarios"))}
        planted = self.root.run("bash", "-c", PLANT, env=os.environ | settings | {"STEM": "ssm-session"})
        assert planted.returncode == 0, planted.stderr
        self.witnesses = [self._witness(self.root, sys.executable, "-c", WITNESS, SECRET, *PLACES)]
        for owner in self.owners.values():
            owner.up(f"/opt/{SECRET}.yaml")
            there = owner.on("instance", "python3", "-c", WITNESS, SECRET, *PLACES[:6])
            self.witnesses.append(self._witness(owner, *there))
        handle = self.root.run(sys.executable, "-c", MAKE_HANDLE, "/var/lib/dpkg/status").stdout.strip()
        self.attacks = {name: attack.replace("HANDLE", handle) for name, attack in ATTACKS.items()}
        self._printed: dict[str, dict[str, str]] = {}

    def _witness(self, owner: Owner, *command: str) -> subprocess.Popen[str]:
        witness = owner.popen(*command)
        assert witness.stdout is not None
        assert witness.stdout.readline() == "ready\n"
        return witness

    @cached_property
    def on_the_machine(self) -> dict[str, str]:
        """What the attacks print there, each in a mount namespace of its own, for some take away what others need."""
        apart = {name: f"exec unshare --mount bash -c {shlex.quote(attack)}" for name, attack in self.attacks.items()}
        carefree = (sys.executable, "-c", CAREFREE, SECRET, "python3", "-c", RUN)
        done = self.root.run(*carefree, said=json.dumps(apart))
        assert done.returncode == 0, done.stderr
        printed: dict[str, str] = json.loads(done.stdout)
        return printed

    def on_a_host(self, owner: str) -> dict[str, str]:
        if owner not in self._printed:
            self._printed[owner] = self.owners[owner].attack("client", self.attacks)
        return self._printed[owner]

    def end(self) -> None:
        for witness in self.witnesses:
            witness.kill()
            witness.communicate()


@pytest.fixture(scope="module")
def siege(settle_guest: Any, fresh_machine: Any) -> Iterator[Siege]:
    """A machine with a lab of root's and one of a guest's."""
    prefixes = {"root": (), "guest": settle_guest(fresh_machine)} if "guest" in OWNERS else {"root": ()}
    siege = Siege(fresh_machine, prefixes)
    yield siege
    siege.end()


@pytest.mark.parametrize("attack", [name for name in ATTACKS if "guest" in OWNERS or name not in FOR_ROOT_ALONE])
def test_on_the_machine_itself_the_attack_gets_through(siege: Siege, attack: str) -> None:
    """Or else the next tests would prove nothing."""
    assert got_through(siege.on_the_machine[attack]), siege.on_the_machine[attack]


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("attack", ATTACKS)
def test_from_a_host_a_learner_does_not_get_through(siege: Siege, attack: str, owner: str) -> None:
    printed = siege.on_a_host(owner)[attack]
    assert not got_through(printed), printed


def test_what_puts_a_fault_in_runs_with_no_more_rights_than_a_learner(siege: Siege) -> None:
    """Or else a learner's library in place of a program's would have them."""
    show = "grep -h Cap /proc/self/status"
    asked = siege.root.ask(Execute("client", show, 9)).stdout
    assert asked == siege.root.learner("client", "sh", "-c", show).stdout
    assert len(asked.splitlines()) == 5


def test_each_witness_is_there_to_be_found(siege: Siege) -> None:
    """On its own host the word is read: so it is walls that hide it from the others."""
    for owner in siege.owners.values():
        printed = owner.attack("instance", {name: siege.attacks[name] for name in ("the file /tmp/secret", "sockets")})
        assert all(map(got_through, printed.values())), printed


def test_hosts_lab_and_machine_share_no_namespace(siege: Siege, process_tree: Any) -> None:
    show = ["sh", "-c", "cd /proc/self/ns && readlink cgroup ipc mnt net pid user uts"]
    for owner in siege.owners.values():
        places = [owner.learner(host, *show).stdout.split() for host in ("client", "instance", "endpoints")]
        places.append([os.readlink(f"/proc/{server_of(owner, process_tree)}/ns/{kind}") for kind in ("net", "mnt")])
        places.append(owner.run(*show).stdout.split())
        everything = [namespace for place in places for namespace in place]
        assert len(everything) == len(set(everything)) == 4 * 7 + 2


@ONLY_ROOT
def test_no_host_shows_the_key_that_seals_the_clouds_tokens(siege: Siege, process_tree: Any) -> None:
    settings = f"/proc/{server_of(siege.root, process_tree)}/root/run/lab/services/endpoints/control_plane.json"
    seal_key = json.loads(Path(settings).read_text())["seal_key"]
    search = {"files": f"grep -rhoEs -D skip --exclude-dir=packages '[0-9a-f]{{64}}' {EVERYWHERE} /proc/[0-9]*/environ"}
    for host in ("endpoints", "client", "instance"):
        assert seal_key not in siege.root.attack(host, search)["files"]
    assert len(seal_key) == 64


def server_of(owner: Owner, tree: Any) -> int:
    launcher = tree.launcher_of(owner.lab, tree.descendants(owner.machine.first))
    first = tree.children(tree.children(launcher)[0])[0]
    server: int = tree.children(first)[1]  # after the maker of hosts
    return server


# What hands a program on a host to its user outside.


REOPEN: Final = "head -1 /proc/self/fd/0; : >/proc/self/fd/1; echo and more"


def test_a_program_that_is_handed_a_file_reopens_it_on_the_machine_itself(siege: Siege, tmp_path: Path) -> None:
    assert reopened(siege.root, tmp_path, "sh", "-c", REOPEN) == "and more\n"


@pytest.mark.parametrize("owner", OWNERS)
def test_a_program_on_a_host_reopens_its_pipes_and_not_the_users_files(
    siege: Siege, tmp_path: Path, owner: str
) -> None:
    attacked = siege.owners[owner]
    kept = reopened(attacked, tmp_path, *attacked.on("client", "sh", "-c", REOPEN))
    assert kept == "first line\nsecond line\nand more\n"


def reopened(owner: Owner, folder: Path, *command: str) -> str:
    """What a file holds once a command has written to it, whose input and output began behind the first lines."""
    given, taken = folder / "given", folder / "taken"
    given.write_text(f"{SECRET}\nsecond line\n")
    taken.write_text("first line\n")
    with given.open("rb", buffering=0) as stdin, taken.open("a") as stdout:
        stdin.seek(len(SECRET) + 1)
        owner.popen(*command, stdin=stdin, stdout=stdout).communicate(timeout=50)
    return taken.read_text()


INJECT: Final = """
import fcntl, termios
for key in b"typed for you\\n":
    fcntl.ioctl(0, termios.TIOCSTI, bytes([key]))
"""


def test_on_the_machine_itself_a_program_types_into_its_terminal(siege: Siege) -> None:
    siege.machine.path("/tmp/inject.py").write_text(INJECT)
    typed = played(siege.root, "sh -c 'python3 /tmp/inject.py; read line; echo GOT: $line'", ["expect", "GOT: typed"])
    assert typed.returncode == 0, typed.stdout


@pytest.mark.parametrize("owner", OWNERS)
def test_nobody_on_a_host_types_into_its_users_terminal(siege: Siege, owner: str) -> None:
    attacked = siege.owners[owner]
    attacked.learner("client", "sh", "-c", "cat >/tmp/inject.py", said=INJECT)
    shell = f"{attacked.machine.command} shell --lab {attacked.lab} client"
    steps = [["expect", "client:~# "], ["type", "exec python3 /tmp/inject.py\n"], ["expect", "now"], ["type", "me\n"]]
    typed = played(attacked, f"sh -c '{shell}; echo now; read line; echo GOT: $line'", *steps, ["expect", "GOT: me"])
    assert typed.returncode == 0, typed.stdout


def played(owner: Owner, command: str, *steps: list[str]) -> subprocess.CompletedProcess[str]:
    return owner.run(sys.executable, "-c", TYPIST, json.dumps([command, *steps]))


# What a host leaves in the way of the lab.

TRICKS: Final[Mapping[str, str]] = {
    "a link out": "ln -sfn /tmp/victim {0}",
    "a link up and out": "ln -sfn ../../../../../../../../tmp/victim {0}",
    "a link through a process": "ln -sfn /proc/1/root/tmp/victim {0}",
    "a link through a descriptor": "ln -sfn /proc/self/fd/3 {0}",
    "a FIFO": "rm -f {0}; mkfifo {0}",
    "a folder": "rm -f {0}; mkdir -p {0}",
    "a device": "ln -sfn /dev/zero {0}",
}


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("trick", TRICKS)
def test_the_lab_writes_and_reads_where_it_means_to_or_says_that_it_cannot(
    siege: Siege, owner: str, trick: str
) -> None:
    tricked = siege.owners[owner]
    victim = siege.machine.path("/tmp/victim")
    victim.write_text("as it was")
    victim.chmod(0o666)
    tricked.learner("transit1", "bash", "-c", TRICKS[trick].format("/root/place"))
    written = tricked.whodunet("cp", "--lab", tricked.lab, "/etc/hostname", "transit1:place")
    fetched = tricked.whodunet("cp", "--lab", tricked.lab, "transit1:/root/place", "/tmp/fetched")
    tricked.learner("transit1", "rm", "-rf", "/root/place", "/tmp/victim")
    for done in (written, fetched):
        assert done.returncode in (0, 3), done.stderr
        assert len(done.stderr.splitlines()) <= 1
    assert victim.read_text() == "as it was"


def test_a_resolver_file_that_is_a_trap_is_told_in_one_line(siege: Siege) -> None:
    siege.root.learner("client", "sh", "-c", "mv /etc/resolv.conf /etc/kept; mkfifo /etc/resolv.conf")
    trapped = siege.root.whodunet("vpn", "off", "--lab", siege.root.lab)
    siege.root.learner("client", "mv", "/etc/kept", "/etc/resolv.conf")
    assert siege.root.whodunet("vpn", "on", "--lab", siege.root.lab).returncode == 0
    assert trapped.returncode == 3
    assert "client: /etc/resolv.conf" in trapped.stderr
    assert len(trapped.stderr.splitlines()) == 1


@ONLY_ROOT
def test_neither_hosts_nor_the_lab_take_over_that_the_machine_forwards(siege: Siege, process_tree: Any) -> None:
    server = server_of(siege.root, process_tree)
    show = "cd /proc/sys/net/ipv4 && cat ip_forward conf/all/route_localnet conf/default/route_localnet"
    inside = ["nsenter", f"--target={server}", "--net", "sh", "-c"]
    assert subprocess.run([*inside, show], check=True, capture_output=True, text=True).stdout == "0\n0\n0\n"
    assert siege.root.learner("client", "sh", "-c", show).stdout == "0\n0\n0\n"
    addresses = subprocess.run([*inside, "ip -brief address"], check=True, capture_output=True, text=True).stdout
    assert [line.split()[0] for line in addresses.splitlines() if len(line.split()) > 2] == ["lo"]


# Whoever takes all that a host has takes nothing from the others.

TAKING: Final[Mapping[str, str]] = {
    "processes": "while True:\n    if os.fork() == 0:\n        signal.pause()",
    "room for files": "file = open(f'{folder}/full', 'wb', 0)\nwhile True:\n    file.write(bytes(1 << 20))",
    "files": "while True:\n    taken.append(1); open(f'{folder}/{len(taken)}', 'x').close()",
    "memory": "while True:\n    taken.append(mmap.mmap(-1, 1 << 28))",
    "open files": "while True:\n    taken.append(os.dup(0))",
    "terminals": "while True:\n    taken.append(os.openpty())",
    "inotify": "while True:\n    require(libc.inotify_init())",
    "shared memory": "for _ in range(50):\n    require(libc.shmget(0, 1 << 30, 0o600))\nstop()",
    "descriptors on their way": """
while True:
    one, other = socket.socketpair()
    one.setblocking(False)
    taken.append((one, other))
    try:
        while True:
            one.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * 250))])
    except BlockingIOError:
        pass
""",
}
TAKE: Final = r"""
import array, ctypes, mmap, os, shutil, signal, socket, sys, tempfile
libc, taken, folder = ctypes.CDLL(None, use_errno=True), [], tempfile.mkdtemp()
def stop():
    raise OSError(0, "enough")
def require(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
first = os.getpid()
try:
    exec(sys.argv[1])
except (OSError, MemoryError) as error:
    print("no more:", error, flush=True)
sys.stdin.read()
shutil.rmtree(folder)
os.killpg(0, signal.SIGKILL)
"""
USE: Final = r"""
import ctypes, os, subprocess, tempfile
assert ctypes.CDLL(None).inotify_init() >= 0
os.openpty()
with tempfile.NamedTemporaryFile() as file:
    file.write(bytes(1 << 24))
subprocess.run(["ping", "-n", "-q", "-c", "1", "-W", "5", "10.0.1.1"], check=True, stdout=subprocess.DEVNULL)
print("works")
"""


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.parametrize("what", TAKING)
def test_what_one_host_uses_up_the_others_still_have(siege: Siege, what: str, owner: str) -> None:
    attacked = siege.owners[owner]
    taker = attacked.popen(*attacked.on("transit2", "python3", "-c", TAKE, TAKING[what]))
    assert taker.stdout is not None
    assert taker.stdout.readline().startswith("no more")
    for host in ("client", "instance"):
        assert attacked.learner(host, "python3", "-c", USE.replace("10.0.1.1", GATEWAYS[host])).stdout == "works\n"
    taker.communicate(timeout=50)
    assert attacked.learner("transit2", "true").returncode == 0


GATEWAYS: Final = {"client": "10.8.0.1", "instance": "10.0.1.1"}


@pytest.mark.parametrize("owner", OWNERS)
def test_a_host_that_its_root_has_ruined_ruins_no_other(siege: Siege, owner: str) -> None:
    attacked = siege.owners[owner]
    ruins = (
        "kill -9 -1",
        "timeout 2 ping -f -q 192.168.1.10 >/dev/null",
        "ip link del home-gw-eth0; ip link del home-gw-eth1; ip link set lo down",
        "rm -rf /etc /home /root /run /tmp /var /opt /bin /lib64",
    )
    for ruin in ruins:
        attacked.learner("home-gw", "bash", "-c", ruin)
    for host, gateway in GATEWAYS.items():
        assert attacked.learner(host, "ping", "-n", "-c", "1", "-W", "5", gateway).returncode == 0
    assert attacked.ask(TellStatus()).name == attacked.lab


def test_a_service_that_talks_without_end_fills_no_more_than_its_own_log(siege: Siege) -> None:
    siege.root.ask(ReplaceService("instance", "sshd", "yes >&2 & exec ncat -lk 22"))
    log = siege.root.ask(TellLogs()).by_name["instance-instead-of-sshd.log"]
    siege.root.ask(StartService("instance", "sshd"))
    assert len(log) <= 1 << 22
    assert siege.root.learner("instance", "true").returncode == 0


# The control socket.

ATTACH: Final = '{"=": "Attach", "host": "client", "command": '
HOSTILE: Final[Mapping[str, bytes]] = {
    "no JSON": b"\xff\xfe{\n",
    "no object": b"[1]\n",
    "deep": b"[" * 100000 + b"\n",
    "half a message": b"{",
    "a request that is a list": b'{"=": [[]]}\n',
    "an unknown request": b'{"=": "Fly"}\n',
    "unknown fields": b'{"=": "TellStatus", "colour": 1}\n',
    "wrong types": b'{"=": "Execute", "host": [], "command": {}, "deadline_s": "x"}\n',
    "a descriptor that did not come": b'{"=": "WriteFile", "host": "client", "path": "x", "name": "x", '
    b'"mode": 420, "content": 3}\n',
    "attaching to nothing": b'{"=": "Attach"}\n',
    "attaching to no command": f"{ATTACH} 5}}\n".encode(),
    "a window of absurd size": f'{ATTACH} ["true"], "rows": -7, "columns": 1000000000}}\n'.encode(),
    "a signal that is none": f'{ATTACH} ["true"]}}\n{{"=": "ForwardSignal", "number": "x"}}\n{{}}\n'.encode(),
    "no end": b"x" * (1 << 26) + b"x",
}
SEND: Final = r"""
import array, os, socket, sys
from whodunet.lab import control
from whodunet.lab.client import LabClient
folder = os.open(control.runtime_folder(), os.O_RDONLY)
def connect():
    stream = socket.socket(socket.AF_UNIX)
    stream.connect(f"/proc/self/fd/{folder}/{sys.argv[1]}")
    stream.settimeout(20)
    return stream
def tell(message, descriptors=()):
    stream = connect()
    try:
        stream.sendmsg([message[:1]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))])
        stream.sendall(message[1:])
        stream.shutdown(socket.SHUT_WR)
        while stream.recv(65536):
            pass
    except ConnectionError:
        pass
exec(sys.argv[2])
print(LabClient.to(sys.argv[1]).status(20).name)
"""


@pytest.mark.parametrize("message", HOSTILE)
def test_a_message_that_is_none_disturbs_nobody_else(siege: Siege, process_tree: Any, message: str) -> None:
    descriptors = Path(f"/proc/{server_of(siege.root, process_tree)}/fd")
    before = len(list(descriptors.iterdir()))
    said = HOSTILE[message].decode("latin-1")
    told = siege.root.run(
        sys.executable, "-c", SEND, siege.root.lab, "tell(sys.stdin.read().encode('latin-1'), [0])", said=said
    )
    assert (told.stdout, told.stderr) == (f"{siege.root.lab}\n", "")
    wait_until(lambda: len(list(descriptors.iterdir())) <= before, "the server to let go of what came", 20)


DESCRIPTORS_WITHOUT_END: Final = """
stream = connect()
try:
    while True:
        stream.sendmsg([b" "], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0] * 30))])
except OSError:
    pass
"""
MUTE: Final = "mute = [connect() for _ in range(100)]"


@pytest.mark.parametrize("hostile", [DESCRIPTORS_WITHOUT_END, MUTE])
def test_a_peer_that_gives_too_much_or_says_nothing_does_not_keep_others_waiting(siege: Siege, hostile: str) -> None:
    told = siege.root.run(sys.executable, "-c", SEND, siege.root.lab, hostile)
    assert (told.stdout, told.stderr) == (f"{siege.root.lab}\n", "")


PRECREATED: Final[Mapping[str, str]] = {
    "a link": "mkdir -m 700 elsewhere; chown 4242 elsewhere; ln -s elsewhere runtime",
    "another user's folder": "mkdir -m 700 runtime; chown 4343 runtime",
    "a folder for all": "mkdir -m 777 runtime; chown 4242 runtime; chmod 777 runtime",
    "a file": "touch runtime; chown 4242 runtime",
}


@ONLY_ROOT
@pytest.mark.parametrize("what", PRECREATED)
def test_a_runtime_folder_that_somebody_else_has_made_is_refused(siege: Siege, what: str) -> None:
    place = f"/tmp/made-{list(PRECREATED).index(what)}"
    made = siege.root.run("sh", "-c", f"mkdir {place} && chmod 755 {place} && cd {place} && {PRECREATED[what]}")
    assert made.returncode == 0, made.stderr
    refused = siege.owners["guest"].run("env", f"WHODUNET_RUNTIME_DIR={place}/runtime", siege.machine.command, "ps")
    assert refused.returncode == 3
    assert "WHODUNET_RUNTIME_DIR" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


ASK_ANYWAY: Final = """
from whodunet.lab import control
from whodunet.lab.client import LabClient
control.peer_is_own_user = lambda _: True
print(LabClient.to("walls-guest").status())
"""


@ONLY_ROOT
def test_no_user_has_the_ear_of_anothers_lab(siege: Siege) -> None:
    """Not even root: who may connect is decided by who the peer is, at both ends."""
    guest = siege.owners["guest"]
    enter = f"WHODUNET_RUNTIME_DIR=/run/borrowed exec {siege.machine.command}"
    move = "mkdir -m 700 /run/borrowed && ln /tmp/whodunet-4242/walls-guest /run/borrowed/walls-guest"
    linked = siege.root.run("sh", "-c", move.replace("ln ", "ln -s "))
    assert linked.returncode == 0, linked.stderr
    asked = siege.root.run("sh", "-c", f"{enter} exec --lab walls-guest client -- id")
    assert (asked.returncode, asked.stdout) == (3, "")
    asked = siege.root.run("env", "WHODUNET_RUNTIME_DIR=/run/borrowed", sys.executable, "-c", ASK_ANYWAY)
    assert asked.stdout == ""
    assert "ended while it was asked" in asked.stderr
    assert guest.ask(TellStatus()).name == "walls-guest"


@pytest.mark.parametrize("name", ["a b", "../x", "a/b", "-x", "A", "x" * 300, "é", "a\nb", "."])
def test_a_name_that_no_lab_may_have_is_refused(siege: Siege, name: str) -> None:
    refused = siege.root.whodunet("up", "healthy", f"--as={name}")
    assert refused.returncode == 2, refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_runtime_folder_of_ones_own_separates_labs(siege: Siege) -> None:
    listed = siege.root.run("env", "WHODUNET_RUNTIME_DIR=/run/separate", siege.machine.command, "ps")
    assert listed.returncode == 0
    assert siege.root.lab not in listed.stdout
    assert siege.root.lab in siege.root.whodunet("ps").stdout
