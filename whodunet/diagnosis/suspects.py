"""Who and what may be behind what was seen: parties and causes that a client cannot tell apart, and what would.

Names are those of the taxonomy's causes and classes of causes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from whodunet.diagnosis.verdict import HopInterval, Party


@dataclass(frozen=True)
class Suspects:
    """What cannot be told apart with what was seen."""

    parties: frozenset[Party]
    causes: frozenset[str]
    cause_class: str | None = None  # when all of a class are suspects
    settled_by: tuple[str, ...] = ()

    def among(self, *parties: Party) -> Suspects:
        """The same causes, with these parties instead."""
        return replace(self, parties=frozenset(parties))

    def with_causes(self, *causes: str, parties: Iterable[Party] = ()) -> Suspects:
        """Further causes beside these, with the parties that they bring."""
        return replace(self, parties=self.parties | frozenset(parties), causes=self.causes | frozenset(causes))

    def without(self, *causes: str) -> Suspects:
        """Without causes that something else rules out; then they are no whole class any more."""
        left = self.causes - frozenset(causes)
        return self if left == self.causes else replace(self, causes=left, cause_class=None)


def suspects(parties: Party | Iterable[Party], *causes: str, by: tuple[str, ...] = ()) -> Suspects:
    """Suspects that are no whole class."""
    return Suspects(frozenset([parties] if isinstance(parties, Party) else parties), frozenset(causes), None, by)


def _class(name: str, parties: Iterable[Party], *causes: str, by: tuple[str, ...]) -> Suspects:
    return Suspects(frozenset(parties), frozenset(causes), name, by)


# Classes of which nothing that a client sees tells the members apart: members and names as in whodunet/cause_classes.

DESTINATION_REFUSES: Final = _class(
    "destination-refuses",
    (Party.DESTINATION, Party.SERVICE, Party.CLOUD_EDGE, Party.CONFIGURATION),
    "service-not-listening", "service-listens-on-loopback", "host-firewall-reset", "last-hop-reset-imitated",
    "wrong-host-or-port-configured",
    by=(
        "on the destination: `ss -ltnp` (who listens, and at which address), `nft list ruleset`",
        "on the destination: `tcpdump -ni any tcp port {port}` as you connect: does the SYN arrive, who answers?",
    ),
)  # fmt: skip
DESTINATION_SILENT: Final = _class(
    "destination-silent",
    (Party.CLOUD_EDGE, Party.DESTINATION, Party.THIS_MACHINE),
    "security-group-empty", "security-group-other-source", "security-group-other-group", "instance-stopped",
    "internet-gateway-absent", "host-firewall-drop", "no-return-route", "reverse-path-filter", "wrong-source-address",
    by=(
        "the cloud's state of the instance, its routes, security groups and network ACLs",
        "flow logs of the instance's interface: REJECT, ACCEPT, or no line at all",
        "on the destination: `tcpdump -ni any host {source}` while you connect",
    ),
)  # fmt: skip
PORT_SILENT: Final = _class(
    "port-silent",
    (Party.CLOUD_EDGE, Party.DESTINATION, Party.PATH),
    "security-group-other-rules", "network-acl-inbound", "host-firewall-drop", "accept-queue-full", "path-drop",
    by=(
        "the rules at the destination's border for port {port}, and flow logs of the instance's interface",
        "on the destination: `ss -ltn` (is the queue full?) and `nft list ruleset`",
    ),
)  # fmt: skip
SILENT_AT_TIMES: Final = _class(
    "port-silent-at-times",
    (Party.FIRST_HOP, Party.PATH, Party.CLOUD_EDGE, Party.DESTINATION),
    "accept-queue-full", "ecmp-half-dead", "nat-ports-exhausted", "network-acl-inbound-some-ephemeral-ports",
    "network-acl-some-ephemeral-ports", "network-stack-overloaded", "random-loss", "rate-limited",
    by=("ten tries with one source port, ten with others, at rest and in a burst: what it depends on names the cause",),
)  # fmt: skip
DIRECTION_UNKNOWN: Final = _class(
    "direction-unknown",
    (Party.CLOUD_EDGE, Party.PATH),
    "asymmetric-path-through-state", "network-acl-ephemeral-ports", "path-drop", "path-no-way-back",
    "path-rejects-replies",
    by=("a capture at the destination: does the SYN arrive, and does its SYN-ACK leave?",),
)  # fmt: skip
SILENCE_AT_A_HOP: Final = _class(
    "silence-at-a-hop",
    (Party.FIRST_HOP, Party.PATH),
    "egress-drop", "null-route", "path-drop",
    by=("the rules, or a capture, at the routers at both ends of the interval",),
)  # fmt: skip
EVERYTHING_REFUSED: Final = _class(
    "everything-refused-from-one-place",
    (Party.FIRST_HOP, Party.PATH, Party.DESTINATION),
    "egress-reset", "path-reset", "host-firewall-reset",
    by=("an answer that only the destination can give (a banner, a certificate), from another network if need be",),
)  # fmt: skip
REFUSED_HERE: Final = _class(
    "refused-on-this-machine",
    (Party.THIS_MACHINE, Party.RESOLVER),
    "local-output-reset", "local-redirect-dead", "name-sinkholed",
    by=("`nft list ruleset` as root, the chains of type nat as well", "`ss -ltnp` as root: which agent listens here"),
)  # fmt: skip
RESOLUTION_FAILS: Final = _class(
    "resolution-fails-at-once",
    (Party.RESOLVER, Party.CONFIGURATION),
    "resolver-not-listening", "resolver-refuses", "resolver-not-configured", "resolver-address-wrong",
    by=("`cat /etc/resolv.conf`, and `dig @SERVER {host}` for each name server in it",),
)  # fmt: skip
NEIGHBOUR_SILENT: Final = _class(
    "neighbour-silent",
    (Party.LOCAL_NETWORK,),
    "gateway-arp-silent", "link-peer-lost", "netmask-too-wide",
    by=("`ip neigh`, `ip -br link`, `ip -br addr`: who is asked for, is there a carrier, how wide is the netmask",),
)  # fmt: skip
STANDS_AND_CLOSES: Final = _class(
    "connected-and-closed",
    (Party.SERVICE, Party.FIRST_HOP, Party.PROXY, Party.THIS_MACHINE, Party.CONFIGURATION),
    "service-closes", "sshd-max-startups", "proxy-accepts-for-all", "proxy-command-dead", "proxy-forbids",
    "jump-host-cannot-reach", "local-redirect-without-upstream",
    by=("the service's log on the destination at this minute", "a SYN whose TTL ends on the way: who accepts it?"),
)  # fmt: skip
STANDS_AND_RESETS: Final = _class(
    "connected-and-reset",
    (Party.SERVICE, Party.DESTINATION, Party.FIRST_HOP, Party.PATH),
    "service-crashes", "accept-queue-fills-mid-handshake", "banner-reset", "payload-reset", "resets-both-ends",
    "tcp-wrappers",
    by=("the same with harmless words, and the service's log on the destination at this minute",),
)  # fmt: skip
STANDS_AND_IS_SILENT: Final = _class(
    "connected-and-silent",
    (Party.SERVICE, Party.DESTINATION, Party.FIRST_HOP, Party.PATH),
    "service-hung", "handshake-not-completed-at-server", "payload-drop", "reset-toward-server-only",
    "syn-proxy-before-silence",
    by=("on the destination: `ss -tnp`, and a capture of the connection there",),
)  # fmt: skip
LARGE_VANISH: Final = _class(
    "large-packets-vanish",
    (Party.PATH, Party.THIS_MACHINE),
    "path-mtu-black-hole", "vpn-mtu-black-hole",
    by=("`ping -M do -s SIZE {host}` for the largest that passes; TTL-limited large packets find the hop",),
)  # fmt: skip
SESSION_SILENT: Final = _class(
    "session-goes-silent",
    (Party.PATH, Party.FIRST_HOP, Party.CLOUD_EDGE, Party.DESTINATION),
    "idle-connection-dropped", "host-vanishes-mid-session", "path-fails-mid-session",
    "security-group-tracking-expired",
    by=("a second connection, opened at once: it works where only state was lost",),
)  # fmt: skip
TUNNEL_CLOSED: Final = _class(
    "tunnel-opened-and-closed",
    (Party.CLOUD_EDGE,),
    "connect-endpoint-group-closed", "instance-closed-to-connect-endpoint",
    by=("the groups of the endpoint and of the instance, and flow logs of both interfaces",),
)  # fmt: skip
NOT_CONNECTED: Final = _class(
    "instance-not-connected",
    (Party.CLOUD_EDGE, Party.DESTINATION),
    "agent-stopped", "endpoint-absent", "endpoint-private-dns-off", "endpoint-security-group-closed",
    "instance-profile-missing", "instance-role-without-policies", "metadata-not-listening",
    by=("the agent's log on the instance, its role and endpoints",),
)  # fmt: skip

CLASSES: Final = (
    DESTINATION_REFUSES, DESTINATION_SILENT, PORT_SILENT, SILENT_AT_TIMES, DIRECTION_UNKNOWN, SILENCE_AT_A_HOP,
    EVERYTHING_REFUSED, REFUSED_HERE, RESOLUTION_FAILS, NEIGHBOUR_SILENT, STANDS_AND_CLOSES, STANDS_AND_RESETS,
    STANDS_AND_IS_SILENT, LARGE_VANISH, SESSION_SILENT, TUNNEL_CLOSED, NOT_CONNECTED,
)  # fmt: skip

BY_CLASS: Final = {each.cause_class: each for each in CLASSES}


def parties_at(hops: HopInterval, destination_hops: int | None) -> frozenset[Party]:
    """Who stands at these hops, as far as a client knows: it does not see where the path ends and the cloud begins."""
    return frozenset(
        party for hop in range(hops.nearest, hops.farthest + 1) for party in _parties_at_hop(hop, destination_hops)
    )


def _parties_at_hop(hop: int, destination_hops: int | None) -> tuple[Party, ...]:
    if hop <= 0:
        return (Party.THIS_MACHINE,)
    if destination_hops is not None and hop >= destination_hops:
        return (Party.DESTINATION,)
    if hop == 1:
        return (Party.FIRST_HOP,)
    if destination_hops is None or hop == destination_hops - 2:
        return (Party.PATH, Party.CLOUD_EDGE)
    return (Party.CLOUD_EDGE,) if hop == destination_hops - 1 else (Party.PATH,)
