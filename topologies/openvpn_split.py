"""The reference topology with a split tunnel: the VPN carries what is for the company, and nothing else.

Everything is as in `openvpn_tunnel`. But the VPN's server tells the client to send the company's networks alone through
the tunnel (10.8.0.0/16 and 10.9.0.0/16); the cloud is reached by the home line, beside the tunnel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from whodunet import catalogue
from whodunet.address_plan import Network

if TYPE_CHECKING:
    from topologies.openvpn_tunnel import OpenVpnTunnel
else:
    OpenVpnTunnel = catalogue.topology("openvpn_tunnel")


class OpenVpnSplit(OpenVpnTunnel):
    """See above."""

    @property
    def through_the_tunnel(self) -> tuple[Network, ...]:
        """Where the client goes by the tunnel while it is on the VPN."""
        return (self.corporate, self.corporate_lan)


topos = {"openvpn_split": OpenVpnSplit}
