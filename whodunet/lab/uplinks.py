"""Which of its ways out each host of a running lab uses."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from whodunet.evidence.topology import Interface
from whodunet.lab.hosts import Host
from whodunet.lab_topo import Uplink


class Uplinks:
    """The ways out of every host that has several; the first is the one it prefers."""

    def __init__(self, ways: Mapping[str, Mapping[str, Uplink]], interfaces: Mapping[str, Interface]) -> None:
        """`ways` by host and name, and the interfaces of the network."""
        self._interfaces = interfaces
        self._ways = {host: there for host, there in ways.items() if there}
        self._changing = threading.Lock()
        self.in_use: dict[str, str] = {}

    def of(self, host: str) -> Mapping[str, Uplink]:
        """The ways out of a host by name; none where it has but one."""
        return self._ways.get(host, {})

    def gateways(self) -> list[str]:
        """The addresses of the first router on each way out: one of each family."""
        return [gateway for there in self._ways.values() for uplink in there.values() for gateway in uplink.gateway]

    def choose_all(self, hosts: Mapping[str, Host], chosen: Mapping[str, str]) -> None:
        """Has every host use the way that is chosen for it, or else the one it prefers."""
        for name, ways in self._ways.items():
            self.use(hosts[name], chosen.get(name) or next(iter(ways)))

    def use(self, host: Host, name: str) -> None:
        """Has a host use one of its ways out; those that it prefers are taken down, as when one leaves a VPN."""
        with self._changing:
            ways = self._ways[host.name]
            chosen, preferred = ways[name], list(ways)[: list(ways).index(name)]
            lines = [f"ip link set dev {ways[each].interface} down" for each in preferred]
            lines += [f"ip link set dev {chosen.interface} up"]
            link_local = self._interfaces[chosen.interface].link_local  # which no interface keeps that is down
            lines += [f"ip address replace {link_local} dev {chosen.interface} nodad"] if link_local else []
            lines += [f"ip route replace default via {gateway} dev {chosen.interface}" for gateway in chosen.gateway]
            host.check("; ".join(lines))
            host.set_resolver(chosen.resolver)
            self.in_use[host.name] = name
