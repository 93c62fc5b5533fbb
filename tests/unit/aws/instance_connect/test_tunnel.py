"""What a tunnel can be, and what of a client's messages reaches the instance."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from whodunet.aws.instance_connect.tunnel import (
    MOST_EMPTY,
    Inflow,
    InvalidTunnel,
    TunnelRequest,
    TunnelViolation,
)

ASKED: Mapping[str, str] = {
    "instanceConnectEndpointId": "eice-0123456789abcdef0",
    "remotePort": "22",
    "privateIpAddress": "10.0.1.10",
}


def test_a_request_that_names_no_duration_is_for_an_hour() -> None:
    request = TunnelRequest.of(ASKED)
    assert (request.remote_port, str(request.private_address), request.max_duration_s) == (22, "10.0.1.10", 3600)
    assert request.parameters() == {**ASKED, "maxTunnelDuration": "3600"}


def test_conditions_can_ask_about_port_address_and_duration() -> None:
    assert TunnelRequest.of({**ASKED, "remotePort": "3389", "maxTunnelDuration": "60"}).context() == {
        "ec2-instance-connect:remoteport": "3389",
        "ec2-instance-connect:privateipaddress": "10.0.1.10",
        "ec2-instance-connect:maxtunnelduration": "60",
    }


def test_a_tunnel_can_lead_to_an_address_of_ipv6() -> None:
    asked = TunnelRequest.of({**ASKED, "privateIpAddress": "FD00:10:0::a"})
    assert asked.parameters()["privateIpAddress"] == "fd00:10::a"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"remotePort": "2222"}, "RemotePort is not valid. Specify either 22 or 3389"),
        ({"remotePort": ""}, "RemotePort"),
        ({"remotePort": "٢٢"}, "RemotePort"),
        ({"remotePort": "9" * 5000}, "RemotePort"),
        ({"privateIpAddress": "fd00::1/64"}, "PrivateIpAddress"),
        ({"privateIpAddress": "instance"}, "PrivateIpAddress"),
        ({"maxTunnelDuration": "0"}, "MaxTunnelDuration"),
        ({"maxTunnelDuration": "3601"}, "MaxTunnelDuration"),
        ({"maxTunnelDuration": "-1"}, "MaxTunnelDuration"),
    ],
)
def test_what_cannot_be_names_the_parameter(changed: Mapping[str, str], named: str) -> None:
    with pytest.raises(InvalidTunnel, match=named):
        TunnelRequest.of({**ASKED, **changed})


def test_bytes_go_on_as_they_came_and_empty_messages_are_none() -> None:
    inflow = Inflow()
    assert [inflow.take(message) for message in (b"SSH-", b"", b"2.0")] == [b"SSH-", b"", b"2.0"]


def test_a_text_is_refused() -> None:
    with pytest.raises(TunnelViolation, match="binary"):
        Inflow().take("SSH-2.0")


@pytest.mark.parametrize("speaks", ["the client", "the instance"])
def test_empty_messages_are_ignored_until_there_are_too_many_in_which_nobody_said_anything(speaks: str) -> None:
    inflow = Inflow()
    for _ in range(MOST_EMPTY):
        inflow.take(b"")
    inflow.take(b"x") if speaks == "the client" else inflow.answered()
    for _ in range(MOST_EMPTY):
        inflow.take(b"")
    with pytest.raises(TunnelViolation, match="empty"):
        inflow.take(b"")
