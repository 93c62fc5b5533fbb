"""The services of a running lab: real daemons, found by the name that topologies use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, Final

from whodunet import catalogue
from whodunet.errors import CannotRun
from whodunet.lab import session_manager
from whodunet.lab.daemons import Dnsmasq, Sshd, TlsInterceptor
from whodunet.lab.hosts import Host
from whodunet.lab.processes import Daemon, Start, start_here
from whodunet.lab.service import Listener, Service
from whodunet.lab.waiting import wait_until

KINDS: Final[Mapping[str, Callable[..., Service]]] = {
    "sshd": Sshd,
    "dnsmasq": Dnsmasq,
    "tls-interceptor": TlsInterceptor,
    **session_manager.KINDS,
}


def beside_host(host: Host, command: list[str]) -> Start:
    """How a program is started that has a host's network, and is nowhere to be found on the host."""
    own = {kind: host.namespaces[kind] for kind in ("net", "uts")}
    options = [f"--{kind}=/proc/self/fd/{descriptor}" for kind, descriptor in own.items()]
    return start_here(["nsenter", *options, "--", *command], tuple(own.values()))


@cache
def kind(name: str) -> Callable[..., Service]:
    """The service of that name: one of those above, or the `SERVICE` of a file services/NAME.py of another place."""
    files = catalogue.given().files("services", ".py")
    if name not in KINDS and name not in files:
        raise CannotRun(f"there is no service {name}; there are: {', '.join([*KINDS, *files])}")
    found: Callable[..., Service] = KINDS[name] if name in KINDS else catalogue.attribute(files[name], "SERVICE")
    return found


class RunningServices:
    """The services of a lab, by host and name."""

    def __init__(self, watch: Callable[[Daemon], None]) -> None:
        """`watch` is given every daemon that is started."""
        self._watch = watch
        self._services: dict[tuple[str, str], Service] = {}
        self._settings: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._daemons: dict[tuple[str, str], Daemon] = {}
        self._replaced: set[tuple[str, str]] = set()  # those in whose place another program runs

    def prepare(self, host: Host) -> None:
        """Makes the files of every service that the topology gives a host."""
        for name, settings in (host.settings.get("services") or {}).items():
            self._furnish(host, name, settings)

    def _furnish(self, host: Host, name: str, settings: Mapping[str, Any]) -> None:
        service = kind(name)(**settings)
        service.prepare(host)
        self._services[host.name, name] = service
        self._settings[host.name, name] = settings

    def launch(self, host: Host, name: str) -> None:
        """Starts a service without waiting for it."""
        service = self._find(host, name)
        service.forget(host)
        self._replaced.discard((host.name, name))
        self._run(host, name, name, service.command(host), service.runs_beside)

    def _run(self, host: Host, name: str, shown: str, command: list[str], beside: bool = False) -> None:
        start = beside_host(host, command) if beside else partial(host.start, command)
        self._daemons[host.name, name] = Daemon(f"{host.name}-{shown}", start)
        self._watch(self._daemons[host.name, name])

    def await_ready(self, host: Host, name: str) -> None:
        """Returns when the service does what it is there for."""
        service = self._find(host, name)
        wait_until(lambda: service.is_ready(host), f"{name} on {host.name} {service.readiness}")

    def launch_all(self, hosts: Mapping[str, Host]) -> None:
        """Starts every service that needs no other."""
        for (host, name), service in self._services.items():
            if not service.needs_others:
                self.launch(hosts[host], name)

    def await_all(self, hosts: Mapping[str, Host]) -> None:
        """Returns when every service is ready; those that need others are started when these are."""
        late = [place for place, service in self._services.items() if service.needs_others]
        for host, name in self._services.keys() - set(late):
            self.await_ready(hosts[host], name)
        for host, name in late:
            self.launch(hosts[host], name)
        for host, name in late:
            self.await_ready(hosts[host], name)

    def start(self, host: Host, name: str) -> None:
        """Starts a service that is not running, in place of whatever stands in for it; returns when it is ready."""
        if not self.is_running(host, name):
            self.stop(host, name)
            self.launch(host, name)
        self.await_ready(host, name)

    def stop(self, host: Host, name: str) -> None:
        """Stops a service; returns when it is gone."""
        self._find(host, name)
        self._daemons[host.name, name].kill()

    def add(self, host: Host, name: str, settings: Mapping[str, Any]) -> None:
        """Gives a host a further service; returns when it is ready."""
        if (host.name, name) in self._services:
            raise CannotRun(f"{host.name} has a service {name} already")
        self._furnish(host, name, settings)
        self.launch(host, name)
        self.await_ready(host, name)

    def remove(self, host: Host, name: str) -> None:
        """Takes a service away; returns when it is gone."""
        self.stop(host, name)
        for of_service in (self._services, self._settings, self._daemons):
            del of_service[host.name, name]

    def settings(self, host: Host, name: str) -> Mapping[str, Any]:
        """The settings that a service has, as topologies write them."""
        self._find(host, name)
        return self._settings[host.name, name]

    def configure(self, host: Host, name: str, settings: Mapping[str, Any]) -> None:
        """Starts a service again with other settings; returns when it accepts."""
        self.stop(host, name)
        self._furnish(host, name, settings)
        self.start(host, name)

    def replace(self, host: Host, name: str, command: str) -> None:
        """Runs another program in a service's place; returns when it accepts, where the service is one that does."""
        self.stop(host, name)
        service = self._find(host, name)
        service.forget(host)
        self._replaced.add((host.name, name))
        self._run(host, name, f"instead-of-{name}", ["bash", "-c", f"exec {service.replaced_by(command)}"])
        if isinstance(service, Listener):  # what another program does when it is ready is not known otherwise
            self.await_ready(host, name)

    def is_running(self, host: Host, name: str) -> bool:
        """True while the service's own program runs, and not one in its place."""
        self._find(host, name)
        place = (host.name, name)
        return place not in self._replaced and self._daemons[place].is_alive

    def states(self) -> dict[str, dict[str, str]]:
        """For each host and service: running, stopped, or replaced by another program."""
        states: dict[str, dict[str, str]] = {}
        for host, name in self._services:
            running = "replaced" if (host, name) in self._replaced else "running"
            states.setdefault(host, {})[name] = running if self._daemons[host, name].is_alive else "stopped"
        return states

    def authorise_everywhere(self, hosts: Mapping[str, Host], public_key: str) -> None:
        """Lets the owner of a key log in to every host with sshd."""
        for (host, _), service in self._services.items():
            if isinstance(service, Sshd):
                service.authorise(hosts[host], public_key)

    def known_hosts(self, hosts: Mapping[str, Host], names: Mapping[str, str]) -> str:
        """Lines for ~/.ssh/known_hosts: the key of every host with sshd, by its address and its names."""
        return "".join(
            f"{names[host]} {service.public_key()}\n"
            for (host, _), service in self._services.items()
            if isinstance(service, Sshd)
        )

    def _find(self, host: Host, name: str) -> Service:
        try:
            return self._services[host.name, name]
        except KeyError:
            there = ", ".join(service for owner, service in self._services if owner == host.name) or "none"
            raise CannotRun(f"{host.name} has no service {name}; it has: {there}") from None
