"""The processes of a stand-in lab's services: their sockets, their queues, what sshd does and says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from whodunet.cases.fault import Completed
from whodunet.errors import CannotRun

LISTENS: Final = {"sshd": ("sshd", 22), "dnsmasq": ("dnsmasq", 53), "metadata": ("python", 80)}
HOME: Final = "/home/ec2-user"
HOST_KEY: Final = "/etc/ssh/ssh_host_ed25519_key"
KNOWN: Final = "/root/.ssh/known_hosts"
FILES: Final = {
    "/proc/sys/net/core/somaxconn": "4096",
    "/proc/sys/net/ipv4/tcp_abort_on_overflow": "0",
    "/proc/sys/net/ipv4/conf/instance-eth0/rp_filter": "0",
    f"{HOME}/.ssh/authorized_keys": "ssh-ed25519 AAAAclient root@client",
    HOST_KEY: "private",
    f"{HOST_KEY}.pub": "ssh-ed25519 AAAAold instance",
    KNOWN: "10.0.1.10,instance ssh-ed25519 AAAAold",
}
_OFFERS: Final = {"KexAlgorithms": "sntrup761x25519-sha512", "Ciphers": "chacha20-poly1305@openssh.com"}
_FIRST_PROCESS: Final = 7


class Daemons:
    """What a lab knows of the services of its hosts."""

    def __init__(self, settings: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
        self.settings = {host: {name: dict(each) for name, each in there.items()} for host, there in settings.items()}
        self.stopped: set[tuple[str, str]] = set()
        self.replaced: dict[tuple[str, str], str] = {}
        self.added: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.hung: set[tuple[str, str]] = set()
        self.backlogs: dict[tuple[str, str], str] = {}  # of a service that was started again
        self.waiting: dict[tuple[str, str], int] = {}  # connections that it has not accepted
        self.modes: dict[str, str] = {}
        self.files_of: Callable[[str], dict[str, str]] = lambda node: {}
        self.others_listen: Callable[[str], Iterable[str]] = lambda node: ()  # ports at which a host's ncat listens

    def state(self) -> object:
        """All that a fault may change and has to restore."""
        return (self.settings, self.stopped, self.replaced, self.added, self.hung, self.waiting, self._others_may_write)

    @property
    def _others_may_write(self) -> set[str]:
        return {node for node, mode in self.modes.items() if mode == "777"}

    def process(self, node: str, service: str) -> int:
        """Its id: the services' in their order."""
        return _FIRST_PROCESS + list(self.settings[node]).index(service)

    def is_running(self, node: str, service: str) -> bool:
        """Whether its own program runs."""
        if service not in self.settings.get(node, {}) and (node, service) not in self.added:
            raise CannotRun(f"{node} has no service {service}")
        return (node, service) not in self.stopped and (node, service) not in self.replaced

    def start(self, node: str, service: str) -> None:
        """Anew, with an empty queue of the length that the kernel allows."""
        self.stopped.discard((node, service))
        self.replaced.pop((node, service), None)
        self.hung.discard((node, service))
        self.waiting.pop((node, service), None)
        self.backlogs[node, service] = self.files_of(node)["/proc/sys/net/core/somaxconn"]

    def answers(self) -> Iterator[tuple[str, Callable[..., str | Completed]]]:
        """Commands, and what they do and say."""
        yield r"ss -Hltnp?", self._sockets
        yield r"ss -Htn state established sport = :(\d+)", self._established
        yield r"ps -o stat=,args= -p (\d+)", self._runs
        yield r"kill -STOP (\d+)", self._stop
        yield r"nc -z -w 2 \S+ (\d+)", self._connect
        yield r"timeout \S+ ncat --recv-only 127\.0\.0\.1 (\d+)", self._greeting
        yield r"timeout 1 ncat -s 127\.0\.0\.9 .*", self._second_visit
        yield r"ssh -vv .* 127\.0\.0\.1 true", self._offer
        yield r"cat (/etc/hosts\.deny)", self._cat
        yield r"rm -f (/etc/hosts\.deny)", lambda node, path: self.files_of(node).pop(path, "") and ""
        yield r"getent passwd (\S+)", lambda node, login: f"{login}:x:1000:1000::{HOME}:/bin/bash\n"
        yield r"stat -c %s (\S+)", lambda node, path: f"{len(self.files_of(node)[path])}\n"
        yield r"stat -c %a \S+", lambda node: f"{self.modes.get(node, '755')}\n"
        yield r"chmod (\d+) \S+", self._chmod
        yield r"truncate -s 0 (\S+)", lambda node, path: self._write(node, path, "")
        yield r"tee (\S+)", self._write
        yield rf"ssh-keygen -q -t ed25519 -N '' -f {HOST_KEY}", self._new_key
        yield (
            r"ssh-keyscan .*",
            lambda node: f"127.0.0.1 {' '.join(self.files_of(node)[f'{HOST_KEY}.pub'].split()[:2])}",
        )
        yield r"nft (?:list|delete) table inet power", lambda node: Completed(1, "", "No such file or directory")

    def _services(self, node: str) -> Iterator[tuple[str, str, int]]:
        """Name, program and port of those that listen."""
        for service in self.settings.get(node, {}):
            if service in LISTENS and (node, service) not in self.stopped:
                program, port = LISTENS[service]
                yield service, self.replaced.get((node, service), program).split()[0], port

    def _sockets(self, node: str) -> str:
        lines = []
        for service, program, port in self._services(node):
            options = self.settings[node][service].get("options", {})
            addresses = {"localhost": ["127.0.0.1", "[::1]"], "inet": ["0.0.0.0"]}.get(
                options.get("ListenAddress") or options.get("AddressFamily"), ["[::]"]
            )
            queue = f"{self.waiting.get((node, service), 0)} {self.backlogs.get((node, service), '128')}"
            users = f'users:(("{program}",pid={self.process(node, service)},fd=3))'
            lines += [f"LISTEN {queue} {address}:{port} *:* {users}\n" for address in addresses]
        others = [("python", each["port"]) for (host, _), each in self.added.items() if host == node and "port" in each]
        others += [("ncat", port) for port in self.others_listen(node)]
        return "".join(
            [*lines, *(f'LISTEN 0 128 [::]:{port} *:* users:(("{by}",pid=99,fd=3))\n' for by, port in others)]
        )

    def _established(self, node: str, port: str) -> str:
        count: int = sum(each.get("count", 0) for each in self.added.values() if str(each.get("port")) == port)
        return f"0 0 10.0.1.10:{port} 10.0.1.20:40000\n" * count

    def _runs(self, node: str, process: str) -> str:
        (service,) = (name for name in self.settings[node] if self.process(node, name) == int(process))
        state = "Ts" if (node, service) in self.hung else "Ss"
        if command := self.replaced.get((node, service)):
            return f"{state}   {' '.join(shlex.split(command.replace('{port}', '22')))}\n"
        options = self.settings[node][service].get("options", {})
        least, _, most = options.get("MaxStartups", "10:30:100").split(":")
        return f"{state}   {service}: /usr/sbin/{service} [listener] 0 of {least}-{most} startups\n"

    def _stop(self, node: str, process: str) -> str:
        (service,) = (name for name in self.settings[node] if self.process(node, name) == int(process))
        self.hung.add((node, service))
        return ""

    def _connect(self, node: str, port: str) -> str:
        (service,) = (name for name, _, its_port in self._services(node) if str(its_port) == port)
        self.waiting[node, service] = self.waiting.get((node, service), 0) + 1
        return ""

    def _greeting(self, node: str, port: str) -> Completed:
        if "/etc/hosts.deny" in self.files_of(node):
            return Completed(124, "", "")
        grace = self.settings[node]["sshd"].get("options", {}).get("LoginGraceTime")
        return Completed(0 if grace else 124, "SSH-2.0-OpenSSH_9.2\r\n", "")

    def _second_visit(self, node: str) -> Completed:
        """What sshd says to somebody who has come before, and did not log in."""
        punishes = "PerSourcePenalties" in self.settings[node]["sshd"].get("options", {})
        return Completed(0, "Not allowed at this time\r\n" if punishes else "SSH-2.0-OpenSSH_10.0\r\n", "")

    def _offer(self, node: str) -> Completed:
        offers = _OFFERS | self.settings[node]["sshd"].get("options", {})
        theirs = (
            f"debug2: KEX algorithms: {offers['KexAlgorithms']},ext-info-s\ndebug2: ciphers ctos: {offers['Ciphers']}\n"
        )
        return Completed(255, "", f"debug2: KEX algorithms: mine\ndebug2: peer server KEXINIT proposal\n{theirs}")

    def _cat(self, node: str, path: str) -> Completed:
        files = self.files_of(node)
        return Completed(0, f"{files[path]}\n", "") if path in files else Completed(1, "", "No such file")

    def _chmod(self, node: str, mode: str) -> str:
        self.modes[node] = mode
        return ""

    def _write(self, node: str, path: str, text: str) -> str:
        self.files_of(node)[path] = re.sub(r"\n$", "", text)
        return ""

    def _new_key(self, node: str) -> str:
        self.files_of(node).update({HOST_KEY: "another", f"{HOST_KEY}.pub": "ssh-ed25519 AAAAnew instance"})
        return ""
