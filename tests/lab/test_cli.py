"""The command line as people and scripts use it: what it prints where, and with which status it exits."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any, Final
from xml.etree import ElementTree

import pytest
import yaml

from whodunet.loading.library import find_scenario

QUICK: Final = {
    "title": "nc is refused",
    "story": "nc says refused.",
    "topology": "corporate_vpn",
    "faults": [{"kind": "firewall-rule", "switch": "egress-fw", "protocol": "tcp", "port": 22, "action": "reset"}],
    "probes": {"nc": {"host": "client", "command": "nc -vz -w 4 10.0.1.10 22"}},
    "answer": {
        "cause": "egress-reset",
        "culprit": "egress-fw",
        "symptoms": {"nc": {"symptom": "refused"}},
        "evidence": [{"probe": "nc", "packet": "SYN", "last_seen_at": "egress-fw-eth1"}],
        "repaired": {"symptoms": {"nc": {"symptom": "connected"}}},
    },
}


@pytest.fixture(scope="module")
def shop(fresh_machine: Any) -> Any:
    """A machine with the quick case in a file."""
    fresh_machine.path("/tmp/quick.yaml").write_text(yaml.safe_dump(QUICK))
    return fresh_machine


@pytest.fixture(scope="module")
def up(shop: Any) -> Iterator[Any]:
    """A machine with one lab that stays: the healthy one."""
    started = shop.whodunet("up", "healthy")
    assert started.returncode == 0, started.stderr
    yield shop
    assert shop.whodunet("down", "healthy").stdout == "healthy is down\n"
    assert shop.whodunet("ps").stdout == ""


def test_ps_lists_a_lab_below_a_header_and_as_json_with_its_hosts(up: Any) -> None:
    header, line = up.whodunet("ps").stdout.splitlines()
    assert header.split() == ["NAME", "SCENARIO", "UP", "HOSTS"]
    assert line.split()[:2] == ["healthy", "healthy"]
    assert up.whodunet("ls").stdout.splitlines()[0] == header
    [lab] = json.loads(up.whodunet("ps", "--json").stdout)
    assert (lab["name"], lab["scenario"], lab["topology"]) == ("healthy", "healthy", "corporate_vpn")
    assert {"client", "instance", "vpn-gw"} <= set(lab["hosts"])
    assert lab["up_s"] > 0
    assert int(line.split()[3]) == len(lab["hosts"])


def test_exec_passes_output_errors_input_and_status_through(up: Any) -> None:
    done = up.whodunet("exec", "client", "--", "sh", "-c", "hostname; echo oh >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "client\n", "oh\n")
    child = up.popen(up.command, "exec", "instance", "--", "rev", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.communicate("abc\n", timeout=20) == ("cba\n", None)
    assert up.whodunet("exec", "client", "--", "no-such-program").returncode == 127
    killed = f"{up.command} exec client -- sh -c 'kill -9 $$'; echo $?"
    assert up.run("bash", "-c", killed).stdout.endswith("137\n")


def test_several_commands_run_at_a_time_on_a_host(up: Any) -> None:
    readers = [
        up.popen(up.command, "exec", "client", "--", "cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    for number, reader in reversed(list(enumerate(readers))):
        assert reader.communicate(f"{number}\n", timeout=20)[0] == f"{number}\n"


def test_a_policy_is_shown_changed_and_obeyed(up: Any) -> None:
    shown = yaml.safe_load(up.whodunet("policy").stdout)
    assert set(shown) == {"egress-fw", "sg"}
    assert yaml.safe_load(up.whodunet("policy", "egress-fw").stdout) == shown["egress-fw"]
    changed = up.whodunet("policy", "egress-fw", "rules=[{protocol: tcp, port: 22, action: reset}]")
    assert changed.returncode == 0
    assert "has confirmed" in changed.stdout
    assert "refused" in up.whodunet("exec", "client", "--", "nc", "-vz", "-w", "3", "10.0.1.10", "22").stderr
    up.path("/tmp/policy.yaml").write_text(yaml.safe_dump(shown["egress-fw"]))
    assert up.whodunet("policy", "egress-fw", "policy.yaml").returncode == 0
    assert up.whodunet("exec", "client", "--", "nc", "-z", "-w", "3", "10.0.1.10", "22").returncode == 0


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("rules=[{protocol: tpc, action: drop}]", "did you mean tcp?"),
        ("rulse=[]", "did you mean rules?"),
        ("rules=[", "is not valid YAML"),
        ("no-such-file.yaml", "cannot be read"),
    ],
)
def test_a_bad_policy_is_refused_with_its_fix_and_changes_nothing(up: Any, change: str, complaint: str) -> None:
    before = up.whodunet("policy", "egress-fw").stdout
    refused = up.whodunet("policy", "egress-fw", change)
    assert refused.returncode == 2
    assert complaint in refused.stderr
    assert up.whodunet("policy", "egress-fw").stdout == before


def test_the_client_leaves_the_vpn_and_comes_back(up: Any) -> None:
    route = ("exec", "client", "--", "ip", "route", "get", "10.0.1.10")
    assert "client-eth0" in up.whodunet(*route).stdout
    assert up.whodunet("vpn", "off").stdout == "client uses: home\n"
    assert "client-eth1" in up.whodunet(*route).stdout
    ssh = ("exec", "client", "--", "ssh", "-o", "ConnectTimeout=5", "ec2-user@10.0.1.10", "hostname")
    assert up.whodunet(*ssh).stdout == "instance\n"
    assert up.whodunet("vpn", "on").stdout == "client uses: vpn\n"
    assert up.whodunet("vpn").stdout == "client uses: vpn\n"
    assert "client-eth0" in up.whodunet(*route).stdout
    assert up.whodunet(*ssh).stdout == "instance\n"


class Terminal:
    """`whodunet shell HOST` on a pseudo-terminal, as a person has it in front of them."""

    def __init__(self, machine: Any, host: str) -> None:
        self._ours, theirs = pty.openpty()
        command = ("setsid", "--ctty", "--wait", machine.command, "shell", host)
        self.child = machine.popen(*command, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self._unread = ""

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def await_text(self, text: str) -> str:
        """What appears up to a text and with it; what came in the same breath stays for the next call."""
        end = time.monotonic() + 20
        while text not in self._unread:
            ready, _, _ = select.select([self._ours], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{text!r} did not appear in {self._unread!r}"
            self._unread += os.read(self._ours, 4096).decode()
        before, _, self._unread = self._unread.partition(text)
        return before + text

    def close(self) -> int:
        self.type("exit\n")
        status = int(self.child.wait(20))
        os.close(self._ours)
        return status


def test_a_shell_has_the_hosts_prompt_and_job_control_and_ends_with_exit(up: Any) -> None:
    terminal = Terminal(up, "client")
    greeting = terminal.await_text("root@client:~# ")
    assert "job control" not in greeting
    terminal.type("sed -u 's/^/got /'\n")
    terminal.type("one\n")
    terminal.await_text("got one")
    terminal.type("\x1a")
    terminal.await_text("Stopped")
    terminal.await_text("root@client:~# ")
    terminal.type("fg\n")
    terminal.type("two\n")
    terminal.await_text("got two")  # so it has the terminal again
    terminal.type("\x03")
    terminal.await_text("root@client:~# ")
    terminal.type("(exit 5)\n")
    terminal.await_text("root@client:~# ")
    assert terminal.close() == 5


def test_several_shells_are_open_at_a_time(up: Any) -> None:
    terminals = {host: Terminal(up, host) for host in ("client", "instance", "transit2")}
    for host, terminal in terminals.items():
        terminal.await_text(f"root@{host}:~# ")
    assert [terminal.close() for terminal in terminals.values()] == [0, 0, 0]


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (("run", "vpn-egress-rest"), 2, "did you mean vpn-egress-reset?"),
        (("check",), 2, "no scenario is named"),
        (("check", "no/such.yaml"), 2, "does not exist"),
        (("up", "healthy", "--controller", "no-such.py"), 2, "does not exist"),
        (("exec", "client"), 2, "no command is given"),
        (("exec", "clint", "--", "true"), 2, "did you mean client?"),
        (("shell", "clint"), 2, "did you mean client?"),
        (("shell", "sg"), 2, "sg: is a switch, not a host; `whodunet policy healthy sg` shows"),
        (("exec", "healthy", "clint", "true"), 2, "clint: is not a host of the lab healthy; did you mean client?"),
        (("exec", "helthy", "client", "true"), 3, "no lab named helthy is running; did you mean healthy?"),
        (("vpn", "helthy", "off"), 3, "no lab named helthy is running; did you mean healthy?"),
        (("service", "healthy", "instance", "shd"), 2, "shd: is not a service of instance; did you mean sshd?"),
        (("shell", "client", "ls"), 2, "whodunet exec client -- COMMAND"),
        (("logs", "--only", "sshd"), 2, "is not a log of this lab"),
        (("down", "helthy"), 3, "did you mean healthy?"),
        (("down",), 2, "name one, or use --all; running: healthy"),
        (("fault", "list"), 3, "has no fault"),
        (("capture", "-o", "/no-such-folder/x"), 3, "/no-such-folder/x: No such file or directory"),
        (("service", "instance", "shd", "stop"), 2, "did you mean sshd?"),
        (("exec", "--lab", "other", "client", "--", "true"), 3, "no lab named other is running"),
        (("policy", "egress"), 2, "did you mean egress-fw?"),
        (("show", "no-such-record"), 2, "is not a record"),
        (("vpn", "sideways"), 2, "is not a state of the VPN"),
        (("frobnicate",), 2, "invalid choice"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_done_is_told_in_a_line_that_fixes_it(
    up: Any, arguments: tuple[str, ...], status: int, complaint: str
) -> None:
    refused = up.whodunet(*arguments)
    assert (refused.returncode, refused.stdout) == (status, "")
    assert complaint in refused.stderr
    assert "Traceback" not in refused.stderr


def test_two_labs_need_to_be_told_apart(up: Any) -> None:
    assert up.whodunet("up", "healthy", "--as", "second").returncode == 0
    refused = up.whodunet("exec", "client", "--", "true")
    assert (refused.returncode, refused.stderr.count("healthy, second")) == (2, 1)
    assert up.whodunet("exec", "--lab", "second", "client", "--", "hostname").stdout == "client\n"
    assert up.whodunet("exec", "-it", "second", "client", "hostname").stdout == "client\n"
    assert up.whodunet("vpn", "second", "off").stdout == "client uses: home\n"
    assert up.whodunet("vpn", "healthy").stdout == "client uses: vpn\n"
    assert up.whodunet("policy", "second", "sg").stdout.startswith("controller: security_group\n")
    assert up.whodunet("service", "second", "instance", "sshd", "stop").stdout == "sshd on instance: stopped\n"
    assert up.whodunet("cp", "second", "/etc/hostname", "client:/root/copied").returncode == 0
    assert up.whodunet("exec", "second", "client", "ls", "/root/copied").stdout == "/root/copied\n"
    assert up.whodunet("down", "second").stdout == "second is down\n"


def test_output_that_is_piped_has_no_escape_codes_and_ends_with_the_command(shop: Any) -> None:
    """A lab that stays holds nothing of the pipe open."""
    told = shop.whodunet("up", "/tmp/quick.yaml", "--as", "piped")
    assert told.returncode == 0
    assert "\x1b" not in told.stdout + told.stderr
    assert shop.whodunet("down", "--lab", "piped").returncode == 0


def test_a_run_keeps_a_complete_record_and_show_tells_its_story_without_a_lab(shop: Any) -> None:
    ran = shop.whodunet("run", "/tmp/quick.yaml")
    assert ran.returncode == 0, ran.stderr
    story, _, folder = ran.stdout.partition("record:")
    assert "\x1b" not in ran.stdout
    record = shop.path(folder.strip())
    names = {path.name for path in record.iterdir()}
    assert {"run.json", "scenario.yaml", "capture.pcapng", "flows-egress-fw.txt", "flows-sg.txt", "logs"} <= names
    assert (record / "scenario.yaml").read_text() == yaml.safe_dump(QUICK)
    shown = shop.whodunet("show", folder.strip().rpartition("/")[2])
    assert (shown.returncode, shown.stdout.strip()) == (0, story.strip())


def test_progress_gives_the_culprit_of_a_mystery_away_by_no_word(shop: Any) -> None:
    told = shop.whodunet("run", "/tmp/quick.yaml").stderr

    assert "] putting the fault in place\n" in told
    assert [word for word in ("egress-fw", "firewall", "reset") if word in told] == []


def test_a_record_that_is_damaged_is_refused(shop: Any) -> None:
    assert shop.whodunet("run", "/tmp/quick.yaml", "--keep", "/tmp/damaged").returncode == 0
    shop.path("/tmp/damaged/run.json").write_text("{")
    refused = shop.whodunet("show", "/tmp/damaged")
    assert refused.returncode == 2, refused.stderr
    assert "Traceback" not in refused.stderr
    shop.path("/tmp/damaged/run.json").unlink()
    assert "run.json is missing" in shop.whodunet("show", "/tmp/damaged").stderr
    assert shop.whodunet("run", "/tmp/quick.yaml", "--keep", "/tmp/damaged").returncode == 2


def test_json_is_all_that_stands_on_standard_output(shop: Any) -> None:
    ran = shop.whodunet("run", "/tmp/quick.yaml", "--json", "--keep", "/tmp/json-record")
    checked = shop.whodunet("check", "/tmp/quick.yaml", "--json")
    listed = shop.whodunet("list", "--json")
    shown = shop.whodunet("show", "/tmp/json-record", "--json")
    assert [each.returncode for each in (ran, checked, listed, shown)] == [0, 0, 0, 0]
    assert json.loads(ran.stdout) == json.loads(shown.stdout)
    assert list(json.loads(checked.stdout)["reports"]) == ["quick"]
    assert "vpn-egress-reset" in [each["name"] for each in json.loads(listed.stdout)]
    assert json.loads(shop.whodunet("schema").stdout)["$schema"].startswith("https://json-schema.org/")


def test_check_writes_junit(shop: Any) -> None:
    checked = shop.whodunet("check", "/tmp/quick.yaml", "--junit", "/tmp/junit.xml")
    assert (checked.returncode, checked.stdout.splitlines()[-1]) == (0, "1 of 1 scenarios held")
    suites = ElementTree.parse(shop.path("/tmp/junit.xml")).getroot()
    cases = list(suites.iter("testcase"))
    assert len(cases) >= 3
    assert not list(suites.iter("failure"))


def without_its_faults(name: str) -> dict[str, Any]:
    case: dict[str, Any] = yaml.safe_load(find_scenario(name).read_text())
    del case["faults"]
    return case


def test_a_file_whose_faults_were_taken_out_is_refused(shop: Any) -> None:
    shop.path("/tmp/no-faults.yaml").write_text(yaml.safe_dump(without_its_faults("vpn-egress-reset")))
    refused = shop.whodunet("check", "/tmp/no-faults.yaml")
    assert refused.returncode == 2
    assert "answer.cause: is egress-reset, but from the faults follows none" in refused.stderr
    assert "answer.repaired: has nothing to repair" in refused.stderr


def test_a_file_whose_faults_and_answer_were_taken_out_does_not_hold(shop: Any) -> None:
    case = without_its_faults("vpn-egress-reset")
    case["probes"] = {"nc": case["probes"]["nc"]}
    case["answer"] = {"cause": "none", "symptoms": {"nc": case["answer"]["symptoms"]["nc"]}}
    shop.path("/tmp/no-answer.yaml").write_text(yaml.safe_dump(case))
    checked = shop.whodunet("check", "/tmp/no-answer.yaml")
    assert checked.returncode == 1, checked.stdout
    assert "expected refused, seen timed out" in checked.stdout


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ("/usr/sbin/ovs-vswitchd", "ovs-vswitchd"),
        ("/usr/bin/mnexec", "mnexec"),
        ("/dev/net/tun", "tun"),
    ],
)
def test_a_machine_that_lacks_something_is_told_so_with_status_3(
    shop: Any, leaving_nothing: Any, missing: str, told: str
) -> None:
    hide = 'mount --bind /tmp/empty "$(readlink -f "$0")"; exec "$@"'
    shop.path("/tmp/empty").touch()
    with leaving_nothing(shop, but="^/run/mount"):
        failed = shop.run("unshare", "--mount", "bash", "-c", hide, missing, shop.command, "check", "/tmp/quick.yaml")
    assert failed.returncode == 3, failed.stdout
    assert told in failed.stdout + failed.stderr
    assert "Traceback" not in failed.stdout + failed.stderr


def test_a_custom_topology_file_runs_with_stock_mininet(shop: Any) -> None:
    topology = str(find_scenario("healthy").parents[1] / "topologies" / "corporate_vpn.py")
    mn = (f"{sys.prefix}/bin/mn", "--custom", topology, "--topo", "corporate_vpn", "--controller", "none")
    script = "client ping -c 1 -W 5 10.8.0.1\ninstance ping -c 1 -W 5 10.0.1.1\nexit\n"
    shop.path("/tmp/home/script").write_text(script)
    options = ("--switch", "ovs,failMode=standalone", "--post", "script", "--test", "none")
    ran = shop.whodunet("sandbox", "--", *mn, *options, cwd="/tmp/home")
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert (ran.stdout + ran.stderr).count("1 received") == 2, ran.stderr[-2000:]
