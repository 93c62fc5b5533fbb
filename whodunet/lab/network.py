"""Mininet's part: a topology becomes nodes with namespaces, cables between them, and switches.

Mininet stays the model (`Mininet`, `Host`, `OVSSwitch`, `Link`), and interfaces are made in one go afterwards, because
its own way of several commands for each interface takes most of its start-up time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from whodunet.importing import importing_mininet

with importing_mininet():
    import mininet.link
    import mininet.net
    import mininet.node

from whodunet.evidence.topology import Topology
from whodunet.lab import links, openvswitch
from whodunet.lab.hosts import FirstProcess
from whodunet.lab.links import Cable, End
from whodunet.lab.processes import check
from whodunet.lab_topo import LabTopo


class WalledHost(mininet.node.Host):
    """A Mininet host that is a machine of its own, see `whodunet.lab.hosts`, and has no shell of Mininet's."""

    made: ClassVar[Mapping[str, FirstProcess]]  # all of them, by name
    first: FirstProcess

    @classmethod
    def setup(cls) -> None:
        """Nothing to look for: no program of Mininet's is run."""

    def startShell(self, mnopts: str | None = None) -> None:
        """Takes the host that is made already."""
        self.first = WalledHost.made[self.name]
        self.pid = self.first.pid
        self.shell = self.first  # so that Mininet takes it for started

    def config(self, **params: Any) -> dict[str, Any]:
        """Leaves the configuration to `whodunet.lab.hosts`."""
        return {}


class PrivateSwitch(mininet.node.OVSSwitch):
    """A switch of the sandbox's own Open vSwitch, with the userspace datapath; fail-secure; without a shell."""

    def __init__(self, name: str, **params: Any) -> None:
        super().__init__(name, datapath="user", failMode="secure", protocols="OpenFlow13", **params)

    @classmethod
    def setup(cls) -> None:
        """Nothing to look for: the lab has started Open vSwitch itself."""

    def startShell(self, mnopts: str | None = None) -> None:
        """Starts nothing: all that a switch is told goes to Open vSwitch, in one batch."""

    @classmethod
    def isOldOVS(cls) -> bool:
        """False: every supported Debian has a recent one."""
        return False

    @classmethod
    def batchStartup(cls, switches: Sequence[Any], run: Any = openvswitch.run_all) -> Any:
        """Starts all switches with one ovs-vsctl, whose failure counts."""
        return super().batchStartup(switches, run=run)


class RecordedInterface(mininet.link.Intf):
    """An interface that Mininet knows of and the lab makes."""

    def config(self, ip: str | None = None, **params: Any) -> dict[str, Any]:
        """Keeps the address; the host's script sets it."""
        if ip:
            self.ip, self.prefixLen = ip.split("/")
        return {}


class PlannedLink(mininet.link.Link):
    """A link that is made later, together with all others."""

    @classmethod
    def makeIntfPair(cls, *args: Any, **params: Any) -> None:
        """Makes nothing yet."""


class LabNet(mininet.net.Mininet):
    """A Mininet network of the lab's nodes; `make_cables` then makes the interfaces."""

    def __init__(self, topo: LabTopo, hosts: Mapping[str, FirstProcess]) -> None:
        """`hosts` are made already."""
        WalledHost.made = hosts
        # Mininet would raise limits of the whole machine here, which is not a sandbox's business.
        mininet.net.Mininet.inited = True
        parts = {"host": WalledHost, "switch": PrivateSwitch, "link": PlannedLink, "intf": RecordedInterface}
        super().__init__(topo=topo, controller=None, **parts)

    def addHost(self, name: str, cls: Any = None, **params: Any) -> Any:
        """Adds a host of the lab's kind, whatever class the topology asks of stock Mininet."""
        return super().addHost(name, cls=WalledHost, **params)


def cables_of(net: LabNet, topology: Topology, namespaces: Mapping[str, int]) -> list[Cable]:
    """Every cable of the network with what the topology says of it.

    Args:
        namespaces: descriptors of the hosts' network namespaces, by host.
    """
    by_ends = {link.ends: link for link in topology.links}

    # No node may have a name with a tilde, and so none of its interfaces, which lie there, too.
    def end(interface: Any, middle: str) -> End:
        return End(interface.name, interface.mac, namespaces.get(interface.node.name), middle)

    return [
        Cable(
            by_ends[cable.intf1.name, cable.intf2.name],
            (end(cable.intf1, f"link{number}~0"), end(cable.intf2, f"link{number}~1")),
        )
        for number, cable in enumerate(net.links)
    ]


def make_interfaces(cables: Sequence[Cable], has_netem: bool) -> None:
    """Makes the veth pairs, each end in its namespace, and all interfaces of switches; these are brought up here."""
    lines = [line for cable in cables for line in links.veth_commands(cable, has_netem)]
    lines += links.tap_commands(cables, has_netem, None)
    ends = [end for cable in cables for end in cable.ends if end.namespace is None]
    lines += ["link set dev lo up", *(f"link set dev {end.interface} up" for end in ends)]
    there = [end.namespace for cable in cables for end in cable.ends if end.namespace is not None]
    check(["ip", "-batch", "-"], stdin="\n".join(lines) + "\n", keep_open=there)


def addresses(topology: Topology, node: str) -> dict[str, tuple[str, ...]]:
    """The addresses of each interface of a node's cables, by its name; beside one of IPv6, the link-local one."""
    own = [each for each in topology.interfaces.values() if each.node == node and each.name not in topology.tunnel_ends]
    return {each.name: (*each.addresses, *([each.link_local] if each.link_local else [])) for each in own}


def tunnel_commands(topology: Topology, node: str) -> list[str]:
    """Lines for `ip -batch` on a node that make its ends of tunnels, which come up with the service that uses them.

    They are there before it, and stay when it ends, so that the recorder misses nothing. Source: openvpn(8), --mktun
    """
    own = [end for end in topology.tunnel_ends if topology.node_at(end) == node]
    return [line for end in own for line in (f"tuntap add dev {end} mode tun", f"link set dev {end} addrgenmode none")]
