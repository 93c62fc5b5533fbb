"""Which program's words and exit status count, in whatever way a line of shell runs it."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from whodunet.evidence.command_line import command_names, network_program, network_programs
from whodunet.evidence.symptom_rows import UNSEEN

PARTS = [
    *"();|&<>$!{}'\"\\\n#= -",
    "ssh",
    "nc",
    "sudo ",
    "timeout 5 ",
    "sh -c ",
    "-o ",
    "ProxyCommand=",
    "<<x\n",
    "2>&1",
]


@pytest.mark.parametrize(
    ("command", "program", "is_last"),
    [
        ("ssh h", "ssh", True),
        ("LC_ALL=C FOO='a b' /usr/bin/ssh -vvv h", "ssh", True),
        ("(echo a; sleep 3; echo b) | nc h 22", "nc", True),
        ("echo | ssh h 2>&1 | tee log", "ssh", False),
        ("ssh h |& tee log", "ssh", False),
        ("ping -c 1 h && curl -v http://h/", "curl", True),
        ("curl -v http://h/ && echo reached", "curl", True),
        ("curl -v http://h/ && grep x file", "curl", False),
        ("curl -v http://h/ || echo failed", "curl", False),
        ("curl -v http://h/; true", "curl", False),
        ("ssh h & sleep 1", "ssh", False),
        ("! nc -z h 22", "nc", False),
        ("(ssh h) | cat", "ssh", False),
        ("{ ssh h; } 2>&1", "ssh", True),
        ("ssh -o ProxyCommand='nc -w 2 %h %p' h true", "ssh", True),
        ("ncat -v h 22 </dev/null >out 2>&1", "nc", True),
        ("ssh h &>log", "ssh", True),
        ("ssh h >& log", "ssh", True),
        ("curl 'http://h/?a=1&b=2'", "curl", True),
        ("dig -b 10.8.0.10#5555 +short h", "dig", True),
        ("for try in $(seq 20); do timeout 0.25 nc -v h 22; done", "nc", True),
        ("for try in 1 2; do nc -z h 22; done | tail -n 1", "nc", False),
        ("if true; then ping h; fi; true", "ping", False),
        ("answer=$(dig +short h)", "dig", True),
        ("ssh h <<'END'\ncurl http://x/\nEND", "ssh", True),
        ("ssh h <<-END | tee log\n  curl http://x/\n  END", "ssh", False),
        ("sh -c 'ssh h'", "ssh", True),
        ("bash -lc 'ssh h; true'", "ssh", False),
        ("su bob -c 'ssh h'", "ssh", True),
        ("script -qec 'ssh h' /dev/null", "ssh", True),
        ("script -qc 'ssh h' /dev/null", "ssh", False),  # without -e script ends with 0
        ("timeout 3 bash -c 'cat </dev/tcp/10.0.1.10/22'", "bash", True),
        ("exec 3<>/dev/tcp/10.0.1.10/22", "bash", True),
        ("python3.12 -c 'import socket'", "python", True),
        ("busybox nc h 22", "nc", True),
        ("nc.traditional -v h 22", "nc", True),
        ("kubectl get pods", "common", True),
    ],
)
def test_the_last_network_program_of_a_command_line_is_the_one_judged(
    command: str, program: str, is_last: bool
) -> None:
    found = network_program(command)

    assert found is not None
    assert (found.program, found.is_last) == (program, is_last)


@pytest.mark.parametrize(
    "wrapped",
    [
        "sudo {}",
        "sudo -n -u nc {}",  # a user of that name
        "timeout -k 1 5 {}",
        "timeout --signal=KILL 5 {}",
        "env -i -u HOME PATH=/bin {}",
        "nice -n 5 {}",
        "stdbuf -oL {}",
        "time {}",
        "exec {}",
        "command {}",
        "nohup setsid {}",
        "strace -f -e trace=network -o log {}",
        "faketime '+1 h' {}",
        "proxychains4 -f conf {}",
        "ip netns exec blue {}",
        "sudo timeout 5 {}",
        "timeout 5 sh -c '{}'",
        "sudo -u bob bash -c '{}'",
    ],
)
def test_a_program_is_found_behind_what_runs_it(wrapped: str) -> None:
    found = network_program(wrapped.format("ssh -v h"))

    assert found is not None
    assert (found.program, found.is_last, found.words) == ("ssh", True, ("ssh", "-v", "h"))


@pytest.mark.parametrize("command", ["", "echo ssh", "tcpdump -n host ssh", "ssh 'unclosed", "cat ssh | grep nc"])
def test_a_line_without_a_network_program_has_none(command: str) -> None:
    assert network_program(command) is None


def test_programs_are_told_in_the_order_of_the_line_and_which_may_not_have_run() -> None:
    found = network_programs("dig +short h; ping -c 1 h && ssh h")

    assert [(each.program, each.may_not_run) for each in found] == [("dig", False), ("ping", False), ("ssh", True)]


@pytest.mark.parametrize(
    ("command", "exit_status", "own"),
    [
        ("ssh h", 255, 255),
        ("ssh h", None, None),
        ("ssh h", 124, 124),
        ("timeout 5 ssh h", 124, None),
        ("timeout -s KILL 5 ssh h", 137, None),
        ("busybox timeout 5 nc h 22", 143, None),
        ("timeout 5 ssh h", 255, 255),
        ("timeout 5 ssh h | cat", 0, UNSEEN),
    ],
)
def test_a_programs_own_exit_status(command: str, exit_status: int | None, own: int | None) -> None:
    found = network_program(command)

    assert found is not None
    assert found.own_status(exit_status) == own


@pytest.mark.parametrize(
    ("command", "proxy"),
    [
        ("ssh -o ProxyCommand='nc -v %h %p' h", "nc -v %h %p"),
        ("ssh -oProxyCommand='nc -v %h %p' h", "nc -v %h %p"),
        ("scp -o 'proxycommand nc -v %h %p' f h:", "nc -v %h %p"),
        ("ssh -o ProxyCommand=none h", None),
        ("ssh -o ConnectTimeout=5 h", None),
        ("ssh -J bastion h", None),
    ],
)
def test_the_proxy_command_of_an_ssh(command: str, proxy: str | None) -> None:
    found = network_program(command)

    assert found is not None
    assert found.proxy == proxy


@settings(deadline=None)
@given(st.lists(st.sampled_from(PARTS) | st.text(max_size=3), max_size=30).map("".join))
@example("sudo " * 5000 + "ssh h")
@example("! " * 5000)
@example("<<x\n" * 50)
@example(" ")
def test_no_line_is_too_odd_to_be_read(command: str) -> None:
    assert all(found.words for found in network_programs(command))
    command_names(command)


def test_the_names_of_all_that_a_line_starts_itself() -> None:
    names = command_names("timeout 5 /opt/tool h | sh -c 'ssh h remote' && A=b true")

    assert names == {"timeout", "/opt/tool", "tool", "sh", "ssh", "true"}
