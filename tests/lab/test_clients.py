"""Other people's clients, unmodified, against the lab's Systems Manager: boto3, aws-ssm-tools, sshuttle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest

from whodunet.cases.fault import Completed
from whodunet.lab.host_root import PYTHON
from whodunet.lab.requests import Execute
from whodunet.lab.sandboxed import SandboxedLab
from whodunet.lab.waiting import wait_until

if TYPE_CHECKING:
    from tests.lab.conftest import StartLab

INSTANCE: Final = "i-0abcd1234efgh5678"
PROXY: Final = "aws ssm start-session --target %h --document-name AWS-StartSSHSession --parameters portNumber=%p"
PAGE: Final = "http://10.0.1.10:8099/page"


@pytest.fixture(scope="module")
def lab(start_lab: StartLab) -> Iterator[SandboxedLab]:
    """A lab with Session Manager that the tests of this file share."""
    with start_lab("ssm-session") as lab:
        yield lab


def tried(lab: SandboxedLab, host: str, command: str, stdin: str = "") -> Completed:
    """What came of a command."""
    done = lab.ask(Execute(host, command, 90, stdin))
    assert done.exit_status is not None, f"{command}: not over after 90 s: {done.stdout[-500:]}"
    return Completed(done.exit_status, done.stdout, done.stderr)


def on(lab: SandboxedLab, host: str, command: str, stdin: str = "") -> str:
    """What a command says that succeeds."""
    done = tried(lab, host, command, stdin)
    assert done.exit_status == 0, done.stdout + done.stderr
    return done.stdout


SEND: Final = """
import sys, boto3
from botocore.exceptions import WaiterError
ssm = boto3.client("ssm")
command = ssm.send_command(
    Targets=[{"Key": "tag:Name", "Values": ["instance"]}], DocumentName="AWS-RunShellScript",
    Parameters={"commands": sys.argv[2:], "executionTimeout": [sys.argv[1]]})["Command"]
which = {"CommandId": command["CommandId"], "InstanceId": "INSTANCE"}
try:
    ssm.get_waiter("command_executed").wait(**which, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
except WaiterError:
    pass
told = ssm.get_command_invocation(**which)
(listed,) = ssm.list_command_invocations(CommandId=which["CommandId"], Details=True)["CommandInvocations"]
assert listed["Status"] == told["Status"], (listed, told)
assert listed["CommandPlugins"][0]["ResponseCode"] == told["ResponseCode"]
print(told["Status"], told["StatusDetails"], told["ResponseCode"])
print(told["StandardOutputContent"], end="")
print(told["StandardErrorContent"], file=sys.stderr)
""".replace("INSTANCE", INSTANCE)


@pytest.mark.parametrize(
    ("limit_s", "script", "ends", "says"),
    [
        (60, ["uname -n", "id -un"], "Success Success 0", "instance\nroot\n"),
        (60, ["#!/bin/bash", "echo ${BASH_VERSION:+bash}", "exit 3"], "Failed Failed 3", "bash\n"),
        (1, ["echo begun", "sleep 1234"], "TimedOut ExecutionTimedOut 137", "begun\n"),
    ],
    ids=["success", "failure", "timeout"],
)
def test_boto3_runs_a_script_on_the_instance_and_waits_for_its_end(
    lab: SandboxedLab, limit_s: int, script: list[str], ends: str, says: str
) -> None:
    words = " ".join(f"'{line}'" for line in script)
    assert on(lab, "client", f"{PYTHON} -P - {limit_s} {words}", SEND) == f"{ends}\n{says}"
    assert tried(lab, "instance", "pgrep -x -f 'sleep 1234'").exit_status == 1


ADDRESSES: Final = """
import boto3
running = [{"Name": "instance-state-name", "Values": ["running"]}, {"Name": "tag:Name", "Values": ["inst*"]}]
print([instance.private_ip_address for instance in boto3.resource("ec2").instances.filter(Filters=running)])
"""


def test_boto3_finds_the_instance_by_its_name(lab: SandboxedLab) -> None:
    assert on(lab, "client", f"{PYTHON} -P -", ADDRESSES) == "['10.0.1.10']\n"


def test_ec2_ssh_lists_the_instance_and_logs_in_by_its_name(lab: SandboxedLab) -> None:
    ec2_ssh = f"{PYTHON} -P -m ssm_tools.ssm_ssh_cli"
    listed = on(lab, "client", f"{ec2_ssh} --list").splitlines()[2]
    assert listed.split() == [INSTANCE, "instance", "instance", "10.0.1.10"]
    options = "--no-send-key -o StrictHostKeyChecking=accept-new"
    assert on(lab, "client", f"{ec2_ssh} {options} ec2-user@instance uname -n").splitlines()[-1] == "instance"


def test_sshuttle_reaches_a_closed_port_through_a_session(lab: SandboxedLab) -> None:
    on(lab, "instance", "mkdir -p /tmp/www; echo through >/tmp/www/page")
    serve = "cd /tmp/www && python3 -m http.server 8099 --bind 10.0.1.10"
    on(lab, "instance", f"({serve}) >/dev/null 2>&1 & true")
    wait_until(lambda: tried(lab, "instance", f"curl -s {PAGE}").stdout == "through\n", "the page to be served")
    ask = f"curl -s --max-time 2 {PAGE}"
    assert tried(lab, "client", ask).exit_status == 28
    ssh = f"ssh -o StrictHostKeyChecking=accept-new -o 'ProxyCommand={PROXY}'"
    tunnel = f'{PYTHON} -P -m sshuttle --method nft --pidfile /tmp/shuttle.pid -D -r ec2-user@{INSTANCE} -e "{ssh}"'
    on(lab, "client", f"{tunnel} 10.0.1.10/32 >/tmp/shuttle 2>&1")
    try:
        wait_until(lambda: tried(lab, "client", ask).stdout == "through\n", "the page through the tunnel", 60)
    finally:
        on(lab, "client", "kill $(cat /tmp/shuttle.pid)")
    wait_until(lambda: "sshuttle" not in on(lab, "client", "nft list ruleset"), "its rules to be gone")


DENIED: Final = """
import boto3
from botocore.exceptions import ClientError
for call in (
    lambda: boto3.client("ssm").send_command(
        InstanceIds=["INSTANCE"], DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]}),
    lambda: boto3.client("ec2").describe_instances(),
):
    try:
        print(call())
    except ClientError as error:
        print(error.response["Error"]["Code"])
""".replace("INSTANCE", INSTANCE)


def test_whose_role_does_not_say_so_runs_no_command_and_every_try_is_recorded(lab: SandboxedLab) -> None:
    settings = "AWS_DEFAULT_REGION=eu-central-1 AWS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt"
    codes = on(lab, "instance", f"{settings} {PYTHON} -P -", DENIED).split()  # with the credentials of the instance
    assert codes == ["AccessDeniedException", "UnauthorizedOperation"]
    events = [json.loads(line) for line in lab.records()["cloudtrail.jsonl"].splitlines()]
    tries = [it for it in events if it["userIdentity"].get("arn", "").endswith(f"InstanceRole/{INSTANCE}")]
    sent = next(it for it in tries if it["eventName"] == "SendCommand")
    assert sent["errorCode"] == "AccessDeniedException"
    assert sent["requestParameters"]["parameters"] == "HIDDEN_DUE_TO_SECURITY_REASONS"


def test_what_was_run_and_what_came_of_it_is_kept_outside_the_hosts(lab: SandboxedLab) -> None:
    on(lab, "client", f"{PYTHON} -P - 60 'echo kept'", SEND)
    kept = [text for text in lab.records().values() if '"commands": ["echo kept"]' in text]
    (header, end) = (json.loads(line) for line in kept[0].splitlines())
    assert header["owner"].endswith("assumed-role/Developer/ann@corp.example")
    assert (end["instanceId"], end["responseCode"], end["standardOutput"]) == (INSTANCE, 0, "kept\n")
