"""What names and configuration make of the user's host and port, and when they are what fails."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from whodunet.diagnosis.conclusion import Conclusion
from whodunet.diagnosis.probes import Resolved, ServerAnswer
from whodunet.diagnosis.seen import Seen, is_address
from whodunet.diagnosis.signals import NAME_SERVER
from whodunet.diagnosis.suspects import RESOLUTION_FAILS, suspects
from whodunet.diagnosis.verdict import Citation, HopInterval, Party
from whodunet.evidence.symptom import Symptom
from whodunet.phrases import listed

_NAME_ERROR, _NO_ERROR = 3, 0  # Source: RFC 1035, section 4.1.1, RCODE
_SLOW_MS: Final = 2000.0  # a resolver asks the next server after 5 s (resolv.conf(5), timeout), an absent one costs 3 s


def resolution(seen: Seen) -> Conclusion | None:
    """Why the name has no address; None where it has one."""
    if not seen.resolved or any(each.addresses for each in seen.resolved.values()):
        return None
    results = list(seen.resolved.values())
    servers = [answer for result in results for answer in result.servers]
    evidence = tuple(_cited(servers, seen.question.host))
    if any(result.error == "name-not-found" for result in results):
        return _not_found(seen, servers, evidence)
    return _no_answer(seen, servers, evidence)


def _cited(servers: Iterable[ServerAnswer], name: str) -> list[Citation]:
    said = dict.fromkeys((each.server, _said(each)) for each in servers)
    return [NAME_SERVER.says(f"{server}, asked for {name}, {words}") for server, words in said]


def _said(answer: ServerAnswer) -> str:
    if answer.outcome == "silent":
        return "does not answer"
    if answer.outcome == "refused":
        return "is not there: the port is closed"
    if answer.outcome == "unreachable":
        return "cannot be reached"
    if answer.rcode == _NO_ERROR:
        return f"says {listed(answer.addresses)}" if answer.addresses else "knows no address of this family"
    return f"says {_RCODES.get(answer.rcode or 0, f'code {answer.rcode}')}"


_RCODES: Final = {1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}


def _conclude(
    symptom: Symptom, parties: Iterable[Party], causes: Iterable[str], summary: str, evidence: tuple[Citation, ...]
) -> Conclusion:
    by = ("`dig @SERVER {host}` for each name server of `/etc/resolv.conf`, and for one of another network",)
    who = suspects(parties, *causes, by=by)
    return Conclusion(
        symptom, who, summary, evidence, is_local=True, at_most="high" if len(who.causes) == 1 else "medium"
    )


def _not_found(seen: Seen, servers: list[ServerAnswer], evidence: tuple[Citation, ...]) -> Conclusion:
    host = seen.question.host
    if any(answer.addresses for answer in servers):
        summary = f"{host} does not exist for the resolver that your programs ask, and another server knows it."
        return _conclude(
            Symptom.NAME_NOT_FOUND, [Party.RESOLVER], ["resolver-other", "resolver-replaced"], summary, evidence
        )
    summary = f"The name {host} does not exist: no packet was sent to any host."
    causes = ["name-does-not-exist", "resolver-other"]
    return _conclude(Symptom.NAME_NOT_FOUND, [Party.RESOLVER], causes, summary, evidence)


def _no_answer(seen: Seen, servers: list[ServerAnswer], evidence: tuple[Citation, ...]) -> Conclusion:
    host, outcomes = seen.question.host, {answer.outcome for answer in servers}
    rcodes = {answer.rcode for answer in servers if answer.outcome == "answered"}
    if not servers:
        summary = f"No name server is configured on this machine, or none was asked: {host} was not looked up."
        causes: tuple[str, ...] = ("resolver-not-configured",)
    elif any(answer.addresses for answer in servers):
        summary = f"A name server knows {host}, and the lookup fails all the same: for one type of address alone."
        causes = ("resolver-fails-for-one-type",)
    elif rcodes - {_NO_ERROR, _NAME_ERROR}:
        summary = f"The name server answers, and refuses or fails for {host}."
        causes = ("resolver-refuses", "resolver-fails-for-one-type")
    elif outcomes == {"refused"}:
        loopback = all(ip_address(each.server).is_loopback for each in servers if is_address(each.server))
        summary = f"Nobody serves names at {listed(sorted({each.server for each in servers}))}."
        causes = (
            ("resolver-not-configured",)
            if loopback
            else ("resolver-not-listening", "resolver-address-wrong", "resolver-replaced")
        )
    elif outcomes <= {"silent", "unreachable"}:
        summary = f"No name server answers: {listed(sorted({each.server for each in servers}))}."
        causes = ("resolver-silent", "resolver-address-wrong")
    else:
        return Conclusion(
            Symptom.NO_RESOLVER,
            RESOLUTION_FAILS,
            f"{host} could not be looked up.",
            evidence,
            at_most="medium",
            is_local=True,
        )
    parties = [Party.CONFIGURATION] if causes == ("resolver-not-configured",) else [Party.RESOLVER]
    if "resolver-address-wrong" in causes:
        parties.append(Party.CONFIGURATION)
    return _conclude(Symptom.NO_RESOLVER, parties, causes, summary, evidence)


def address(seen: Seen) -> Conclusion | None:
    """A name that leads to this machine itself, or elsewhere than the name servers say; None for all others.

    Whether the connection to it works is seen all the same: this is asked last, of what did not.
    """
    chosen = next((each for each in seen.resolved.values() if seen.address in each.addresses), None)
    if chosen is None or is_address(seen.question.host) or seen.saw("open"):
        return None
    told = {found for server in chosen.servers for found in server.addresses}
    if chosen.from_hosts_file:
        return _hosts_file(seen, chosen) if (told and seen.address not in told) or _is_own(seen.address) else None
    if _is_own(seen.address):
        summary = f"{seen.question.host} resolves to {seen.address}, which is this machine: the name was sinkholed."
        who = suspects(Party.RESOLVER, "name-sinkholed", by=("`dig {host}` at another resolver",))
        evidence = tuple(_cited(chosen.servers, seen.question.host))
        return Conclusion(_symptom(seen, Symptom.REFUSED), who, summary, evidence, is_local=True)
    return _disagreement(seen, chosen, told)


def _hosts_file(seen: Seen, chosen: Resolved) -> Conclusion:
    summary = f"The hosts file of this machine says {seen.address} for {seen.question.host}, and DNS does not."
    who = suspects(Party.CONFIGURATION, "hosts-file-override", by=("`getent ahosts {host}` and `dig {host}`",))
    evidence = tuple(_cited(chosen.servers, seen.question.host))
    return Conclusion(_symptom(seen), who, summary, evidence, HopInterval(0, 0), is_local=True)


def _disagreement(seen: Seen, chosen: Resolved, told: set[str]) -> Conclusion | None:
    views = {server.addresses for server in chosen.servers if server.addresses}
    if not told or (seen.address in told and len(views) <= 1):
        return None
    summary = f"Name servers disagree about {seen.question.host}; your programs go to {seen.address}."
    causes = ("stale-record", "private-dns-off-network", "resolver-replaced")
    return _conclude(
        _symptom(seen), [Party.RESOLVER], causes, summary, tuple(_cited(chosen.servers, seen.question.host))
    )


def _is_own(found: str) -> bool:
    parsed = ip_address(found)
    return parsed.is_loopback or parsed.is_unspecified


def _symptom(seen: Seen, otherwise: Symptom = Symptom.TIMED_OUT) -> Symptom:
    for kind, symptom in (("reset", Symptom.REFUSED), ("icmp error", Symptom.UNREACHABLE)):
        if kind in seen.reactions:
            return symptom
    return otherwise


def slow(seen: Seen) -> Conclusion | None:
    """The lookup takes long because the first server is dead, and works in the end; None where it does not."""
    late = [result for result in seen.resolved.values() if result.addresses and result.took_ms > _SLOW_MS]
    if not late or not _has_dead_first(late[0]):
        return None
    result = late[0]
    dead = result.servers[0].server
    summary = f"The lookup takes {result.took_ms / 1000:.1f} s: the first name server, {dead}, does not answer."
    return _conclude(
        Symptom.CONNECTED,
        [Party.RESOLVER],
        ["first-resolver-dead"],
        summary,
        tuple(_cited(result.servers, seen.question.host)),
    )


def _has_dead_first(result: Resolved) -> bool:
    return (
        len(result.servers) > 1
        and result.servers[0].outcome != "answered"
        and any(server.outcome == "answered" for server in result.servers[1:])
    )


def proxy(seen: Seen) -> Conclusion | None:
    """The user's program was told to go by a proxy that is not reached; None where it goes straight or reaches it."""
    if not seen.is_proxied or seen.saw("open") or not seen.reactions:
        return None
    way = f"{seen.address} port {seen.port}"
    summary = f"Your program is told to go by {way}, which is not reached; {seen.question.host} was not asked."
    evidence = (NAME_SERVER.says(_settings(seen)),)
    cause = "proxy-variable-dead" if seen.question.speech in ("http", "tls") else "jump-host-cannot-reach"
    who = suspects({Party.PROXY, Party.CONFIGURATION}, cause, "proxy-command-dead", by=("the same without the proxy",))
    if seen.question.speech in ("http", "tls"):
        who = who.without("proxy-command-dead")
    return Conclusion(_symptom(seen), who, summary, evidence, is_local=True, at_most="medium")


def command(seen: Seen) -> Conclusion | None:
    """The user's ssh connects by a program of its own, which is not run here; None where it connects by itself.

    What packets of our own come to proves nothing for that ssh then, neither that it works nor that it does not.
    Source: ssh_config(5), ProxyCommand.
    """
    found = seen.configuration
    if seen.question.speech != "ssh" or found is None or found.proxy_command in (None, "none"):
        return None
    summary = (
        f"Your ssh does not go to {seen.question.host} itself but by `{found.proxy_command}`; what that comes to "
        "cannot be seen without running it."
    )
    parties = {Party.PROXY, Party.CONFIGURATION} | (set() if seen.question.symptom else {Party.NOBODY})
    who = suspects(parties, "proxy-command-dead", by=("`ssh -o ProxyCommand=none {host}`, and that command by hand",))
    symptom = seen.question.symptom or Symptom.UNKNOWN
    return Conclusion(symptom, who, summary, (NAME_SERVER.says(_settings(seen)),), is_local=True, at_most="low")


def _settings(seen: Seen) -> str:
    found = seen.configuration
    values = (
        [] if found is None
        else [("ProxyCommand", found.proxy_command), ("ProxyJump", found.proxy_jump),
              ("http_proxy", found.http_proxy), ("https_proxy", found.https_proxy)]
    )  # fmt: skip
    return "; ".join(f"{name} is {value}" for name, value in values if value) or "it is configured to"
