"""Where a port forward may lead."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Address = IPv4Address | IPv6Address
AddressBlock = IPv4Network | IPv6Network

# Instance metadata, the VPC's name server, clock and further services of the hypervisor; amazon-ssm-agent's defaults.
_OF_THE_INSTANCE: Final = frozenset(
    ip_address(text) for text in ("fd00:ec2::254", "fd00:ec2::253", "fd00:ec2::123", "fd00:ec2::240")
)
_RESERVED_AT_THE_START: Final = 4  # network, router, name server, future use; VPC User Guide, "Subnet CIDR blocks"


def forbidden(address: str, vpc_networks: Iterable[AddressBlock]) -> bool:
    """Whether an agent refuses to forward to an address: one that belongs to the instance's link, or to the VPC itself.

    An address with a zone (`fe80::1%eth0`) counts as the address; text that is not an address is refused.
    """
    try:
        plain = _plain(ip_address(address))
    except ValueError:
        return True
    return (
        plain.is_link_local or plain in _OF_THE_INSTANCE or any(_reserved(plain, network) for network in vpc_networks)
    )


def _plain(address: Address) -> Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or (IPv6Address(int(address)) if isinstance(address, IPv6Address) else address)


def _reserved(address: Address, network: AddressBlock) -> bool:
    """Whether a VPC keeps the address for itself: the first four and the last of its block."""
    if address not in network:
        return False
    return int(address) - int(network.network_address) < _RESERVED_AT_THE_START or address == network.broadcast_address
