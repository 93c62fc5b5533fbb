"""A network that behaves as a lab does, as far as faults touch it, without one: for faults to be put into.

A switch does what its policy says. A node has files, links, programs, services and a clock, and answers the commands
with which faults change and ask it. What a test wants to be otherwise than that, it says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from fnmatch import fnmatch
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final

from tests.unit.faults import daemons
from tests.unit.faults.daemons import Daemons
from tests.unit.openflow.ovs_ofctl import dumped
from whodunet import catalogue
from whodunet.cases.fault import Completed
from whodunet.evidence.topology import Topology
from whodunet.loading.library import Library
from whodunet.services.port_forwarding import PortForwarding

TOPOLOGY: Final = Library().topology("session_manager")
NOW_S: Final = 1_700_000_000
BEFORE: Final = {
    **daemons.FILES,
    "/etc/hosts": "127.0.0.1 localhost",
    "/etc/resolv.conf": "nameserver 10.9.0.53\nnameserver fd00:9::53\nsearch cloud.example",
    "/proc/sys/net/ipv4/ip_local_port_range": "32768 60999",
    "/proc/sys/net/netfilter/nf_conntrack_tcp_loose": "1",
    "/proc/sys/net/ipv4/fib_multipath_hash_policy": "0",
    "/proc/sys/net/ipv6/fib_multipath_hash_policy": "0",
    "/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established": "432000",
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1": "",
    "/root/.ssh/config": "Host i-*\n    ProxyCommand aws open-tunnel --instance-id %h --remote-port 22",
    "/root/.bash_profile": "export PAGE_URL=http://web.cloud.example/",
    "~/.aws/sso/cache/token.json": '{"expiresAt": "2099-01-01T00:00:00Z"}',
    "~/.aws/cli/cache/credentials.json": "{}",
}
CLI_CACHE: Final = "~/.aws/cli/cache/"
PROGRAMS: Final = {"/usr/local/bin": {"helper"}, "/usr/bin": {"nc", "ssh", "curl"}, "/opt/bin": {"nc"}}


class Machine:
    """One node."""

    def __init__(self, name: str, topology: Topology) -> None:
        self.files = dict(BEFORE)
        self.programs = {folder: set(there) for folder, there in PROGRAMS.items()}
        self.shown: list[tuple[str, str]] = []  # folder in whose place another one is shown, and that one
        own = [each.name for each in topology.interfaces.values() if each.node == name]
        self.files |= {f"/proc/sys/net/ipv6/conf/{each}/keep_addr_on_down": "0" for each in own}
        self.links: dict[str, dict[str, Any]] = {link: {"flags": ["UP", "LOWER_UP"], "mtu": 1500} for link in own}
        self.tables: dict[str, list[dict[str, Any]]] = {}  # nft's, each as the objects that were added
        self.neighbours = {"somebody"}
        self.addresses = {each: list(topology.interfaces[each].addresses) for each in own}
        self.listening: dict[str, str] = {}  # ports that programs listen on which a fault has started, by process id
        self.routes = {4: ["default via 10.8.0.1 dev eth0"], 6: ["default via fd00:8::1 dev eth0 metric 1024"]}
        self.hangs = False  # its VPN's program, which has been stopped

    def kept_files(self) -> dict[str, str]:
        """The files but for what a program has there to be faster the next time."""
        return {path: text for path, text in self.files.items() if not path.startswith(CLI_CACHE)}

    def folder(self, path: str) -> set[str]:
        """What is seen in a folder."""
        for place, source in reversed(self.shown):
            if place == path:
                path = source
                break
        return self.programs.setdefault(path, set())


class StandIn:
    """A lab as its faults see it."""

    def __init__(self, topology: Topology = TOPOLOGY, says: Mapping[str, str | Completed] | None = None) -> None:
        self.topology = topology
        self.policies = deepcopy({switch: dict(policy) for switch, policy in topology.policies.items()})
        self.flow_tables: dict[str, str] = {}  # what a switch has instead of what its policy says
        self.asked = ""  # the last command
        self.says = dict(says or {})  # what commands say instead, by their beginning
        self.daemons = Daemons(deepcopy(dict(topology.services)))
        self.daemons.files_of = lambda node: self.machines[node].files
        self.daemons.others_listen = lambda node: self.machines[node].listening.values()
        self.machines = {name: Machine(name, topology) for name, node in topology.nodes.items() if not node.is_switch}
        self.kernel: Callable[[Any], Any] = lambda listed: listed  # what the kernel makes of an object of nft

    def state(self) -> object:
        """All that a fault may change and has to restore; what neighbours and the AWS CLI have cached comes back."""
        machines = {
            name: (
                each.kept_files(),
                each.folder("/usr/bin"),
                each.folder("/opt/bin"),
                each.shown,
                each.links,
                each.tables,
                each.routes,
                {link: sorted(there) for link, there in each.addresses.items()},
                each.listening,
                each.hangs,
            )
            for name, each in self.machines.items()
        }
        return deepcopy((self.policies, self.daemons.state(), machines))

    # What a fault may do to a lab.

    def execute(self, node: str, command: str, stdin: str = "") -> Completed:
        self.asked = command
        said = next((said for start, said in self.says.items() if command.startswith(start)), None)
        if said is not None:
            return Completed(0, said, "") if isinstance(said, str) else said
        for pattern, answer in self._answers():
            if found := re.fullmatch(pattern, command, re.DOTALL):
                done = answer(node, *found.groups(), *([stdin] if stdin else []))
                return Completed(0, done, "") if isinstance(done, str) else done
        raise AssertionError(f"{node} knows no such command: {command}")

    def bind(self, node: str, source: str, target: str) -> None:
        machine = self.machines[node]
        machine.shown.append(
            (target, next((true for place, true in reversed(machine.shown) if place == source), source))
        )

    def unbind(self, node: str, target: str) -> None:
        shown = self.machines[node].shown
        del shown[max(number for number, (place, _) in enumerate(shown) if place == target)]

    def policy(self, switch: str) -> dict[str, Any]:
        return dict(self.policies[switch])

    def set_policy(self, switch: str, config: Mapping[str, Any]) -> None:
        self.policies[switch] = dict(config)

    def flow_entries(self, switch: str) -> str:
        return self.flow_tables.get(switch) or self.carried_out(switch)

    def carried_out(self, switch: str) -> str:
        """The flow entries of the switch's policy, as Open vSwitch reports them."""
        policy = catalogue.given().read_policy(self.policies[switch], self.topology, switch)
        ports = {int(name.rpartition("eth")[2]): name for name in self.topology.interfaces if name.startswith(switch)}
        return dumped(policy.flow_entries(), ports)

    def start_service(self, node: str, service: str) -> None:
        self.daemons.start(node, service)

    def stop_service(self, node: str, service: str) -> None:
        self.daemons.stopped.add((node, service))

    def add_service(self, node: str, service: str, settings: Mapping[str, Any]) -> None:
        self.daemons.added[node, service] = dict(settings)

    def remove_service(self, node: str, service: str) -> None:
        del self.daemons.added[node, service]

    def service_is_running(self, node: str, service: str) -> bool:
        return self.daemons.is_running(node, service)

    def service_process(self, node: str, service: str) -> int:
        return self.daemons.process(node, service)

    def service_settings(self, node: str, service: str) -> dict[str, Any]:
        return dict(self.daemons.added.get((node, service)) or self.settings[node][service])

    def configure_service(self, node: str, service: str, settings: Mapping[str, Any]) -> None:
        self.settings[node][service] = dict(settings)

    def replace_service(self, node: str, service: str, command: str) -> None:
        self.daemons.stopped.discard((node, service))
        self.daemons.replaced[node, service] = command

    @property
    def settings(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Of each host's services."""
        return self.daemons.settings

    # What nodes answer.

    def _answers(self) -> Iterator[tuple[str, Callable[..., str | Completed]]]:
        yield from self.daemons.answers()
        yield from self._answers_about_paths()
        yield r"nft -j -f -", self._load
        yield r"nft -j list table inet (\w+)", self._list
        yield r"nft -s list table inet (\w+)", lambda node, table: f"table inet {table} {{\n}}\n"
        yield r"nft delete table inet (\w+)", self._delete
        yield r"ip link set dev (\S+) arp (on|off)", self._set_arp
        yield r"ip link set dev (\S+) mtu (\d+)", self._set_mtu
        yield r"ip (?:-6 )?route flush cache", lambda node: ""
        yield r"ip -json link show dev (\S+)", lambda node, link: json.dumps([self.machines[node].links[link]])
        yield r"ip neigh flush (?:all|dev \S+)", self._flush
        yield r"ip -([46]) route (add|del) (.*)", self._change_routes
        yield r"ip -([46]) (-oneline|-json) route show (exact|match) (\S+)", self._show_routes
        yield r"ip -json -(4|6) route show dev (\S+)", self._vpn_routes
        yield r"pkill -(STOP|CONT) -x openvpn", self._hang
        yield r"ps -C openvpn .*", lambda node: f"{'Tl' if self.machines[node].hangs else 'Sl'} 7 openvpn\n"
        yield r"ip link set dev (\S+) (up|down)", self._set_link
        yield r"ip -[46] route show dev \S+", lambda node: "10.0.0.0/24 proto kernel scope link src 10.0.0.1 \n"
        yield r"ip (?:address|-6 route) replace (?:fe80|multicast).*", lambda node: ""  # what an interface has anyway
        yield r"ip address (add|del) (\S+) dev (\S+)(?: nodad)?", self._change_address
        yield r"ip -json address show dev (\S+)", self._show_addresses
        yield r"setsid ncat --listen --keep-open (\d+) .*& echo \$!", self._listen
        yield r"kill (.*)", self._kill
        yield r"getent -s files ahosts (\S+)", self._in_hosts_file
        yield r"cat >(\S+)", self._write_all
        yield r"date \+%s", self._date
        yield r"dig \+noall \+comments .*@127\.0\.0\.1 (\S+) (A|AAAA)", self._dig_status
        yield r"dig \+short .*@127\.0\.0\.1 (\S+) (A|AAAA)", lambda *asked: "".join(self._records(*asked) or ())
        yield r"command -v (\S+)", self._where
        yield r"token=.*", self._metadata
        yield r"AWS_CA_BUNDLE=\S+ aws ssm get-document .*", self._get_document
        yield r"aws sts get-caller-identity", self._caller_identity
        yield r"ssh -G (\S+)", self._ssh_settings
        yield r"bash -lc 'printenv (\w+)'", self._login_variable
        yield r"curl .* --proxytunnel -x http://127\.0\.0\.1:\d+ http://127\.0\.0\.1:(\d+)/", self._ask_proxy
        yield r"curl -sS --fail .* --resolve (\S+?):.*", self._ask_site
        yield r"timeout 5 openssl s_client .*", self._issuer
        yield r"timeout 5 ssh .* -W '\[127\.0\.0\.1\]:\d+' \S+@(\S+) </dev/null", self._ask_to_forward
        yield r"aws ec2-instance-connect send-ssh-public-key .*", lambda node: '{"Success": true}'
        yield r"/etc/ssh/pushed_keys \S+; date \+%s", self._pushed_key
        yield r"aws ec2 describe-instance-connect-endpoints .*", self._connect_endpoints
        yield r"echo \| timeout .* open-tunnel .*", self._open_tunnel
        yield r"cat > (\S+)", self._replace_file
        yield r"ls (\S+)", self._ls
        yield r"(.* && .*)", self._all_of
        yield r"cat (\S+)", lambda node, path: f"{self.machines[node].files[path]}\n"
        yield r"echo (.*?) ?> ?(\S+)", self._write
        yield r"(rm|mkdir|ln|cp|mv|sed) (.*)", self._change_files

    def _answers_about_paths(self) -> Iterator[tuple[str, Callable[..., str | Completed]]]:
        """Of what passes a router, and of what may leave a host."""
        yield r"nft list table inet line", self._line
        yield r"nft delete table inet line", lambda node: ""
        yield r"nft list table ip port_forwarding", self._forwards
        yield r"ping -c 1 -W 2 -I \S+ \S+", lambda node: ""
        yield r"(ssh) -F none .*|(nc) -vz -w 2 127.*|(curl) -sS -v --max-time 2 .*", self._connect_to_itself
        yield r"chmod 755 \S+", lambda node: ""

    def _all_of(self, node: str, commands: str) -> str:
        return "".join(self.execute(node, each).stdout for each in commands.split(" && "))

    def _load(self, node: str, stdin: str) -> str:
        objects = [each["add"] for each in json.loads(stdin)["nftables"]]
        self.machines[node].tables[objects[0]["table"]["name"]] = objects
        return ""

    def _list(self, node: str, table: str) -> Completed:
        objects = self.machines[node].tables.get(table)
        if objects is None:
            return Completed(1, "", "Error: No such file or directory")
        return Completed(0, json.dumps({"nftables": [{"metainfo": {}}, *map(self.kernel, objects)]}), "")

    def _delete(self, node: str, table: str) -> str:
        del self.machines[node].tables[table]
        return ""

    def _flush(self, node: str) -> str:
        self.machines[node].neighbours.clear()
        return ""

    def _hang(self, node: str, signal: str) -> str:
        self.machines[node].hangs = signal == "STOP"
        return ""

    def _vpn_routes(self, node: str, family: str, interface: str) -> str:
        """Those that the VPN's server has told, beside that of the tunnel's own network."""
        (server,) = (there["openvpn-server"] for there in self.settings.values() if "openvpn-server" in there)
        whole = {"0.0.0.0/0": ["0.0.0.0/1", "128.0.0.0/1"], "::/0": ["::/3", "2000::/4", "3000::/4", "fc00::/7"]}
        told = [each for route in server["routes"] for each in whole.get(route, [route])]
        routes: list[dict[str, str]] = [{"dst": each} for each in told if (":" in each) == (family == "6")]
        return json.dumps([*routes, {"dst": "10.8.0.0/24", "protocol": "kernel"}])

    def _set_arp(self, node: str, link: str, state: str) -> str:
        flags = ["UP", "LOWER_UP"] if state == "on" else ["NOARP", "UP", "LOWER_UP"]
        self.machines[node].links[link]["flags"] = flags
        return ""

    def _set_link(self, node: str, link: str, state: str) -> str:
        self.machines[node].links[link]["flags"] = ["UP", "LOWER_UP"] if state == "up" else []
        return ""

    def _change_address(self, node: str, change: str, address: str, link: str) -> str:
        there = self.machines[node].addresses[link]
        there.append(address) if change == "add" else there.remove(address)
        return ""

    def _show_addresses(self, node: str, link: str) -> str:
        pairs = [each.split("/") for each in self.machines[node].addresses[link]]
        return json.dumps([{"addr_info": [{"local": own, "prefixlen": int(length)} for own, length in pairs]}])

    def _listen(self, node: str, port: str) -> str:
        listening = self.machines[node].listening
        pid = str(100 + len(listening))
        listening[pid] = port
        return f"{pid}\n"

    def _kill(self, node: str, pids: str) -> str:
        for pid in pids.split():
            del self.machines[node].listening[pid]
        return ""

    def _in_hosts_file(self, node: str, name: str) -> str:
        lines = [line.split() for line in self.machines[node].files["/etc/hosts"].splitlines()]
        return "".join(f"{address}  STREAM {name}\n" for address, *names in lines if name in names)

    def _write_all(self, node: str, path: str, stdin: str = "") -> str:
        self.machines[node].files[path] = stdin.removesuffix("\n")
        return ""

    def _change_routes(self, node: str, version: str, change: str, route: str) -> str:
        routes = self.machines[node].routes[int(version)]
        if change == "add":
            routes.append(route)
        else:  # a destination alone is enough to delete
            routes.remove(next(each for each in routes if each == route or each.startswith(f"{route} nexthop")))
        return ""

    def _show_routes(self, node: str, version: str, form: str, which: str, network: str) -> str:
        meant = ip_network(network)
        there = [route for route in self.machines[node].routes[meant.version] if _is_about(route, meant, which)]
        return json.dumps([*map(_listed_route, there)]) if form == "-json" else "".join(f"{each} \n" for each in there)

    def _set_mtu(self, node: str, link: str, mtu_bytes: str) -> str:
        self.machines[node].links[link]["mtu"] = int(mtu_bytes)
        return ""

    def _date(self, node: str) -> str:
        files = self.machines[node].files
        is_skewed = files.get("/etc/ld.so.preload", "").endswith("libfaketime.so.1")
        return str(NOW_S + (int(files["/etc/faketimerc"].removesuffix("s")) if is_skewed else 0))

    def _records(self, node: str, name: str, kind: str) -> list[str] | None:
        """What dnsmasq has of a name; None when it has no such name."""
        records = self.settings[node]["dnsmasq"]["records"]
        found = records.get(name) or records.get(f"*.{name.partition('.')[2]}")
        version = 4 if kind == "A" else 6
        return None if found is None else [f"{each}\n" for each in found if ip_address(each).version == version]

    def _dig_status(self, node: str, name: str, kind: str) -> str:
        """It refuses what it has no record of in a zone that is not its own."""
        records = self._records(node, name, kind)
        is_local = any(name.endswith(f".{zone}") for zone in self.settings[node]["dnsmasq"]["zones"])
        status = "NOERROR" if records or (is_local and records is not None) else "NXDOMAIN" if is_local else "REFUSED"
        return f";; ->>HEADER<<- opcode: QUERY, status: {status}, id: 7\n"

    def _where(self, node: str, program: str) -> Completed:
        machine = self.machines[node]
        found = [f"{folder}/{program}\n" for folder in PROGRAMS if program in machine.folder(folder)]
        return Completed(0, found[0], "") if found else Completed(1, "", "")

    def _metadata(self, node: str) -> str:
        return "200" if self.settings[node]["metadata"].get("role") else "404"

    def _get_document(self, node: str) -> str | Completed:
        role = self.settings.get(node, {}).get("metadata", {}).get("role") or self.topology.furnishings.get(
            node, {}
        ).get("aws-profile", {}).get("role")
        account = self.settings["endpoints"]["control-plane"]
        said = (
            "An error occurred (AccessDeniedException) when calling the GetDocument operation: User: x is not allowed"
        )
        if account.get("endpoint_policy"):
            said += " because no VPC endpoint policy allows the ssm:GetDocument action"
        elif account["roles"][role]["policies"]:
            return "{}"
        return Completed(255, "", said)

    def _line(self, node: str) -> Completed:
        """What counts on the line that is going to fail."""
        watched = self.daemons.added.get((node, "path-failure"))
        if watched is None:
            return Completed(1, "", "Error: No such file or directory")
        return Completed(0, f'table inet line {{\n oifname "{watched["interface"]}" counter name "passed"\n}}\n', "")

    def _forwards(self, node: str) -> str:
        settings = self.settings[node]["port-forwarding"]
        return "\n".join(PortForwarding(**settings).table())

    def _connect_to_itself(self, node: str, *program: str) -> Completed:
        """Nobody listens there, and what runs in a sandbox may not even ask."""
        (name,) = filter(None, program)
        is_boxed = any(place.endswith(f"/{name}") for place, _ in self.machines[node].shown)
        return Completed(1, "", f"{name}: connect: {'Operation not permitted' if is_boxed else 'Connection refused'}\n")

    def _ssh_settings(self, node: str, host: str) -> str:
        """Of each option the first that a block for the host states."""
        options = {"hostname": host, "port": "22"}
        text = self.machines[node].files["/root/.ssh/config"]
        for names, block in reversed(re.findall(r"Host (.*)((?:\n +.*)*)", text)):
            if any(fnmatch(host, name) for name in names.split()):
                pairs = (line.split(maxsplit=1) for line in block.strip().splitlines())
                options |= {option.lower(): value for option, value in pairs}
        return "".join(f"{option} {value}\n" for option, value in options.items())

    def _login_variable(self, node: str, variable: str) -> str:
        found = re.findall(rf"export {variable}=(.*)", self.machines[node].files["/root/.bash_profile"])
        return f"{found[-1]}\n" if found else ""

    def _ask_proxy(self, node: str, port: str) -> str:
        """What tinyproxy answers to CONNECT, where nothing listens on the port."""
        settings = self.settings[node]["tinyproxy"]
        return "407" if settings.get("login") else "500" if int(port) in settings["connect_ports"] else "403"

    def _ask_site(self, node: str, site: str) -> Completed:
        settings, command = self.settings[node]["nginx"], self.asked
        wrongs = {
            "certificate has expired": settings.get("certificate") == "expired",
            "unable to get local issuer certificate": settings.get("certificate", "valid") != "valid",
            "The requested URL returned error: 400": settings.get("wants_client_certificate"),
            "tlsv1 alert protocol version": "--tls-max 1.2" in command and settings.get("versions") == ["TLSv1.3"],
            "wrong version number": settings.get("speaks_tls") is False,
            "no alternative certificate subject name matches": site not in settings["sites"],
            f"The requested URL returned error: {settings.get('status')}": settings.get("status"),
            "The requested URL returned error: 429": settings.get("requests_per_minute") and "?[1-4]" in command,
        }
        said = next((wrong for wrong, is_so in wrongs.items() if is_so), None)
        return Completed(22, "", f"curl: {said}\n") if said else Completed(0, "", "")

    def _issuer(self, node: str) -> str:
        issuers = {"of-unknown-authority": "Own Authority", "without-intermediate": "trustme v1"}
        return f"issuer=O = {issuers[self.settings[node]['nginx']['certificate']]}\n"

    def _ask_to_forward(self, node: str, address: str) -> Completed:
        host = self.topology.node_with(address)
        assert host is not None
        if self.settings[host]["sshd"].get("options", {}).get("AllowTcpForwarding") == "no":
            return Completed(255, "", "channel 0: open failed: administratively prohibited: open failed\n")
        return Completed(0, "SSH-2.0-OpenSSH_9.2\n", "")

    def _pushed_key(self, node: str) -> str:
        lifetime_s = self.settings["endpoints"]["control-plane"].get("pushed_key_lifetime_s", 60)
        return f"#Timestamp={NOW_S - 1 + lifetime_s}\n#Instance=i-0\nssh-ed25519 AAAA\n{NOW_S}\n"

    def _connect_endpoints(self, node: str) -> str:
        return f"{len(self.settings['endpoints']['control-plane']['connect_endpoints'])}\n"

    def _open_tunnel(self, node: str) -> Completed:
        (policy,) = self.settings["eice"]["connect-endpoint"]["roles"]["Developer"]["policies"]
        if any(statement["Action"] == "ec2-instance-connect:OpenTunnel" for statement in policy["Statement"]):
            return Completed(0, "SSH-2.0-OpenSSH_10.0\r\n", "")
        body = (
            '{"ErrorCode":"AccessDenied","Message":"x is not authorized to perform: ec2-instance-connect:OpenTunnel"}'
        )
        return Completed(255, "", f"websocket - ERROR - {body}\n")

    def _replace_file(self, node: str, path: str, text: str) -> str:
        self.machines[node].files[path] = text.removesuffix("\n")
        return ""

    def _caller_identity(self, node: str) -> str | Completed:
        files = self.machines[node].files
        has_credentials = any(path.startswith(CLI_CACHE) for path in files)
        if not has_credentials and any(
            "2020" in text for path, text in files.items() if path.startswith("~/.aws/sso/cache/")
        ):
            return Completed(255, "", "Error when retrieving token from sso: Token has expired and refresh failed")
        return "{}"

    def _ls(self, node: str, glob: str) -> str:
        pattern = re.escape(glob).replace(r"\*", "[^/]*")
        return "".join(f"{path}\n" for path in self.machines[node].files if re.fullmatch(pattern, path))

    def _write(self, node: str, text: str, path: str) -> str:
        self.machines[node].files[path] = text.strip("'")
        return ""

    def _change_files(self, node: str, program: str, arguments: str) -> str:
        machine, words = self.machines[node], [word for word in arguments.split() if not word.startswith("-")]
        if program == "rm":
            for path in words:
                self._remove(machine, path)
        elif program in ("cp", "mv"):
            source, target = words
            moved = {path: text for path, text in machine.files.items() if path.startswith(f"{source}/")}
            machine.files |= {target + path.removeprefix(source): text for path, text in moved.items()}
            if program == "mv":
                self._remove(machine, source)
        elif program == "ln":
            machine.folder(words[1].rstrip("/")).update(machine.folder(words[0].removesuffix("/*")))
        elif program == "sed":
            found = re.fullmatch(r"-i 's/(.*?)/(.*)/' (\S+)/\*\.json", arguments)
            assert found is not None
            for path in [path for path in machine.files if path.startswith(f"{found[3]}/")]:
                machine.files[path] = re.sub(found[1], found[2], machine.files[path])
        return ""

    def _remove(self, machine: Machine, path: str) -> None:
        for each in [each for each in machine.files if each == path or each.startswith(f"{path}/")]:
            del machine.files[each]
        folder, _, name = path.rpartition("/")
        machine.programs.get(path, set()).clear()
        if folder in machine.programs:
            machine.folder(folder).discard(name)


def _is_about(route: str, meant: IPv4Network | IPv6Network, which: str) -> bool:
    """Whether a route is one to exactly this network, or (match) to it or one around it."""
    to = route.removeprefix(f"{_type_of(route)} ").split()[0]
    own = ip_network(to.replace("default", "::/0" if meant.version == 6 else "0.0.0.0/0"))
    is_around = own.prefixlen <= meant.prefixlen and meant.network_address in own
    return own == meant or (which == "match" and is_around)


def _listed_route(route: str) -> dict[str, object]:
    if "nexthop" in route:
        hops = [{"gateway": each.split()[1]} for each in route.split(" nexthop ")[1:]]
        return {"dst": route.split(maxsplit=1)[0], "nexthops": hops}
    words = route.removeprefix(f"{_type_of(route)} ").split()
    more = dict(zip(words[1::2], words[2::2], strict=True))
    told: dict[str, str | None] = {
        "type": _type_of(route),
        "gateway": more.get("via"),
        "prefsrc": more.get("src"),
    }
    return {key: value for key, value in told.items() if value}


def _type_of(route: str) -> str:
    first = route.split(maxsplit=1)[0]
    return first if first in ("blackhole", "prohibit", "unreachable") else ""
