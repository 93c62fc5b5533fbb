"""Which of its ways out each host of a running lab uses."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from whodunet.evidence.topology import Interface
from whodunet.lab.hosts import Host
from whodunet.lab.running_services import RunningServices
from whodunet.lab_topo import Uplink


class Uplinks:
    """The ways out of every host that has several; the first is the one it prefers."""

    def __init__(
        self,
        ways: Mapping[str, Mapping[str, Uplink]],
        interfaces: Mapping[str, Interface],
        services: RunningServices,
    ) -> None:
        """`ways` by host and name, the interfaces of the network, and the services that make some of the ways."""
        self._interfaces = interfaces
        self._services = services
        self._ways = {host: there for host, there in ways.items() if there}
        self._changing = threading.Lock()
        self.in_use: dict[str, str] = {}

    def of(self, host: str) -> Mapping[str, Uplink]:
        """The ways out of a host by name; none where it has but one."""
        return self._ways.get(host, {})

    def gateways(self) -> list[str]:
        """The addresses of the first router on each way out that is a cable: one of each family."""
        every = (way for there in self._ways.values() for way in there.values() if way.service is None)
        return [gateway for way in every for gateway in way.gateway]

    def choose_all(self, hosts: Mapping[str, Host], chosen: Mapping[str, str]) -> None:
        """Has every host use the way that is chosen for it, or else the one it prefers."""
        for name, ways in self._ways.items():
            self.use(hosts[name], chosen.get(name) or next(iter(ways)))

    def use(self, host: Host, name: str) -> None:
        """Has a host use one of its ways out; those that it prefers are taken down, as when one leaves a VPN."""
        with self._changing:
            ways = self._ways[host.name]
            for preferred in list(ways)[: list(ways).index(name)]:
                self._take_down(host, ways[preferred])
            self._bring_up(host, ways[name])
            host.set_resolver(ways[name].resolver)
            self.in_use[host.name] = name

    def _take_down(self, host: Host, way: Uplink) -> None:
        if way.service is not None:
            self._services.stop(host, way.service)
        else:
            host.ip(f"link set dev {way.interface} down")

    def _bring_up(self, host: Host, way: Uplink) -> None:
        if way.service is not None:
            self._services.await_early()
            self._services.start(host, way.service)
            return
        lines = [f"link set dev {way.interface} up"]
        link_local = self._interfaces[way.interface].link_local  # which no interface keeps that is down
        lines += [f"address replace {link_local} dev {way.interface} nodad"] if link_local else []
        lines += [f"route replace default via {gateway} dev {way.interface}" for gateway in way.gateway]
        host.ip(*lines)
