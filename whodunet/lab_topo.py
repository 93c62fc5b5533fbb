"""What a file of `topologies/` is made of: a network whose nodes also say which part they play.

Mininet takes it for a `Topo`, so that a topology also runs with `mn --custom FILE`. It is none by descent: whoever only
reads a scenario would import Mininet for that.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias, TypedDict, Unpack

from whodunet.address_plan import ANYWHERE, Addresses, Network
from whodunet.errors import InvalidInput, Problem
from whodunet.evidence.topology import Family, Interface, Link, Node, Topology, Tunnel
from whodunet.variation import Draws, Variation

USUAL_TTL: Final = 64  # with which Linux sends. Source: ip-sysctl.txt of the kernel, ip_default_ttl


@dataclass(frozen=True)
class Uplink:
    """One way out of a host: an interface, the gateway behind it, and the resolver that is used there.

    A way that a service of the host makes, such as a VPN's client, is there while that runs, over the host's next way.
    """

    interface: str
    gateway: tuple[str, ...]  # an address of each family
    resolver: tuple[str, ...]
    service: str | None = None  # that makes it; None for a cable


Settings: TypeAlias = Mapping[str, object]
"""What a service, a furnishing or a switch's controller is told, as JSON could say it."""


class HostSettings(TypedDict, total=False):
    """What a topology says of a host beside its name and role."""

    routes: Iterable[str]  # lines of `ip route replace`: "10.0.0.0/16 via 10.8.0.1", "fd00::/48 via fd00:8::1"
    rules: Iterable[str]  # lines of `ip rule add`: "from 10.0.0.0/16 iif gw-eth0 blackhole"
    forwards: bool  # True makes it a router
    lowers_ttl: bool  # False: a router that leaves TTL and hop limit as they are; by default, True
    resolver: Sequence[str]  # the DNS server that it asks: an address of each family
    services: Mapping[str, Settings]  # the daemons that it runs, files of `services/` by name
    furnishings: Mapping[str, Settings]  # what else it has of `services/`, such as keys
    uplinks: Mapping[str, Uplink]  # its ways out by name, the preferred first
    ports: Mapping[str, int]  # what is served where: {"ssh": 22}
    properties: Mapping[str, str]  # what else it is known by: {"id": "i-0abcd1234efgh5678"}
    initial_ttl: int  # TTL and hop limit with which it sends
    search_domain: str | None  # in which it looks for a name without a dot; by default, the topology's


class NodeSettings(HostSettings, total=False):
    """All that a topology says of a host or a switch."""

    role: str  # the part it plays, as the taxonomy of causes names it
    dpid: str  # of a switch: sixteen hexadecimal digits
    policy: Settings  # of a switch: what its controller carries out


@dataclass(frozen=True)
class Cable:
    """Two ends and what happens to packets between them, each way."""

    ends: tuple[Interface, Interface]
    link: Link


class LabTopo:
    """Base of the lab's topologies; `baseline` names the path whose round trip timings are compared with.

    It is a host, and the far end: an interface as "NODE.LABEL", a node, or an address.
    """

    baseline: ClassVar[tuple[str, str]]
    search_domain: ClassVar[str | None] = None  # in which hosts look for a name without a dot

    def __init__(self, *args: object, seed: int | None = None, **params: object) -> None:
        """Draws what varies from the seed; all other arguments are those of `build`."""
        self.draws = Draws(seed)
        self.networks: dict[str, tuple[str, ...]] = {"anywhere": ANYWHERE.cidrs}
        self.cables: list[Cable] = []
        self.tunnels: list[Tunnel] = []
        self._tunnel_ends: list[Interface] = []
        self._nodes: dict[str, NodeSettings] = {}
        self._added_at: dict[str, str] = {}  # "FILE:LINE"
        self.build(*args, **params)

    def build(self, *args: object, **params: object) -> None:
        """Adds nodes in the order of the path, and cables them; each topology has its own."""
        raise NotImplementedError

    @property
    def seed(self) -> int | None:
        """What its particulars were drawn from; None when they are those that its file states."""
        return self.draws.seed if self.draws.names else None

    def network(self, name: str, *networks: Network | str) -> None:
        """Names a network, so that policies and scenarios can: one of an address plan, or a CIDR of each family."""
        self.networks[name] = tuple(cidr for each in networks for cidr in _cidrs(each))

    def host(self, name: str, role: str, **settings: Unpack[HostSettings]) -> str:
        """Adds a host.

        Args:
            name: at most ten characters, so that interface names fit Linux's fifteen.
            role: the part it plays, as the taxonomy of causes names it.
            settings: all else; nothing of it has to be given.

        Raises:
            InvalidInput: when there is a node of that name.
        """
        made: NodeSettings = {
            "role": role,
            "routes": tuple(settings.get("routes", ())),
            "rules": tuple(settings.get("rules", ())),
            "forwards": settings.get("forwards", False),
            "lowers_ttl": settings.get("lowers_ttl", True),
            "resolver": tuple(settings.get("resolver", ())),
            "services": dict(settings.get("services", {})),
            "furnishings": dict(settings.get("furnishings", {})),
            "uplinks": dict(settings.get("uplinks", {})),
            "ports": dict(settings.get("ports", {})),
            "properties": dict(settings.get("properties", {})),
            "initial_ttl": settings.get("initial_ttl", USUAL_TTL),
            "search_domain": settings.get("search_domain", self.search_domain),
        }
        return self._add(name, made)

    def _add(self, name: str, settings: NodeSettings) -> str:
        place = _place_of_caller()
        if name in self._nodes:
            before = f"as {self._nodes[name]['role']} in {self._added_at[name]}"
            wrong = f"adds {name} twice: {before}, and here as {settings['role']}"
            raise InvalidInput(Problem(place, wrong, "give one of them another name, or take it out"))
        self._nodes[name], self._added_at[name] = settings, place
        return name

    def router(self, name: str, role: str, **settings: Unpack[HostSettings]) -> str:
        """Adds a host that forwards."""
        settings["forwards"] = True
        return self.host(name, role, **settings)

    def route(self, host: str, routes: Iterable[str]) -> None:
        """Gives a host that is there already other routes."""
        self._nodes[host]["routes"] = tuple(routes)

    def serve(self, host: str, service: str, settings: Settings) -> None:
        """Gives a host that is there already a service, or one of its services other settings."""
        self._nodes[host]["services"] = {**self._nodes[host]["services"], service: dict(settings)}

    def know_by(self, node: str, **properties: str) -> None:
        """Gives a node that is there already further properties."""
        self._nodes[node]["properties"] = {**self._nodes[node]["properties"], **properties}

    def open_ports(self, host: str, **ports: int) -> None:
        """Says of a host that is there already what more is served where."""
        self._nodes[host]["ports"] = {**self._nodes[host]["ports"], **ports}

    def set_policy(self, switch: str, policy: Settings) -> None:
        """Gives a switch that is there already another policy."""
        self._nodes[switch]["policy"] = dict(policy)

    def furnish(self, host: str, furnishing: str, **settings: object) -> None:
        """Gives a host that is there already a further furnishing."""
        self._nodes[host]["furnishings"] = {**self._nodes[host]["furnishings"], furnishing: settings}

    def switch(self, name: str, role: str, policy: Settings) -> str:
        """Adds an Open vSwitch switch and the policy that its controller carries out.

        Raises:
            InvalidInput: when there is a node of that name.
        """
        dpid = f"{len(self.switches()) + 1:016x}"
        return self._add(name, {"role": role, "dpid": dpid, "policy": dict(policy)})

    def settings(self, node: str) -> NodeSettings:
        """All that is said of a node."""
        return self._nodes[node]

    def connect(
        self,
        one: str,
        other: str,
        *,
        addresses: tuple[Addresses | str | None, Addresses | str | None] = (None, None),
        labels: tuple[str, str] = ("", ""),
        delay_ms: float = 0,
        jitter_ms: float = 0,
        loss_pct: float = 0,
        rate_mbit: float | None = None,
    ) -> None:
        """Cables two nodes; addresses of both families, or one as "10.0.0.1/24"; delay and loss apply each way.

        A label is what an end is called at its node, whatever its number: "inside".
        """
        nodes = zip((one, other), addresses, labels, strict=True)
        ends = tuple(Interface(self._next_interface(node), node, _listed(own), label) for node, own, label in nodes)
        link = Link((ends[0].name, ends[1].name), delay_ms, jitter_ms, loss_pct, rate_mbit)
        self.cables.append(Cable((ends[0], ends[1]), link))

    def tunnel(
        self,
        one: str,
        other: str,
        *,
        addresses: tuple[Addresses, Addresses],
        labels: tuple[str, str] = ("", ""),
    ) -> tuple[str, str]:
        """Joins two hosts by a tunnel, which services of both have to make; returns the names of its ends.

        Args:
            one: the host whose service calls.
            other: the host whose service is called.
            addresses: that these services give the ends.
            labels: as those of `connect`.
        """
        for node, its_own, label in zip((one, other), addresses, labels, strict=True):
            number = sum(end.node == node for end in self._tunnel_ends)
            self._tunnel_ends.append(Interface(f"{node}-tun{number}", node, its_own.with_lengths, label))
        calling, called = self._tunnel_ends[-2:]
        self.tunnels.append(Tunnel((calling.name, called.name)))
        return calling.name, called.name

    @property
    def interfaces(self) -> tuple[Interface, ...]:
        """The ends of all cables and tunnels."""
        return (*(end for cable in self.cables for end in cable.ends), *self._tunnel_ends)

    def _next_interface(self, node: str) -> str:
        """Numbered as Mininet does it: hosts' from 0, switches' from 1, for 0 is the switch's own."""
        if node not in self._nodes:
            raise KeyError(f"{node} is cabled before it is added")
        there = [end for cable in self.cables for end in cable.ends if end.node == node]
        return f"{node}-eth{len(there) + self.isSwitch(node)}"

    # What Mininet asks of a `Topo`. Source: mininet.net.Mininet.buildFromTopo

    def isSwitch(self, node: str) -> bool:
        """True for a switch."""
        return "dpid" in self._nodes[node]

    def nodes(self, sort: bool = True) -> list[str]:
        """The names of all nodes; unsorted, in the order in which they were added."""
        return sorted(self._nodes) if sort else list(self._nodes)

    def hosts(self, sort: bool = True) -> list[str]:
        """The names of all hosts."""
        return [node for node in self.nodes(sort) if not self.isSwitch(node)]

    def switches(self, sort: bool = True) -> list[str]:
        """The names of all switches."""
        return [node for node in self.nodes(sort) if self.isSwitch(node)]

    def nodeInfo(self, node: str) -> dict[str, object]:
        """With what Mininet makes a node."""
        if self.isSwitch(node):
            return {**self._nodes[node]}
        from whodunet.routed_host import RoutedHost  # only Mininet asks, and needs it

        return {**self._nodes[node], "cls": RoutedHost, "ip": None}

    def links(self, sort: bool = False, withInfo: bool = False) -> list[tuple[object, ...]]:
        """Pairs of nodes, and with what Mininet makes the link between them."""
        cables = sorted(self.cables, key=lambda cable: cable.link.ends) if sort else self.cables
        pairs = [(cable.ends[0].node, cable.ends[1].node) for cable in cables]
        if not withInfo:
            return list(pairs)
        return [(*pair, _for_mininet(cable)) for pair, cable in zip(pairs, cables, strict=True)]


_ADDING: Final = ("host", "router", "switch")  # which a topology may have its own way to do


def _place_of_caller() -> str:
    """Where in a topology's file something is added: "FILE:LINE"."""
    frame = inspect.currentframe()
    while frame is not None and (frame.f_code.co_filename == __file__ or frame.f_code.co_name in _ADDING):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "the topology"


def _cidrs(network: Network | str) -> tuple[str, ...]:
    return network.cidrs if isinstance(network, Network) else (network,)


def _listed(addresses: Addresses | str | None) -> tuple[str, ...]:
    if isinstance(addresses, Addresses):
        return addresses.with_lengths
    return (addresses,) if addresses else ()


def _for_mininet(cable: Cable) -> dict[str, object]:
    """The arguments of Mininet's addLink; the address of IPv6 goes with the interface as `ip6`."""
    link, (one, other) = cable.link, cable.ends
    params = [
        {"label": end.label} | {"ip6" if ":" in address else "ip": address for address in end.addresses}
        for end in cable.ends
    ]
    return {
        "node1": one.node,
        "node2": other.node,
        "port1": int(one.name.rpartition("eth")[2]),
        "port2": int(other.name.rpartition("eth")[2]),
        "params1": params[0],
        "params2": params[1],
        "delay": f"{link.delay_ms}ms" if link.delay_ms else None,
        "jitter": f"{link.jitter_ms}ms" if link.jitter_ms else None,
        "loss": link.loss_pct or None,
        "bw": link.rate_mbit,
    }


def build(topology: Callable[..., LabTopo], variation: Variation) -> LabTopo:
    """The network of a topology, an entry of some file's `topos`, in a variation.

    Only a class of LabTopo can be told a seed; Mininet takes every callable, which makes what it states.
    """
    if variation.seed is not None and isinstance(topology, type) and issubclass(topology, LabTopo):
        return topology(seed=variation.seed)
    return topology()


def _far_end(name: str, topo: LabTopo, interfaces: Iterable[Interface], family: Family) -> str:
    """The address of the far end of a topology's baseline.

    Raises:
        InvalidInput: when the topology has none of that family.
    """
    meant = topo.baseline[1]
    node, _, label = meant.partition(".")
    for each in interfaces:
        is_meant = each.node == node and label in ("", each.label)
        if is_meant or meant in (address.partition("/")[0] for address in each.addresses):
            address = each.address(family)
            if address is not None:
                return address.partition("/")[0]
    wrong = f"has no address of {family} at the far end of its baseline, {meant}"
    raise InvalidInput(
        Problem(f"topology {name}", wrong, "give its interfaces addresses of both families, or use the other one")
    )


def _initial_ttl(settings: NodeSettings) -> int:
    """With which a node sends: a host by its settings, a switch by its policy."""
    stated = settings.get("initial_ttl") or settings.get("policy", {}).get("ttl")
    return stated if isinstance(stated, int) else USUAL_TTL


def describe(name: str, topo: LabTopo, family: Family = "ipv4") -> Topology:
    """The topology as judging and reports see it, of a family."""
    settings = {node: topo.settings(node) for node in topo.nodes(sort=False)}
    nodes = {
        node: Node(
            node,
            each["role"],
            topo.isSwitch(node),
            each.get("forwards", False),
            each.get("ports", {}),
            each.get("properties", {}),
            _initial_ttl(each),
            each.get("lowers_ttl", True),
        )
        for node, each in settings.items()
    }
    order = {node: place for place, node in enumerate(nodes)}
    in_order = sorted(topo.interfaces, key=lambda interface: (order[interface.node], interface.name))
    uplinks = {node: tuple(each.get("uplinks") or ()) for node, each in settings.items()}
    return Topology(
        name=name,
        nodes=nodes,
        interfaces={interface.name: interface for interface in in_order},
        links=tuple(cable.link for cable in topo.cables),
        baseline=(topo.baseline[0], _far_end(name, topo, in_order, family)),
        uplinks={node: ways for node, ways in uplinks.items() if ways},
        services={node: each["services"] for node, each in settings.items() if each.get("services")},
        policies={node: each["policy"] for node, each in settings.items() if "policy" in each},
        furnishings={node: each["furnishings"] for node, each in settings.items() if each.get("furnishings")},
        networks=topo.networks,
        family=family,
        seed=topo.seed,
        tunnels=tuple(topo.tunnels),
    )
