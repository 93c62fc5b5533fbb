"""What shows in an answer, or in a socket, is proven by that; gone is only what works again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.faults.stand_in import StandIn
from whodunet.cases.fault import Completed, Fault
from whodunet.faults.dns_record import DnsRecordMissing
from whodunet.faults.instance_profile import InstanceProfileMissing
from whodunet.faults.role_policy import RolePoliciesMissing
from whodunet.faults.service import ServiceFault
from whodunet.faults.sign_on_expired import SignOnExpired


def failing(stderr: str) -> Completed:
    return Completed(255, "", stderr)


# Each: the fault, the command that proves it, what it says with the fault, without it, and when it fails otherwise.
ANSWERS: Mapping[str, tuple[Fault, str, str | Completed, str | Completed, str | Completed]] = {
    "dns": (
        DnsRecordMissing(node="corp-dns", name="instance.cloud.example"),
        "dig ",
        ";; ->>HEADER<<- opcode: QUERY, status: NXDOMAIN, id: 7",
        ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 7",
        ";; communications error to 127.0.0.1#53: connection refused",
    ),
    "profile": (InstanceProfileMissing(node="instance"), "token=", "404", "200", ""),
    "role": (
        RolePoliciesMissing(node="endpoints", bearer="instance", role="InstanceRole"),
        "AWS_CA_BUNDLE=",
        failing("An error occurred (AccessDeniedException) when calling the GetDocument operation: User: x is not ..."),
        "{}",
        failing('Could not connect to the endpoint URL: "https://ssm.eu-central-1.amazonaws.com/"'),
    ),
    "sign-on": (
        SignOnExpired(node="client"),
        "aws sts",
        failing("Error when retrieving token from sso: Token has expired and refresh failed"),
        "{}",
        failing("The config profile (x) could not be found"),
    ),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_a_fault_that_shows_in_an_answer_is_proven_by_it(case: str) -> None:
    fault, command, with_fault, without, otherwise = ANSWERS[case]
    network = StandIn(says={command: with_fault})
    assert fault.proof(network)
    assert fault.remains(network)
    network.says[command] = without
    assert fault.proof(network) is None
    assert fault.remains(network) is None
    network.says[command] = otherwise
    assert fault.proof(network) is None, "another failure is not proof of this one"
    assert fault.remains(network), "what does not work again is not gone"


SSHD = 'LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=7,fd=3))\n'
NCAT = 'LISTEN 0 10 0.0.0.0:22 0.0.0.0:* users:(("ncat",pid=9,fd=3))\n'


@pytest.mark.parametrize(
    ("state", "sockets", "running", "seen"),
    [
        ("stopped", "", False, True),
        ("stopped", SSHD, True, False),
        ("stopped", NCAT, False, False),
        ("accepts-and-closes", NCAT, False, True),
        ("accepts-and-closes", "", False, False),
        ("accepts-and-closes", SSHD, True, False),
    ],
)
def test_a_services_state_is_that_of_its_process_and_its_socket(
    state: Any, sockets: str, running: bool, seen: bool
) -> None:
    fault = ServiceFault(node="instance", service="sshd", state=state)
    network = StandIn(says={"ss ": sockets})
    if not running:
        network.stop_service("instance", "sshd")
    assert bool(fault.proof(network)) is seen
    assert (fault.remains(network) is None) is running
