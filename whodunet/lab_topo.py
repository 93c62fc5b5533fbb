"""What a file of `topologies/` is made of: a Mininet `Topo` whose nodes also say which part they play.

Everything is kept in Mininet's own node and link options, so that a topology also runs with `mn --custom FILE`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeAlias, TypedDict, Unpack

from whodunet.importing import importing_mininet

with importing_mininet():
    from mininet.node import Host
    from mininet.topo import Topo

from whodunet.address_plan import ANYWHERE, Addresses
from whodunet.errors import InvalidInput, Problem
from whodunet.evidence.topology import Family, Interface, Link, Node, Topology
from whodunet.variation import Draws, Variation

USUAL_TTL: Final = 64  # with which Linux sends. Source: ip-sysctl.txt of the kernel, ip_default_ttl


@dataclass(frozen=True)
class Uplink:
    """One way out of a host: an interface, the gateway behind it, and the resolver that is used there."""

    interface: str
    gateway: tuple[str, ...]  # an address of each family
    resolver: tuple[str, ...]


Settings: TypeAlias = Mapping[str, object]
"""What a service, a furnishing or a switch's controller is told, as JSON could say it."""


class HostSettings(TypedDict, total=False):
    """What a topology says of a host beside its name and role."""

    routes: Iterable[str]  # lines of `ip route replace`: "10.0.0.0/16 via 10.8.0.1", "fd00::/48 via fd00:8::1"
    rules: Iterable[str]  # lines of `ip rule add`: "from 10.0.0.0/16 iif gw-eth0 blackhole"
    forwards: bool  # True makes it a router
    resolver: Sequence[str]  # the DNS server that it asks: an address of each family
    services: Mapping[str, Settings]  # the daemons that it runs, files of `services/` by name
    furnishings: Mapping[str, Settings]  # what else it has of `services/`, such as keys
    uplinks: Mapping[str, Uplink]  # its ways out by name, the preferred first
    ports: Mapping[str, int]  # what is served where: {"ssh": 22}
    properties: Mapping[str, str]  # what else it is known by: {"id": "i-0abcd1234efgh5678"}
    initial_ttl: int  # TTL and hop limit with which it sends
    search_domain: str | None  # in which it looks for a name without a dot; by default, the topology's


def _family_of(line: str) -> str:
    """The option of `ip` for a route or rule: an address with a colon is one of IPv6."""
    return "-6" if ":" in line else "-4"


class RoutedHost(Host):
    """A host that sets its own routes and forwarding when stock Mininet (`mn --custom`) runs the topology."""

    def config(
        self,
        routes: Sequence[str] = (),
        rules: Sequence[str] = (),
        forwards: bool = False,
        uplinks: Mapping[str, Uplink] | None = None,
        **params: object,
    ) -> object:
        """Configures the node as Mininet does, then its addresses of IPv6 and its routing, by the preferred uplink."""
        result: object = super().config(**params)
        for interface in self.intfList():
            if "ip6" in interface.params:
                self.cmd(f"ip address replace {interface.params['ip6']} dev {interface} nodad")
        preferred = next(iter((uplinks or {}).values()), None)
        routes = [*routes, *(f"default via {gateway}" for gateway in (preferred.gateway if preferred else ()))]
        if forwards:
            self.cmd("sysctl -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
        for route in routes:
            self.cmd(f"ip {_family_of(route)} route replace {route}")
        for rule in rules:
            self.cmd(f"ip {_family_of(rule)} rule add {rule}")
        return result


class LabTopo(Topo):
    """Base of the lab's topologies; `baseline` names the path whose round trip timings are compared with.

    It is a host, and the far end: an interface as "NODE.LABEL", a node, or an address.
    """

    baseline: ClassVar[tuple[str, str]]
    search_domain: ClassVar[str | None] = None  # in which hosts look for a name without a dot

    def __init__(self, *args: object, seed: int | None = None, **params: object) -> None:
        """Draws what varies from the seed; all other arguments are those of `build`."""
        self.draws = Draws(seed)
        self.networks: dict[str, tuple[str, ...]] = {"anywhere": ANYWHERE.cidrs}
        super().__init__(*args, **params)

    @property
    def seed(self) -> int | None:
        """What its particulars were drawn from; None when they are those that its file states."""
        return self.draws.seed if self.draws.names else None

    def network(self, name: str, *cidrs: str) -> None:
        """Names a network, so that policies and scenarios can: a CIDR of each family."""
        self.networks[name] = cidrs

    def host(self, name: str, role: str, **settings: Unpack[HostSettings]) -> str:
        """Adds a host.

        Args:
            name: at most ten characters, so that interface names fit Linux's fifteen.
            role: the part it plays, as the taxonomy of causes names it.
            settings: all else; nothing of it has to be given.
        """
        given: dict[str, object] = {
            "routes": tuple(settings.get("routes", ())),
            "rules": tuple(settings.get("rules", ())),
            "forwards": settings.get("forwards", False),
            "resolver": tuple(settings.get("resolver", ())),
            "services": dict(settings.get("services", {})),
            "furnishings": dict(settings.get("furnishings", {})),
            "uplinks": dict(settings.get("uplinks", {})),
            "ports": dict(settings.get("ports", {})),
            "properties": dict(settings.get("properties", {})),
            "initial_ttl": settings.get("initial_ttl", USUAL_TTL),
            "search_domain": settings.get("search_domain", self.search_domain),
        }
        return str(self.addHost(name, cls=RoutedHost, ip=None, role=role, **given))

    def router(self, name: str, role: str, **settings: Unpack[HostSettings]) -> str:
        """Adds a host that forwards."""
        settings["forwards"] = True
        return self.host(name, role, **settings)

    def serve(self, host: str, service: str, settings: Settings) -> None:
        """Gives a host that is there already a service, or one of its services other settings."""
        self.nodeInfo(host)["services"][service] = dict(settings)

    def know_by(self, node: str, **properties: str) -> None:
        """Gives a node that is there already further properties."""
        self.nodeInfo(node)["properties"] |= properties

    def set_policy(self, switch: str, policy: Settings) -> None:
        """Gives a switch that is there already another policy."""
        self.nodeInfo(switch)["policy"] = dict(policy)

    def furnish(self, host: str, furnishing: str, **settings: object) -> None:
        """Gives a host that is there already a further furnishing."""
        self.nodeInfo(host)["furnishings"][furnishing] = settings

    def switch(self, name: str, role: str, policy: Settings) -> str:
        """Adds an Open vSwitch switch and the policy that its controller carries out."""
        dpid = f"{len(self.switches()) + 1:016x}"
        return str(self.addSwitch(name, dpid=dpid, role=role, policy=dict(policy)))

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
        shape = {
            "delay": f"{delay_ms}ms" if delay_ms else None,
            "jitter": f"{jitter_ms}ms" if jitter_ms else None,
            "loss": loss_pct or None,
            "bw": rate_mbit,
        }
        ends = [{"label": label} | _as_parameters(each) for label, each in zip(labels, addresses, strict=True)]
        self.addLink(one, other, params1=ends[0], params2=ends[1], **shape)


def _as_parameters(addresses: Addresses | str | None) -> dict[str, str]:
    """Mininet's `ip` of an interface, and beside it `ip6`."""
    each = addresses.with_lengths if isinstance(addresses, Addresses) else (addresses,) if addresses else ()
    return {"ip6" if ":" in address else "ip": address for address in each}


def _milliseconds(text: str | None) -> float:
    return float(text.removesuffix("ms")) if text else 0.0


def _ends(topo: Topo, options: Mapping[str, Any]) -> list[Interface]:
    ends = []
    for side in ("1", "2"):
        node, end = options[f"node{side}"], options[f"params{side}"]
        name = f"{node}-eth{options[f'port{side}']}"
        ends.append(Interface(name, node, tuple(filter(None, (end.get("ip"), end.get("ip6")))), end.get("label", "")))
    return ends


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


def describe(name: str, topo: LabTopo, family: Family = "ipv4") -> Topology:
    """The topology as judging and reports see it, of a family."""
    interfaces: dict[str, Interface] = {}
    links = []
    for _, _, options in topo.links(sort=False, withInfo=True):
        one, other = _ends(topo, options)
        interfaces |= {one.name: one, other.name: other}
        delay_ms, jitter_ms = _milliseconds(options["delay"]), _milliseconds(options["jitter"])
        links.append(Link((one.name, other.name), delay_ms, jitter_ms, options["loss"] or 0.0, options["bw"]))
    settings = {node: topo.nodeInfo(node) for node in topo.nodes(sort=False)}
    nodes = {
        node: Node(
            node,
            each["role"],
            topo.isSwitch(node),
            each.get("forwards", False),
            each.get("ports", {}),
            each.get("properties", {}),
            each.get("initial_ttl") or each.get("policy", {}).get("ttl", USUAL_TTL),
        )
        for node, each in settings.items()
    }
    order = {node: place for place, node in enumerate(nodes)}
    in_order = sorted(interfaces.values(), key=lambda interface: (order[interface.node], interface.name))
    uplinks = {node: tuple(each.get("uplinks") or ()) for node, each in settings.items()}
    return Topology(
        name=name,
        nodes=nodes,
        interfaces={interface.name: interface for interface in in_order},
        links=tuple(links),
        baseline=(topo.baseline[0], _far_end(name, topo, in_order, family)),
        uplinks={node: ways for node, ways in uplinks.items() if ways},
        services={node: each["services"] for node, each in settings.items() if each.get("services")},
        policies={node: each["policy"] for node, each in settings.items() if "policy" in each},
        furnishings={node: each["furnishings"] for node, each in settings.items() if each.get("furnishings")},
        networks=topo.networks,
        family=family,
        seed=topo.seed,
    )
