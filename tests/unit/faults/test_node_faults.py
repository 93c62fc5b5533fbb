"""Faults of nodes are proven by the kernel's rules, sockets and answers; gone is only what works again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.faults.stand_in import StandIn
from whodunet.cases.fault import Completed, Fault
from whodunet.errors import CannotRun
from whodunet.faults.arp_silence import ArpSilence
from whodunet.faults.clock_skew import ClockSkew
from whodunet.faults.dns_record import DnsRecordMissing
from whodunet.faults.idle_timeout import IdleTimeout
from whodunet.faults.instance_profile import InstanceProfileMissing
from whodunet.faults.network_acl import NetworkAcl
from whodunet.faults.packet_filter import PacketFilter
from whodunet.faults.path_mtu import PathMtu
from whodunet.faults.program_missing import ProgramMissing
from whodunet.faults.role_policy import RolePoliciesMissing
from whodunet.faults.service import ServiceFault
from whodunet.faults.sign_on_expired import SignOnExpired
from whodunet.faults.tls_interception import TlsInterception
from whodunet.faults.vpc_endpoint import VpcEndpoint

FILTER = PacketFilter(node="vpn-gw", hook="forward", destination_port=22, payload="SSH-", verdict="tcp-reset")
ACL = NetworkAcl(node="vpc-router", interface="vpc-router-eth2", direction="inbound", ports=(22, 22))
NFT_TEXT = {"nft -s list": "table inet t {\n\tchain forward {\n\t}\n}"}


def failing(stderr: str) -> Completed:
    return Completed(255, "", stderr)


@pytest.mark.parametrize("fault", [FILTER, ACL])
def test_rules_of_nft_are_seen_as_the_kernel_lists_them(fault: Fault) -> None:
    network = StandIn(says=NFT_TEXT)
    assert fault.proof(network) is None
    before = fault.inject(network)
    assert fault.proof(network) == "table inet t { chain forward { } }"
    fault.remove(network, before)
    assert fault.remains(network) is None


def test_what_the_kernel_adds_to_a_rule_and_how_it_counts_makes_no_difference() -> None:
    network = StandIn(says=NFT_TEXT)
    FILTER.inject(network)

    def kernel(listed: Any) -> Any:
        if "rule" not in listed:
            return listed
        implied = {"match": {"op": "==", "left": {"meta": {"key": "nfproto"}}, "right": "ipv4"}}
        counted = [
            {"counter": {"packets": 7, "bytes": 420}} if "counter" in each else each for each in listed["rule"]["expr"]
        ]
        return {"rule": listed["rule"] | {"handle": 4, "expr": [implied, *counted]}}

    network.kernel = kernel
    assert FILTER.proof(network)


@pytest.mark.parametrize(
    ("path", "other"),
    [
        (("match", 0, "right"), 2222),
        (("match", 1, "right"), "0x47455420"),
        (("reject",), {"type": "icmp", "expr": "port-unreachable"}),
    ],
)
def test_a_rule_that_says_something_else_is_not_the_faults(path: tuple[Any, ...], other: Any) -> None:
    network = StandIn(says=NFT_TEXT)
    FILTER.inject(network)
    (objects,) = network.nft.values()
    expressions = objects[-1]["rule"]["expr"]
    if path[0] == "match":
        [each for each in expressions if "match" in each][path[1]]["match"][path[2]] = other
    else:
        next(each for each in expressions if "reject" in each)["reject"] = other
    assert FILTER.proof(network) is None


def test_a_table_with_a_rule_more_or_less_is_not_the_faults() -> None:
    for number in (0, 2):
        network = StandIn(says=NFT_TEXT)
        ACL.inject(network)
        (objects,) = network.nft.values()
        objects[-1:] = objects[-1:] * number
        assert ACL.proof(network) is None


def test_a_memory_that_was_not_shortened_is_no_timeout_and_one_that_still_is_remains() -> None:
    fault = IdleTimeout(node="cloud-edge", idle_s=2, answer="reset")
    network = StandIn(says=NFT_TEXT | {"cat /proc/sys": "432000"})
    before = fault.inject(network)
    assert fault.proof(network) is None
    fault.remove(network, before)
    assert fault.remains(network) is None
    network.says["cat /proc/sys"] = "2"
    assert fault.remains(network) == "nf_conntrack_tcp_timeout_established = 2"


def test_an_mtu_is_the_links_own() -> None:
    fault = PathMtu(node="transit2", interface="transit2-eth1", mtu_bytes=1300)
    network = StandIn(says=NFT_TEXT | {"cat /sys": "1500", "ip -json link": '[{"mtu": 1500}]'})
    fault.inject(network)
    assert fault.proof(network) is None
    network.says["ip -json link"] = '[{"mtu": 1300}]'
    assert str(fault.proof(network)).startswith("transit2-eth1 mtu 1300\ntable inet")


def test_a_number_that_nft_lists_in_place_of_its_name_is_the_same() -> None:
    fault = PathMtu(node="transit2", interface="transit2-eth1", mtu_bytes=1300)
    network = StandIn(says=NFT_TEXT | {"cat /sys": "1500", "ip -json link": '[{"mtu": 1300}]'})
    fault.inject(network)
    network.kernel = lambda listed: json.loads(json.dumps(listed).replace('"frag-needed"', "4"))
    assert fault.proof(network)
    network.kernel = lambda listed: json.loads(json.dumps(listed).replace('"frag-needed"', "3"))
    assert fault.proof(network) is None


def test_tls_is_intercepted_only_where_the_proxy_listens() -> None:
    fault = TlsInterception(node="vpn-gw", source="10.8.0.0/24", destination="10.0.1.20/32")
    network = StandIn(says=NFT_TEXT | {"ss ": "LISTEN 0 128 0.0.0.0:84430 0.0.0.0:*\n"})
    fault.inject(network)
    assert fault.proof(network) is None
    network.says["ss "] = "LISTEN 0 128 0.0.0.0:8443 0.0.0.0:*\n"
    assert fault.proof(network)


@pytest.mark.parametrize(
    ("flags", "silent"), [('["UP", "NOARP"]', True), ('["UP", "LOWER_UP"]', False), ('["XNOARPX"]', False)]
)
def test_an_interface_is_silent_by_its_own_flag(flags: str, silent: bool) -> None:
    fault = ArpSilence(node="vpn-gw", interface="vpn-gw-eth0", neighbour="client")
    network = StandIn(says={"ip -json link": f'[{{"flags": {flags}}}]'})
    assert bool(fault.proof(network)) is silent


# Each: the fault, the command that proves it, what it says with the fault, without it, and when it fails otherwise.
ANSWERS: Mapping[str, tuple[Fault, str, str | Completed, str | Completed, str | Completed]] = {
    "dns": (
        DnsRecordMissing(node="corp-dns", name="instance.cloud.example"),
        "dig ",
        ";; ->>HEADER<<- opcode: QUERY, status: NXDOMAIN, id: 7",
        ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 7",
        ";; communications error to 127.0.0.1#53: connection refused",
    ),
    "endpoint": (
        VpcEndpoint(node="endpoints", resolver="vpc-dns", services=("ssm.eu-central-1.amazonaws.com",), state="absent"),
        "dig ",
        "198.51.100.10\n",
        "10.0.1.20\n",
        "",
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


def test_a_program_is_missing_when_the_shell_does_not_find_it() -> None:
    fault = ProgramMissing(node="client", program="nc")
    assert fault.proof(StandIn(says={"command -v nc": "/usr/bin/nc\n"})) is None
    assert fault.proof(StandIn()) == "client: nc: command not found"


def test_a_hidden_programs_folder_is_shown_again_when_the_fault_is_taken_out() -> None:
    fault = ProgramMissing(node="client", program="nc")
    network = StandIn(says={"command -v nc": "/usr/bin/nc\n"})
    with pytest.raises(CannotRun, match="could not be hidden"):  # the shell still says where it is
        fault.inject(network)
    true, farm = (f"/run/hidden/client/nc/0/{kind}" for kind in ("true", "farm"))
    assert network.bound == [("client", "/usr/bin", true), ("client", farm, "/usr/bin")]
    fault.remove(network, {"hidden": ["/usr/bin"]})
    assert network.bound == []


def test_a_clock_is_compared_with_another_nodes() -> None:
    assert ClockSkew(node="client", offset_s=3600).proof(StandIn(says={"date": "1700000000"})) is None
