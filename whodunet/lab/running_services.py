"""The services of a running lab: found by the name that topologies use, started, stopped and replaced."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from typing import Final

from whodunet import catalogue
from whodunet.catalogue import Catalogue
from whodunet.debian_program import DebianProgram
from whodunet.errors import CannotRun, InvalidInput, Problem
from whodunet.evidence.topology import Topology
from whodunet.lab.hosts import Host
from whodunet.lab.processes import Daemon, Start, start_here
from whodunet.lab.service import Furnishing, Placed, Service
from whodunet.lab.waiting import wait_until
from whodunet.spelling import did_you_mean

# On an emulated machine (QEMU without KVM), half a second becomes 20. Measured: Debian 13's kernel, two cores.
_READY_WITHIN_S: Final = 60.0
_FORKS_WITHIN_S: Final = 1.0  # a program that ends may have left another in its place, as daemons do


def beside_host(host: Host, command: list[str]) -> Start:
    """How a program is started that has a host's network, and is nowhere to be found on the host."""
    own = {kind: host.namespaces[kind] for kind in ("net", "uts")}
    options = [f"--{kind}=/proc/self/fd/{descriptor}" for kind, descriptor in own.items()]
    return start_here(["nsenter", *options, "--", *command], tuple(own.values()))


@cache
def kind(name: str, places: Catalogue) -> type[Furnishing]:
    """The class of that name: the `SERVICE` of a file services/NAME.py, the project's own or of another place.

    Raises:
        InvalidInput: when there is no such file, or it holds no service.
    """
    files = {path.stem.replace("_", "-"): path for path in places.files("services", ".py").values()}
    path = files.get(name.replace("_", "-"))
    if path is None:
        raise InvalidInput(Problem(f"service {name}", "does not exist", did_you_mean(name, files)))
    if path.parent == catalogue.folder("services"):
        found = vars(importlib.import_module(f"whodunet.services.{path.stem}"))["SERVICE"]
    else:
        found = catalogue.attribute(path, "SERVICE")
    if not (isinstance(found, type) and issubclass(found, Furnishing)):
        fix = "make it a subclass of whodunet.lab.service.Listener, see docs/scenarios.md"
        raise InvalidInput(Problem(str(path), "its SERVICE is not a service", fix))
    return found


def require_services(topology: Topology, places: Catalogue) -> None:
    """Every service and furnishing of a network is there, and takes the settings that it is given.

    Raises:
        InvalidInput: for the first that is not or does not.
    """
    for given in (topology.services, topology.furnishings):
        for host, services in given.items():
            for name, settings in services.items():
                try:
                    inspect.signature(kind(name, places)).bind(**settings)
                except TypeError as error:
                    place = f"topology {topology.name}: {host}: {name}"
                    raise InvalidInput(Problem(place, f"does not take these settings: {error}", "fix them")) from error


def programs_of(topology: Topology, places: Catalogue) -> Iterator[DebianProgram]:
    """The programs that the services and furnishings of a network declare to need."""
    for given in (topology.services, topology.furnishings):
        for name in dict.fromkeys(name for there in given.values() for name in there):
            yield from kind(name, places).needs


def _made(name: str, settings: Mapping[str, object]) -> Furnishing:
    try:
        return kind(name, catalogue.given())(**settings)
    except TypeError as error:
        raise CannotRun(f"the service {name} does not take these settings: {error}") from error


class RunningServices:
    """The services of a lab, by host and name; and what else its hosts are furnished with."""

    def __init__(self, hosts: Mapping[str, Host], topology: Topology, watch: Callable[[Daemon], None]) -> None:
        """`watch` is given every daemon that is started."""
        self._hosts = hosts
        self._topology = topology
        self._watch = watch
        self._services: dict[tuple[str, str], Service] = {}
        self._settings: dict[tuple[str, str], Mapping[str, object]] = {}
        self._daemons: dict[tuple[str, str], Daemon] = {}
        self._placed: dict[tuple[str, str], Placed] = {}
        self._replaced: set[tuple[str, str]] = set()  # those in whose place another program runs

    def prepare_all(self) -> None:
        """Makes the files of everything that the topology gives its hosts."""
        for given in (self._topology.services, self._topology.furnishings):
            for host, there in given.items():
                for name, settings in there.items():
                    self._furnish(self._hosts[host], name, settings)
        self._introduce()

    def _introduce(self) -> None:
        placed = tuple(self._placed.values())
        for each in placed:
            each.furnishing.meet(each.host, placed)

    def _addresses(self, host: str) -> tuple[str, ...]:
        of_host = (each.addresses for each in self._topology.interfaces.values() if each.node == host)
        return tuple(address.partition("/")[0] for addresses in of_host for address in addresses)

    def _furnish(self, host: Host, name: str, settings: Mapping[str, object]) -> Furnishing:
        furnishing = _made(name, settings)
        furnishing.prepare(host)
        node = self._topology.nodes[host.name]
        self._placed[host.name, name] = Placed(host, node, self._addresses(host.name), furnishing)
        if isinstance(furnishing, Service):
            self._services[host.name, name] = furnishing
            self._settings[host.name, name] = settings
        return furnishing

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
        wait_until(lambda: service.is_ready(host), f"{name} on {host.name} {service.readiness}", _READY_WITHIN_S)

    def launch_all(self) -> None:
        """Starts every service that needs no other."""
        self._launch_each(self._early)

    def await_early(self) -> None:
        """Returns when every service is ready that needs no other."""
        self._await_each(self._early)

    def await_all(self) -> None:
        """Returns when every service is ready; those that need others are started when these are."""
        late = [place for place, service in self._services.items() if service.needs_others and not service.makes_uplink]
        self.await_early()
        self._launch_each(late)
        self._await_each(late)

    @property
    def _early(self) -> list[tuple[str, str]]:
        return [
            place for place, service in self._services.items() if not (service.needs_others or service.makes_uplink)
        ]

    def _launch_each(self, places: Iterable[tuple[str, str]]) -> None:
        for host, name in places:
            self.launch(self._hosts[host], name)

    def _await_each(self, places: Iterable[tuple[str, str]]) -> None:
        for host, name in places:
            self.await_ready(self._hosts[host], name)

    def start(self, host: Host, name: str) -> None:
        """Starts a service that is not running, in place of whatever stands in for it; returns when it is ready."""
        if not self.is_running(host, name):
            self.stop(host, name)
            self.launch(host, name)
        self.await_ready(host, name)

    def stop(self, host: Host, name: str) -> None:
        """Stops a service; returns when it is gone."""
        service = self._find(host, name)
        daemon = self._daemons.get((host.name, name))
        if daemon is not None:
            daemon.kill(service.undoes_s)

    def add(self, host: Host, name: str, settings: Mapping[str, object]) -> None:
        """Gives a host a further service; returns when it is ready."""
        if (host.name, name) in self._services:
            raise CannotRun(f"{host.name} has a service {name} already")
        self._furnish(host, name, settings)
        self.launch(host, name)
        self.await_ready(host, name)

    def remove(self, host: Host, name: str) -> None:
        """Takes a service away; returns when it is gone."""
        self.stop(host, name)
        for of_service in (self._services, self._settings, self._daemons, self._placed):
            of_service.pop((host.name, name), None)

    def settings(self, host: Host, name: str) -> Mapping[str, object]:
        """The settings that a service has, as topologies write them."""
        self._find(host, name)
        return self._settings[host.name, name]

    def configure(self, host: Host, name: str, settings: Mapping[str, object]) -> None:
        """Starts a service again with other settings; returns when it accepts."""
        self.stop(host, name)
        self._furnish(host, name, settings)
        self._introduce()
        self.start(host, name)

    def replace(self, host: Host, name: str, command: str) -> None:
        """Runs another program in a service's place; returns when it accepts, where the service is one that does.

        Raises:
            CannotRun: when it does not accept, with how it ended, if it has.
        """
        self.stop(host, name)
        service = self._find(host, name)
        service.forget(host)
        self._replaced.add((host.name, name))
        self._run(host, name, f"instead-of-{name}", ["bash", "-c", f"exec {service.replaced_by(command)}"])
        if service.accepts_connections:  # what another program does when it is ready is not known otherwise
            self._await_stand_in(host, name, command)

    def _await_stand_in(self, host: Host, name: str, command: str) -> None:
        service, daemon = self._find(host, name), self._daemons[host.name, name]
        stands_in = f"`{command}` in place of {name} on {host.name}"
        wait_until(lambda: service.is_ready(host) or not daemon.is_alive, f"{stands_in} {service.readiness}")
        try:
            wait_until(lambda: service.is_ready(host), stands_in, _FORKS_WITHIN_S)
        except CannotRun:
            fix = f"give it a program that accepts, or stop {name} to have none"
            raise CannotRun(f"{stands_in} {daemon.how_it_ended()}, and was {service.readiness}; {fix}") from None

    def is_running(self, host: Host, name: str) -> bool:
        """True while the service's own program runs, and not one in its place."""
        self._find(host, name)
        return (host.name, name) not in self._replaced and self._is_alive(host.name, name)

    def process(self, host: Host, name: str) -> int | None:
        """The process id, on its host, of what was last started as a service or in its place; None where there is none.

        There is none of a service that runs beside its host.
        """
        is_beside = self._find(host, name).runs_beside and (host.name, name) not in self._replaced
        daemon = self._daemons.get((host.name, name))
        return None if daemon is None or is_beside else daemon.pid

    def states(self) -> dict[str, dict[str, str]]:
        """For each host and service: running, stopped, or replaced by another program."""
        states: dict[str, dict[str, str]] = {}
        for host, name in self._services:
            running = "replaced" if (host, name) in self._replaced else "running"
            states.setdefault(host, {})[name] = running if self._is_alive(host, name) else "stopped"
        return states

    def _is_alive(self, host: str, name: str) -> bool:
        return (host, name) in self._daemons and self._daemons[host, name].is_alive

    def _find(self, host: Host, name: str) -> Service:
        try:
            return self._services[host.name, name]
        except KeyError:
            there = ", ".join(service for owner, service in self._services if owner == host.name) or "none"
            raise CannotRun(f"{host.name} has no service {name}; it has: {there}") from None
