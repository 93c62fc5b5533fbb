"""The two ends of a VPN know each other alone, and the server says what goes through the tunnel."""

from __future__ import annotations

import pytest

from tests.unit.services.hosts_in_memory import place
from whodunet.evidence.topology import Family
from whodunet.services.openvpn_client import OpenVpnClient
from whodunet.services.openvpn_server import CALLERS, OpenVpnServer, pushed

CLIENT_CONFIGURATION, SERVER_CONFIGURATION = "/etc/openvpn/client-tun0.conf", "/etc/openvpn/vpn-server-tun0.conf"


def server() -> OpenVpnServer:
    return OpenVpnServer(
        interface="vpn-server-tun0",
        addresses=("10.8.0.1/24", "fd00:8::1/64"),
        callers={"client": ("10.8.0.10/24", "fd00:8::10/64")},
        routes=("10.8.0.0/16", "fd00:8::/48"),
        mtu_bytes=1400,
    )


def client() -> OpenVpnClient:
    return OpenVpnClient(interface="client-tun0", server=("100.64.8.2", "fd00:64:0:8::2"), mtu_bytes=1400)


def test_each_end_trusts_the_certificate_of_the_other_and_no_authority() -> None:
    one, other = client(), server()
    caller, at_caller = place("client", one)
    called, at_called = place("vpn-server", other)

    one.meet(at_caller.host, [at_called, at_caller])

    ours, theirs = caller.files[CLIENT_CONFIGURATION], called.files[SERVER_CONFIGURATION]
    assert f"<peer-fingerprint>\n{other.identity.fingerprint}\n</peer-fingerprint>" in ours
    assert f"<peer-fingerprint>\n{one.identity.fingerprint}\n</peer-fingerprint>" in theirs
    assert one.identity.private_key.strip() in ours
    assert one.identity.private_key.strip() not in theirs
    assert "<ca>" not in ours + theirs
    assert caller.modes[CLIENT_CONFIGURATION] == called.modes[SERVER_CONFIGURATION] == (0o600, 0)


def test_ends_that_meet_again_trust_each_other_s_new_certificate() -> None:
    caller, at_caller = place("client", client())
    _, at_called = place("vpn-server", server())
    anew = server()
    _, again = place("vpn-server", anew)

    at_caller.furnishing.meet(at_caller.host, [at_called])
    at_caller.furnishing.meet(at_caller.host, [again])

    assert anew.identity.fingerprint in caller.files[CLIENT_CONFIGURATION]


@pytest.mark.parametrize(("family", "first"), [("ipv4", "100.64.8.2 1194 udp4"), ("ipv6", "fd00:64:0:8::2 1194 udp6")])
def test_the_server_is_called_over_the_family_of_the_case_first(family: Family, first: str) -> None:
    caller, at_caller = place("client", client())
    _, at_called = place("vpn-server", server())
    caller.family = family

    at_caller.furnishing.meet(at_caller.host, [at_called])

    remotes = [line for line in caller.files[CLIENT_CONFIGURATION].splitlines() if line.startswith("remote ")]
    assert remotes[0] == f"remote {first}"
    assert len(remotes) == 2


def test_a_caller_is_given_its_addresses_and_what_goes_through_the_tunnel() -> None:
    called, _ = place("vpn-server", server())

    assert called.files[f"{CALLERS}/client"].splitlines() == [
        "ifconfig-push 10.8.0.10 255.255.255.0",
        "ifconfig-ipv6-push fd00:8::10/64 fd00:8::1",
        'push "route 10.8.0.0 255.255.0.0"',
        'push "route-ipv6 fd00:8::/48"',
    ]


@pytest.mark.parametrize(
    ("routes", "options"),
    [
        (("0.0.0.0/0", "::/0"), ["redirect-gateway def1 ipv6"]),
        (("0.0.0.0/0",), ["redirect-gateway def1"]),
        (("::/0", "10.8.0.0/16"), ["redirect-gateway !ipv4 ipv6", "route 10.8.0.0 255.255.0.0"]),
        (("10.8.0.0/16",), ["route 10.8.0.0 255.255.0.0"]),
    ],
)
def test_all_of_a_family_is_another_option_than_a_network(routes: tuple[str, ...], options: list[str]) -> None:
    assert list(pushed(routes)) == options
