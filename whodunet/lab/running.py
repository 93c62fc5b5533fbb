"""A lab from the inside: how it is brought up, and what it can be asked to do."""

from __future__ import annotations

import json
import os
import selectors
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from whodunet import catalogue
from whodunet.errors import CannotRun, InvalidInput, Problem
from whodunet.lab import links, network, openvswitch, session_manager
from whodunet.lab.controller import Controller
from whodunet.lab.hosts import Host, HostMaker
from whodunet.lab.keys import new_key
from whodunet.lab.plan import APPS, BESIDE, Plan
from whodunet.lab.processes import LOGS, Daemon, check, read_logs, start_here
from whodunet.lab.programs import require_program
from whodunet.lab.services import RunningServices
from whodunet.lab.waiting import wait_until
from whodunet.lab_topo import LabTopo, build, describe
from whodunet.spelling import did_you_mean

STOPPED: Final = "stopped"  # why a lab ends that was asked to
# Switches' interfaces must not speak. What of IPv4 is not set here, a new namespace takes over from the machine.
# Source: the kernel's admin-guide/sysctl/net.rst, devconf_inherit_init_net
_QUIET: Final = {
    "ipv6/conf/default/disable_ipv6": "1",
    "ipv4/ip_forward": "0",
    "ipv4/conf/all/route_localnet": "0",
    "ipv4/conf/default/route_localnet": "0",
}
_CAPTURE: Final = Path("/run/lab/capture/capture.pcapng")


def _furnish_beside(plan: Plan) -> None:
    """Writes down what lay beside the scenario, and looks there, too; and the app in place of the policies."""
    for folder, texts in ((BESIDE, plan.beside), (APPS, plan.apps)):
        for path, text in texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    catalogue.look_in([BESIDE] if plan.beside else [])


class RunningLab:
    """One lab: its nodes, cables, switches, controller, recorder and services."""

    def __init__(
        self, plan: Plan, maker: HostMaker, progress: Callable[[str], None], end: Callable[[str], None]
    ) -> None:
        _furnish_beside(plan)
        self.plan = plan
        self._maker = maker
        self._progress = progress
        self._end = end
        self._started = time.monotonic()
        self._notes: list[str] = []
        self._memory: dict[str, Mapping[str, Any]] = {}
        self._changing = threading.RLock()
        topologies = getattr(catalogue.load_module(Path(plan.topology_file)), "topos", {})
        self._topo: LabTopo = build(topologies[plan.topology], plan.variation)
        self.topology = describe(plan.topology, self._topo, plan.variation.family)
        self._policies = {switch: dict(self._policy_of(switch)) for switch in self._topo.switches()}
        self._uplinks: dict[str, str] = {}
        self.hosts: dict[str, Host] = {}
        self._lost: list[str] = []
        self._is_up = False
        self.services = RunningServices(self._losable)
        self.operations: Mapping[str, Callable[..., Any]] = {
            "status": self.status,
            "execute": self.execute,
            "policy": self.policy,
            "set_policy": self.set_policy,
            "flow_entries": lambda switch: {"entries": openvswitch.flow_entries(self._switch(switch))},
            "flow_tables": self.flow_tables,
            "set_uplink": self.set_uplink,
            "start_service": self.start_service,
            "stop_service": self.stop_service,
            "add_service": self.add_service,
            "remove_service": self.remove_service,
            "service_is_running": self.service_is_running,
            "service_settings": self.service_settings,
            "configure_service": self.configure_service,
            "replace_service": self.replace_service,
            "bind": self.bind,
            "unbind": self.unbind,
            "write_file": self.write_file,
            "read_file": self.read_file,
            "baseline": self.baseline,
            "capture": self.capture,
            "logs": self.logs,
            "records": self.records,
            "remember": self.remember,
            "recall": self.recall,
            "stop": self.stop,
        }

    def _policy_of(self, switch: str) -> Mapping[str, Any]:
        policy: Mapping[str, Any] = self.plan.policies.get(switch) or self._topo.nodeInfo(switch)["policy"]
        return policy

    # Bring-up: what does not depend on each other runs side by side, for Ryu alone takes half a second to start.

    def bring_up(self) -> None:
        """Makes the lab and returns when it is ready: flow entries confirmed, routes answer, services accept."""
        check(["ip", "link", "set", "dev", "lo", "up"])
        for setting, value in _QUIET.items():
            Path("/proc/sys/net", setting).write_text(value)
        self._controller = Controller(
            Path(self.plan.ryu_app), openvswitch.CONTROLLER, self.plan.other_controller, self._notice
        )
        with ThreadPoolExecutor() as side:
            open_vswitch = side.submit(openvswitch.start)
            self._make_nodes()
            self._essential(*open_vswitch.result())
            switches = side.submit(self._start_switches)
            self._make_hosts()
            answers = [side.submit(self._await_gateway_answer, gateway) for gateway in self._gateways()]
            self.services.launch_all(self.hosts)
            switches.result()
            self._progress("nodes and cables are made")
            self._choose_uplinks()
            self._install_policies()
            self._progress("every switch has confirmed its flow entries")
            self._await_routes()
            for answered in answers:
                answered.result()
        self.services.await_all(self.hosts)
        self._await_recorder()
        self._is_up = True
        self._progress(f"ready after {time.monotonic() - self._started:.2f} s")

    def _make_nodes(self) -> None:
        require_program("mnexec")  # without it, Mininet would end this process
        self._net = network.LabNet(self._topo, self._maker, self._first_process_watcher())
        for node in self._net.hosts:
            self.hosts[node.name] = Host(node.first, self._topo.nodeInfo(node.name))
        netem_refusal = links.netem_refusal()
        self._has_netem = netem_refusal is None
        if netem_refusal is not None:
            links.require_tun()
            if not links.has_no_netem(netem_refusal):
                self._notice(f"netem is refused ({netem_refusal}): wirefilter delays the links")
        self._namespaces = {name: host.namespaces["net"] for name, host in self.hosts.items()}
        self._cables = network.cables_of(self._net, self.topology, self._namespaces)
        network.make_interfaces(self._cables, self._has_netem)

    def _make_hosts(self) -> None:
        """Makes hosts of the nodes. No switch is touched: those start meanwhile."""
        self._configure_hosts()
        self._start_recorder()
        self._losable(*filter(None, (links.shape(cable, self._has_netem) for cable in self._cables)))
        self._furnish_services()

    def _configure_hosts(self) -> None:
        with ThreadPoolExecutor() as side_by_side:
            for configured in [side_by_side.submit(self._configure, host) for host in self.hosts.values()]:
                configured.result()

    def _configure(self, host: Host) -> None:
        taps = links.tap_commands(self._cables, self._has_netem, host.namespaces["net"])
        try:
            initial_ttl = self.topology.nodes[host.name].initial_ttl
            host.configure(network.addresses(self.topology, host.name), initial_ttl, taps)
        except CannotRun as error:
            raise CannotRun(f"{host.name} could not be configured: {error}") from error

    def _furnish_services(self) -> None:
        for host in self.hosts.values():
            self.services.prepare(host)
            if host.settings.get("signed_in"):
                session_manager.sign_in(host, **host.settings["signed_in"])
        self._hand_out_keys()

    def _hand_out_keys(self) -> None:
        """Gives every host of role client a key that may log in to every host with sshd."""
        for host in (host for host in self.hosts.values() if host.settings["role"] == "client"):
            key = new_key(f"root@{host.name}")
            for path in ("/root/.ssh/id_ed25519", "/root/private-key.pem"):
                host.write(path, key.private, 0o600)
            self.services.authorise_everywhere(self.hosts, key.public)
            names = {node: self._names_of(node) for node in self.hosts}
            host.write("/root/.ssh/known_hosts", self.services.known_hosts(self.hosts, names))

    def _names_of(self, node: str) -> str:
        addresses = [
            address.split("/")[0]
            for each in self.topology.interfaces.values()
            if each.node == node
            for address in each.addresses
        ]
        # By its id, too: ssh goes there through Session Manager.
        metadata = self.topology.services.get(node, {}).get("metadata", {})
        ids = [metadata["instance_id"]] if "instance_id" in metadata else []
        return ",".join([*addresses, node, f"{node}.cloud.example", *ids])

    def _start_switches(self) -> None:
        for switch in self._net.switches:
            switch.start([])
        network.PrivateSwitch.batchStartup(self._net.switches)
        self._controller.await_listening()
        openvswitch.connect(self._policies, openvswitch.CONTROLLER)

    def _start_recorder(self) -> None:
        own = os.open("/proc/self/ns/net", os.O_RDONLY)
        places = {name: self._namespaces.get(each.node, own) for name, each in self.topology.interfaces.items()}
        arguments = [f"{name}={place}" for name, place in places.items()]
        command = [sys.executable, "-P", "-m", "whodunet.lab.recorder", str(_CAPTURE), *arguments]
        self._recorder = Daemon("recorder", start_here(command, sorted(set(places.values()))), is_asked=True)

    def _await_recorder(self) -> None:
        if not self._recorder.stdout.readline():
            raise CannotRun(f"the recorder did not start: {(LOGS / 'recorder.log').read_text()[-500:]}")
        self._essential(self._recorder)

    def _essential(self, *daemons: Daemon) -> None:
        """The lab ends when one of these does: without it, what one sees would no longer be true."""
        for daemon in daemons:
            daemon.when_ended(lambda ended: self._end(f"{ended}; the lab ends with it"))

    def _losable(self, *daemons: Daemon) -> None:
        """Once the lab is up, it goes on when one of these ends: root on a host can end them, as on any machine.

        It remembers that, for what a scenario claims may no longer be so.
        """

        def lose(ended: str) -> None:
            if not self._is_up:
                self._end(f"{ended}; the lab ends with it")
            self._lost.append(ended)
            self._notice(ended)

        for daemon in daemons:
            daemon.when_ended(lose)

    def _first_process_watcher(self) -> Callable[[str, int], None]:
        """The lab ends with the first process of a node: what one does there would no longer be on that node."""
        first_processes = selectors.DefaultSelector()

        def watch() -> None:
            while not (ended := first_processes.select()):
                pass
            self._end(f"the first process of {ended[0][0].data} ended; the lab ends with it")

        def add(node: str, pid: int) -> None:
            first_processes.register(os.pidfd_open(pid), selectors.EVENT_READ, node)

        threading.Thread(target=watch, daemon=True).start()
        return add

    def _notice(self, sentence: str) -> None:
        self._notes.append(sentence)
        self._progress(sentence)

    def _install_policies(self) -> None:
        if self.plan.other_controller:
            wait_until(openvswitch.all_connected, "the switches to connect to the controller")
            return
        revisions = {switch: self._tell_policy(switch, config) for switch, config in self._policies.items()}
        for switch, revision in revisions.items():
            self._controller.await_confirmed(switch, revision)

    def _tell_policy(self, switch: str, config: Mapping[str, Any]) -> int:
        node = self._net[switch]
        ports = {interface.name: number for interface, number in node.ports.items() if number}
        return self._controller.set_policy(switch, int(node.dpid, 16), ports, config)

    def _choose_uplinks(self) -> None:
        for name, host in self.hosts.items():
            uplinks = host.settings.get("uplinks") or {}
            if uplinks:
                self.set_uplink(name, self.plan.uplinks.get(name) or next(iter(uplinks)))

    def _gateways(self) -> list[str]:
        """The address of the first router on each way out of a host."""
        uplinks = [uplink for host in self.hosts.values() for uplink in host.settings["uplinks"].values()]
        return [gateway for uplink in uplinks for gateway in uplink.gateway]

    def _await_gateway_answer(self, gateway: str) -> None:
        """The far end of the baseline path answers a gateway, so every route between the two is in force."""
        interfaces = self.topology.interfaces.values()
        owners = {address.partition("/")[0]: each.node for each in interfaces for address in each.addresses}
        far_end = next(each for each in self._far_ends() if _same_family(each, gateway))
        self._await_answer(self.hosts[owners[gateway]], far_end, "-I", gateway)

    def _await_routes(self) -> None:
        """The near end of the baseline path gets an answer from the far end, by the way out that it uses."""
        if not self.plan.other_controller:  # what that one lets through is its own business
            for far_end in self._far_ends()[:1]:  # the controllers drop IPv6 still
                self._await_answer(self.hosts[self.topology.baseline[0]], far_end)

    def _far_ends(self) -> list[str]:
        """The addresses of the far end of the baseline path: one of each family."""
        address = self.topology.baseline[1]
        there = [[own.partition("/")[0] for own in each.addresses] for each in self.topology.interfaces.values()]
        return next((own for own in there if address in own), [address])

    def _await_answer(self, host: Host, far_end: str, *options: str) -> None:
        ask = ["ping", "-n", "-q", "-c", "1", "-W", "1", *options, far_end]
        wait_until(lambda: host.succeeds(*ask), f"{host.name} to get an answer from {far_end}")

    # Requests.

    def _host(self, name: str) -> Host:
        host: Host = _named(name, self.hosts, "host")
        return host

    def _switch(self, name: str) -> str:
        _named(name, self._policies, "switch")
        return name

    def status(self) -> dict[str, Any]:
        """What this lab is."""
        return {
            "name": self.plan.name,
            "scenario": self.plan.scenario,
            "seed": self.plan.variation.seed,
            "family": self.plan.variation.family,
            "topology": self.plan.topology,
            "places": self.plan.places,
            "hosts": list(self.hosts),
            "switches": list(self._policies),
            "uplinks": self._uplinks,
            "services": self.services.states(),
            "links": links.describe(self._cables, self._has_netem),
            "notes": self._notes,
            "lost": self._lost,
            "up_s": time.monotonic() - self._started,
        }

    def execute(self, host: str, command: str, deadline_s: float, stdin: str = "") -> dict[str, Any]:
        """Runs a shell command on a host."""
        return vars(self._host(host).execute(command, deadline_s, stdin))

    def bind(self, host: str, source: str, target: str) -> None:
        """Shows a folder or file of a host in place of another one."""
        self._host(host).bind(source, target)

    def unbind(self, host: str, target: str) -> None:
        """Takes away what `bind` has put there last."""
        self._host(host).unbind(target)

    def write_file(self, host: str, path: str, name: str, mode: int, given: list[int]) -> None:
        """Writes what a descriptor holds into a file of a host; into one of that name where the path is a folder."""
        self._host(host).copy_in(path, name, mode, given[0])

    def read_file(self, host: str, path: str) -> tuple[dict[str, Any], tuple[int, ...]]:
        """A descriptor of a file of a host."""
        return {}, (self._host(host).open_to_read(path),)

    def policy(self, switch: str) -> dict[str, Any]:
        """The policy that a switch's controller carries out."""
        return {"policy": self._policies[self._switch(switch)]}

    def set_policy(self, switch: str, config: Mapping[str, Any]) -> dict[str, Any]:
        """Replaces a policy; answers when the switch has confirmed its flow entries."""
        with self._changing:
            self._switch(switch)
            if self.plan.other_controller:
                raise CannotRun(
                    f"{self.plan.other_controller} runs in place of the policies; start the lab without --controller"
                )
            entries = self._controller.await_confirmed(switch, self._tell_policy(switch, config))
            self._policies[switch] = dict(config)
        return {"entries": entries}

    def flow_tables(self) -> dict[str, Any]:
        """The flow tables with their counters, for the record."""
        return {"tables": {switch: openvswitch.flow_table(switch) for switch in self._policies}}

    def set_uplink(self, host: str, uplink: str) -> dict[str, Any]:
        """Has a host use one of its ways out; those that it prefers are taken down, as when one leaves a VPN."""
        with self._changing:
            there = self._host(host)
            uplinks = there.settings.get("uplinks") or {}
            chosen = _named(uplink, uplinks, f"uplink of {host}")
            preferred = list(uplinks)[: list(uplinks).index(uplink)]
            lines = [f"ip link set dev {uplinks[name].interface} down" for name in preferred]
            lines += [f"ip link set dev {chosen.interface} up"]
            link_local = self.topology.interfaces[chosen.interface].link_local  # which no interface keeps that is down
            lines += [f"ip address replace {link_local} dev {chosen.interface} nodad"] if link_local else []
            lines += [f"ip route replace default via {gateway} dev {chosen.interface}" for gateway in chosen.gateway]
            there.check("; ".join(lines))
            there.set_resolver(chosen.resolver)
            self._uplinks[host] = uplink
        return {"uplink": uplink}

    def start_service(self, host: str, service: str) -> None:
        """Starts a service; answers when it accepts."""
        self.services.start(self._host(host), service)

    def stop_service(self, host: str, service: str) -> None:
        """Stops a service; answers when it is gone."""
        self.services.stop(self._host(host), service)

    def add_service(self, host: str, service: str, settings: Mapping[str, Any]) -> None:
        """Gives a host a further service; answers when it accepts."""
        self.services.add(self._host(host), service, settings)

    def remove_service(self, host: str, service: str) -> None:
        """Takes a service away; answers when it is gone."""
        self.services.remove(self._host(host), service)

    def service_is_running(self, host: str, service: str) -> dict[str, Any]:
        """Whether a service's own program runs."""
        return {"running": self.services.is_running(self._host(host), service)}

    def service_settings(self, host: str, service: str) -> dict[str, Any]:
        """The settings that a service runs with."""
        return {"settings": dict(self.services.settings(self._host(host), service))}

    def configure_service(self, host: str, service: str, settings: Mapping[str, Any]) -> None:
        """Starts a service again with other settings; answers when it accepts."""
        self.services.configure(self._host(host), service, settings)

    def replace_service(self, host: str, service: str, command: str) -> None:
        """Runs another program in place of a stopped service; answers when it accepts."""
        self.services.replace(self._host(host), service, command)

    def baseline(self, count: int = 5) -> dict[str, Any]:
        """Round trips of the baseline path in milliseconds; the least, None without an answer, is the path's own."""
        client, far_end = self.topology.baseline
        finished = self._host(client).execute(f"ping -n -c {count} -i 0.2 -W 2 {far_end}", 30)
        times = [float(part.split("=")[1]) for part in finished.stdout.split() if part.startswith("time=")]
        return {"least_ms": min(times, default=None), "round_trips_ms": times}

    def capture(self) -> tuple[dict[str, Any], tuple[int, ...]]:
        """A descriptor of the capture file, which holds every packet up to now."""
        with self._changing:
            counters = json.loads(self._recorder.ask("flush"))
        return counters, (os.open(_CAPTURE, os.O_RDONLY),)

    def logs(self) -> dict[str, Any]:
        """What the lab's daemons wrote."""
        return {"logs": read_logs()}

    def records(self) -> dict[str, Any]:
        """The audit trail of the lab's cloud and the transcripts of its sessions, by path."""
        return {"records": session_manager.read_records()}

    def remember(self, key: str, value: Mapping[str, Any] | None) -> None:
        """Keeps a note for commands that come later, such as what was there before a fault; None forgets it."""
        if value is None:
            self._memory.pop(key, None)
        else:
            self._memory[key] = value

    def recall(self, key: str) -> dict[str, Any]:
        """The note that was kept; None when there is none."""
        return {"value": self._memory.get(key)}

    def stop(self) -> None:
        """Ends the lab."""
        threading.Timer(0.02, self._end, [STOPPED]).start()


def _same_family(one: str, other: str) -> bool:
    """Whether two addresses are of one family: only those of IPv6 have colons."""
    return (":" in one) == (":" in other)


def _named(name: str, there: Mapping[str, Any], kind: str) -> Any:
    if name not in there:
        raise InvalidInput(Problem(name, f"is not a {kind} of this lab", did_you_mean(name, there)))
    return there[name]
