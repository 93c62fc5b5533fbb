"""What a diagnosis may ask of the machine and the network, and what comes back. Values alone; others carry them out.

Every result says what could not be looked at: `NotLooked`, with the reason, instead of a result is never a finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from whodunet.evidence.packets import CapturedPacket
from whodunet.evidence.topology import Family

# What may be asked.


@dataclass(frozen=True)
class ResolveName:
    """Ask as the user's programs do, and each name server itself."""

    name: str
    family: Family


@dataclass(frozen=True)
class ReadConfiguration:
    """What would make the user's programs go elsewhere: `ssh -G`, proxies in the environment, the hosts file."""

    host: str
    port: int


@dataclass(frozen=True)
class LookAtWayOut:
    """The route to an address, the next hop's neighbour entry, and what can be read of the packet filter."""

    address: str
    port: int


@dataclass(frozen=True)
class Shoot:
    """One SYN, echo request or datagram; a SYN-ACK is reset at once, so no handshake is completed (with privilege)."""

    kind: Literal["syn", "echo", "datagram"]
    address: str
    port: int = 0  # of a SYN or datagram
    ttl: int | None = None  # None: the system's own
    source_port: int | None = None  # None: any; the same for all TTLs of one trace, so that they take one path
    size_bytes: int = (
        0  # of what a datagram or echo carries beyond the least; such a packet must not be fragmented (DF)
    )
    without_ecn: bool = True
    listen_s: float = 1.0
    listens_on: bool = False  # True: to the end of that time even when an answer has come, for what follows it


@dataclass(frozen=True)
class Converse:
    """A whole connection: what the destination says unasked, and in answer to a payload."""

    address: str
    port: int
    payload: bytes = b""  # sent as soon as the connection stands; over TLS once that does
    tls_name: str | None = None  # speak TLS, asking for this name
    source_port: int | None = None
    listen_s: float = 3.0


Probe: TypeAlias = ResolveName | ReadConfiguration | LookAtWayOut | Shoot | Converse

# What comes back.


@dataclass(frozen=True)
class NotLooked:
    """It could not be looked at: no result, and no finding either."""

    because: str  # "needs CAP_NET_RAW", "not in this capture" ...


@dataclass(frozen=True)
class ServerAnswer:
    """What one name server said to one question."""

    server: str
    outcome: Literal["answered", "silent", "refused", "unreachable"]
    rcode: int | None = None
    addresses: tuple[str, ...] = ()
    took_ms: float = 0.0


@dataclass(frozen=True)
class Resolved:
    """What the system's resolver found, and what each server says."""

    addresses: tuple[str, ...]
    error: Literal["name-not-found", "no-resolver"] | None
    took_ms: float
    from_hosts_file: bool = False
    servers: tuple[ServerAnswer, ...] = ()
    search: tuple[str, ...] = ()


@dataclass(frozen=True)
class Configuration:
    """Where the user's programs would go, and by which proxy."""

    hostname: str
    port: int
    proxy_command: str | None = None
    proxy_jump: str | None = None
    http_proxy: str | None = None
    https_proxy: str | None = None


@dataclass(frozen=True)
class WayOut:
    """How packets to an address would leave this machine."""

    route: Literal["unicast", "local", "prohibit", "blackhole", "unreachable", "none"]
    interface: str | None = None
    source: str | None = None
    gateway: str | None = None  # None: on the same link, or not known
    mtu_bytes: int | None = None
    is_tunnel: bool = False
    has_carrier: bool = True
    neighbour: Literal["reachable", "failed", "unknown"] = "unknown"
    is_redirected: bool | None = None  # by a NAT rule here; None: its rules could not be read
    is_filtered: Literal["drop", "reject"] | None = None  # by a rule here that names this address or port
    rules_read: bool = False
    is_on_link: bool | None = None  # None: it is so when there is no gateway


@dataclass(frozen=True)
class Answer:
    """One packet that came back, or what the kernel told of it where packets cannot be seen."""

    kind: Literal["syn-ack", "rst", "icmp-error", "echo-reply", "datagram"]
    sender: str  # the address that it bears
    after_ms: float  # since what it answers was sent
    ttl: int | None = None  # with which it came in; None: not seen
    ip_id: int | None = None
    acknowledges: bool | None = None  # False: its acknowledgement number is not what was sent plus one
    window: int | None = None
    icmp: tuple[int, int] | None = None  # type and code
    mtu_bytes: int | None = None
    packet: CapturedPacket | None = None


@dataclass(frozen=True)
class ShotResult:
    """What came of a `Shoot`, in the order of time."""

    answers: tuple[Answer, ...]
    left: bool | None  # whether it was seen leaving by an interface that is not the loopback; None: cannot be seen
    error: str | None = None  # the errno's name with which the system itself refused to send or connect
    sent: CapturedPacket | None = None
    is_full_handshake: bool = False


@dataclass(frozen=True)
class ConversationResult:
    """What came of a `Converse`."""

    outcome: Literal["connected", "refused", "timed out", "unreachable", "reset", "closed", "silent"]
    connect_ms: float | None  # None: it never stood
    received: bytes = b""  # the first of it
    ended_after_ms: float | None = None  # since the last that was sent, or since it stood
    unacknowledged_bytes: int | None = None  # of what was sent, at the end (SIOCOUTQ or the packets); None: not known
    error: str | None = None
    tls: Mapping[str, str] = field(default_factory=dict)  # "version", "issuer", "subject", "error"
    packets: tuple[CapturedPacket, ...] = ()  # all of this connection's, where they can be seen


Result: TypeAlias = NotLooked | Resolved | Configuration | WayOut | ShotResult | ConversationResult
