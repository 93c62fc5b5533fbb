"""The network of a host: its addresses, routes and settings, which the lab gives it.

The lab sets them itself, from inside the host's network namespace alone: no process of the host takes part in it, so
none has to be made for it, and none can get in the way.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from whodunet.lab import linux
from whodunet.lab.processes import check

if TYPE_CHECKING:
    from whodunet.lab_topo import HostSettings

# Source: ip-sysctl.txt of the kernel. Without these, traceroute loses hops and spoofed answers are dropped; and a new
# namespace may take over from the machine what is not set here, such as that it forwards, or has no IPv6.
# What a topology states is all that a host has: no router's advertisement is heeded or asked for. Nobody waits a second
# to learn that an address is free (RFC 4862, 5.4), and whoever leaves an uplink has its address when coming back.
_SYSCTLS: Final = {
    "ipv4/ip_forward": "0",
    "ipv4/conf/all/route_localnet": "0",
    "ipv4/conf/default/route_localnet": "0",
    "ipv4/icmp_ratelimit": "0",
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
    "ipv4/ping_group_range": "0 65534",
    "ipv6/conf/all/disable_ipv6": "0",
    "ipv6/conf/default/disable_ipv6": "0",
    "ipv6/conf/all/forwarding": "0",
    "ipv6/icmp/ratelimit": "0",
    "ipv6/conf/default/accept_dad": "0",
    "ipv6/conf/default/accept_ra": "0",
    "ipv6/conf/default/keep_addr_on_down": "1",
}
_LONGEST_SETTING: Final = 4096  # bytes
_BEHIND_THE_KERNELS: Final = 1024  # a metric higher than that of routes that the kernel makes, 256
_FORWARDING: Final = {"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1"}


@dataclass(frozen=True)
class HostNetwork:
    """What a host is to have."""

    settings: Mapping[str, str]  # by path below /proc/sys/net; those of conf/default are its interfaces', too
    ip_batch: Sequence[str]  # lines for `ip -batch`
    ip6_batch: Sequence[str]  # the same for `ip -6 -batch`, afterwards: of rules, ip(8) does not see which family's
    interfaces: Sequence[str]

    def set_up_in(self, namespace: int) -> None:
        """Sets it all up in the network namespace behind a descriptor.

        Raises:
            CannotRun: with what ip(8) said.
        """
        with linux.in_network(namespace):
            for setting, value in self.settings.items():
                for path in _places(setting, self.interfaces):
                    _set(path, value)
            run_ip_batch(self.ip_batch)
            if self.ip6_batch:
                run_ip_batch(self.ip6_batch, "-6")
            for interface in self.interfaces:
                linux.switch_offload_off(interface)


def network_of(
    settings: HostSettings,
    interfaces: Mapping[str, Sequence[str]],
    initial_ttl: int,
    devices: Sequence[str] = (),
) -> HostNetwork:
    """The network of a host.

    Args:
        settings: what the topology says of the host.
        interfaces: the addresses ("10.0.0.1/24", "fd00::1/64", "fe80::1/64") of each by its name.
        initial_ttl: TTL and hop limit of what the host sends.
        devices: lines for `ip -batch` that make those of them that are not there yet.
    """
    ttl = {"ipv4/ip_default_ttl": str(initial_ttl), "ipv6/conf/default/hop_limit": str(initial_ttl)}
    rules = [f"rule add {rule}" for rule in settings.get("rules") or ()]
    return HostNetwork(
        _SYSCTLS | ttl | (_FORWARDING if settings.get("forwards") else {}),
        [*devices, *_commands(interfaces), *_routes(settings), *(rule for rule in rules if not is_ipv6(rule))],
        [rule for rule in rules if is_ipv6(rule)],
        list(interfaces),
    )


def _commands(interfaces: Mapping[str, Sequence[str]]) -> list[str]:
    addresses = [
        f"address add {address} dev {name}{' nodad' if is_ipv6(address) else ''}"
        for name, its_own in interfaces.items()
        for address in its_own
    ]
    no_own_choice = [f"link set dev {name} addrgenmode none" for name in interfaces]  # of a link-local address
    links = ["link set dev lo up", *(f"link set dev {name} up" for name in interfaces)]
    # The kernel adds such a route once it has noticed that the other end is up, too: up to a second later, in which
    # no question for a neighbour would be heard. Source: Linux, addrconf_add_mroute and linkwatch_schedule_work
    groups = [
        f"route add multicast ff00::/8 dev {name} table local metric {metric}"  # two of one metric would be one
        for metric, name in enumerate(interfaces, _BEHIND_THE_KERNELS)
    ]
    return [*no_own_choice, *addresses, *links, *groups]


def _routes(settings: HostSettings) -> list[str]:
    uplinks = settings.get("uplinks") or {}
    first = next((each for each in uplinks.values() if each.service is None), None)
    default = [f"default via {gateway}" for gateway in first.gateway] if first else []
    return [f"route replace {route}" for route in (*(settings.get("routes") or ()), *default)]


def is_ipv6(line: str) -> bool:
    """True for an address of IPv6, and for a line of ip(8) that has one."""
    return ":" in line


def run_ip_batch(lines: Sequence[str], *options: str) -> None:
    """Runs lines of `ip -batch` in the network namespace of this thread.

    Raises:
        CannotRun: with what ip(8) said.
    """
    check(["ip", *options, "-batch", "-"], "\n".join([*lines, ""]))


def _places(setting: str, interfaces: Sequence[str]) -> Iterator[str]:
    """Where a setting is written: the default of new interfaces is nothing to those that are there already."""
    yield f"/proc/sys/net/{setting}"
    folder, is_default, name = setting.partition("/default/")
    if is_default:
        own = (f"/proc/sys/net/{folder}/{interface}/{name}" for interface in interfaces)
        yield from (path for path in own if os.path.exists(path))


def _set(path: str, value: str) -> None:
    """Sets what is not so already: to write some takes a lock of all networks of the machine, for which the kernel
    does not sleep but tries again and again. Source: Linux, restart_syscall in addrconf_sysctl_forward and its like.
    """
    setting = os.open(path, os.O_RDWR)  # not Path.read_text and write_text: this is done a hundred times for a lab
    try:
        if os.pread(setting, _LONGEST_SETTING, 0).split() != value.encode().split():
            os.pwrite(setting, value.encode(), 0)
    finally:
        os.close(setting)
