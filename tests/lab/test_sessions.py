"""Sessions through Session Manager, by the real AWS CLI on a lab's network: what has to work, and what to survive.

Where AWS's own programs are at hand, all this can be asked of them: WHODUNET_AGENT=/usr/bin/amazon-ssm-agent takes the
place of the lab's agent, and a session-manager-plugin on the PATH that of the lab's plugin.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from whodunet.cases.fault import Completed
from whodunet.lab.host_root import PYTHON
from whodunet.lab.programs import LAB_PATH
from whodunet.lab.requests import Execute
from whodunet.lab.sandboxed import SandboxedLab
from whodunet.lab.waiting import wait_until

INSTANCE: Final = "i-0abcd1234efgh5678"
START: Final = f"aws ssm start-session --target {INSTANCE}"
TYPIST: Final = (Path(__file__).parent / "typist.py").read_text(encoding="utf-8")
AGENT: Final = os.environ.get("WHODUNET_AGENT")
AWS_PLUGIN: Final = shutil.which("session-manager-plugin", path=LAB_PATH)  # the lab's own is not on this machine
PLUGIN: Final = "[S]tartSession "  # of its command line, whosever it is; not of the one that looks for it
SILENCE: Final = "/tmp/silence"  # to read from: AWS's plugin takes the end of its input for the session's
AT_ONCE: Final = 10 if AGENT else 50  # AWS's agent waits 15 s for a client; fifty that start on two cores take more
INSTANCES_GRANTED: Final = Path("/proc/sys/fs/inotify/max_user_instances")  # of which a host has a quarter
LINES: Final = 20_000
# AWS's plugin counts a message when its acknowledgement is written: one shown as the line was cut comes again.
MOST_AGAIN_BYTES: Final = 16 * 1024 if AWS_PLUGIN else 0
MEGABYTES: Final = 20


@pytest.fixture(scope="module")
def lab(start_lab: Any) -> Iterator[SandboxedLab]:
    """A lab with Session Manager that the tests of this file share."""
    with start_lab("ssm-session") as lab:
        on(lab, "client", f"mkfifo {SILENCE}")
        if AGENT:
            lab.replace_service("instance", "ssm-agent", AGENT)
            await_online(lab)
        yield lab


def execute(lab: SandboxedLab, host: str, command: str, deadline_s: float = 90, stdin: str = "") -> Completed:
    done = lab.ask(Execute(host, command, deadline_s, stdin))
    assert done.exit_status is not None, f"{command}: not over after {deadline_s} s: {done.stdout[-500:]}"
    return Completed(done.exit_status, done.stdout, done.stderr)


def on(lab: SandboxedLab, host: str, command: str, deadline_s: float = 90, stdin: str = "") -> str:
    done = execute(lab, host, command, deadline_s, stdin)
    assert done.exit_status == 0, done.stdout + done.stderr
    return done.stdout


def type_at(lab: SandboxedLab, command: str, *steps: list[Any]) -> str:
    """What a terminal on the client shows."""
    words = json.dumps([command, *steps])
    return on(lab, "client", f"python3 - '{words.replace(chr(39), chr(39) * 2)}'", stdin=TYPIST)


def background(lab: SandboxedLab, name: str, command: str) -> None:
    """Starts a command on the client; what it prints goes to /tmp/NAME, and `done` to its end."""
    on(lab, "client", f"(({command}) </dev/null >/tmp/{name} 2>&1; echo done >>/tmp/{name}) >/dev/null 2>&1 &")


def printed(lab: SandboxedLab, name: str) -> str:
    return on(lab, "client", f"cat /tmp/{name} 2>/dev/null || true")


def run(command: str) -> str:
    """The CLI's words for one command on the instance, without a terminal."""
    parameters = json.dumps({"command": [command]})
    return f"{START} --document-name AWS-StartNonInteractiveCommand --parameters '{parameters}' 0<>{SILENCE}"


def forward(port: int, local_port: int) -> str:
    parameters = json.dumps({"portNumber": [str(port)], "localPortNumber": [str(local_port)]})
    return f"exec {START} --document-name AWS-StartPortForwardingSession --parameters '{parameters}'"


def await_online(lab: SandboxedLab) -> None:
    ask = f"aws ssm get-connection-status --target {INSTANCE} --query Status --output text"
    wait_until(lambda: execute(lab, "client", ask).stdout == "connected\n", "the instance to be connected", 60)


# What has to work.


def test_a_shell_knows_its_terminals_size_and_hears_ctrl_c(lab: SandboxedLab) -> None:
    shown = type_at(
        lab,
        START,
        ["expect", r"^\$ "],
        ["resize", 41, 133],
        ["type", "until stty size | grep 41; do :; done; sleep 1000\n"],
        ["expect", "^41 133"],
        ["type", "\x03"],
        ["expect", r"^(\^C)?\r*\n?\$ "],
        ["type", "whoami; exit\n"],
        ["expect", "Exiting session"],
    )
    assert "ssm-user" in shown


def test_ssh_goes_through_a_session_as_its_proxy_command(lab: SandboxedLab) -> None:
    proxy = f"aws ssm start-session --target {INSTANCE} --document-name AWS-StartSSHSession --parameters portNumber=%p"
    options = f"-o StrictHostKeyChecking=accept-new -o ProxyCommand='{proxy}'"
    assert on(lab, "client", f"ssh {options} ec2-user@{INSTANCE} hostname") == "instance\n"


def test_a_command_session_ends_with_all_of_its_output(lab: SandboxedLab) -> None:
    lines = on(lab, "client", run("seq 1 5000")).splitlines()
    assert [line for line in lines if line.isdigit()] == [str(number) for number in range(1, 5001)]


def test_signing_on_anew_gives_credentials_that_work(lab: SandboxedLab) -> None:
    on(lab, "client", "cp -a ~/.aws/sso/cache /tmp/signed-in")
    on(lab, "client", "rm -rf ~/.aws/sso/cache ~/.aws/cli/cache")
    assert execute(lab, "client", "aws sts get-caller-identity").exit_status != 0
    device = "--use-device-code" if "use-device-code" in on(lab, "client", "aws sso login help | cat") else ""
    background(lab, "login", f"aws sso login --no-browser {device}")
    wait_until(lambda: "-" in on(lab, "client", "grep -oE '^[A-Z]{4}-[A-Z]{4}' /tmp/login || true"), "a user code")
    on(lab, "client", f"{PYTHON} -P - /tmp/login", stdin=APPROVE)
    wait_until(lambda: "done" in printed(lab, "login"), "the sign-on to end")
    assert "Successfully logged into" in printed(lab, "login")
    assert "Developer/ann@corp.example" in on(lab, "client", "aws sts get-caller-identity")


APPROVE: Final = """
import html.parser, re, ssl, sys, urllib.parse, urllib.request

class Form(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(); self.action, self.fields = None, {}
    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        if tag == "form": self.action = known.get("action")
        if tag == "input" and known.get("name"): self.fields.setdefault(known["name"], known.get("value") or "")

address = re.search(r"https://\\S+user_code=\\S+", open(sys.argv[1]).read())[0]
context = ssl.create_default_context(cafile="/etc/ssl/certs/ca-certificates.crt")
opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), urllib.request.HTTPCookieProcessor())
form = Form(); form.feed(opener.open(address).read().decode())
sent = urllib.parse.urlencode(form.fields).encode()
print(opener.open(urllib.parse.urljoin(address, form.action or ""), sent).read().decode())
"""


# What has to survive.


@pytest.mark.parametrize("direction", ["down", "up"])
def test_twenty_megabytes_through_a_port_forward_arrive_whole(lab: SandboxedLab, direction: str) -> None:
    port = {"down": 8000, "up": 8001}[direction]
    sender, receiver = {"down": ("instance", "client"), "up": ("client", "instance")}[direction]
    sent = on(lab, sender, f"head -c {MEGABYTES}M /dev/urandom >/tmp/sent; sha256sum </tmp/sent")
    serve = {"down": "ncat -l {port} --send-only </tmp/sent", "up": "nc -l {port} </dev/null >/tmp/received"}
    on(lab, "instance", f"({serve[direction].format(port=port)}) >/dev/null 2>&1 & true")
    background(lab, f"forward-{direction}", forward(port, 9000 + port))
    wait_until(lambda: "Waiting for connections" in printed(lab, f"forward-{direction}"), "the forward to listen")
    carry = {
        "down": "ncat --recv-only localhost {port} >/tmp/received",
        "up": "ncat --send-only localhost {port} </tmp/sent",
    }
    on(lab, "client", carry[direction].format(port=9000 + port))
    wait_until(lambda: on(lab, receiver, "sha256sum </tmp/received") == sent, "both ends to have the same digest")
    on(lab, "client", f"pkill -INT -f localPortNumber.*{9000 + port}")
    wait_until(lambda: "done" in printed(lab, f"forward-{direction}"), "the forward to end")


def connections(lab: SandboxedLab, host: str) -> set[str]:
    """Of a host to the endpoints, by their ports on this side."""
    port = 'sub(/.*:/, "", $3); print $3'
    return set(on(lab, host, f"ss -Htn state established dst 10.0.1.20 | awk '{{{port}}}'").split())


def cut(lab: SandboxedLab, host: str) -> None:
    """Resets every connection that a host has to the endpoints, with its next packet; new ones go through."""
    ports = connections(lab, host)
    reset = f"tcp sport {{ {', '.join(ports)} }} tcp flags & (fin | syn | rst) == 0x0 reject with tcp reset"
    hook = "type filter hook output priority 0;"
    on(lab, host, "nft -f -", stdin=f"table inet cut {{\nchain output {{\n{hook}\n{reset}\n}}\n}}\n")
    try:
        wait_until(lambda: not ports & connections(lab, host), f"{host} to be cut off", 40)
    finally:
        on(lab, host, "nft delete table inet cut")


def await_lines(lab: SandboxedLab, least: int) -> None:
    count = "grep -c ^line- /tmp/lines || true"
    wait_until(lambda: int(on(lab, "client", count)) > least, f"more than {least} lines", 60)


EXPORT: Final = """
from botocore.session import Session
keys = Session().get_credentials().get_frozen_credentials()
print(f"export AWS_ACCESS_KEY_ID={keys.access_key}", end=" ")
print(f"AWS_SECRET_ACCESS_KEY={keys.secret_key} AWS_SESSION_TOKEN={keys.token}")
"""


def test_lines_come_whole_and_in_order_across_cuts_of_either_data_socket(lab: SandboxedLab) -> None:
    pace = f"for i in $(seq 1 {LINES}); do echo line-$i; [ $((i % 250)) != 0 ] || sleep 0.05; done"
    parameters = json.dumps({"command": [f"sh -c '{pace}'"]})
    script = "cat >/tmp/lines.json"
    on(lab, "client", script, stdin=parameters)
    document = "--document-name AWS-StartInteractiveCommand --parameters file:///tmp/lines.json"
    # Before 1.2.814.0 AWS's plugin asks ssm itself for the sign-on's credentials, and resumes nothing: it gets others.
    keys = on(lab, "client", f"{PYTHON} -P -", stdin=EXPORT).strip() if AWS_PLUGIN else "true"
    background(lab, "lines", f"{keys}; {START} {document} 0<>{SILENCE}")
    for host, share in (("client", 5), ("instance", 2)):
        await_lines(lab, LINES // share)
        cut(lab, host)
    wait_until(lambda: "done" in printed(lab, "lines"), "the session to end", 90)
    shown = printed(lab, "lines").replace("\r", "")
    got = shown[shown.index("line-1\n") : shown.index("\n\nExiting session")]
    whole = "".join(f"line-{number}\n" for number in range(1, LINES + 1))
    alike = next((at for at, (one, other) in enumerate(zip(got, whole, strict=False)) if one != other), len(whole))
    assert whole.endswith(got[alike:])
    assert len(got) - len(whole) in range(MOST_AGAIN_BYTES + 1)
    await_online(lab)


def test_nothing_is_lost_where_a_quarter_of_the_acknowledgements_is(lab: SandboxedLab) -> None:
    before = lab.service_settings("endpoints", "control-plane")
    lab.configure_service("endpoints", "control-plane", before | {"lose_acknowledgements_pct": 25})
    try:
        await_online(lab)
        lines = on(lab, "client", run("seq 1 20000")).splitlines()
        assert [line for line in lines if line.isdigit()] == [str(number) for number in range(1, 20001)]
    finally:
        lab.configure_service("endpoints", "control-plane", before)
        await_online(lab)


def test_agents_come_back_to_a_restarted_control_plane(lab: SandboxedLab) -> None:
    lab.restart_service("endpoints", "control-plane")
    await_online(lab)
    assert "instance" in on(lab, "client", run("uname -n"))


def active(lab: SandboxedLab) -> int:
    ask = "aws ssm describe-sessions --state Active --query 'length(Sessions)'"
    return int(on(lab, "client", ask))


def await_active(lab: SandboxedLab, number: int) -> None:
    wait_until(lambda: active(lab) == number, f"{number} active sessions", 180)


def test_fifty_sessions_run_at_a_time(lab: SandboxedLab) -> None:
    enough = not AGENT or int(INSTANCES_GRANTED.read_text()) >= 512
    assert enough, "AWS's agent takes two inotify instances a session: sysctl -w fs.inotify.max_user_instances=512"
    await_active(lab, 0)
    on(lab, "instance", "rm -f /tmp/go")
    command = "until [ -e /tmp/go ]; do sleep 0.2; done; echo it-is-$RANDOM; uname -n"
    on(lab, "client", "cat >/tmp/fifty.json", stdin=json.dumps({"command": [f"bash -c '{command}'"]}))
    session = f"{START} --document-name AWS-StartNonInteractiveCommand --parameters file:///tmp/fifty.json 0<>{SILENCE}"
    for some in range(0, 50, AT_ONCE):
        first, last = some + 1, some + AT_ONCE
        background(lab, f"fifty-{some}", f"for i in $(seq {first} {last}); do {session} >/tmp/one-$i 2>&1 & done; wait")
        await_active(lab, last)
    on(lab, "instance", "touch /tmp/go")
    ended = [str(some) for some in range(0, 50, AT_ONCE)]
    wait_until(lambda: all("done" in printed(lab, f"fifty-{some}") for some in ended), "the fifty to end", 180)
    answers = on(lab, "client", "cat /tmp/one-*")
    assert answers.splitlines().count("instance") == 50, answers[-1000:]
    await_active(lab, 0)


@pytest.mark.parametrize("vanish", ["killed", "cut off"])
def test_the_session_of_a_client_that_vanishes_ends_on_the_instance_too(lab: SandboxedLab, vanish: str) -> None:
    before = lab.service_settings("endpoints", "control-plane")
    lab.configure_service("endpoints", "control-plane", before | {"resume_within_s": 3, "client_ping_s": 1})
    try:
        await_online(lab)
        background(lab, "vanishing", run("sleep 4321"))
        running = "pgrep -x -f 'sleep 4321' || true"
        wait_until(lambda: on(lab, "instance", running), "the command to run on the instance", 60)
        if vanish == "killed":
            on(lab, "client", f"pkill -KILL -f '{PLUGIN}'")
        else:
            drop = "type filter hook output priority 0;\ntcp dport 443 drop"
            on(lab, "client", "nft -f -", stdin=f"table inet gone {{\nchain output {{\n{drop}\n}}\n}}\n")
        wait_until(lambda: not on(lab, "instance", running), "the command to end", 60)
    finally:
        execute(lab, "client", f"nft delete table inet gone; pkill -KILL -f '{PLUGIN}'")
        lab.configure_service("endpoints", "control-plane", before)
        await_online(lab)


# What is refused. The client is a program of our own here: no real one misbehaves so.

MISBEHAVE: Final = """
import json, os, ssl, sys
from botocore.session import Session
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

TRUST = ssl.create_default_context(cafile="/etc/ssl/certs/ca-certificates.crt")

def started():
    return Session().create_client("ssm").start_session(Target="INSTANCE")

def said(session, token, *frames):
    answers = []
    opening = {"MessageSchemaVersion": "1.0", "RequestId": "1" * 8, "TokenValue": token, "ClientId": "c",
               "ClientVersion": "1.2.764.0"}
    try:
        with connect(session["StreamUrl"], ssl=TRUST, max_size=None) as socket:
            for message in (json.dumps(opening), *frames):
                socket.send(message)
            for _ in range(5):  # what is not acknowledged comes again and again
                answers.append(socket.recv(timeout=3))
    except (TimeoutError, ConnectionClosed, OSError):  # silent, or closed, or closed while the rest was written
        pass
    return b" ".join(answer if isinstance(answer, bytes) else answer.encode() for answer in answers)

session = started()
told = {"wrong": said(session, "x" * 40)}
told["first"] = said(session, session["TokenValue"], b"no frame", os.urandom(300), bytes(120))
told["again"] = said(session, session["TokenValue"])
told["huge"] = said(second := started(), second["TokenValue"], bytes(3 << 20))
print(json.dumps({name: text.decode("latin-1") for name, text in told.items()}))
""".replace("INSTANCE", INSTANCE)


def test_wrong_tokens_reused_ones_and_malformed_frames_are_refused_and_disturb_nobody(lab: SandboxedLab) -> None:
    on(lab, "instance", "rm -f /tmp/go")
    background(lab, "bystander", f"{START} 0<>{SILENCE}")
    wait_until(lambda: "$ " in printed(lab, "bystander"), "the bystander's prompt", 30)
    told = json.loads(on(lab, "client", f"{PYTHON} -P -", stdin=MISBEHAVE))
    assert "channel_closed" in told["wrong"]
    assert "output_stream_data" in told["first"], "malformed frames are dropped, and the session goes on"
    assert "channel_closed" in told["again"]
    assert "instance" in on(lab, "client", run("uname -n"))
    on(lab, "instance", "pgrep -u ssm-user -x sh")  # the bystander's shell
    on(lab, "client", f"pkill -f '{PLUGIN}'")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("AWS_SECRET_ACCESS_KEY=wrong", "InvalidSignatureException"),
        ("AWS_ACCESS_KEY_ID=ASIAAAAAAAAAAAAAAAAA", "UnrecognizedClientException"),
        ("AWS_SESSION_TOKEN=wrong", "UnrecognizedClientException"),
    ],
)
def test_credentials_that_were_tampered_with_are_refused(lab: SandboxedLab, change: str, code: str) -> None:
    export = "import botocore.session as s; c = s.Session().get_credentials().get_frozen_credentials(); "
    export += (
        "print(f'AWS_ACCESS_KEY_ID={c.access_key} AWS_SECRET_ACCESS_KEY={c.secret_key} AWS_SESSION_TOKEN={c.token}')"
    )
    given = on(lab, "client", f'{PYTHON} -P -c "{export}"').strip()
    done = execute(lab, "client", f"env {given} {change} aws ssm describe-sessions --state Active")
    assert f"({code})" in done.stderr


def test_another_program_can_take_a_services_place_and_give_it_back(start_lab: Any) -> None:
    with start_lab("ssm-session") as lab:
        lab.replace_service("instance", "ssm-agent", "sleep 1000")
        assert lab.status().services["instance"]["ssm-agent"] == "replaced"
        assert "TargetNotConnected" in execute(lab, "client", START).stderr
        lab.start_service("instance", "ssm-agent")
        assert lab.status().services["instance"]["ssm-agent"] == "running"
        assert not on(lab, "instance", "pgrep -x -f 'sleep 1000' || true")
        await_online(lab)
