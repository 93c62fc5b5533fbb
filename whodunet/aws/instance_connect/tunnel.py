"""A tunnel of an Instance Connect Endpoint: what a client asks for, and what of its messages goes on to the instance.

The client's bytes come in binary messages, of any size, and so do those of the instance; nothing is acknowledged, and
a tunnel knows no half-close: it ends as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

PATH: Final = "/openTunnel"
PORTS: Final = (22, 3389)
MOST_S: Final = 3600  # as long as a tunnel lasts at most, and if its client names no time
# AWS CLI 2.23 sends some 9,000 a second from the end of its input until the tunnel is closed.
MOST_EMPTY: Final = 50_000


class InvalidTunnel(ValueError):
    """A tunnel cannot be what somebody asks for; the text is for the client."""


class TunnelViolation(ValueError):
    """A client sends what belongs in no tunnel."""


@dataclass(frozen=True, slots=True)
class TunnelRequest:
    """What a client asks for, in the query of its request."""

    endpoint_id: str
    private_address: IPv4Address | IPv6Address
    remote_port: int
    max_duration_s: int

    @classmethod
    def of(cls, query: Mapping[str, str]) -> TunnelRequest:
        """Reads the parameters; raises InvalidTunnel for the first that is missing or cannot be."""
        try:
            address = ip_address(query.get("privateIpAddress", ""))
        except ValueError as error:
            raise InvalidTunnel(
                "The specified PrivateIpAddress is not valid. Specify an IPv4 or IPv6 address of the VPC."
            ) from error
        port = _number(query.get("remotePort", ""))
        if port not in PORTS:
            raise InvalidTunnel("The specified RemotePort is not valid. Specify either 22 or 3389.")
        duration_s = _number(query.get("maxTunnelDuration", str(MOST_S)))
        if duration_s is None or not 1 <= duration_s <= MOST_S:
            raise InvalidTunnel(
                f"The specified MaxTunnelDuration is not valid. Specify a number of seconds from 1 to {MOST_S}."
            )
        return cls(query.get("instanceConnectEndpointId", ""), address, port, duration_s)

    def parameters(self) -> dict[str, str]:
        """As the audit trail has them."""
        return {
            "instanceConnectEndpointId": self.endpoint_id,
            "maxTunnelDuration": str(self.max_duration_s),
            "remotePort": str(self.remote_port),
            "privateIpAddress": str(self.private_address),
        }

    def context(self) -> dict[str, str]:
        """What conditions of policies can ask about it.

        Source: Service Authorization Reference, "Amazon EC2 Instance Connect", condition keys.
        """
        return {
            "ec2-instance-connect:remoteport": str(self.remote_port),
            "ec2-instance-connect:privateipaddress": str(self.private_address),
            "ec2-instance-connect:maxtunnelduration": str(self.max_duration_s),
        }


class Inflow:
    """What a client sends, message by message."""

    def __init__(self) -> None:
        self._empty = 0  # messages in a row without a byte

    def take(self, message: bytes | str) -> bytes:
        """The bytes for the instance, none for a message without any.

        Raises:
            TunnelViolation: for a text, and for a client that has sent nothing but empty messages for too long.
        """
        if isinstance(message, str):
            raise TunnelViolation("a tunnel carries binary messages")
        self._empty = 0 if message else self._empty + 1
        if self._empty > MOST_EMPTY:
            raise TunnelViolation(f"{MOST_EMPTY} empty messages in a row")
        return message

    def answered(self) -> None:
        """The instance has sent something: whoever waits for it may go on waiting."""
        self._empty = 0


def _number(text: str) -> int | None:
    """A decimal number of few digits; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else None
