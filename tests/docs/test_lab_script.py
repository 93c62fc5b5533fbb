"""`./lab`, and the installer that it runs as root: what they ask for, say and leave. Nothing is installed here."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
FILES = ("lab", "pyproject.toml", "requirements.lock", "requirements-dev.lock", "build-constraints.txt")
INSTALLER = "whodunet/lab/apt_install.sh"
SYSTEM = ("/usr/bin", "/bin", "/usr/sbin", "/sbin")
TOOLS = (
    *(
        "awk",
        "bash",
        "cat",
        "cut",
        "dirname",
        "dpkg-query",
        "du",
        "env",
        "flock",
        "grep",
        "head",
        "id",
        "mkdir",
        "mktemp",
    ),
    *("readlink", "rm", "sed", "sha256sum", "tail", "tee", "touch", "uname"),
)


class Machine:
    """A copy of the script, in a folder with a blank in its name, beside programs that say what a test wants."""

    def __init__(self, root: Path) -> None:
        self.checkout, self.bin, self.cache = root / "my lab", root / "bin", root / "cache"
        for name in (*FILES, INSTALLER):
            (self.checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, self.checkout / name)
        self.bin.mkdir()
        for tool in TOOLS:
            self.bin.joinpath(tool).symlink_to(str(shutil.which(tool, path=":".join(SYSTEM))))
        self.installed = set(re.findall(r"[\w.-]+", (CHECKOUT / "lab").read_text(encoding="utf-8")))
        self.be_user("ann", 1000)
        self.lack()

    def program(self, name: str, script: str) -> None:
        """Puts a program on the PATH, in place of the system's."""
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def be_user(self, name: str, uid: int) -> None:
        self.program("id", f'[ "$1" = -un ] && echo {name} || echo {uid}')

    def lack(self, *packages: str) -> None:
        """dpkg knows all packages but these."""
        there = self.bin.with_name("dpkg-status")
        there.write_text("".join(f"{package} installed\n" for package in sorted(self.installed - set(packages))))
        self.program("dpkg-query", f"cat {there}")

    def has_venv(self, folder: Path | None = None) -> None:
        """An installation that is complete; its whodunet prints how it was called."""
        venv = folder or self.checkout / ".venv"
        (venv / "bin").mkdir(parents=True)
        self.program("../whodunet", 'printf "<%s>" "$0" "$@"')
        (self.bin.parent / "whodunet").rename(venv / "bin/whodunet")
        function = re.search(r"^fingerprint\(\) \{.*?^\}", (CHECKOUT / "lab").read_text(), re.DOTALL | re.MULTILINE)
        assert function
        stamp = ["bash", "-c", f"home={shlex.quote(str(self.checkout))}; {function[0]}; fingerprint"]
        (venv / "stamp").write_text(subprocess.run(stamp, capture_output=True, text=True, check=True).stdout)

    def command(self, *before: str, **more: str) -> tuple[list[str], dict[str, str]]:
        environment = {"PATH": str(self.bin), "HOME": str(self.bin), "XDG_CACHE_HOME": str(self.cache)} | more
        return [*before, str(self.checkout / "lab")], environment

    def lab(self, *arguments: str, before: Sequence[str] = (), **more: str) -> subprocess.CompletedProcess[str]:
        """Runs ./lab from another directory."""
        command, environment = self.command(*before, **more)
        return subprocess.run(
            [*command, *arguments],
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """One on which everything is installed, used by somebody with subordinate ids, without sudo."""
    machine = Machine(tmp_path)
    machine.program("grep", f'[ "$1" = -qs ] || exec {shutil.which("grep")} "$@"')  # /etc/subuid has everybody
    return machine


def in_namespace(*mounts: str) -> list[str]:
    """What a command is run with so that it sees other files; `$0` and `$@` are the command's own."""
    enter = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    path = ":".join(SYSTEM)
    return [*enter, "bash", "-c", f'PATH={path}; set -e; {"; ".join(mounts)}; PATH=$OWN exec "$0" "$@"']


def test_where_all_is_there_it_says_nothing_and_hands_the_words_on(machine: Machine) -> None:
    machine.has_venv()
    done = machine.lab("exec", "client", "--", "echo", "two  words")
    assert done.stderr == ""
    whodunet = machine.checkout / ".venv/bin/whodunet"
    assert done.stdout == f"<{whodunet}><exec><client><--><echo><two  words>"


def test_hints_can_say_what_it_was_called_by(machine: Machine) -> None:
    machine.has_venv()
    whodunet = machine.checkout / ".venv/bin/whodunet"
    whodunet.write_text('#!/bin/bash\nprintf %s "$WHODUNET_CALLED_AS"\n', encoding="utf-8")
    assert machine.lab("up", "healthy").stdout == str(machine.checkout / "lab")


def test_it_finds_its_checkout_through_a_link(machine: Machine, tmp_path: Path) -> None:
    machine.has_venv()
    (tmp_path / "link").symlink_to(machine.checkout / "lab")
    machine.checkout, checkout = tmp_path / "elsewhere", machine.checkout
    machine.checkout.mkdir()
    (machine.checkout / "lab").symlink_to(tmp_path / "link")
    assert machine.lab("ps").stdout == f"<{checkout}/.venv/bin/whodunet><ps>"


def test_whoever_cannot_become_root_gets_all_commands_for_root_at_once(machine: Machine) -> None:
    machine.lack("nftables", "ncat")
    machine.program("grep", "exit 1")  # nor has ann subordinate ids
    done = machine.lab("ps")
    assert done.returncode == 3
    first, install, give, last = done.stderr.splitlines()
    assert first == "lab: only root can install what is missing; as root ('su -'), run:"
    assert shlex.split(install) == ["bash", str(machine.checkout / INSTALLER), "nftables", "ncat"]
    assert re.fullmatch(r"  usermod --add-subuids (\d+-\d+) --add-subgids \1 ann", give)
    assert last == "lab: and then this command again"


def test_sudo_that_refuses_is_as_good_as_none(machine: Machine) -> None:
    machine.lack("nftables")
    machine.program("sudo", "exit 1")
    done = machine.lab("ps")
    assert (done.returncode, "as root ('su -'), run:" in done.stderr) == (3, True)


@pytest.mark.parametrize(
    ("command", "installed"),
    [("up", ""), ("demo", "awscli"), ("test", "awscli faketime nginx tinyproxy-bin w3m"), ("doctor", "")],
)
def test_what_only_some_commands_need_is_installed_for_those_alone(
    command: str, installed: str, machine: Machine
) -> None:
    machine.has_venv()
    machine.lack("awscli", "faketime", "nginx", "tinyproxy-bin", "w3m")
    done = machine.lab(command)
    asked = [line.split(f"{Path(INSTALLER).name}' ")[1] for line in done.stderr.splitlines() if INSTALLER in line]
    assert asked == ([installed] if installed else [])


def test_a_mirror_that_cannot_be_reached_is_told_in_one_line(machine: Machine) -> None:
    machine.lack("nftables")
    failing = "echo 'Reading package lists...'; echo \"E: Could not resolve 'deb.example.net'\"; exit 100"
    machine.program("sudo", f"case $* in *{INSTALLER}*) {failing};; esac")
    done = machine.lab("ps", TMPDIR=str(machine.bin))
    assert done.returncode == 3
    told = done.stderr.splitlines()
    assert told[0] == "lab: installing with apt: nftables"
    reason, log = told[1].split("; is this machine online? The whole output is in ")
    assert reason == "lab: apt could not install them: E: Could not resolve 'deb.example.net'"
    assert "Reading package lists" in Path(log).read_text()
    assert len(told) == 2


def test_the_last_cause_that_an_installer_names_is_the_reason(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        "error: Failed to fetch: https://index/\n  cause: client error (Connect)\n"
        "  cause: invalid peer certificate: UnknownIssuer\n\nhint: Consider system TLS certificates\n"
    )
    function = next(line for line in (CHECKOUT / "lab").read_text().splitlines() if line.startswith("reason_in()"))
    told = subprocess.run(["bash", "-c", f"{function}; reason_in {log}"], capture_output=True, text=True, check=True)
    assert told.stdout == "invalid peer certificate: UnknownIssuer\n"


def test_sizes_are_told_while_apt_works(machine: Machine) -> None:
    machine.has_venv()
    machine.lack("nftables")
    sizes = (
        *("Need to get 1,234 kB of archives.", "After this operation, 5 MB of additional disk space will be used."),
        *("Get:1 http://deb.example.net/debian trixie/main nftables [120 kB]", "  Download size: 1,234 kB"),
    )
    machine.program("sudo", f'case $* in *{INSTALLER}*) printf "%s\\n" {shlex.join(sizes)};; esac')
    assert machine.lab("ps").stderr.splitlines() == [
        "lab: installing with apt: nftables",
        "lab:   Need to get 1,234 kB of archives.",
        "lab:   After this operation, 5 MB of additional disk space will be used.",
        "lab:   Download size: 1,234 kB",
    ]


def test_an_index_that_cannot_be_reached_is_told_and_tried_again_next_time(machine: Machine) -> None:
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:1/", "PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1"}
    for _ in range(2):
        done = machine.lab("ps", TMPDIR=str(machine.bin), **nowhere)
        assert done.returncode == 3
        first, last = done.stderr.splitlines()
        assert first == f"lab: installing the Python packages of requirements.lock into {machine.checkout}/.venv"
        assert last.startswith("lab: could not install the Python packages: ERROR: ")
        assert "can this machine reach the package index? The whole output is in " in last


def test_two_at_once_install_one_after_the_other(machine: Machine) -> None:
    machine.has_venv()
    machine.lack("nftables")
    machine.program("sudo", "")
    # The other one holds the lock until this one waits for it, and has installed all by then.
    done = f"sed -i 's/^nftables .*//; $ a nftables installed' {machine.bin.with_name('dpkg-status')}"
    machine.program("flock", f'[ "$1" != -n ] || exit 1; {done}')
    assert machine.lab("ps").stderr == "lab: waiting for another installation to end\n"


def test_a_checkout_that_cannot_be_written_is_installed_into_the_users_cache(machine: Machine) -> None:
    checkout = shlex.quote(str(machine.checkout))
    read_only = in_namespace(f"mount --bind {checkout} {checkout}", f"mount -o remount,ro,bind {checkout}")
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:1/", "PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1"}
    environment = {"PATH": ":".join(SYSTEM), "OWN": str(machine.bin)}
    first = machine.lab("ps", before=read_only, TMPDIR=str(machine.bin), **nowhere, **environment)
    found = re.search(r"requirements.lock into (\S+)$", first.stderr, re.MULTILINE)
    assert found, first.stderr
    assert Path(found[1]).parent == machine.cache / "whodunet"
    shutil.rmtree(found[1])
    machine.has_venv(Path(found[1]))
    second = machine.lab("ps", before=read_only, **environment)
    assert (second.stdout, second.stderr) == (f"<{found[1]}/bin/whodunet><ps>", "")


def on_system(os_release: str, tmp_path: Path, *hidden: str) -> list[str]:
    """On a system that calls itself so, without programs of these names."""
    (tmp_path / "os-release").write_text(os_release)
    hide = [
        f"! [ -e {folder}/{name} ] || mount --bind /dev/null {folder}/{name}" for folder in SYSTEM for name in hidden
    ]
    return in_namespace(f"mount --bind {shlex.quote(str(tmp_path / 'os-release'))} /etc/os-release", *hide)


DEBIAN_13 = "ID=debian\nVERSION_ID=13\nPRETTY_NAME='Debian GNU/Linux 13 (trixie)'"
UBUNTU_24 = "ID=ubuntu\nVERSION_ID=24.04\nPRETTY_NAME='Ubuntu 24.04.3 LTS'"
UBUNTU_26 = "ID=ubuntu\nVERSION_ID=26.04\nPRETTY_NAME='Ubuntu 26.04 LTS'"
FEDORA = "ID=fedora\nVERSION_ID=43\nPRETTY_NAME='Fedora Linux 43'"


def asked_of_apt(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The packages that the commands for root would install."""
    return [word for line in done.stderr.splitlines() if INSTALLER in line for word in shlex.split(line)[2:]]


@pytest.mark.parametrize(
    ("os_release", "lacked"),
    [(DEBIAN_13, set()), (UBUNTU_24, {"awscli"}), (UBUNTU_26, set())],
    ids=lambda each: str(each)[:20],
)
def test_each_known_system_is_asked_for_the_packages_that_it_has(
    os_release: str, lacked: set[str], machine: Machine, tmp_path: Path
) -> None:
    machine.has_venv()
    machine.lack(*machine.installed)
    here = machine.lab("test")
    there = machine.lab("test", before=on_system(os_release, tmp_path), PATH=":".join(SYSTEM), OWN=str(machine.bin))
    assert {"awscli", "mininet", "openvswitch-switch"} <= set(asked_of_apt(here))
    assert set(asked_of_apt(here)) - set(asked_of_apt(there)) == lacked
    assert set(asked_of_apt(there)) <= set(asked_of_apt(here))


def test_what_ubuntu_has_no_package_of_is_told_in_one_line_and_does_not_keep_the_rest_from_running(
    machine: Machine, tmp_path: Path
) -> None:
    machine.has_venv()
    before = on_system(UBUNTU_24, tmp_path, "aws")
    done = machine.lab("demo", before=before, PATH=":".join(SYSTEM), OWN=str(machine.bin))
    assert done.stdout.endswith("/.venv/bin/whodunet><demo>")
    assert done.stderr.splitlines() == [
        "lab: Ubuntu 24.04.3 LTS has no package awscli; without aws some cases cannot be played: see docs/install.md"
    ]
    assert machine.lab("ps", before=before, PATH=":".join(SYSTEM), OWN=str(machine.bin)).stderr == ""


def test_another_system_is_told_each_program_that_it_lacks_and_where_all_are(machine: Machine, tmp_path: Path) -> None:
    before = on_system(FEDORA, tmp_path, "ovs-vswitchd", "mnexec")
    done = machine.lab("ps", before=before, PATH=":".join(SYSTEM), OWN=str(machine.bin))
    assert done.returncode == 3
    *missing, last = done.stderr.splitlines()
    assert missing == [
        "lab: ovs-vswitchd is missing; Debian's package openvswitch-switch has it",
        "lab: mnexec is missing; Debian's package mininet has it",
    ]
    assert last.startswith(
        "lab: this is Fedora Linux 43, where nothing is installed by itself; the container image has"
    )


def test_another_system_that_has_all_programs_goes_on(machine: Machine, tmp_path: Path) -> None:
    machine.has_venv()
    done = machine.lab("ps", before=on_system(FEDORA, tmp_path), PATH=":".join(SYSTEM), OWN=str(machine.bin))
    assert (done.stderr, done.stdout) == ("", f"<{machine.checkout}/.venv/bin/whodunet><ps>")


def test_an_older_release_is_not_taken_for_a_known_one(machine: Machine, tmp_path: Path) -> None:
    before = on_system("ID=debian\nVERSION_ID=1\nPRETTY_NAME='Debian 1'", tmp_path, "mnexec")
    done = machine.lab("ps", before=before, PATH=":".join(SYSTEM), OWN=str(machine.bin))
    assert (done.returncode, "this is Debian 1," in done.stderr) == (3, True)


def test_a_python_that_is_too_old_is_told(machine: Machine, tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\n[ $1 = --version ] && echo Python 3.9.2 || exit 1\n")
    old.chmod(0o755)
    with_old = in_namespace(f'mount --bind {shlex.quote(str(old))} "$(readlink -f /usr/bin/python3)"')
    done = machine.lab("ps", before=with_old, PATH=":".join(SYSTEM), OWN=str(machine.bin))
    assert (done.returncode, done.stderr) == (3, "lab: needs Python 3.11 or newer; /usr/bin/python3 is Python 3.9.2\n")


def test_a_range_that_is_written_with_the_users_number_counts(machine: Machine, tmp_path: Path) -> None:
    machine.has_venv()
    (machine.bin / "grep").unlink()
    (machine.bin / "grep").symlink_to(str(shutil.which("grep")))
    (tmp_path / "subuid").write_text("1000:100000:65536\n")
    tables = [f"mount --bind {shlex.quote(str(tmp_path / 'subuid'))} /etc/{name}" for name in ("subuid", "subgid")]
    done = machine.lab("ps", before=in_namespace(*tables), PATH=":".join(SYSTEM), OWN=str(machine.bin))
    assert done.stderr == ""
    assert done.returncode == 0


# The installer, on a machine of mounts whose apt-get is the test's own.

APT_GET = """\
#!/bin/bash
echo "apt-get $*"
[ "${@: -1}" != update ] || exit 0
/usr/sbin/policy-rc.d ssh start; echo "the guard answers $?"
[ ! -e "$FAILS" ] || { rm "$FAILS"; exit 100; }
"""


def run_installer(tmp_path: Path, *packages: str, before: str = "", fails: bool = False) -> tuple[int, str]:
    """Its status, and its output followed by what the guard is afterwards."""
    for name, script in {
        "apt-get": APT_GET,
        "dpkg": "#!/bin/sh\necho dpkg $*",
        "apt-cache": "#!/bin/sh\n[ $3 != unheard-of ]",
        "update-rc.d": "#!/bin/sh\necho update-rc.d $*",
        "systemctl": "#!/bin/sh\necho systemctl $*",
    }.items():
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    if fails:
        (tmp_path / "fails").touch()
    mounts = [
        "mount -t tmpfs tmpfs /usr/sbin",
        f"mount --bind {tmp_path}/apt-get /usr/bin/apt-get",
        f"mount --bind {tmp_path}/dpkg /usr/bin/dpkg",
        f"mount --bind {tmp_path}/apt-cache /usr/bin/apt-cache",
        f"cp {tmp_path}/update-rc.d /usr/sbin/update-rc.d",
        before or ":",
    ]
    after = 'bash "$0" "$@"; status=$?; cat /usr/sbin/policy-rc.d* 2>/dev/null || echo no guard; exit $status'
    command = [*in_namespace(*mounts), "bash", "-c", after, str(CHECKOUT / INSTALLER), *packages]
    environment = {"PATH": ":".join(SYSTEM), "OWN": ":".join(SYSTEM), "FAILS": str(tmp_path / "fails")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


INSTALL = "apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends"


def test_no_service_is_started_and_no_guard_is_left(tmp_path: Path) -> None:
    assert run_installer(tmp_path, "nftables") == (0, f"{INSTALL} nftables\nthe guard answers 101\nno guard\n")


def test_a_machines_own_guard_is_put_back(tmp_path: Path) -> None:
    own = "printf '#!/bin/sh\\necho own\\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d"
    status, said = run_installer(tmp_path, "nftables", before=own)
    assert status == 0
    assert said == f"{INSTALL} nftables\nthe guard answers 101\n#!/bin/sh\necho own\n"


def test_an_installation_that_was_interrupted_or_knows_old_files_is_done_again(tmp_path: Path) -> None:
    status, said = run_installer(tmp_path, "nftables", fails=True)
    assert status == 0
    tried = [f"{INSTALL} nftables", "the guard answers 101"]
    again = ["dpkg --configure -a", "apt-get -q -o DPkg::Lock::Timeout=300 update"]
    assert said.splitlines() == [*tried, *again, *tried, "no guard"]


def test_a_service_that_was_there_before_is_not_taken_out_of_the_boot(tmp_path: Path) -> None:
    installed = "#!/bin/sh\necho installed\n"
    (tmp_path / "dpkg-query").write_text(installed)
    (tmp_path / "dpkg-query").chmod(0o755)
    there = f"mount --bind {tmp_path}/dpkg-query /usr/bin/dpkg-query"
    assert "update-rc.d" not in run_installer(tmp_path, "openssh-server", before=there)[1]


def test_a_new_service_does_not_start_at_the_next_boot(tmp_path: Path) -> None:
    (tmp_path / "dpkg-query").write_text(
        f'#!/bin/sh\n[ -e {tmp_path}/asked ] && echo installed; [ "$4" != openssh-server ] || touch {tmp_path}/asked\n'
    )
    (tmp_path / "dpkg-query").chmod(0o755)
    before = f"mount --bind {tmp_path}/dpkg-query /usr/bin/dpkg-query"
    # In /usr/sbin, because there only mounts are: a machine without systemd has no systemctl.
    before += (
        f"; cp {tmp_path}/systemctl /usr/sbin/systemctl; mkdir -p /usr/sbin/units; touch /usr/sbin/units/ssh.socket"
    )
    before += "; mount --bind /usr/sbin/units /usr/lib/systemd/system"
    said = run_installer(tmp_path, "openssh-server", before=before)[1].splitlines()
    assert "update-rc.d ssh disable" in said
    assert "systemctl --quiet disable ssh.socket" in said


def test_a_package_that_the_system_does_not_have_is_told_by_its_name(tmp_path: Path) -> None:
    status, said = run_installer(tmp_path, "nftables", "unheard-of", fails=True)
    assert status == 3
    assert "E: this system has no package unheard-of; docs/install.md says where else it comes from\n" in said
    assert "no guard\n" in said
