"""OpenVPN's datagrams, over UDP: what they carry is encrypted."""

from __future__ import annotations

from whodunet.evidence.packet_kinds import Kind

KINDS = (
    Kind("OpenVPN data", ("OpenVPN",), lambda packet: packet.openvpn is not None and packet.openvpn.is_data),
    Kind("OpenVPN control", ("OpenVPN",), lambda packet: packet.openvpn is not None and not packet.openvpn.is_data),
)
