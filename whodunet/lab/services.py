"""Services that hosts of a lab run: real daemons, one class each, found by the name that topologies use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

from whodunet.core.errors import CannotRun
from whodunet.lab.hosts import Host
from whodunet.lab.processes import Daemon, check, listening_ports
from whodunet.lab.waiting import wait_until


class Service(Protocol):
    """A daemon on a host."""

    @property
    def port(self) -> int:
        """The TCP port on which it accepts."""
        ...

    def prepare(self, host: Host) -> None:
        """Writes its files, once."""
        ...

    def command(self, host: Host) -> list[str]:
        """What runs on the host, in the foreground."""
        ...


class Sshd:
    """OpenSSH's server with one account to log in to by key. Source: sshd_config(5)."""

    port: ClassVar[int] = 22

    def __init__(self, login: str) -> None:
        self.login = login

    def prepare(self, host: Host) -> None:
        """Makes host key and configuration; the login's key is authorised by `authorise`."""
        key = host.files / "etc/ssh/host_key"
        key.parent.mkdir(parents=True, exist_ok=True)
        check(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", host.name, "-f", str(key)])
        lines = [
            f"HostKey {key}",
            "PidFile none",
            "UsePAM no",
            "PasswordAuthentication no",
            "Subsystem sftp internal-sftp",
        ]
        host.write("etc/ssh/sshd_config", "\n".join(lines) + "\n")

    def command(self, host: Host) -> list[str]:
        """sshd has to be called by its full path, because it calls itself."""
        return ["/usr/sbin/sshd", "-D", "-e", "-f", str(host.files / "etc/ssh/sshd_config")]

    def authorise(self, host: Host, public_key: str) -> None:
        """Lets the owner of a key log in."""
        account = host.account(self.login)
        host.write(f"home/{self.login}/.ssh/authorized_keys", public_key, 0o600, account.uid)


class Dnsmasq:
    """A DNS server that knows the records of one zone and answers NXDOMAIN for the rest of it. Source: dnsmasq(8)."""

    port: ClassVar[int] = 53

    def __init__(self, zone: str, records: Mapping[str, str]) -> None:
        self.zone = zone
        self.records = records

    def prepare(self, host: Host) -> None:
        """Writes the records in the form of /etc/hosts, which dnsmasq reads again on SIGHUP."""
        host.write("etc/dns-records", "".join(f"{address} {name}\n" for name, address in self.records.items()))

    def command(self, host: Host) -> list[str]:
        """No configuration of the machine, no leases, no upstream."""
        records = host.files / "etc/dns-records"
        quiet = ["--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", "--pid-file="]
        return ["dnsmasq", "--keep-in-foreground", *quiet, f"--addn-hosts={records}", f"--local=/{self.zone}/"]


KINDS: Mapping[str, type[Sshd] | type[Dnsmasq]] = {"sshd": Sshd, "dnsmasq": Dnsmasq}


class RunningServices:
    """The services of a lab, by host and name."""

    def __init__(self, watch: Callable[[Daemon], None]) -> None:
        """`watch` is given every daemon that is started."""
        self._watch = watch
        self._services: dict[tuple[str, str], Service] = {}
        self._settings: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._daemons: dict[tuple[str, str], Daemon] = {}

    def prepare(self, host: Host) -> None:
        """Makes the files of every service that the topology gives a host."""
        for name, settings in (host.settings.get("services") or {}).items():
            self._furnish(host, name, settings)

    def _furnish(self, host: Host, name: str, settings: Mapping[str, Any]) -> None:
        service: Service = KINDS[name](**settings)
        service.prepare(host)
        self._services[host.name, name] = service
        self._settings[host.name, name] = settings

    def launch(self, host: Host, name: str) -> None:
        """Starts a service without waiting for it."""
        service = self._find(host, name)
        keep_open = tuple(host.namespaces.values())
        self._daemons[host.name, name] = Daemon(
            f"{host.name}-{name}", host.inside(*service.command(host)), keep_open=keep_open
        )
        self._watch(self._daemons[host.name, name])

    def await_ready(self, host: Host, name: str) -> None:
        """Returns when the service accepts connections."""
        port = self._find(host, name).port
        wait_until(lambda: port in listening_ports(host.pid), f"{name} on {host.name} to listen on port {port}")

    def launch_all(self, hosts: Mapping[str, Host]) -> None:
        """Starts every service."""
        for host, name in self._services:
            self.launch(hosts[host], name)

    def await_all(self, hosts: Mapping[str, Host]) -> None:
        """Returns when every service accepts connections."""
        for host, name in self._services:
            self.await_ready(hosts[host], name)

    def start(self, host: Host, name: str) -> None:
        """Starts a service that is not running; returns when it accepts."""
        if not self.is_running(host, name):
            self.launch(host, name)
        self.await_ready(host, name)

    def stop(self, host: Host, name: str) -> None:
        """Stops a service; returns when it is gone."""
        self._find(host, name)
        self._daemons[host.name, name].kill()

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
        """Runs another program on a stopped service's port in its place; returns when it accepts."""
        arguments = host.inside("bash", "-c", f"exec {command.format(port=self._find(host, name).port)}")
        fds = tuple(host.namespaces.values())
        self._daemons[host.name, name] = Daemon(f"{host.name}-instead-of-{name}", arguments, keep_open=fds)
        self._watch(self._daemons[host.name, name])
        self.await_ready(host, name)

    def is_running(self, host: Host, name: str) -> bool:
        """True while the daemon lives."""
        self._find(host, name)
        return self._daemons[host.name, name].is_alive

    def authorise_everywhere(self, hosts: Mapping[str, Host], public_key: str) -> None:
        """Lets the owner of a key log in to every host with sshd."""
        for (host, _), service in self._services.items():
            if isinstance(service, Sshd):
                service.authorise(hosts[host], public_key)

    def known_hosts(self, hosts: Mapping[str, Host], names: Mapping[str, str]) -> str:
        """Lines for ~/.ssh/known_hosts: the key of every host with sshd, by its address and its names."""
        lines = []
        for host, service in ((hosts[host], service) for (host, _), service in self._services.items()):
            if isinstance(service, Sshd):
                kind, key = Path(host.files / "etc/ssh/host_key.pub").read_text(encoding="utf-8").split()[:2]
                lines.append(f"{names[host.name]} {kind} {key}\n")
        return "".join(lines)

    def _find(self, host: Host, name: str) -> Service:
        try:
            return self._services[host.name, name]
        except KeyError:
            there = ", ".join(service for owner, service in self._services if owner == host.name) or "none"
            raise CannotRun(f"{host.name} has no service {name}; it has: {there}") from None
