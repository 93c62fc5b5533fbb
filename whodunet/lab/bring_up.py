"""How a lab comes to be: what has to be there before what, and what is done side by side.

Ryu alone takes half a second to start, so whatever does not depend on it happens meanwhile.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from whodunet import catalogue
from whodunet.errors import CannotRun
from whodunet.evidence.topology import Topology
from whodunet.lab import links, network, openvswitch
from whodunet.lab.capture import RunningCapture
from whodunet.lab.controller import ControlledSwitch, Controller
from whodunet.lab.hosts import Host, HostMaker
from whodunet.lab.kept_ttls import keep_ttls
from whodunet.lab.links import Cable
from whodunet.lab.plan import APPS, BESIDE, Plan
from whodunet.lab.policies import Policies
from whodunet.lab.processes import check
from whodunet.lab.programs import require_program
from whodunet.lab.running import RunningLab
from whodunet.lab.running_services import RunningServices
from whodunet.lab.spare import Spare, Spares
from whodunet.lab.uplinks import Uplinks
from whodunet.lab.waiting import wait_until
from whodunet.lab.watch import Watch
from whodunet.lab_topo import LabTopo, build, describe

# Switches' interfaces must not speak. What of IPv4 is not set here, a new namespace takes over from the machine.
# Source: the kernel's admin-guide/sysctl/net.rst, devconf_inherit_init_net
_QUIET: Final = {
    "ipv6/conf/default/disable_ipv6": "1",
    "ipv4/ip_forward": "0",
    "ipv4/conf/all/route_localnet": "0",
    "ipv4/conf/default/route_localnet": "0",
}


def bring_up(plan: Plan, maker: HostMaker, watch: Watch, spares: Spares) -> RunningLab:
    """Makes a lab and returns it when it is ready: flow entries confirmed, routes answer, services accept.

    Raises:
        CannotRun: when a part of it cannot be made, or does not get ready.
    """
    started_s = time.monotonic()
    _furnish_beside(plan)
    check(["ip", "link", "set", "dev", "lo", "up"])
    for setting, value in _QUIET.items():
        Path("/proc/sys/net", setting).write_text(value)
    topologies = catalogue.attribute(Path(plan.topology_file), "topos")
    topo: LabTopo = build(topologies[plan.topology], plan.variation)
    topology = describe(plan.topology, topo, plan.variation.family)
    policies = {switch: plan.policies.get(switch) or own for switch, own in topology.policies.items()}
    other_app = plan.other_controller.app if plan.other_controller else None
    with ThreadPoolExecutor() as side:
        controller = Controller(spares.controller, Path(plan.ryu_app), openvswitch.CONTROLLER, other_app, watch.note)
        open_vswitch = side.submit(openvswitch.start, watch.ends_with)
        nodes = _Nodes(topo, topology, maker, watch)
        open_vswitch.result()
        switches = side.submit(_start_switches, nodes.net, policies, controller)
        nodes.configure_hosts()
        capture = RunningCapture(nodes.interfaces(), spares.recorder)
        nodes.shape_links(spares.emulator)
        services = RunningServices(nodes.hosts, topology, watch.may_lose)
        services.prepare_all()
        ways = {host: topo.settings(host)["uplinks"] for host in nodes.hosts}
        uplinks = Uplinks(ways, topology.interfaces, services)
        nodes.await_links()
        answers = [side.submit(_await_gateway_answer, nodes.hosts, topology, each) for each in uplinks.gateways()]
        services.launch_all()
        chosen = side.submit(uplinks.choose_all, nodes.hosts, plan.uplinks)  # a tunnel takes its time
        switches.result()
        watch.progress("nodes and cables are made")
        in_force = Policies(controller, policies, other_app)
        in_force.install(nodes.controlled_switches())
        watch.progress("every switch has confirmed its flow entries")
        chosen.result()
        # Not before: a question for a neighbour that a switch does not pass on yet is asked again a second later.
        if other_app is None:  # what that one lets through is its own business
            near_end = nodes.hosts[topology.baseline[0]]
            answers += [side.submit(_await_answer, near_end, far_end) for far_end in _far_ends(topology)]
        for answered in answers:
            answered.result()
    services.await_all()
    capture.await_ready()
    watch.ends_with(capture.daemon)
    watch.is_up = True
    watch.progress(f"ready after {time.monotonic() - started_s:.2f} s")
    return RunningLab(
        plan, topology, nodes.hosts, in_force, uplinks, services, capture, nodes.links(), watch, started_s
    )


def _furnish_beside(plan: Plan) -> None:
    """Writes down what lay beside the scenario, and looks there, too; and the app in place of the policies."""
    other = plan.other_controller
    for folder, texts in ((BESIDE, plan.beside), (APPS, other.files if other else {})):
        for path, text in texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    catalogue.look_in([BESIDE] if plan.beside else [])


class _Nodes:
    """The hosts and switches of a lab, and the cables between them."""

    def __init__(self, topo: LabTopo, topology: Topology, maker: HostMaker, watch: Watch) -> None:
        """Makes them, with all interfaces of their cables but the TAPs of hosts."""
        require_program("mnexec")  # without it, Mininet would end this process
        self._topology = topology
        self._watch = watch
        made = maker.make(topo.hosts())
        watch.ends_with_hosts({name: first.pid for name, first in made.items()})
        self.net = network.LabNet(topo, made)
        self.hosts: Mapping[str, Host] = {
            node.name: Host(node.first, topo.settings(node.name), topology.family) for node in self.net.hosts
        }
        self._has_netem = self._find_netem()
        if topology.tunnels:
            links.require_tun()
        self._namespaces = {name: host.namespaces["net"] for name, host in self.hosts.items()}
        self._cables: Sequence[Cable] = network.cables_of(self.net, topology, self._namespaces)
        network.make_interfaces(self._cables, self._has_netem)

    def _find_netem(self) -> bool:
        refusal = links.netem_refusal()
        if refusal is None:
            return True
        links.require_tun()
        if not links.has_no_netem(refusal):
            self._watch.note(f"netem is refused ({refusal}): links are delayed in user space")
        return False

    def configure_hosts(self) -> None:
        """Gives the hosts their addresses and routes, side by side."""
        with ThreadPoolExecutor() as side_by_side:
            for configured in [side_by_side.submit(self._configure, host) for host in self.hosts.values()]:
                configured.result()

    def _configure(self, host: Host) -> None:
        devices = links.tap_commands(self._cables, self._has_netem, host.namespaces["net"])
        devices += network.tunnel_commands(self._topology, host.name)
        try:
            initial_ttl = self._topology.nodes[host.name].initial_ttl
            host.configure(network.addresses(self._topology, host.name), initial_ttl, devices)
            if not self._topology.nodes[host.name].lowers_ttl:
                keep_ttls(host)
        except CannotRun as error:
            raise CannotRun(f"{host.name} could not be configured: {error}") from error

    def shape_links(self, emulator: Spare) -> None:
        """Has each link delay and lose what the topology says, where the kernel does not, by that process."""
        self._shaper = links.shape(self._cables, self._has_netem, emulator)
        if self._shaper is not None:
            self._watch.ends_with(self._shaper)

    def await_links(self) -> None:
        """Returns when packets pass them."""
        if self._shaper is not None:
            self._shaper.stdout.readline()

    def links(self) -> Mapping[str, str]:
        """What each shaped link does, and by which means."""
        return links.describe(self._cables, self._has_netem)

    def interfaces(self) -> Mapping[str, int]:
        """Each interface with a descriptor of the network namespace that it lies in; switches are in the lab's own."""
        own = os.open("/proc/self/ns/net", os.O_RDONLY)
        return {name: self._namespaces.get(each.node, own) for name, each in self._topology.interfaces.items()}

    def controlled_switches(self) -> list[ControlledSwitch]:
        """The switches, as a controller knows them."""
        return [
            ControlledSwitch(
                node.name, int(node.dpid, 16), {port.name: number for port, number in node.ports.items() if number}
            )
            for node in self.net.switches
        ]


def _start_switches(net: network.LabNet, switches: Mapping[str, object], controller: Controller) -> None:
    """Starts the switches, where there are any, and points them at the controller once it listens."""
    if not net.switches:
        return
    for switch in net.switches:
        switch.start([])
    network.PrivateSwitch.batchStartup(net.switches)
    controller.await_listening()
    openvswitch.connect(switches, openvswitch.CONTROLLER)


def _await_gateway_answer(hosts: Mapping[str, Host], topology: Topology, gateway: str) -> None:
    """The far end of the baseline path answers a gateway, so every route between the two is in force."""
    interfaces = topology.interfaces.values()
    owners = {address.partition("/")[0]: each.node for each in interfaces for address in each.addresses}
    for far_end in (each for each in _far_ends(topology) if _same_family(each, gateway)):
        _await_answer(hosts[owners[gateway]], far_end, "-I", gateway)


def _far_ends(topology: Topology) -> list[str]:
    """The addresses of the far end of the baseline path: one of each family."""
    address = topology.baseline[1]
    there = [[own.partition("/")[0] for own in each.addresses] for each in topology.interfaces.values()]
    return next((own for own in there if address in own), [address])


def _await_answer(host: Host, far_end: str, *options: str) -> None:
    wait_until(lambda: host.pings(far_end, *options), f"{host.name} to get an answer from {far_end}")


def _same_family(one: str, other: str) -> bool:
    """Whether two addresses are of one family: only those of IPv6 have colons."""
    return (":" in one) == (":" in other)
