"""Symptoms are read off what real programs printed and exited with, and off the packets.

tests/data/program_output holds what programs printed, the symptom beside each as a person reads it: `recorded.jsonl` in a
network namespace of Debian 12 (port 2201 is dropped; the router answers 2202 to 2208 with ICMP 3/13, 3/3, RST, 3/10, 3/0,
3/9, 3/1; 2301 closes at once, 2302 says nothing, 2303 resets, and so on), long -v output shortened to its lines about
the connection; `reported.jsonl` from public reports, with their sources; `texts.jsonl` texts that programs and libraries
hold, with the project that they are from.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from whodunet.evidence.command_line import network_program
from whodunet.evidence.observation import Observation
from whodunet.evidence.programs import known
from whodunet.evidence.symptom import Symptom
from whodunet.evidence.symptom_rows import Row
from whodunet.evidence.symptoms import SymptomReading, classify, read_symptom
from whodunet.evidence.traffic import Connection, Traffic

FOLDER: Final = Path(__file__).parents[2] / "data" / "program_output"
LINES: Final = [
    json.loads(line) for path in sorted(FOLDER.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()
]

REFUSED = Connection(refused=True)
UNANSWERED = Connection()
SILENT = Connection(stood=True)
TALKS = Connection(stood=True, received_bytes=41)
TALKS_AND_CLOSES = Connection(stood=True, received_bytes=41, closed=True)
RESETS = Connection(stood=True, received_bytes=41, reset=True)
CLOSES = Connection(stood=True, closed=True)


def read(
    command: str,
    status: int | None,
    *,
    stdout: str = "",
    stderr: str = "",
    failure: str | None = None,
    traffic: Traffic | None = None,
) -> SymptomReading:
    return read_symptom(command, Observation("p", "client", command, status, stdout, stderr, 0, 1, failure), traffic)


def symptom_of(command: str, status: int | None, stdout: str = "", stderr: str = "") -> str:
    return classify(command, Observation("p", "client", command, status, stdout, stderr, 0, 1))


def with_packets(
    command: str, status: int | None, *connections: Connection, stdout: str = "", stderr: str = ""
) -> SymptomReading:
    answered = any(each.stood for each in connections)
    traffic = Traffic(connections, sent=bool(connections), answered=answered)
    return read(command, status, stdout=stdout, stderr=stderr, traffic=traffic)


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line['command']} {line['exit_status']}")
def test_what_a_real_program_said_is_read_as_a_person_reads_it(line: dict[str, str]) -> None:
    assert symptom_of(line["command"], line["exit_status"], line["stdout"], line["stderr"]) == line["symptom"]  # type: ignore[arg-type]


@pytest.mark.parametrize("ending", ["\r\n", "\r", "\r\r\n"])
def test_line_ends_make_no_difference(ending: str) -> None:
    for line in LINES:
        stdout, stderr = (line[name].replace("\r\n", "\n").replace("\n", ending) for name in ("stdout", "stderr"))
        assert symptom_of(line["command"], line["exit_status"], stdout, stderr) == line["symptom"]


def test_a_command_that_could_not_be_started_is_never_a_symptom_of_the_network() -> None:
    for line in LINES:
        reading = read(line["command"], None, stdout=line["stdout"], stderr=line["stderr"], failure="host gone")
        assert reading == SymptomReading(Symptom.COULD_NOT_MEASURE, reason="host gone", has_run=False)


def test_output_that_was_shortened_in_the_middle_is_read_at_both_its_ends() -> None:
    cut = "x" * 70_000 + "\n[... 400000000 bytes left out ...]\n" + "x" * 70_000 + "\n"
    refused = "ssh: connect to host 10.0.5.2 port 22: Connection refused\r\n"

    assert symptom_of("ssh h", 255, cut, refused) == "refused"
    assert symptom_of("ssh h", 255, "", cut + refused) == "refused"
    assert read("ssh h", 255, stderr="ssh: news\n[... 5 bytes left out ...]\n").line == "ssh: news"


def test_what_the_remote_command_prints_is_not_taken_for_ssh() -> None:
    assert symptom_of("ssh h 'curl x'", 7, stderr="ssh: connect to host z port 22: Connection refused\n") == "connected"


def test_of_several_attempts_the_last_counts() -> None:
    first = "nc: connect to localhost (::1) port 22 (tcp) failed: Connection refused\n"
    second = "Connection to localhost (127.0.0.1) 22 port [tcp/ssh] succeeded!\n"
    late = "nc: connect to localhost (127.0.0.1) port 22 (tcp) timed out: Operation now in progress\n"

    assert symptom_of("nc -vz localhost 22", 0, stderr=first + second) == "connected"
    assert symptom_of("nc -vz -w 1 localhost 22", 1, stderr=first + late) == "timed out"


def test_sshds_refusal_in_place_of_a_greeting_is_a_close_and_no_answer() -> None:
    assert symptom_of("nc -d -w 2 h 22", 0, "Exceeded MaxStartups\r\n") == "closed"
    assert symptom_of("ncat h 22", 0, "Not allowed at this time\r\n") == "closed"
    assert symptom_of("nc -w 2 h 22", 0, "SSH-2.0-OpenSSH_9.2\r\n") != "closed"


def test_words_that_no_row_knows_are_unknown_and_shown_not_guessed() -> None:
    new = read("ssh h", 255, stderr="ssh: a message of the year 2040\r\n", stdout="something else\n")
    foreign = read("brandnew --probe h", 1, stderr="Connection refused\n")

    assert new == SymptomReading(Symptom.UNKNOWN, "ssh", "ssh: a message of the year 2040")
    assert foreign == SymptomReading(Symptom.UNKNOWN, line="Connection refused")


def test_of_a_long_line_a_sentence_quotes_the_beginning() -> None:
    reading = read("ssh h", 255, stderr="x" * 5000)

    assert (len(reading.line), len(reading.quote)) == (5000, 70)
    assert reading.quote.endswith('x…"')


def test_the_exit_status_of_a_later_command_is_not_taken_for_the_programs_own() -> None:
    assert symptom_of("ssh h true | tee log", 0) == "unknown"
    assert symptom_of("curl -s http://h/ || true", 0) == "unknown"
    assert symptom_of("! nc -z h 22", 0) == "unknown"
    assert (
        symptom_of("nc -v h 22 2>&1 | cat", 0, "nc: connect to h port 22 (tcp) failed: Connection refused\n")
        == "refused"
    )


def test_of_two_programs_joined_by_and_the_first_is_read_where_the_second_did_not_run() -> None:
    lost = "--- h ping statistics ---\n1 packets transmitted, 0 received, 100% packet loss, time 0ms\n"

    assert symptom_of("ping -c 1 h && ssh h true", 1, lost) == "timed out"
    assert symptom_of("ping -c 1 h; ssh h true", 1, lost) == "connected"


def test_a_command_that_timeout_killed_counts_as_killed() -> None:
    assert symptom_of("timeout 5 ssh h", 124) == "timed out"
    assert symptom_of("script -qec 'timeout -s KILL 5 ssh h' /dev/null", 137) == "timed out"
    assert symptom_of("ssh h 'exit 124'", 124) == "connected"


@pytest.mark.parametrize(
    ("command", "status", "output", "name"),
    [
        ("sssh h", 127, "bash: line 1: sssh: command not found\n", "sssh"),
        ("sssh h", 127, "sh: 1: sssh: not found\n", "sssh"),
        ("sssh h 2>/dev/null", 127, "", "sssh"),
        ("timeout 5 ssh h", 127, "timeout: failed to run command \u2018ssh\u2019: No such file or directory\n", "ssh"),
        ("sudo ssh h", 1, "sudo: ssh: command not found\n", "ssh"),
        ("nc -v h 22 | cat", 0, "bash: line 1: nc: command not found\n", "nc"),
        ("script -qec 'ssh h' /dev/null", 127, "sh: 1: ssh: not found\r\n", "ssh"),
    ],
)
def test_a_program_that_is_not_installed_is_named(command: str, status: int, output: str, name: str) -> None:
    reading = read(command, status, stderr=output)

    assert (reading.symptom, reading.reason) == (Symptom.COULD_NOT_MEASURE, f"{name} is not installed in the lab")
    assert not reading.has_run


def test_a_program_that_cannot_be_run_is_named() -> None:
    reading = read("/opt/tool h", 126, stderr="bash: line 1: /opt/tool: Permission denied\n")

    assert (reading.symptom, reading.reason) == (Symptom.COULD_NOT_MEASURE, "/opt/tool cannot be run in the lab")


def test_a_program_of_which_packets_left_was_there() -> None:
    """A remote command that is missing ends with 127 as well."""
    assert with_packets("ssh h 'nosuch 2>/dev/null'", 127, TALKS_AND_CLOSES).symptom == "connected"


def test_a_program_that_is_missing_at_the_other_end_says_that_ssh_got_there() -> None:
    assert symptom_of("ssh h sssh", 127, stderr="bash: line 1: sssh: command not found\n") == "connected"


@pytest.mark.parametrize(
    ("symptom", "proxy", "said"),
    [
        ("not connected", "aws ssm start-session --target %h", "\nAn error occurred (TargetNotConnected) when calling the StartSession operation: i-1 is not connected.\n"),
        ("denied", "nc -X connect -x proxy:3128 %h %p", 'nc: Proxy error: "HTTP/1.1 403 Forbidden"\n'),
        ("denied", "ncat --proxy proxy:3128 %h %p", "Ncat: Proxy returned status code 407.\n"),
        ("not connected", "ncat --proxy proxy:3128 %h %p", "Ncat: Proxy returned status code 503.\n"),
        ("refused", "nc -v %h %p", "nc: connect to 10.0.5.2 port 22 (tcp) failed: Connection refused\n"),
        ("denied", "corkscrew proxy 3128 %h %p", "Proxy could not open connnection to 10.0.5.2:  Forbidden\n"),
        ("name not found", "cloudflared access ssh --hostname %h", 'failed to connect to origin error="dial tcp: lookup h: no such host"\n'),
        ("not connected", "gcloud compute start-iap-tunnel i %p", "ERROR: (gcloud.compute.start-iap-tunnel) Error while connecting [4003: 'failed to connect to backend'].\n"),
        ("program missing", "nosuch %h %p", "/bin/bash: line 1: exec: nosuch: not found\n"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("option", ["-o ProxyCommand='{}'", "-oProxyCommand='{}'", "-o 'ProxyCommand {}'"])
def test_a_proxy_commands_own_error_names_the_symptom(symptom: str, proxy: str, said: str, option: str) -> None:
    end = "kex_exchange_identification: Connection closed by remote host\r\nConnection closed by UNKNOWN port 65535\r\n"
    command = f"ssh {option.format(proxy)} ec2-user@10.0.5.2 hostname"

    assert symptom_of(command, 255, stderr=said + end) == symptom
    if symptom != "program missing":  # there the words of the shell are ssh's own
        assert symptom_of("ssh 10.0.5.2", 255, stderr=said + end) == symptom


def test_a_proxy_command_that_says_nothing_leaves_it_to_the_packets() -> None:
    end = "kex_exchange_identification: Connection closed by remote host\r\nConnection closed by UNKNOWN port 65535\r\n"
    command = "ssh -o ProxyCommand='nc %h %p' h"

    assert symptom_of(command, 255, stderr=end) == "closed"
    assert with_packets(command, 255, REFUSED, stderr=end).symptom == "refused"
    assert with_packets(command, 255, UNANSWERED, stderr=end).symptom == "timed out"


@pytest.mark.parametrize(
    ("symptom", "command", "status", "connections"),
    [
        ("timed out", "nc h 22", None, [UNANSWERED]),
        ("stalled", "nc h 22", None, [SILENT]),
        ("stalled", "socat - TCP:h:22", None, [SILENT]),
        ("stalled", "timeout 3 bash -c 'cat </dev/tcp/h/22'", 124, [SILENT]),
        ("stalled", "nc -w 2 h 22", 0, [SILENT]),
        ("connected", "nc -z -w 2 h 22", 0, [SILENT]),
        ("closed", "nc -w 2 h 22", 0, [CLOSES]),
        ("closed", "socat - TCP:h:22", 0, [CLOSES]),
        ("connected", "nc -w 2 h 22", 0, [TALKS]),
        ("refused", "nc -w 2 h 22", 1, [REFUSED]),
        ("timed out", "nc -w 2 h 22", 1, [UNANSWERED]),
        ("reset", "nc h 22", 1, [RESETS]),
        ("refused", "curl -s http://h/", 7, [REFUSED]),
        ("timed out", "ssh -q h", 255, [UNANSWERED]),
        ("stalled", "ssh h", None, [TALKS]),  # it was spoken to, and then nothing more came
        ("unknown", "ssh -q h", 255, [TALKS_AND_CLOSES]),  # for whatever reason it gave up
        ("closed", "nc h 22", None, [CLOSES]),
        ("refused", "nc h 22", 1, [UNANSWERED, REFUSED]),
    ],
)
def test_where_a_program_is_silent_the_packets_speak(
    symptom: str, command: str, status: int | None, connections: list[Connection]
) -> None:
    assert with_packets(command, status, *connections).symptom == symptom


def test_what_ssh_says_of_a_pipe_is_not_about_packets() -> None:
    broken = "client_loop: send disconnect: Broken pipe\r\n"

    assert with_packets("ssh -o ProxyCommand='nc %h %p' h", 255, TALKS_AND_CLOSES, stderr=broken).symptom == "reset"
    assert with_packets("ssh h", 255, TALKS_AND_CLOSES, stderr=broken).symptom == "could not measure"


def test_what_a_jump_host_met_is_not_about_the_clients_packets() -> None:
    end = "stdio forwarding failed\r\nConnection closed by UNKNOWN port 65535\r\n"
    by_channel = "channel 0: open failed: connect failed: Connection refused\r\n" + end
    by_nc = "nc: connect to 10.0.5.2 port 22 (tcp) failed: Connection refused\r\n" + end

    assert with_packets("ssh -J bastion h", 255, TALKS, stderr=by_channel).symptom == "refused"
    assert with_packets("ssh -o ProxyCommand='ssh b nc -v %h %p' h", 255, TALKS, stderr=by_nc).symptom == "refused"


def test_a_silent_program_that_was_killed_over_a_name_found_no_resolver() -> None:
    assert read("nc h 22", None, traffic=Traffic(lookups=(None, None), sent=True)).symptom == "no resolver"


def test_what_a_program_handed_on_before_it_was_killed_came_from_the_other_side() -> None:
    assert symptom_of("nc h 22", None, "SSH-2.0-OpenSSH_9.2\r\n") == "connected"
    assert with_packets("nc -v h 22", None, TALKS, stdout="SSH-2.0-OpenSSH_9.2\r\n").symptom == "connected"


CURL_28 = "curl: (28) Connection timed out after 3001 milliseconds\n"


def test_packets_say_why_a_program_could_not_connect() -> None:
    said = "ldap_sasl_bind(SIMPLE): Can't contact LDAP server (-1)\n"

    assert symptom_of("ldapsearch -H ldap://h", 255, stderr=said) == "unknown"
    assert with_packets("ldapsearch -H ldap://h", 255, REFUSED, stderr=said).symptom == "refused"
    assert with_packets("ldapsearch -H ldap://h", 255, UNANSWERED, stderr=said).symptom == "timed out"


def test_packets_choose_where_the_words_leave_it_open() -> None:
    assert symptom_of("curl https://h/", 28, stderr=CURL_28) == "unknown"
    assert with_packets("curl https://h/", 28, UNANSWERED, stderr=CURL_28).symptom == "timed out"
    assert with_packets("curl https://h/", 28, SILENT, stderr=CURL_28).symptom == "stalled"


SSH_REFUSED = "ssh: connect to host h port 22: Connection refused\r\n"
SSH_TIMED_OUT = "ssh: connect to host h port 22: Connection timed out\r\n"
SSH_UNREACHABLE = "ssh: connect to host h port 22: No route to host\r\n"
SSH_RESET = "client_loop: send disconnect: Broken pipe\r\n"
SSH_CLOSED = "Connection closed by 10.0.5.2 port 22\r\n"
SSH_NAME = "ssh: Could not resolve hostname h: Name or service not known\r\n"


@pytest.mark.parametrize(
    ("status", "stderr", "connections", "reason"),
    [
        (255, SSH_REFUSED, [TALKS_AND_CLOSES], "ssh says refused, but its connection stood"),
        (255, SSH_REFUSED, [TALKS, TALKS], "ssh says refused, but each of its 2 connections stood"),
        (255, SSH_REFUSED, [UNANSWERED], "ssh says refused, but no packet refused a connection"),
        (255, SSH_TIMED_OUT, [TALKS], "ssh says timed out, but its connection stood"),
        (255, SSH_UNREACHABLE, [TALKS], "ssh says unreachable, but its connection stood"),
        (255, SSH_RESET, [TALKS_AND_CLOSES], "ssh says reset, but no RST came"),
        (255, SSH_CLOSED, [UNANSWERED], "ssh says closed, but no connection stood"),
        (255, SSH_CLOSED, [TALKS], "ssh says closed, but the other side closed no connection"),
        (255, SSH_NAME, [TALKS], "ssh says name not found, but a connection stood, and no lookup of a name failed"),
        (0, "", [UNANSWERED], "ssh says connected, but no connection stood"),
        (0, "", [REFUSED], "ssh says connected, but no connection stood"),
    ],
)
def test_words_and_packets_that_contradict_each_other_measure_nothing(
    status: int, stderr: str, connections: list[Connection], reason: str
) -> None:
    reading = with_packets("ssh h 'echo words of another program'", status, *connections, stderr=stderr)

    assert (reading.symptom, reading.reason) == (Symptom.COULD_NOT_MEASURE, reason)


@pytest.mark.parametrize(
    ("symptom", "stderr", "traffic"),
    [
        ("refused", SSH_REFUSED, Traffic()),  # by a filter on the host itself, or at its own address
        ("refused", SSH_REFUSED, Traffic((REFUSED,), sent=True)),
        ("refused", SSH_REFUSED, Traffic((UNANSWERED,), sent=True, errors=True)),  # an ICMP error
        ("timed out", SSH_TIMED_OUT, Traffic((REFUSED,), sent=True)),  # by a RST that the host ignored
        ("unreachable", SSH_UNREACHABLE, Traffic()),  # no ARP answer
        ("closed", SSH_CLOSED, Traffic((CLOSES,), sent=True, answered=True)),
        ("name not found", SSH_NAME, Traffic(lookups=(3,), sent=True, answered=True)),
        ("refused", "channel 0: open failed: connect failed: Connection refused\r\n" + SSH_CLOSED, Traffic((TALKS,), sent=True, answered=True)),
    ],
)  # fmt: skip
def test_packets_that_can_be_so_leave_the_words_alone(symptom: str, stderr: str, traffic: Traffic) -> None:
    assert read("ssh h", 255, stderr=stderr, traffic=traffic).symptom == symptom


def test_a_ping_to_which_nothing_came_back_did_not_connect() -> None:
    pinged = "64 bytes from 10.0.5.2: icmp_seq=1 ttl=63 time=0.2 ms\n"

    reading = read("ping -c1 h", 0, stdout=pinged, traffic=Traffic(sent=True))

    assert (reading.symptom, reading.reason) == (
        Symptom.COULD_NOT_MEASURE,
        "ping says connected, but nothing came back",
    )


def test_a_contradiction_between_programs_of_one_line_is_none() -> None:
    """The last counts, here ping, whatever became of the connection before."""
    pinged = "PING h (10.0.5.2) 56(84) bytes of data.\n64 bytes from 10.0.5.2: icmp_seq=1 ttl=63 time=0.2 ms\n"
    traffic = Traffic((UNANSWERED,), sent=True, answered=True)

    assert read("curl -s h; ping -c1 h | cat; true", 0, stdout=pinged, traffic=traffic).symptom == "connected"


def test_every_program_of_the_table_can_be_found_on_a_command_line() -> None:
    on_a_line = {"bash": "cat </dev/tcp/h/22", "python": "python3 x.py", "common": "kubectl get pods"}
    for program in known():
        found = network_program(on_a_line.get(program, f"{program} h"))
        assert found is not None
        assert found.program == program


def test_no_row_of_the_table_speaks_of_not_measuring() -> None:
    rows: list[Row] = [row for program in known().by_file.values() for row in program.rows]
    assert all(row.means is not Symptom.COULD_NOT_MEASURE for row in rows)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.1.1", "::1"])
def test_what_a_host_says_to_itself_nothing_but_the_host_refuses(host: str) -> None:
    said = f"curl: (7) Failed to connect to {host} port 8080 after 0 ms: Couldn't connect to server\n"

    assert symptom_of("curl http://h:8080/", 7, stderr=said) == "refused"
    assert symptom_of("curl http://h:8080/", 7, stderr=said.replace(host, "127.example")) == "unknown"


@pytest.mark.parametrize("command", ["scp a h:", "sftp h"])
def test_a_copy_without_ssh_lacks_a_program(command: str) -> None:
    said = "/usr/bin/ssh: No such file or directory\nscp: Connection closed\n"

    assert symptom_of(command, 255, stderr=said) == "program missing"
