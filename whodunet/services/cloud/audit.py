"""Whether a running lab keeps its mandate: no public address, no open port, no way to the internet, nobody unrecorded.

Nothing is believed because it is configured: each answer also rests on a trial or on what was recorded.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Protocol, TypedDict

from whodunet.cases.fault import Network, list_in, mapping_in, run_checked
from whodunet.errors import CannotRun
from whodunet.evidence.topology import Node

_PROFILE: Final = "aws-profile"
_TRAIL: Final = "cloudtrail.jsonl"
_TRANSCRIPTS: Final = "transcripts"
_OWN_LOGIN: Final = re.compile(r" from (127\.0\.0\.1|::1) ")
_CONNECT_ENDPOINT: Final = "connect-endpoint"
_ENDPOINT_RULE: Final = (
    "the rule is for the endpoint's group: whoever may open a tunnel reaches that port; Session Manager needs no rule"
)
_INTERNET: Final = ("198.51.100.1", "203.0.113.1", "2001:db8::1")  # Source: RFC 5737, 3849; nobody in a lab has these
_TO_DEFAULT: Final = ("ip -4 route show default", "ip -6 route show default")
# Every TCP port is tried, by several processes at once, each as far as the limit of open files allows; a port that says
# nothing is filtered.
_SCAN: Final = """
import select, socket, sys, time
from multiprocessing import Pool
BATCH = 600
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
def scan(first):
    opened, refused, waiting = [], 0, {}
    poll = select.epoll()
    for port in range(first, min(first + BATCH, 65536)):
        connection = socket.socket(family); connection.setblocking(False)
        connection.connect_ex((sys.argv[1], port)); waiting[connection.fileno()] = connection, port
        poll.register(connection, select.EPOLLOUT)
    until = time.monotonic() + 1.5
    while waiting and (left := until - time.monotonic()) > 0:
        for number, _ in poll.poll(left):
            connection, port = waiting.pop(number)
            error = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            poll.unregister(number); connection.close()
            if error == 0: opened.append(port)
            elif error == 111: refused += 1
    for connection, _ in waiting.values(): connection.close()
    return opened, refused
with Pool(32) as pool:
    found = pool.map(scan, range(1, 65536, BATCH), 1)
print(" ".join(str(port) for opened, _ in found for port in opened) or "none", sum(refused for _, refused in found))
"""


@dataclass(frozen=True)
class AuditFinding:
    """One clause of the mandate."""

    clause: str
    holds: bool
    evidence: tuple[str, ...]


class TrailEvent(TypedDict, total=False):
    """What is read of an event of the audit trail; for all of one see `whodunet.aws.account.cloudtrail`."""

    eventName: str
    userIdentity: Mapping[str, str]
    sourceIPAddress: str
    errorCode: str
    responseElements: Mapping[str, object] | None


class AuditedLab(Network, Protocol):
    """A lab as an auditor sees it: what its network does, and what was recorded."""

    def records(self) -> Mapping[str, str]:
        """The audit trail of its cloud and the transcripts of its sessions, by path."""
        ...

    def logs(self) -> Mapping[str, str]:
        """What its daemons wrote, by file name."""
        ...


def audit(network: AuditedLab) -> list[AuditFinding]:
    """Checks every clause on a running lab; takes some ten seconds, most of them for the scan.

    Raises:
        CannotRun: when the lab has no instance, or something could not be tried.
    """
    return [
        no_public_address(network),
        no_open_port(network),
        no_internet_route(network),
        every_access_recorded(network),
    ]


def _nodes(network: Network, *roles: str) -> list[Node]:
    found = [node for node in network.topology.nodes.values() if node.role in roles]
    if not found:
        raise CannotRun(f"{network.topology.name} has no {' or '.join(roles)}; audit a lab that has one")
    return found


def _addresses(network: Network, node: str) -> list[str]:
    listed = json.loads(run_checked(network, node, "ip -json address show"))
    return [address["local"] for interface in listed for address in interface.get("addr_info", ())]


def no_public_address(network: Network) -> AuditFinding:
    """No address that the internet could reach, on the machines or in a translation on the way to them."""
    evidence, holds = [], True
    for node in _nodes(network, "instance", "vpc-endpoints"):
        addresses = _addresses(network, node.name)
        public = [address for address in addresses if not ipaddress.ip_address(address).is_private]
        holds &= not public
        evidence.append(
            f"{node.name} has {', '.join(addresses)}" + (f"; PUBLIC: {', '.join(public)}" if public else "")
        )
    for node in _nodes(network, "vpc-router", "cloud-edge"):
        rules = run_checked(network, node.name, "nft list ruleset").splitlines()
        translations = [line.strip() for line in rules if " dnat " in f" {line.strip()} "]
        holds &= not translations
        evidence.append(f"{node.name} translates {'; '.join(translations) or 'no address'} inwards")
    return AuditFinding("no public address", holds, tuple(evidence))


def no_open_port(network: Network) -> AuditFinding:
    """Nothing comes in: by the rules, and by trying every port from outside the VPC.

    What an Instance Connect Endpoint needs is no port that others could reach, and told all the same: so the clause is
    another one where there is such a rule.
    """
    evidence, holds, clause = [], True, "no open inbound port"
    outside = _nodes(network, "cloud-edge")[0].name
    for instance in (node.name for node in _nodes(network, "instance")):
        for group, inbound in _inbound(network, instance):
            for_endpoint = [rule for rule in inbound if _is_for_connect_endpoint(network, rule)]
            holds &= len(for_endpoint) == len(inbound)
            evidence.append(f"{instance}: {group} inbound: {json.dumps(inbound) if inbound else 'no rule'}")
            if for_endpoint:
                clause = "no inbound port open but to the Instance Connect Endpoint's group, to nobody outside the VPC"
                evidence.append(f"{instance}: {_ENDPOINT_RULE}")
        for address in (each for each in _addresses(network, instance) if _can_be_reached(each)):
            opened, _, refused = run_checked(network, outside, f"python3 - {address}", _SCAN).strip().rpartition(" ")
            holds &= opened == "none" and refused == "0"
            evidence.append(f"tried from {outside}: 65535 TCP ports of {address}: open {opened}, refused {refused}")
    return AuditFinding(clause, holds, tuple(evidence))


def _can_be_reached(address: str) -> bool:
    """Whether an address is one that others could have a way to."""
    read = ipaddress.ip_address(address)
    return not (read.is_loopback or read.is_link_local)


def _is_for_connect_endpoint(network: Network, rule: object) -> bool:
    """Whether a rule lets in the members of a group that Instance Connect Endpoints alone are in."""
    source = rule.get("source") if isinstance(rule, Mapping) else None
    members = [
        network.topology.nodes[network.topology.interfaces[network.topology.peer_of(name)].node].role
        for switch in (node.name for node in network.topology.nodes.values() if node.role == "security-group")
        for name, each in mapping_in(network.policy(switch), "interfaces").items()
        if source in list_in(mapping_in({"interface": each}, "interface"), "groups")
    ]
    return bool(members) and set(members) == {_CONNECT_ENDPOINT}


def _inbound(network: Network, instance: str) -> Iterator[tuple[str, list[object]]]:
    """The inbound rules of every security group at the instance's interfaces."""
    for switch in (node.name for node in network.topology.nodes.values() if node.role == "security-group"):
        policy = network.policy(switch)
        interfaces, groups = mapping_in(policy, "interfaces"), mapping_in(policy, "groups")
        for name in interfaces:
            if network.topology.interfaces[network.topology.peer_of(name)].node == instance:
                for group in map(str, list_in(mapping_in(interfaces, name), "groups")):
                    yield group, list_in(mapping_in(groups, group), "inbound")


def no_internet_route(network: Network) -> AuditFinding:
    """The private subnet has no way out: by the router's table, and by trying."""
    evidence, holds = [], True
    for router in (node.name for node in _nodes(network, "vpc-router")):
        for ask in _TO_DEFAULT:
            default = run_checked(network, router, ask).strip()
            holds &= not default or default.startswith(("blackhole", "unreachable", "prohibit"))
            evidence.append(f"{router}: {default or 'no default route'}")
    for instance in (node.name for node in _nodes(network, "instance")):
        for address in _INTERNET:
            tried = network.execute(instance, f"nc -z -w 1 {address} 443")
            holds &= tried.exit_status != 0
            evidence.append(
                f"{instance} to {address} port 443: {'connected' if tried.exit_status == 0 else 'no answer'}"
            )
    return AuditFinding("no internet route", holds, tuple(evidence))


def every_access_recorded(network: AuditedLab) -> AuditFinding:
    """Whoever came in was authenticated, authorised and recorded; and whoever is not is turned away."""
    clause = "every access authenticated, authorised and recorded"
    if not network.records().get(_TRAIL):
        return AuditFinding(clause, False, ("there is no audit trail",))
    turned_away, said = _try_unsigned(network)
    records = network.records()
    events: list[TrailEvent] = [json.loads(line) for line in records[_TRAIL].splitlines()]
    refused = [event for event in events if event.get("errorCode")]
    kept, unrecorded = _accesses(records, events)
    logins, through_tunnels = _ssh_logins(network)
    tunnels = sum(_is_tunnel(event) for event in events)
    unauthorised = unrecorded or "none"
    evidence = [
        f"a call without a signature: {said}",
        f"the trail has {len(events)} events, {len(refused)} of them refusals, the last: {_last(refused)}",
        f"{kept} sessions and commands have a transcript; those that nobody may have started: {unauthorised}",
        f"logins by ssh that came through no session: {logins}",
    ]
    if _has_connect_endpoint(network):
        evidence.append(
            f"logins by ssh from an Instance Connect Endpoint: {through_tunnels}; tunnels in the trail: {tunnels};"
            " what is typed in a tunnel nobody records, other than in a session"
        )
    holds = turned_away and bool(refused) and not unrecorded and logins == 0 and through_tunnels <= tunnels
    return AuditFinding(clause, holds, tuple(evidence))


def _try_unsigned(network: Network) -> tuple[bool, str]:
    client = _signed_in(network)
    region = run_checked(network, client, "aws configure get region").strip()
    ask = (
        f"curl -sS --max-time 8 -w ' %{{http_code}}' -H 'X-Amz-Target: AmazonSSM.StartSession' "
        f"-H 'Content-Type: application/x-amz-json-1.1' -d '{{\"Target\": \"i-0\"}}' https://ssm.{region}.amazonaws.com/"
    )
    done = network.execute(client, ask)
    answer = " ".join((done.stdout + done.stderr).split())
    return "MissingAuthenticationToken" in answer, answer


def _signed_in(network: Network) -> str:
    """A host whose user has an AWS profile."""
    hosts = [host for host, there in network.topology.furnishings.items() if _PROFILE in there]
    if not hosts:
        raise CannotRun(f"no host of {network.topology.name} has an {_PROFILE}; audit a lab in which one has")
    return hosts[0]


def _last(refused: list[TrailEvent]) -> str:
    if not refused:
        return "none"
    event = refused[-1]
    who = event["userIdentity"].get("arn") or "nobody known"
    return f"{event['eventName']} by {who} from {event['sourceIPAddress']}: {event['errorCode']}"


def _accesses(records: Mapping[str, str], events: list[TrailEvent]) -> tuple[int, str]:
    """How many sessions and commands there were, and those that nobody was authorised to start."""
    paths = [PurePosixPath(name) for name in records]
    kept = {path.stem for path in paths if path.parts[0] == _TRANSCRIPTS}
    started = {_started(event) for event in events if not event.get("errorCode") and event["userIdentity"].get("arn")}
    return len(kept), ", ".join(sorted(kept - started))


def _started(event: TrailEvent) -> str:
    """The session or command that a call began, if it began one."""
    answer = event.get("responseElements") or {}
    if event["eventName"] == "StartSession":
        return str(answer.get("sessionId", ""))
    return str(mapping_in(answer, "command").get("commandId", "")) if event["eventName"] == "SendCommand" else ""


def _is_tunnel(event: TrailEvent) -> bool:
    """Whether somebody was given a tunnel, who was known and authorised."""
    return event["eventName"] == "OpenTunnel" and not event.get("errorCode") and bool(event["userIdentity"].get("arn"))


def _has_connect_endpoint(network: Network) -> bool:
    return any(node.role == _CONNECT_ENDPOINT for node in network.topology.nodes.values())


def _ssh_logins(network: AuditedLab) -> tuple[int, int]:
    """Logins that sshd has logged, but for those from the instance itself, which came through a recorded session.

    The second number is of those that an Instance Connect Endpoint connected, which are not among the first.
    """
    logs = network.logs()
    lines = [
        line
        for instance in _nodes(network, "instance")
        for line in logs.get(f"{instance.name}-sshd.log", "").splitlines()
        if line.startswith("Accepted ") and not _OWN_LOGIN.search(line)
    ]
    endpoints = [node.name for node in network.topology.nodes.values() if node.role == _CONNECT_ENDPOINT]
    theirs = {address for name in endpoints for address in _addresses(network, name)}
    through_tunnels = sum(line.partition(" from ")[2].split(" ")[0] in theirs for line in lines)
    return len(lines) - through_tunnels, through_tunnels
