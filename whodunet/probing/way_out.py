"""How packets to an address would leave this machine: its route, the next hop's link address, the interface."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal

from pydantic import JsonValue

from whodunet.diagnosis.probes import LookAtWayOut, NotLooked, WayOut
from whodunet.probing.local_rules import read_rules

_IP_S: Final = 3.0
_NEIGHBOUR_S: Final = 3.5  # the kernel asks three times, a second apart. Source: arp(7), mcast_solicit, retrans_time
_LOOK_AGAIN_S: Final = 0.1
# What the kernel says of a route that leads nowhere, as strerror has it. Source: ip-route(8), route types
_ERRORS: Final[dict[str, Literal["prohibit", "blackhole", "unreachable", "none"]]] = {
    "Permission denied": "prohibit",
    "Invalid argument": "blackhole",
    "No route to host": "unreachable",
    "Network is unreachable": "none",
}
# By what `ip -d link` calls them, a tunnel's two ends; by its link type, one that has no name of its own.
_TUNNEL_KINDS: Final = frozenset(
    {"tun", "ovpn", "wireguard", "ppp", "xfrm", "vti", "vti6", "ipip", "ip6tnl", "sit", "vxlan", "geneve"}
    | {"gre", "gretap", "ip6gre", "ip6gretap"}
)
_TUNNEL_LINKS: Final = frozenset({"none", "ppp"})

_Entry = Mapping[str, JsonValue]


def look_at_way_out(asked: LookAtWayOut, rouse: Callable[[str], None]) -> WayOut | NotLooked:
    """The way out, by `ip` and, for those who may, `nft`.

    Args:
        rouse: sends something to an address, so that the kernel asks for the next hop's link address where it does not
            know it: what is timed later is not the asking, and a next hop that does not tell is known for that.
    """
    try:
        route, wrong = _ip("route", "get", asked.address)
    except (OSError, subprocess.TimeoutExpired):
        return NotLooked("needs `ip` of iproute2")
    if not route:
        kind = next((kind for said, kind in _ERRORS.items() if said in wrong), None)
        return NotLooked(f"`ip route get` says: {wrong}") if kind is None else WayOut(kind)
    return _along(route[0], asked, rouse)


def _along(route: _Entry, asked: LookAtWayOut, rouse: Callable[[str], None]) -> WayOut:
    interface, gateway = _word(route, "dev"), _word(route, "gateway") or _word(_of(route, "via"), "host")
    link = _first(_ip("-d", "link", "show", "dev", interface)[0]) if interface else {}
    rules = read_rules(asked.address, asked.port, interface)
    return WayOut(
        _route_kind(route),
        interface,
        source=_word(route, "prefsrc"),
        gateway=gateway,
        is_on_link=gateway is None,
        mtu_bytes=_mtu(route, link),
        is_tunnel=_is_tunnel(link),
        has_carrier="NO-CARRIER" not in _words(link, "flags") and _word(link, "operstate") != "DOWN",
        neighbour=_neighbour(gateway or asked.address, interface, lambda: rouse(asked.address))
        if interface
        else "unknown",
        is_redirected=rules.redirects if rules else None,
        is_filtered=rules.filters if rules else None,
        rules_read=rules is not None,
    )


def _route_kind(route: _Entry) -> Literal["unicast", "local", "prohibit", "blackhole", "unreachable", "none"]:
    """IPv6's routes that lead nowhere are shown like others."""
    kind = _word(route, "type")
    if kind in ("local", "prohibit", "blackhole", "unreachable"):
        return kind  # type: ignore[return-value]
    return "unicast"


def _neighbour(address: str, interface: str, rouse: Callable[[], None]) -> Literal["reachable", "failed", "unknown"]:
    """Whether the next hop has told its link address; where it is being asked, what comes of that."""
    if not _states(address, interface).isdisjoint({None, "FAILED"}):
        rouse()
    until = time.monotonic() + _NEIGHBOUR_S
    while "INCOMPLETE" in (states := _states(address, interface)) and time.monotonic() < until:
        time.sleep(_LOOK_AGAIN_S)
    if not states.isdisjoint({"FAILED", "INCOMPLETE"}):
        return "failed"
    return "unknown" if not states.isdisjoint({None, "NONE"}) else "reachable"


def _states(address: str, interface: str) -> frozenset[str | None]:
    """What the kernel says of a neighbour: REACHABLE, STALE, INCOMPLETE, FAILED ...; None: it has not asked for it."""
    entry = _first(_ip("neigh", "show", "to", address, "dev", interface)[0])
    return frozenset(_words(entry, "state")) or frozenset({None})


def _mtu(route: _Entry, link: _Entry) -> int | None:
    metrics = route.get("metrics")
    learnt = metrics[0].get("mtu") if isinstance(metrics, list) and metrics and isinstance(metrics[0], dict) else None
    mtu = learnt if isinstance(learnt, int) else link.get("mtu")
    return mtu if isinstance(mtu, int) else None


def _is_tunnel(link: _Entry) -> bool:
    described = _of(link, "linkinfo")
    kind = _word(described, "info_kind")
    is_tap = kind == "tun" and _word(_of(described, "info_data"), "type") == "tap"
    return (kind in _TUNNEL_KINDS and not is_tap) or _word(link, "link_type") in _TUNNEL_LINKS


def _ip(*words: str) -> tuple[Sequence[_Entry], str]:
    """What `ip` answers, and what it complains of.

    Raises:
        OSError, subprocess.TimeoutExpired: when it is not there, or does not answer.
    """
    done = subprocess.run(["ip", "-j", *words], capture_output=True, text=True, timeout=_IP_S, check=False)
    try:
        entries = json.loads(done.stdout or "[]")
    except ValueError:
        entries = []
    found = [entry for entry in entries if isinstance(entry, dict) and entry] if done.returncode == 0 else []
    return found, (done.stderr or done.stdout).strip()


def _first(entries: Sequence[_Entry]) -> _Entry:
    return entries[0] if entries else {}


def _word(entry: _Entry, key: str) -> str | None:
    value = entry.get(key)
    return value if isinstance(value, str) else None


def _words(entry: _Entry, key: str) -> Sequence[str]:
    value = entry.get(key)
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []


def _of(entry: _Entry, key: str) -> _Entry:
    value = entry.get(key)
    return value if isinstance(value, dict) else {}
