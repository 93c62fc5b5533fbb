"""What this machine itself says or does, before or instead of any packet."""

from __future__ import annotations

from typing import Final

from whodunet.diagnosis.conclusion import Conclusion
from whodunet.diagnosis.probes import ShotResult, WayOut
from whodunet.diagnosis.seen import Seen, reaction
from whodunet.diagnosis.signals import KERNEL_REFUSED, NEIGHBOUR, NOTHING_LEFT
from whodunet.diagnosis.suspects import NEIGHBOUR_SILENT, REFUSED_HERE, Suspects, suspects
from whodunet.diagnosis.verdict import HopInterval, Party
from whodunet.evidence.packets import CapturedPacket, kinds
from whodunet.evidence.symptom import Symptom

_HERE: Final = HopInterval(0, 0)
_RULES: Final = ("`nft list ruleset` as root",)
_ROUTES: Final = ("`ip route get {host}` and `ip rule`",)
# Source: ip-route(8), types of routes; the errors that connect(2) gives for each were measured.
_ROUTE_CAUSES: Final = {
    "prohibit": ("local-route-prohibit", "a route of this machine's forbids it (prohibit)"),
    "blackhole": ("local-route-blackhole", "a route of this machine's discards it (blackhole)"),
    "unreachable": ("local-route-unreachable", "a route of this machine's calls it unreachable"),
    "none": ("no-route", "this machine has no route to it"),
}


def way_out(seen: Seen) -> Conclusion | None:
    """What the routes say; None where they lead out."""
    way = seen.way_out
    if way is None or way.route not in _ROUTE_CAUSES:
        return None
    cause, says = _ROUTE_CAUSES[way.route]
    return _here(Symptom.UNREACHABLE, suspects(Party.THIS_MACHINE, cause, by=_ROUTES), f"{seen.address}: {says}", seen)


# What the errors with which the system itself refuses tell, where the routes did not. Source: connect(2), measured.
_ERROR_CAUSES: Final = {
    "EACCES": ("local-route-prohibit", "local-output-unreachable"),
    "EPERM": ("local-sandbox",),
    "EINVAL": ("local-route-blackhole",),
    "ENETUNREACH": ("no-route", "local-output-unreachable"),
    "EADDRNOTAVAIL": ("ephemeral-ports-exhausted",),
}


def system_refused(seen: Seen) -> Conclusion | None:
    """What the system said when it was asked to connect; None where it tried."""
    talk = next((talk for talk in seen.talks if talk.error in _ERROR_CAUSES), None)
    shot = next((result for _, result in seen.target_shots if result.error in _ERROR_CAUSES), None)
    error = talk.error if talk is not None else shot.error if shot is not None else None
    if error is None or seen.answers:
        return None
    causes = _ERROR_CAUSES[error]
    who = suspects(
        Party.THIS_MACHINE, *causes, by=(*_ROUTES, *_RULES, "the same as another user, or without the sandbox")
    )
    says = "has no free source port" if error == "EADDRNOTAVAIL" else f"refuses to connect ({error})"
    return _here(Symptom.UNREACHABLE, who, f"this machine itself {says}, and no packet was sent", seen)


def _here(symptom: Symptom, who: Suspects, says: str, seen: Seen) -> Conclusion:
    summary = f"{says[0].upper()}{says[1:]}: {seen.question.host} was never asked."
    return Conclusion(symptom, who, summary, (KERNEL_REFUSED.says(says),), _HERE, is_local=True)


def neighbour(seen: Seen) -> Conclusion | None:
    """Whoever is next on the link is not found; None where the packets went to somebody."""
    way = seen.way_out
    if way is None or not (way.neighbour == "failed" or not way.has_carrier):
        return None
    if any(answer.sender != way.source for answer in seen.answers):  # what it says itself is that nobody was found
        return None
    whom = way.gateway or seen.address
    evidence = (NEIGHBOUR.says(f"nobody on the link says that {whom} is theirs"),)
    who = NEIGHBOUR_SILENT
    by = who.settled_by
    if not way.has_carrier:
        who = suspects(Party.LOCAL_NETWORK, "link-peer-lost", by=by)
        summary = f"The cable or radio link of {way.interface} is down: no packet leaves."
    elif way.gateway is None and not seen.is_live:
        who = who.with_causes("instance-stopped", "host-arp-silent", parties=[Party.DESTINATION])
        summary = f"This machine asks the link for {whom}, and nobody answers to it."
    elif way.gateway is not None:
        who = suspects(Party.LOCAL_NETWORK, "gateway-arp-silent", "link-peer-lost", by=by)
        summary = f"Your gateway {way.gateway} does not answer on the link, so nothing leaves it."
    else:
        who = suspects(
            {Party.LOCAL_NETWORK, Party.DESTINATION}, "netmask-too-wide", "instance-stopped", "host-arp-silent", by=by
        )
        summary = f"This machine takes {seen.address} for a neighbour on its own link, and nobody there answers to it."
    return Conclusion(Symptom.UNREACHABLE, who, summary, evidence, HopInterval(0, 1), is_local=True)


def nothing_left(seen: Seen) -> Conclusion | None:
    """Nothing left by an interface: this machine drops, refuses or redirects; None where packets did."""
    unseen = [result for _, result in seen.target_shots if result.left is False]
    if not unseen or any(result.left for _, result in seen.target_shots):
        return None
    way = seen.way_out
    evidence = (NOTHING_LEFT.says("no packet to the target was seen to leave an interface"),)
    outcome = _outcome(seen, unseen)
    if outcome == "open":
        who = suspects(
            Party.THIS_MACHINE, "local-redirect-without-upstream", "local-redirect-dead",
            by=("`ss -tlnp` and `nft list ruleset` as root: which program accepts it",),
        )  # fmt: skip
        says, symptom = "a program on this machine accepts the connection in the destination's name", Symptom.CLOSED
    elif outcome == "reset":
        who, symptom = _refused_here(seen, way), Symptom.REFUSED
        says = "this machine refuses the connection by itself"
    elif outcome == "icmp error":
        return None
    else:
        who = suspects(Party.THIS_MACHINE, "local-output-drop", by=_RULES)
        says, symptom = "this machine's own packet filter drops the connection", Symptom.TIMED_OUT
    summary = f"{says[0].upper()}{says[1:]}: no packet left it, so {seen.question.host} was never asked."
    return Conclusion(symptom, who, summary, evidence, _HERE, is_local=True)


def _outcome(seen: Seen, unseen: list[ShotResult]) -> str:
    talked = [talk.outcome for talk in seen.talks]
    if any(talk.connect_ms is not None for talk in seen.talks):
        return "open"
    if "refused" in talked:
        return "reset"
    found = {reaction(result) for result in unseen} - {"silence", "local error"}
    return next(iter(sorted(found)), "silence")


def _refused_here(seen: Seen, way: WayOut | None) -> Suspects:
    """Of a refusal on this machine, what its rules rule out where they could be read."""
    who = REFUSED_HERE.among(Party.THIS_MACHINE)
    if not seen.address.startswith("127.") and seen.address not in ("0.0.0.0", "::1", "::"):
        who = who.without("name-sinkholed")
    if way is not None and way.is_redirected is not None:
        who = who.without("local-output-reset" if way.is_redirected else "local-redirect-dead")
    return who


def nothing_captured(seen: Seen) -> Conclusion | None:
    """A capture in which nothing goes to the target, though somebody tried: it never left this machine."""
    was_tried = seen.reactions or seen.trace().results
    if seen.is_live or not seen.question.port or was_tried:
        return None
    causes = (
        "local-output-drop", "local-output-reset", "local-output-icmp-refused", "local-output-unreachable",
        "local-route-blackhole", "local-route-prohibit", "local-route-unreachable", "no-route", "local-sandbox",
        "local-redirect-dead", "local-redirect-without-upstream", "ephemeral-ports-exhausted", "proxy-variable-dead",
        "proxy-command-dead", "hosts-file-override", "wrong-host-or-port-configured", "resolver-not-configured",
    )  # fmt: skip
    who = suspects({Party.THIS_MACHINE, Party.CONFIGURATION}, *causes, by=(*_RULES, *_ROUTES))
    fact = "the capture holds no packet to the target at all"
    summary = f"Nothing to {seen.question.host} was captured: if it was tried, it was stopped on this machine."
    symptom = seen.question.symptom or Symptom.UNKNOWN
    return Conclusion(symptom, who, summary, (NOTHING_LEFT.says(fact),), _HERE, at_most="low", is_local=True)


def answers_filtered(seen: Seen) -> Conclusion | None:
    """The answer comes in at the interface, and the program does not get it; None where that is not so."""
    accepted = [answer for answer in seen.answers if answer.kind == "syn-ack"]
    waiting = [talk for talk in seen.talks if talk.connect_ms is None and talk.outcome == "timed out"]
    for talk in waiting:
        came = [packet for packet in talk.packets if packet.direction == "in" and "SYN-ACK" in kinds(packet)]
        accepted_ones = [answer.packet for answer in accepted if answer.packet is not None] or came
        if not accepted_ones and not accepted:
            continue
        left = [packet for packet in talk.packets if packet.direction == "out" and _is_rejection(packet)]
        cause = "local-input-reject" if left else "local-input-drop"
        fact = "the SYN-ACK comes in at the interface, and the connection does not stand"
        who = suspects(Party.THIS_MACHINE, cause, by=("`nft list ruleset` as root: the rules of the input hook",))
        summary = "The answer arrives at this machine, and its own packet filter keeps it from the program."
        packets = (*(accepted_ones[:2]), *left[:1])
        return Conclusion(Symptom.TIMED_OUT, who, summary, (NOTHING_LEFT.says(fact, *packets),), _HERE, is_local=True)
    return None


def _is_rejection(packet: CapturedPacket) -> bool:
    return "RST" in kinds(packet) or (packet.icmp is not None and packet.icmp.quoted is not None)
