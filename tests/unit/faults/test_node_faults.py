"""What shows in an answer, or in a socket, is proven by that; gone is only what works again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.faults.stand_in import TOPOLOGY, StandIn
from whodunet.cases.fault import Completed, Fault
from whodunet.faults.accept_queue import AcceptQueue
from whodunet.faults.authorized_keys import AuthorizedKeys
from whodunet.faults.connection_limit import ConnectionLimit
from whodunet.faults.dns_record import DnsRecordMissing
from whodunet.faults.host_key_changed import HostKeyChanged
from whodunet.faults.instance_profile import InstanceProfileMissing
from whodunet.faults.power_failure import PowerFailure
from whodunet.faults.reverse_path_filter import ReversePathFilter
from whodunet.faults.role_policy import RolePoliciesMissing
from whodunet.faults.service import ServiceFault
from whodunet.faults.sign_on_expired import SignOnExpired
from whodunet.faults.sshd_option import SshdOption
from whodunet.faults.tcp_wrappers import TcpWrappers


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
NCAT = 'LISTEN 0 10 0.0.0.0:22 0.0.0.0:* users:(("ncat",pid=7,fd=3))\n'


@pytest.mark.parametrize(
    ("state", "sockets", "running", "seen"),
    [
        ("stopped", "", False, True),
        ("stopped", SSHD, True, False),
        ("stopped", NCAT, False, False),
        ("accepts-and-closes", NCAT, False, True),
        ("accepts-and-closes", "", False, False),
        ("accepts-and-closes", SSHD, True, False),
        ("hung", SSHD, True, False),
        ("hung", NCAT, False, False),
    ],
)
def test_a_services_state_is_that_of_its_process_and_its_socket(
    state: Any, sockets: str, running: bool, seen: bool
) -> None:
    fault = ServiceFault(node="instance", service="sshd", state=state)
    network = StandIn(says={"ss ": sockets})
    if sockets == NCAT:
        network.replace_service("instance", "sshd", "ncat --listen --keep-open {port} --sh-exec 'head -n 1 >/dev/null'")
    elif not running:
        network.stop_service("instance", "sshd")
    assert bool(fault.proof(network)) is seen
    assert (fault.remains(network) is None) is running


def test_a_service_that_hangs_is_one_whose_process_is_stopped_and_still_listens() -> None:
    fault = ServiceFault(node="instance", service="sshd", state="hung")
    network = StandIn()
    fault.inject(network)
    assert fault.proof(network)
    network.says["ss "] = ""
    assert fault.proof(network) is None
    del network.says["ss "]
    network.says["ps "] = "Ss   sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"
    assert fault.proof(network) is None


def test_a_queue_is_full_when_as_many_wait_as_the_kernel_says_and_nobody_accepts() -> None:
    fault = AcceptQueue(node="instance", service="sshd", places=0)
    network = StandIn()
    fault.inject(network)
    assert "5 of 4 wait" in (fault.proof(network) or "")
    network.says["ss "] = 'LISTEN 4 4 [::]:22 [::]:* users:(("sshd",pid=7,fd=3))'
    assert fault.proof(network) is None


def test_a_last_place_that_somebody_took_is_no_change_and_a_queue_that_was_emptied_is() -> None:
    fault = AcceptQueue(node="instance", service="sshd", places=1)
    network = StandIn()
    fault.inject(network)
    assert fault.endures(network)
    network.says["ss "] = 'LISTEN 5 4 [::]:22 [::]:* users:(("sshd",pid=7,fd=3))'
    assert fault.proof(network) is None
    assert fault.endures(network)
    network.says["ss "] = 'LISTEN 0 4 [::]:22 [::]:* users:(("sshd",pid=7,fd=3))'
    assert not fault.endures(network)


def test_what_sshd_offers_decides_and_not_what_its_client_proposes() -> None:
    fault = SshdOption(node="instance", option="Ciphers", value="aes128-cbc")
    ours = "debug2: ciphers ctos: aes128-cbc\ndebug2: peer server KEXINIT proposal\n"
    network = StandIn(says={"ssh -vv": Completed(255, "", f"{ours}debug2: ciphers ctos: aes256-ctr\n")})
    assert fault.proof(network) is None
    network.says["ssh -vv"] = Completed(255, "", f"{ours}debug2: ciphers ctos: aes128-cbc\n")
    assert fault.proof(network)


def test_a_limit_is_no_fault_until_somebody_has_all_the_connections() -> None:
    fault = ConnectionLimit(node="instance", enforced_by="sshd", limit=3, held_by="endpoints")
    network = StandIn()
    fault.inject(network)
    assert fault.proof(network)
    network.says["ss -Htn "] = "0 0 10.0.1.10:22 10.0.1.20:40000\n" * 2
    assert fault.proof(network) is None


@pytest.mark.parametrize(("option", "value"), [("ListenAddress", "10.0.0.1"), ("LoginGraceTime", "0"), ("Ciphers", "")])
def test_an_option_whose_value_would_not_show_is_refused(option: Any, value: str) -> None:
    with pytest.raises(ValidationError, match=f"{option} is '{value}'"):
        SshdOption(node="instance", option=option, value=value)


def test_a_power_failure_has_left_something_while_no_packet_can_leave() -> None:
    fault = PowerFailure(node="instance", after_idle_ms=2000, then="stays-away")
    network = StandIn(says={"nft list table inet power": "table inet power"})
    assert fault.remains(network) == "table inet power"
    assert fault.proof(network) is None


def test_no_kernel_filters_reverse_paths_over_ipv6() -> None:
    fault = ReversePathFilter(node="instance", interface="instance-eth0")
    over_ipv6 = replace(TOPOLOGY, family="ipv6")
    assert [each.key for each in fault.misfits(over_ipv6)] == [("kind",)]
    assert not list(fault.misfits(TOPOLOGY))
    of_another = ReversePathFilter(node="instance", interface="client-eth0")
    assert [each.key for each in of_another.misfits(TOPOLOGY)] == [("interface",)]


@pytest.mark.parametrize(
    "fault",
    [
        SshdOption(node="client", option="AddressFamily", value="inet"),
        ConnectionLimit(node="client", enforced_by="sshd", limit=1, held_by="endpoints"),
        PowerFailure(node="client", after_idle_ms=2000, then="comes-back"),
        AuthorizedKeys(node="client", state="empty"),
        HostKeyChanged(node="client"),
        TcpWrappers(node="client"),
        AcceptQueue(node="client", service="sshd", places=0),
    ],
    ids=lambda fault: fault.kind,
)
def test_what_needs_a_service_is_refused_where_there_is_none(fault: Fault) -> None:
    misfits = list(fault.misfits(TOPOLOGY))
    assert [each.key for each in misfits] == [("node",)]
    assert misfits[0].fix == "use one of: instance"
