"""Asks about a name: as the user's programs do, by the system's resolver, and each name server by itself."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal

from whodunet.diagnosis.probes import Resolved, ResolveName, ServerAnswer
from whodunet.evidence.topology import Family
from whodunet.probing.segments import ADDRESS_FAMILIES, family_of

_RESOLVER_S: Final = 6.0  # a system whose servers are silent asks for 10 s and more; nothing is learnt after this
_SERVER_S: Final = 2.0
_MOST_SERVERS: Final = 3  # that the system's resolver would ask. Source: resolv.conf(5)
_DNS_PORT: Final = 53
_LONGEST_BYTES: Final = 1 << 16
# Source: getaddrinfo(3): no such name, or none with an address of this family
_NOT_FOUND: Final = frozenset({socket.EAI_NONAME, socket.EAI_NODATA})


@dataclass(frozen=True)
class ResolverSettings:
    """What resolv.conf says."""

    servers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()


def resolve(asked: ResolveName, etc: Path = Path("/etc")) -> Resolved:
    """What the system's resolver finds, and what each of its servers says."""
    if (literal := _literal(asked.name)) is not None:
        return Resolved((literal,) if family_of(literal) == asked.family else (), None, 0.0)
    settings = read_settings(_text(etc / "resolv.conf"))
    with ThreadPoolExecutor() as pool:
        servers = [pool.submit(ask_server, server, asked) for server in settings.servers]
        addresses, error, took_ms = _system_answer(asked)
        answers = tuple(server.result() for server in servers)
    named = addresses_in_hosts(_text(etc / "hosts"), asked.name)
    from_hosts_file = any(address in named for address in addresses)
    return Resolved(addresses, error, took_ms, from_hosts_file, answers, settings.search)


def read_settings(text: str) -> ResolverSettings:
    """The servers and the search list of a resolv.conf; of several search lists the last. Source: resolv.conf(5)."""
    lines = [line.split() for line in text.splitlines() if line.strip() and line[0] not in "#;"]
    servers = [words[1] for words in lines if words[0] == "nameserver" and len(words) > 1]
    lists = [tuple(words[1:]) for words in lines if words[0] in ("search", "domain")]
    return ResolverSettings(tuple(servers[:_MOST_SERVERS]), lists[-1] if lists else ())


def addresses_in_hosts(text: str, name: str) -> frozenset[str]:
    """The addresses that a hosts file gives a name. Source: hosts(5)."""
    lines = [line.partition("#")[0].lower().split() for line in text.splitlines()]
    wanted = name.rstrip(".").lower()
    return frozenset(words[0] for words in lines if wanted in words[1:])


def ask_server(server: str, asked: ResolveName, port: int = _DNS_PORT) -> ServerAnswer:
    """What one name server says, asked by a datagram; one that is cut short still has its code. RFC 1035, 4.1.1."""
    import dns.exception
    import dns.message

    record = "A" if asked.family == "ipv4" else "AAAA"
    began = time.monotonic()
    try:
        query = dns.message.make_query(asked.name, record)
        reply = dns.message.from_wire(_exchanged(server, port, query.to_wire()), ignore_trailing=True)
        if not query.is_response(reply):
            return ServerAnswer(server, "silent", took_ms=_since_ms(began))
    except ConnectionRefusedError:
        return ServerAnswer(server, "refused", took_ms=_since_ms(began))
    except TimeoutError:
        return ServerAnswer(server, "silent", took_ms=_since_ms(began))
    except OSError:
        return ServerAnswer(server, "unreachable", took_ms=_since_ms(began))
    except dns.exception.DNSException:  # a name that no server could be asked for, or an answer that is none
        return ServerAnswer(server, "silent", took_ms=_since_ms(began))
    found = [item.address for record_set in reply.answer for item in record_set if hasattr(item, "address")]
    return ServerAnswer(server, "answered", int(reply.rcode()), tuple(map(str, found)), _since_ms(began))


def _exchanged(server: str, port: int, query: bytes) -> bytes:
    """The answer; connected, so that the kernel tells of ICMP errors.

    Raises:
        OSError: ConnectionRefusedError, TimeoutError, or another where the server is not reached.
    """
    with socket.socket(ADDRESS_FAMILIES[family_of(server)], socket.SOCK_DGRAM) as asking:
        asking.settimeout(_SERVER_S)
        asking.connect(socket.getaddrinfo(server, port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)[0][4])
        asking.send(query)
        return asking.recv(_LONGEST_BYTES)


def _system_answer(
    asked: ResolveName,
) -> tuple[tuple[str, ...], Literal["name-not-found", "no-resolver"] | None, float]:
    """The addresses, what went wrong, and how long it took; nobody can interrupt the system's resolver."""
    began = time.monotonic()
    found: list[tuple[str, ...]] = []
    unknown: list[bool] = []

    def ask() -> None:
        try:
            found.append(_looked_up(asked.name, asked.family))
        except socket.gaierror as error:
            unknown.append(error.errno in _NOT_FOUND)
        except UnicodeError:  # no name at all, as one with an empty part
            unknown.append(True)

    asking = threading.Thread(target=ask, daemon=True, name="resolver")
    asking.start()
    asking.join(_RESOLVER_S)
    took_ms = _since_ms(began)
    if found:
        return found[0], None, took_ms
    return (), "name-not-found" if any(unknown) else "no-resolver", took_ms


def _looked_up(name: str, family: Family) -> tuple[str, ...]:
    found = socket.getaddrinfo(name, None, ADDRESS_FAMILIES[family], socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


def _literal(name: str) -> str | None:
    try:
        ip_address(name)
    except ValueError:
        return None
    return name


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _since_ms(began: float) -> float:
    return (time.monotonic() - began) * 1000
