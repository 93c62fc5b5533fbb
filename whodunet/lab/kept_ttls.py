"""Routers that leave TTL and hop limit as they are, so that traceroute does not show them, as many firewalls do.

Linux lowers both of what it forwards, so here they are raised as a packet comes in. 255 cannot be raised: such a packet
is marked, and has its 255 again as it goes out. Source: Cisco, ASA Series Command Reference, "set connection
decrement-ttl", which is off by default.
"""

from __future__ import annotations

from typing import Final

from whodunet.lab.hosts import Host
from whodunet.lab.processes import check

_HIGHEST: Final = 255
_MARK: Final = 0x77


def ruleset() -> str:
    """For `nft -f`."""
    # A rule a number: nft writes an IPv4 header's checksum with constants alone. IPv6 has none, and so adds one by
    # turning the last zero and the ones behind it around, in the 16 bits of next header and hop limit.
    over_ipv4 = [f"ip ttl {ttl} ip ttl set {ttl + 1} accept" for ttl in range(1, _HIGHEST)]
    over_ipv6 = [
        f"ip6 hoplimit & {2 * bit - 1:#x} == {bit - 1:#x} @nh,48,16 set @nh,48,16 ^ {2 * bit - 1:#x} accept"
        for bit in (1, 2, 4, 8, 16, 32, 64, 128)
    ]
    highest = [f"{field} {_HIGHEST} meta mark set {_MARK} accept" for field in ("ip ttl", "ip6 hoplimit")]
    restored = [f"meta mark {_MARK} {field} set {_HIGHEST}" for field in ("ip ttl", "ip6 hoplimit")]
    return (
        "table inet kept-ttls {\n"
        + _chain("arriving", "prerouting", [*highest, *over_ipv4, *over_ipv6])
        + _chain("leaving", "postrouting", restored)
        + "}\n"
    )


def _chain(name: str, hook: str, rules: list[str]) -> str:
    lines = [f"type filter hook {hook} priority mangle; policy accept;", *rules]
    return f"chain {name} {{\n" + "".join(f"{line}\n" for line in lines) + "}\n"


def keep_ttls(router: Host) -> None:
    """Has a router keep the TTL and hop limit of what it forwards."""
    with router.in_network():
        check(["nft", "-f", "-"], ruleset())
