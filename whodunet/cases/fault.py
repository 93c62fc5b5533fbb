"""What a fault kind is: the seam that every file of `whodunet/faults/` fills.

A fault is a value (what a scenario file says) with four effects, all through `Network`, the few operations that a
running lab offers. So a fault kind knows no namespaces or sockets, and can be tested with a stand-in network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_interface
from typing import ClassVar, Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict

from whodunet.cases.fields import HostName, Part, part_named
from whodunet.debian_program import DebianProgram
from whodunet.errors import CannotRun, WhodunetError
from whodunet.evidence.topology import Topology

Settings: TypeAlias = Mapping[str, object]
"""Of a policy or a service, as topologies and scenarios write them; or what a fault remembers. Values are JSON's."""


@dataclass(frozen=True)
class Completed:
    """A command that ran on a node to its end."""

    exit_status: int
    stdout: str
    stderr: str


class Network(Protocol):
    """What a running lab lets a fault do to it. All calls raise CannotRun when the lab cannot do what is asked."""

    @property
    def topology(self) -> Topology:
        """The network that it was made from."""
        ...

    def execute(self, node: str, command: str, stdin: str = "") -> Completed:
        """Runs a shell command on a node as its root; waits at most 30 s."""
        ...

    def bind(self, node: str, source: str, target: str) -> None:
        """Shows a folder or file of a node in place of another one; nobody who works on the node may do that."""
        ...

    def unbind(self, node: str, target: str) -> None:
        """Takes away what `bind` has put there last."""
        ...

    def policy(self, switch: str) -> Settings:
        """The policy that a switch's controller carries out now."""
        ...

    def set_policy(self, switch: str, config: Settings) -> None:
        """Replaces a policy; returns when the switch has confirmed the flow entries."""
        ...

    def flow_entries(self, switch: str) -> str:
        """The flow table as the switch itself reports it, one entry a line."""
        ...

    def start_service(self, node: str, service: str) -> None:
        """Starts one of the node's services; returns when it accepts."""
        ...

    def stop_service(self, node: str, service: str) -> None:
        """Stops one of the node's services; returns when it is gone."""
        ...

    def add_service(self, node: str, service: str, settings: Settings) -> None:
        """Gives a node a service that its topology does not; returns when it accepts."""
        ...

    def remove_service(self, node: str, service: str) -> None:
        """Takes a service that was added away; returns when it is gone."""
        ...

    def service_is_running(self, node: str, service: str) -> bool:
        """True while the service's own program runs, and not one in its place."""
        ...

    def service_process(self, node: str, service: str) -> int | None:
        """The process id, on its node, of what was last started as a service or in its place; None: not on the node."""
        ...

    def service_settings(self, node: str, service: str) -> Settings:
        """The settings that a service runs with, as topologies write them."""
        ...

    def configure_service(self, node: str, service: str, settings: Settings) -> None:
        """Starts a service again with other settings; returns when it accepts."""
        ...

    def replace_service(self, node: str, service: str, command: str) -> None:
        """Runs another program on the port of a service in its place; returns when it accepts."""
        ...


class FaultNotInPlace(WhodunetError):
    """A fault that was injected cannot be seen in the lab (or one that was removed still can)."""


def run_checked(network: Network, node: str, command: str, stdin: str = "") -> str:
    """Runs a command on a node that has to succeed; returns its standard output.

    Raises:
        CannotRun: with the node, the command and what it said.
    """
    done = network.execute(node, command, stdin)
    if done.exit_status != 0:
        raise CannotRun(f"{node}: {command}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def mapping_in(settings: Settings, key: str) -> dict[str, object]:
    """A copy of the mapping under a key; empty where there is none."""
    value = settings.get(key)
    return {str(name): each for name, each in value.items()} if isinstance(value, Mapping) else {}


def list_in(settings: Settings, key: str) -> list[object]:
    """A copy of the list under a key; empty where there is none."""
    value = settings.get(key)
    return list(value) if isinstance(value, list | tuple) else []


@dataclass(frozen=True)
class Misfit:
    """What in a fault does not fit the topology that it is for."""

    key: tuple[str | int, ...]  # ("inbound", 0, "source")
    wrong: str
    fix: str


@dataclass(frozen=True)
class Named:
    """A name of the topology in a fault."""

    key: tuple[str | int, ...]
    part: Part
    name: str


class Fault(BaseModel):
    """What is wrong, as it is put into a running lab; a subclass a fault kind, with `kind` as its tag."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)
    needs: ClassVar[tuple[DebianProgram, ...]] = ()  # programs of the machine, besides those of every lab

    kind: str

    def culprit(self) -> str:
        """The node or link ("a - b") at which it sits."""
        raise NotImplementedError

    def facts(self, topology: Topology) -> dict[str, str]:
        """What the taxonomy needs to know to name the cause, e.g. {"kind": "firewall-rule", "action": "reset"}."""
        raise NotImplementedError

    def names(self) -> Iterator[Named]:
        """Names of the topology that it refers to: the texts of all fields whose type says what they name.

        What a kind's base says of a field holds for the kind, too.
        """
        for key in type(self).model_fields:
            part = _part_of(type(self), key)
            if part is not None:
                yield from (Named(path, part, name) for path, name in _texts((key,), getattr(self, key)))

    def misfits(self, topology: Topology) -> Iterator[Misfit]:
        """What could not be injected into this topology; asked once all its names exist."""
        return iter(())

    def inject(self, network: Network) -> Settings:
        """Puts it into the lab; returns what `remove` needs to restore what was there before, as JSON keeps it."""
        raise NotImplementedError

    def remove(self, network: Network, before: Settings) -> None:
        """Takes it out; afterwards the lab is as before `inject`, which returned `before`."""
        raise NotImplementedError

    def signs(self, network: Network) -> tuple[str | None, ...]:
        """What shows each part of it in place: flow entries, the kernel's rules, a socket, an answer; None where not.

        It has to be the thing itself, not what was written to bring it about, and without counters: the baseline and
        other proofs pass the same rules before the probes do.
        """
        raise NotImplementedError

    def proof(self, network: Network) -> str | None:
        """What shows it in place, a line a sign; None when a part of it is not there."""
        signs = self.signs(network)
        return "\n".join(sign for sign in signs if sign) if all(signs) else None

    def endures(self, network: Network) -> bool:
        """True while it is in place for whoever has met it already: what their packets have used up is no change."""
        return self.proof(network) is not None

    def remains(self, network: Network) -> str | None:
        """What is left of it; None once it is gone, all of it."""
        return "; ".join(sign for sign in self.signs(network) if sign) or None


def _part_of(kind: type[Fault], key: str) -> Part | None:
    """What a field of a fault kind names, as the kind declares it, or a base of it."""
    bases = [base for base in kind.__mro__ if issubclass(base, Fault)]
    declared = (part_named(base.model_fields[key].rebuild_annotation()) for base in bases if key in base.model_fields)
    return next((part for part in declared if part is not None), None)


def _texts(path: tuple[str | int, ...], value: object) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text in the value of a field, with the path to it."""
    if isinstance(value, str):
        yield path, value
    for number, each in enumerate(value if isinstance(value, tuple) else ()):
        yield from _texts((*path, number), each)


class NodeFault(Fault):
    """A fault that sits at one node; a kind says which facts it has besides."""

    node: HostName

    def culprit(self) -> str:
        """The node."""
        return self.node

    def facts(self, topology: Topology) -> dict[str, str]:
        """Which part the node plays."""
        return {"kind": self.kind, "role": topology.nodes[self.node].role}

    def forwards(self, topology: Topology) -> Iterator[Misfit]:
        """The misfit of a node that has to be a router and is none."""
        if not topology.nodes[self.node].forwards:
            routers = ", ".join(topology.routers()) or "none"
            yield Misfit(("node",), f"is {self.node}, which forwards nothing", f"name a router: {routers}")

    def has_interface(self, topology: Topology, interface: str) -> Iterator[Misfit]:
        """The misfit of an interface of another node."""
        own = [name for name, each in topology.interfaces.items() if each.node == self.node]
        if interface not in own:
            yield Misfit(
                ("interface",), f"is {interface}, which {self.node} does not have", f"use one of: {', '.join(own)}"
            )

    def has_address(self, topology: Topology, address: str, *key: str | int) -> Iterator[Misfit]:
        """The misfit of an address of another node, or of none."""
        mine = [each for each in topology.interfaces.values() if each.node == self.node]
        own = [str(ip_interface(each).ip) for interface in mine for each in interface.addresses]
        if address not in own:
            yield Misfit(key, f"is {address}, which {self.node} does not have", f"use one of: {', '.join(own)}")

    def serves(self, topology: Topology, node: str, service: str, key: str) -> Iterator[Misfit]:
        """The misfit of a node that does not run a service."""
        if service not in topology.services.get(node, {}):
            hosts = ", ".join(host for host, there in topology.services.items() if service in there) or "none"
            yield Misfit((key,), f"is {node}, which runs no {service}", f"use one of: {hosts}")

    def has(self, topology: Topology, node: str, furnishing: str, key: str) -> Iterator[Misfit]:
        """The misfit of a node that is not furnished with something."""
        if furnishing not in topology.furnishings.get(node, {}):
            hosts = ", ".join(host for host, there in topology.furnishings.items() if furnishing in there) or "none"
            yield Misfit((key,), f"is {node}, which has no {furnishing}", f"use one of: {hosts}")
