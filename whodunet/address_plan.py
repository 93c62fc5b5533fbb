"""Networks and addresses of both families, stated by a topology or drawn from a seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network
from typing import Final

from whodunet.variation import Draws

# What anybody may use inside. Source: RFC 1918, section 3; RFC 6598, section 7; RFC 4193, section 3.
_BLOCKS: Final = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
_LOCAL: Final = IPv6Network("fd00::/8")
_GLOBAL_ID_BITS: Final = 40
_SITE_BITS: Final = 48
# Seeds that differ by less share no network: each draws from every 16th alone, of which 10.0.0.0/8 has 16 of /16.
STRIPES: Final = 16
_SUBNETS: Final = range(1, 256)  # /24 in a /16; the first one stays free for what is always there
_HOSTS: Final = range(4, 251)  # what is left in a /24 beside routers and resolvers


@dataclass(frozen=True)
class Addresses:
    """What one interface has: an address of each family, with the length of its network's prefix."""

    ipv4: IPv4Interface
    ipv6: IPv6Interface

    @property
    def with_lengths(self) -> tuple[str, str]:
        """("10.8.0.10/24", "fd00:8::10/64")."""
        return str(self.ipv4), str(self.ipv6)

    @property
    def bare(self) -> tuple[str, str]:
        """("10.8.0.10", "fd00:8::10")."""
        return str(self.ipv4.ip), str(self.ipv6.ip)


@dataclass(frozen=True)
class Network:
    """A network of both families."""

    ipv4: IPv4Network
    ipv6: IPv6Network

    @classmethod
    def of(cls, ipv4: str, ipv6: str) -> Network:
        """Raises ValueError when one is not a network of its family."""
        return cls(IPv4Network(ipv4), IPv6Network(ipv6))

    @property
    def cidrs(self) -> tuple[str, str]:
        """("10.8.0.0/16", "fd00:8::/48")."""
        return str(self.ipv4), str(self.ipv6)

    def subnet(self, number: int) -> Network:
        """Its /24 and its /64 of a number, which looks the same in both: 10.8.12.0/24 and fd00:8:0:12::/64."""
        ipv4 = IPv4Network((int(self.ipv4.network_address) + (number << 8), 24))
        return Network(ipv4, IPv6Network((int(self.ipv6.network_address) + (_looks_like(number) << 64), 64)))

    def host(self, number: int) -> Addresses:
        """The addresses of a host, whose number looks the same in both: 10.8.0.53 and fd00:8::53."""
        ipv4 = IPv4Interface((self.ipv4[number], self.ipv4.prefixlen))
        return Addresses(ipv4, IPv6Interface((self.ipv6[_looks_like(number)], self.ipv6.prefixlen)))

    def overlaps(self, other: Network) -> bool:
        """True when the two have an address in common."""
        return self.ipv4.overlaps(other.ipv4) or self.ipv6.overlaps(other.ipv6)


def _looks_like(number: int) -> int:
    """The number whose hexadecimal digits are the decimal ones of this."""
    return int(str(number), 16)


ANYWHERE: Final = Network.of("0.0.0.0/0", "::/0")


def routes(gateway: Addresses, *destinations: Network) -> Iterator[str]:
    """Routes of both families, as `ip route` takes them; to ANYWHERE: the default route."""
    for destination in destinations:
        for cidr, through in zip(destination.cidrs, gateway.bare, strict=True):
            yield f"{'default' if destination == ANYWHERE else cidr} via {through}"


class AddressPlan:
    """The networks of one topology: those that it states or, with a seed, others of their size and of their block.

    Two seeds that differ by less than STRIPES share no address, and no two networks of a plan overlap.
    """

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        self._networks: list[Network] = []
        self._numbers: dict[Network, set[int]] = {}

    def network(self, name: str, ipv4: str, ipv6: str) -> Network:
        """A network: the name that it is drawn by, and what it is without a seed.

        Raises:
            ValueError: when it is not private, its block has none left, or it overlaps another one.
        """
        stated = Network.of(ipv4, ipv6)
        network = stated if self._draws.seed is None else Network(self._ipv4(name, stated), self._ipv6(name, stated))
        if any(map(network.overlaps, self._networks)):
            raise ValueError(f"the network {name}, {' and '.join(network.cidrs)}, overlaps another one")
        self._networks.append(network)
        return network

    def subnet(self, name: str, network: Network, stated: int) -> Network:
        """One of a network's /24 and /64; drawn, it is not the first, and none that was drawn before."""
        return network.subnet(self._number(f"subnet {name}", network, _SUBNETS, stated))

    def host(self, name: str, subnet: Network, stated: int) -> Addresses:
        """A host's addresses in a subnet; drawn, they are nobody else's."""
        return subnet.host(self._number(f"host {name}", subnet, _HOSTS, stated))

    def _number(self, name: str, network: Network, choices: Sequence[int], stated: int) -> int:
        """The number of a subnet or host in a network that has none of that number yet."""
        taken = self._numbers.setdefault(network, set())
        number = self._draws.one_of(name, [each for each in choices if each not in taken], stated)
        taken.add(number)
        return number

    @property
    def _stripe(self) -> int:
        return (self._draws.seed or 0) % STRIPES

    def _ipv4(self, name: str, stated: Network) -> IPv4Network:
        block = next((block for block in _BLOCKS if stated.ipv4.subnet_of(block)), None)
        if block is None:
            raise ValueError(f"the network {name}, {stated.ipv4}, is in none of {', '.join(map(str, _BLOCKS))}")
        length = stated.ipv4.prefixlen
        places: Sequence[int] = range(self._stripe, 1 << (length - block.prefixlen), STRIPES)
        first = self._draws.number(f"{name}, IPv4", len(places)) if places else 0
        for place in (*places[first:], *places[:first]):
            network = IPv4Network((int(block.network_address) + (place << (32 - length)), length))
            if not any(network.overlaps(each.ipv4) for each in self._networks):
                return network
        raise ValueError(f"no network is left for {name} in {block}")

    def _ipv6(self, name: str, stated: Network) -> IPv6Network:
        """A /48 of a global ID that is drawn, or a subnet of one. Source: RFC 4193, section 3.2."""
        drawn = self._draws.number(f"{name}, global ID", 1 << _GLOBAL_ID_BITS)
        global_id = drawn - drawn % STRIPES + self._stripe
        length = stated.ipv6.prefixlen
        subnet = self._draws.number(f"{name}, subnet", 1 << (length - _SITE_BITS))
        address = int(_LOCAL.network_address) + (global_id << (128 - _SITE_BITS)) + (subnet << (128 - length))
        return IPv6Network((address, length))
