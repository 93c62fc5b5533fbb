"""What people know from docker, kubectl and containerlab works here, and leaves nothing behind when it fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from whodunet.evidence.packets import kinds
from whodunet.lab.pcap_reader import read_capture
from whodunet.lab.waiting import wait_until

NC: Final = ("exec", "client", "--", "nc", "-vz", "-w", "2", "10.0.1.10", "22")
NAME: Final = "case"


@pytest.fixture(scope="module")
def shop(fresh_machine: Any) -> Any:
    """A machine with the case that `new` writes."""
    wrote = fresh_machine.whodunet("new", NAME)
    assert wrote.stdout == f"wrote {NAME}.yaml; next: whodunet check ./{NAME}.yaml\n", wrote.stderr
    return fresh_machine


@pytest.fixture(scope="module")
def up(shop: Any) -> Iterator[Any]:
    """A machine with a lab of that case."""
    started = shop.whodunet("up", f"./{NAME}.yaml", "--as", "one")
    assert started.returncode == 0, started.stderr
    assert started.stdout.endswith(
        "\n\nlab one is up\n  next:        whodunet shell one client\n  in the end:  whodunet down one\n"
    )
    assert max(map(len, (started.stdout + started.stderr).splitlines())) <= 80
    yield shop
    assert shop.whodunet("down", "one").stdout == "one is down\n"


def test_a_fault_is_switched_off_and_on_and_what_was_there_before_is_back(up: Any) -> None:
    with_fault = up.whodunet("policy", "egress-fw").stdout
    assert "refused" in up.whodunet(*NC).stderr

    listed = up.whodunet("fault", "off").stdout.splitlines()
    assert [line.split() for line in listed] == [["NR", "KIND", "STATE"], ["1", "firewall-rule", "off"]]
    assert "succeeded" in up.whodunet(*NC).stderr
    assert yaml.safe_load(up.whodunet("policy", "egress-fw").stdout)["rules"] == []

    assert json.loads(up.whodunet("fault", "on", "1", "--json").stdout)[0]["state"] == "on"
    assert up.whodunet("policy", "egress-fw").stdout == with_fault
    assert "refused" in up.whodunet(*NC).stderr


def test_the_list_of_faults_says_what_is_so_and_not_what_was_done(up: Any) -> None:
    rules = yaml.safe_load(up.whodunet("policy", "egress-fw").stdout)["rules"]
    up.whodunet("policy", "egress-fw", "rules=[]")
    assert up.whodunet("fault").stdout.split()[-1] == "off"
    up.whodunet("policy", "egress-fw", f"rules={json.dumps(rules)}")
    assert up.whodunet("fault").stdout.split()[-1] == "on"


def test_what_a_running_lab_has_recorded_is_copied_whole(up: Any) -> None:
    up.whodunet(*NC)
    assert up.whodunet("capture", "-o", "/tmp/lab.pcapng").returncode == 0
    first = read_capture(up.path("/tmp/lab.pcapng"))
    assert any("RST" in kinds(packet) for packet in first)
    up.whodunet(*NC)
    piped = up.run("bash", "-c", f"{up.command} capture -o - --lab one >/tmp/piped.pcapng")
    assert piped.returncode == 0, piped.stderr
    assert len(read_capture(up.path("/tmp/piped.pcapng"))) > len(first)
    full = up.whodunet("capture", "one", "--output", "/dev/full")
    assert (full.returncode, full.stderr) == (3, "whodunet: /dev/full: No space left on device\n")


def test_logs_are_those_of_the_programs_that_the_lab_is_made_of(up: Any) -> None:
    told = up.whodunet("logs", "one").stdout
    assert {"== ovs-vswitchd.log ==", "== controller.log ==", "== instance-sshd.log =="} <= {*told.splitlines()}
    only = up.whodunet("logs", "--only", "instance-sshd.log").stdout
    assert "Server listening on" in only
    assert "==" not in only
    assert len(up.whodunet("logs", "--only", "instance-sshd.log", "--tail", "1").stdout.splitlines()) == 1


def test_so_many_labs_come_up_and_go_together(shop: Any, leaving_nothing: Any) -> None:
    with leaving_nothing(shop):
        started = shop.whodunet("up", f"./{NAME}.yaml", "--as", "seat", "--count", "3")
        assert started.returncode == 0, started.stderr
        assert "3 labs are up: seat-1 to seat-3" in started.stdout
        names = [lab["name"] for lab in json.loads(shop.whodunet("ps", "--json").stdout)]
        assert {"seat-1", "seat-2", "seat-3"} <= {*names}
        assert "refused" in shop.whodunet("exec", "seat-2", *NC[1:]).stderr
        down = shop.whodunet("down", "seat-1", "seat-2", "seat-3")
        assert down.stdout == "seat-1 is down\nseat-2 is down\nseat-3 is down\n"


def test_with_a_seed_each_of_so_many_labs_has_a_network_of_its_own(shop: Any, leaving_nothing: Any) -> None:
    with leaving_nothing(shop):
        started = shop.whodunet("up", f"./{NAME}.yaml", "--as", "own", "--count", "2", "--seed", "7")
        assert started.returncode == 0, started.stderr
        seeds = {lab["name"]: lab["seed"] for lab in json.loads(shop.whodunet("ps", "--json").stdout)}
        assert (seeds["own-1"], seeds["own-2"]) == (7, 8)
        told = [line.split() for line in started.stdout.splitlines()]
        addresses = {words[0]: words[2] for words in told if words[1:2] == ["instance"]}
        for lab in ("own-1", "own-2"):
            looked_up = shop.whodunet("exec", lab, "client", "--", "getent", "ahostsv4", "instance.cloud.example")
            assert looked_up.stdout.split()[0] == addresses[lab]
        assert addresses["own-1"] != addresses["own-2"]
        assert shop.whodunet("down", "own-1", "own-2").returncode == 0


def test_of_labs_that_belong_together_none_is_left_when_one_has_no_name(shop: Any, leaving_nothing: Any) -> None:
    with leaving_nothing(shop):
        assert shop.whodunet("up", "healthy", "--as", "seat-2").returncode == 0
        refused = shop.whodunet("up", f"./{NAME}.yaml", "--as", "seat", "--count", "3")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr.startswith("whodunet: seat-2: a lab of that name is running; ")
        assert shop.whodunet("down", "seat-2").returncode == 0


def test_of_labs_that_belong_together_none_is_left_when_one_fails(shop: Any, leaving_nothing: Any) -> None:
    hide = 'mount --bind /dev/null /usr/bin/mnexec; exec "$@"'
    with leaving_nothing(shop, but="^/run/mount"):
        command = (shop.command, "up", f"./{NAME}.yaml", "--as", "seat", "--count", "3")
        failed = shop.run("unshare", "--mount", "bash", "-c", hide, "bash", *command)
    assert (failed.returncode, failed.stdout) == (3, "")
    [line] = failed.stderr.splitlines()
    assert "could not be brought up, so none of the 3 labs is left: " in line


@pytest.mark.parametrize("count", [(), ("--count", "2")])
@pytest.mark.parametrize("redirection", [">/dev/full", ">&-", "| true", "| exec 0<&-"])
def test_a_lab_of_which_nobody_heard_is_not_left(
    shop: Any, leaving_nothing: Any, redirection: str, count: tuple[str, ...]
) -> None:
    up = f"set -o pipefail; {shop.command} up ./{NAME}.yaml --as unheard {' '.join(count)} {redirection}"
    with leaving_nothing(shop):
        done = shop.run("bash", "-c", up)
    assert done.returncode in (3, 128 + signal.SIGPIPE)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_labs_that_are_coming_up_go_with_their_command(shop: Any, leaving_nothing: Any, number: int) -> None:
    with leaving_nothing(shop):
        command = shop.popen(
            shop.command, "up", f"./{NAME}.yaml", "--as", "seat", "--count", "4", "--jobs", "1", stderr=subprocess.PIPE
        )
        assert command.stderr.readline() == "seat-1 is up (1 of 4)\n"
        shop.interrupt(command, number)
        _, said = command.communicate(timeout=60)
    assert command.returncode == 128 + number
    assert said.splitlines()[-1] == "whodunet: interrupted; nothing is left running"


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_play_whose_reader_went_away_is_no_success_and_leaves_nothing(
    shop: Any, leaving_nothing: Any, command: str
) -> None:
    with leaving_nothing(shop, but=r"/\.local"):  # the record, which was kept before its story was told
        done = shop.run("bash", "-c", f"{shop.command} {command} ./{NAME}.yaml | true; echo ${{PIPESTATUS[0]}}")
    assert done.stdout == f"{128 + signal.SIGPIPE}\n"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_ended_leaves_no_half_record(shop: Any, leaving_nothing: Any, number: int) -> None:
    with leaving_nothing(shop):
        command = shop.popen(shop.command, "run", f"./{NAME}.yaml", stderr=subprocess.PIPE)
        for line in command.stderr:
            if "client$ " in line:
                break
        shop.interrupt(command, number)
        command.communicate(timeout=60)
    assert command.returncode == 128 + number


def test_a_place_without_room_for_the_record_is_told_before_the_play(shop: Any) -> None:
    mount = 'mkdir -p /tmp/state && mount -t tmpfs -o "$1" small /tmp/state && shift && XDG_STATE_HOME=/tmp/state "$@"'
    for options, why in (("size=64k", "No space left on device"), ("ro", "Read-only file system")):
        command = ("bash", "-c", mount, "bash", options, shop.command, "run", f"./{NAME}.yaml")
        refused = shop.run("unshare", "--mount", *command)
        assert (refused.returncode, refused.stdout) == (3, "")
        [line] = [line for line in refused.stderr.splitlines() if "injecting" not in line]
        assert line.startswith("whodunet: the record cannot be kept: /tmp/state")
        assert why in line


def test_records_are_listed_shown_and_pruned(shop: Any) -> None:
    state = {"XDG_STATE_HOME": "/tmp/records"}
    with_state = ("env", *(f"{key}={value}" for key, value in state.items()), shop.command)
    for _ in range(2):
        assert shop.run(*with_state, "run", f"./{NAME}.yaml").returncode == 0
    latest, older = json.loads(shop.run(*with_state, "runs", "--json").stdout)
    assert (latest["state"], older["state"]) == ("complete", "complete")
    assert latest["began_s"] >= older["began_s"]
    lines = shop.run(*with_state, "runs").stdout.splitlines()
    assert lines[0].split() == ["AGE", "SIZE", "STATE", "RUN"]
    assert [line.split()[-1] for line in lines[1:]] == [latest["name"], older["name"]]

    shown = shop.run(*with_state, "show")
    assert shown.returncode == 0
    assert shown.stdout == shop.run(*with_state, "show", latest["name"]).stdout

    assert [each["name"] for each in json.loads(shop.run(*with_state, "runs", "--prune", "1", "--json").stdout)] == [
        older["name"]
    ]
    assert older["name"] in shop.run(*with_state, "show", older["name"]).stderr
    assert [each["name"] for each in json.loads(shop.run(*with_state, "runs", "--json").stdout)] == [latest["name"]]


def test_what_a_run_suggests_holds_when_it_is_pasted(shop: Any) -> None:
    case = yaml.safe_load(shop.path(f"/tmp/{NAME}.yaml").read_text())
    del case["answer"]["evidence"], case["answer"]["repaired"]["evidence"]
    shop.path("/tmp/bare.yaml").write_text(yaml.safe_dump(case))
    ran = shop.whodunet("run", "./bare.yaml", "--suggest")
    assert ran.returncode == 0, ran.stderr
    suggested = yaml.safe_load(ran.stdout)
    of_the_syn = [claim for claim in suggested["evidence"] if (claim["probe"], claim["packet"]) == ("ssh", "SYN")]
    assert [claim["last_seen_at"] for claim in of_the_syn] == ["egress-fw.inside"]
    case["answer"]["evidence"] = suggested["evidence"]
    case["answer"]["repaired"]["evidence"] = suggested["repaired"]["evidence"]
    shop.path("/tmp/pasted.yaml").write_text(yaml.safe_dump(case))
    checked = shop.whodunet("check", "./pasted.yaml", "--repeat", "2")
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.splitlines()[-1] == "2 of 2 plays held"


def test_the_truth_needs_no_lab(shop: Any, leaving_nothing: Any) -> None:
    with leaving_nothing(shop):
        told = json.loads(shop.whodunet("truth", f"./{NAME}.yaml", "--json").stdout)
        assert (told["cause"], told["culprit"]) == ("egress-reset", "egress-fw")
        assert told["faulty"]["evidence"][0]["last_seen_at"] == "egress-fw-eth1"
        assert "An egress firewall resets" in shop.whodunet("truth", "vpn-egress-reset").stdout


def test_a_lab_that_ended_by_itself_is_told_with_the_reason(shop: Any, leaving_nothing: Any, process_tree: Any) -> None:
    with leaving_nothing(shop):
        assert shop.whodunet("up", "healthy", "--as", "short").returncode == 0
        launcher = process_tree.launcher_of("short", process_tree.descendants(shop.first))
        [switch] = [
            pid for pid in process_tree.descendants(launcher) if "ovs-vswitchd\0" in process_tree.command_line(pid)
        ]
        os.kill(switch, signal.SIGKILL)
        wait_until(lambda: "short" not in shop.whodunet("ps").stdout, "the lab to end")
        for command in (("exec", "--lab", "short", "client", "true"), ("down", "short")):
            told = shop.whodunet(*command)
            assert told.returncode == 3
            assert told.stderr.startswith("whodunet: the lab short has ended by itself: ovs-vswitchd ")
            assert len(told.stderr.splitlines()) == 1
        assert shop.whodunet("down", "short").stderr.startswith("whodunet: no lab named short is running; ")


def test_a_new_case_is_written_once_and_under_a_name_that_a_lab_can_have(shop: Any) -> None:
    before = Path(shop.path(f"/tmp/{NAME}.yaml")).read_text()
    for name, why in (
        (NAME, "already exists"),
        ("Case", "use small letters"),
        ("no-such/x", "make it first: mkdir -p no-such"),
    ):
        refused = shop.whodunet("new", name)
        assert refused.returncode in (2, 3)
        assert why in refused.stderr
    assert shop.path(f"/tmp/{NAME}.yaml").read_text() == before
    assert shop.whodunet("check", f"./{NAME}.yaml").returncode == 0
