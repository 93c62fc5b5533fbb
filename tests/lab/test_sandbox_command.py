"""`whodunet sandbox`: Mininet scripts and Ryu apps of one's own, wherever they lie."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = (ROOT / "docs" / "mininet.md").read_text(encoding="utf-8")
FILES: Final = dict(re.findall(r"^```python\n# ([\w.]+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
TOGETHER: Final = "whodunet sandbox --controller my_ryu_app.py -- python3 my_topo.py"


def put(machine: Any, folder: str, **texts: str) -> None:
    """Writes Python files into a folder of the machine."""
    machine.path(folder).mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        machine.path(f"{folder}/{name}.py").write_text(text)


@pytest.fixture
def page(machine: Any) -> Any:
    """A machine with the two files of docs/mininet.md in a folder of their own, below the machine's /tmp."""
    put(machine, "/tmp/mine", **{name.removesuffix(".py"): text for name, text in FILES.items()})
    return machine


def test_the_app_and_the_script_of_the_page_run_together(page: Any) -> None:
    assert f"    {TOGETHER}\n" in PAGE
    done = page.whodunet(*TOGETHER.split()[1:], cwd="/tmp/mine")
    assert (done.returncode, done.stdout) == (0, "0 % lost\n"), done.stderr
    assert "Hub: switch 1 is a hub\n" in done.stderr
    assert "Unable to contact" not in done.stderr


def test_without_its_app_the_script_loses_every_packet(page: Any) -> None:
    done = page.whodunet("sandbox", "--", "python3", "my_topo.py", cwd="/tmp/mine")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "100 % lost"), done.stderr


@pytest.mark.parametrize("port", ["6653", "6633"])
def test_a_remote_controller_is_found_at_the_new_port_and_at_the_old_one(page: Any, port: str) -> None:
    mn = ("mn", "--controller", f"remote,ip=127.0.0.1,port={port}", "--test", "pingall")
    done = page.whodunet("sandbox", "--controller", "my_ryu_app.py", "--", *mn, cwd="/tmp/mine")
    assert done.returncode == 0, done.stderr
    assert "0% dropped" in done.stdout + done.stderr


def test_scripts_right_in_tmp_are_found_with_the_modules_beside_them(machine: Any) -> None:
    put(machine, "/tmp", my_script="import my_module\n\nprint(my_module.WORD)\n", my_module="WORD = 'found'\n")
    for directory, script in (("/", "/tmp/my_script.py"), ("/tmp", "my_script.py"), ("/tmp/home", "../my_script.py")):
        done = machine.whodunet("sandbox", "--", "python3", script, cwd=directory)
        assert (done.returncode, done.stdout) == (0, "found\n"), done.stderr


def test_a_script_is_found_in_the_folder_that_it_is_named_by(machine: Any) -> None:
    put(machine, "/tmp/there", my_script="import my_module\n\nprint(my_module.WORD)\n", my_module="WORD = 'there'\n")
    done = machine.whodunet("sandbox", "--", "python3", "/tmp/there/my_script.py", cwd="/")
    assert (done.returncode, done.stdout) == (0, "there\n"), done.stderr


def test_a_script_in_a_folder_that_only_its_owner_may_enter_is_found(machine: Any) -> None:
    put(
        machine,
        "/tmp/closed/mine",
        my_script="import my_module\n\nprint(my_module.WORD)\n",
        my_module="WORD = 'mine'\n",
    )
    for folder in ("/tmp/closed", "/tmp/closed/mine"):
        machine.path(folder).chmod(0o700)
    for directory, script in (("/tmp/closed/mine", "my_script.py"), ("/", "/tmp/closed/mine/my_script.py")):
        done = machine.whodunet("sandbox", "--", "python3", script, cwd=directory)
        assert (done.returncode, done.stdout) == (0, "mine\n"), done.stderr


def test_what_a_script_leaves_in_tmp_is_gone_and_what_the_machine_has_there_stays(
    machine: Any, leaving_nothing: Any
) -> None:
    put(machine, "/tmp", my_script="open('/tmp/new.log', 'w'); __import__('os').remove('/tmp/my_script.py')\n")
    with leaving_nothing(machine):
        done = machine.whodunet("sandbox", "--", "python3", "my_script.py", cwd="/tmp")
    assert done.returncode == 0, done.stderr
    assert machine.path("/tmp/my_script.py").exists()


@pytest.mark.parametrize("python", ["python", "python3", "/usr/bin/python3"])
def test_every_python_can_import_mininet_and_what_topologies_are_made_of(machine: Any, python: str) -> None:
    code = "import mininet.net, whodunet.lab_topo, sys; print(sys.version_info >= (3, 11))"
    done = machine.whodunet("sandbox", "--", python, "-c", code)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


def test_debians_mn_runs_a_topology_of_the_project(machine: Any) -> None:
    topology = str(ROOT / "topologies" / "corporate_vpn.py")
    mn = ("/usr/bin/mn", "--custom", topology, "--topo", "corporate_vpn", "--controller", "none", "--test", "none")
    done = machine.whodunet("sandbox", "--", *mn)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "egress-fw" in done.stdout + done.stderr


def test_mininets_nat_finds_settings_to_write_into_and_the_machines_stay_as_they_are(machine: Any) -> None:
    of_the_machine = machine.path("/etc/network/interfaces")
    before = of_the_machine.read_text() if of_the_machine.exists() else None
    done = machine.whodunet("sandbox", "--", "mn", "--nat", "--test", "pingall")
    assert done.returncode == 0, done.stderr[-2000:]
    assert 'Adding "iface nat0-eth0 inet manual" to /etc/network/interfaces' in done.stdout + done.stderr
    assert "0% dropped" in done.stdout + done.stderr
    assert (of_the_machine.read_text() if of_the_machine.exists() else None) == before


LOGGING_IN: Final = """
from mininet.net import Mininet

net = Mininet(controller=None)
client, server = net.addHost("client"), net.addHost("server")
net.addLink(client, server)
net.start()
client.cmd("ssh-keygen -q -t ed25519 -N '' -f /tmp/key")
server.cmd("/usr/sbin/sshd -o AuthorizedKeysFile=/tmp/key.pub -o StrictModes=no")
log_in = "ssh -o StrictHostKeyChecking=accept-new -o BatchMode=yes -i /tmp/key 10.0.0.2"
for _ in range(2):  # the second time the key is known
    print(client.cmd(log_in + " 'echo $HOME $SSH_CONNECTION'").replace(chr(13), ""), end="")
net.stop()
"""


def test_an_sshd_that_a_script_starts_has_a_key_of_its_own_and_lets_root_in(machine: Any) -> None:
    put(machine, "/tmp/mine", my_script=LOGGING_IN)
    done = machine.whodunet("sandbox", "--", "python3", "my_script.py", cwd="/tmp/mine")
    greeting, first, second = done.stdout.splitlines()
    assert "Permanently added '10.0.0.2'" in greeting, done.stdout + done.stderr
    for answer in (first, second):
        assert re.fullmatch(r"/run/root 10\.0\.0\.1 \d+ 10\.0\.0\.2 22", answer), done.stdout


def test_a_controller_without_a_port_listens_where_scripts_of_its_time_look(machine: Any) -> None:
    done = machine.whodunet("sandbox", "--", "python3", "-m", "mininet.examples.scratchnet")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "1 packets transmitted, 1 received" in done.stdout + done.stderr


DELETING: Final = """
from mininet.net import Mininet
from mininet.topo import SingleSwitchTopo

net = Mininet(topo=SingleSwitchTopo(k=2), waitConnected=True)
net.start()
before = net.pingAll(timeout=2)
net["s1"].dpctl("del-flows")
while "CONTROLLER" not in net["s1"].dpctl("dump-flows"):  # what comes before the controller knows of it is dropped
    pass
print(before, net.pingAll(timeout=2))
net.stop()
"""


def test_the_default_controller_goes_on_when_a_script_deletes_the_flow_entries(machine: Any) -> None:
    put(machine, "/tmp/mine", my_script=DELETING)
    done = machine.whodunet("sandbox", "--", "python3", "my_script.py", cwd="/tmp/mine")
    assert (done.returncode, done.stdout) == (0, "0.0 0.0\n"), done.stdout + done.stderr


def test_a_program_of_the_callers_own_path_is_found(machine: Any) -> None:
    put(machine, "/tmp/my tools/bin")
    machine.path("/tmp/my tools/bin/my-tool").write_text("#!/bin/sh\necho mine\n")
    machine.path("/tmp/my tools/bin/my-tool").chmod(0o755)
    with_path = ("env", "PATH=/usr/bin:/bin:/tmp/my tools/bin")
    done = machine.run(*with_path, machine.command, "sandbox", "--", "my-tool", cwd="/")
    assert (done.returncode, done.stdout) == (0, "mine\n"), done.stderr


@pytest.mark.parametrize(
    ("app", "text", "status", "told"),
    [
        ("/tmp/home/absent.py", None, 2, "--controller /tmp/home/absent.py: does not exist"),
        ("/tmp/home/broken.py", "raise SystemExit(7)\n", 3, "ended with exit status 7 before it listened"),
        ("no.such.module", None, 3, "before it listened"),
    ],
)
def test_an_app_that_does_not_start_is_told_and_nothing_runs(
    machine: Any, app: str, text: str | None, status: int, told: str
) -> None:
    if text is not None:
        machine.path(app).write_text(text)
    done = machine.whodunet("sandbox", "--controller", app, "--", "echo", "ran")
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert told in done.stderr.splitlines()[-1]
