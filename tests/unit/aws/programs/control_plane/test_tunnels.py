"""A tunnel is opened for who may have it, carries bytes both ways, and is written down, refused ones too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.unit.aws.programs.control_plane.endpoint import (
    ASKED,
    ENDPOINT,
    Instance,
    asking,
    plane_with_endpoint,
    presigned,
)
from tests.unit.aws.programs.control_plane.plane import Conversation, Plane, play

CONNECT = "asyncio.open_connection"


@pytest.fixture
def endpoint(tmp_path: Path) -> Plane:
    return plane_with_endpoint(tmp_path, tunnels_of=ENDPOINT)


async def refusal(conversation: Conversation) -> tuple[int, str, str]:
    """The status of a refused upgrade, and what its body says."""
    start, body = await conversation.next(), await conversation.next()
    assert start["type"] == "websocket.http.response.start"
    told = json.loads(body["body"])
    return start["status"], told["ErrorCode"], told["Message"]


def test_bytes_go_both_ways_until_the_instance_ends(endpoint: Plane) -> None:
    instance = Instance()

    async def story() -> None:
        async with asking(endpoint, presigned(endpoint, endpoint.ann)) as tunnel:
            assert (await tunnel.next())["type"] == "websocket.accept"
            instance.says.feed_data(b"SSH-2.0-server\r\n")
            assert (await tunnel.next())["bytes"] == b"SSH-2.0-server\r\n"
            for piece in (b"SSH-2.0-", b"", b"client\r\n"):
                tunnel.bytes(piece)
            instance.says.feed_data(b"more")
            assert (await tunnel.next())["bytes"] == b"more"
            instance.says.feed_eof()
            closing = await tunnel.next()
            assert (closing["type"], closing["code"]) == ("websocket.close", 1000)
        assert instance.asked == ("10.0.1.10", 22)
        assert instance.is_closed

    with patch(CONNECT, instance.connect):
        play(story)


def test_what_the_client_sends_reaches_the_instance_and_its_end_is_the_tunnels(endpoint: Plane) -> None:
    instance = Instance()

    async def story() -> None:
        async with asking(endpoint, presigned(endpoint, endpoint.ann)) as tunnel:
            tunnel.bytes(b"hello ")
            tunnel.bytes(b"there")
        assert instance.heard == b"hello there"
        assert instance.is_closed

    with patch(CONNECT, instance.connect):
        play(story)


def test_a_text_ends_the_tunnel_with_a_code_of_its_own(endpoint: Plane) -> None:
    instance = Instance()

    async def story() -> None:
        async with asking(endpoint, presigned(endpoint, endpoint.ann)) as tunnel:
            assert (await tunnel.next())["type"] == "websocket.accept"
            tunnel.text("hello")
            assert (await tunnel.next())["code"] == 1003

    with patch(CONNECT, instance.connect):
        play(story)


def test_a_tunnel_to_nobody_is_opened_and_closed_without_a_word(endpoint: Plane) -> None:
    async def refused(address: str, port: int) -> Any:
        raise ConnectionRefusedError(111, "Connection refused")

    async def story() -> None:
        async with asking(endpoint, presigned(endpoint, endpoint.ann)) as tunnel:
            assert (await tunnel.next())["type"] == "websocket.accept"
            assert (await tunnel.next())["code"] == 1000

    with patch(CONNECT, refused):
        play(story)


def test_its_time_is_over_when_it_was_asked_to_be(endpoint: Plane) -> None:
    async def story() -> None:
        url = presigned(endpoint, endpoint.ann, {**ASKED, "maxTunnelDuration": "1"})
        async with asking(endpoint, url) as tunnel:
            assert (await tunnel.next())["type"] == "websocket.accept"
            assert (await tunnel.next())["code"] == 1000

    with patch(CONNECT, Instance().connect):
        play(story)


@pytest.mark.parametrize(
    ("changed", "status", "code", "said"),
    [
        ({"remotePort": "2222"}, 400, "InvalidParameter", "Specify either 22 or 3389"),
        ({"remotePort": "3389"}, 403, "AccessDenied", "ec2-instance-connect:OpenTunnel on resource: arn:aws:ec2:"),
        ({"privateIpAddress": "10.0.2.10"}, 403, "AccessDenied", "not authorized"),
        ({"privateIpAddress": "192.0.2.1"}, 403, "AccessDenied", "not authorized"),
        ({"instanceConnectEndpointId": "eice-0"}, 400, "InvalidParameter", "InstanceConnectEndpointId"),
    ],
)
def test_what_is_refused_is_answered_over_http_and_recorded(
    endpoint: Plane, changed: Mapping[str, str], status: int, code: str, said: str
) -> None:
    async def story() -> None:
        async with asking(endpoint, presigned(endpoint, endpoint.ann, {**ASKED, **changed})) as tunnel:
            found = await refusal(tunnel)
        assert found[:2] == (status, code)
        assert said in found[2]
        event = endpoint.events[-1]
        assert event["eventName"] == "OpenTunnel"
        assert event["errorMessage"] == found[2]
        assert event["userIdentity"]["arn"].endswith("assumed-role/Developer/ann@corp.example")
        assert {**ASKED, **changed}.items() <= event["requestParameters"].items()

    play(story)


@pytest.mark.parametrize("address", ["192.0.2.1", "fd00:10:1::a"])
def test_an_address_outside_of_the_vpc_is_refused_to_who_may_open_any_tunnel(endpoint: Plane, address: str) -> None:
    admin = endpoint.credentials("Admin", "root@corp.example")

    async def story() -> None:
        url = presigned(endpoint, admin, {**ASKED, "privateIpAddress": address})
        async with asking(endpoint, url) as tunnel:
            assert (await refusal(tunnel))[1:] == (
                "InvalidParameter",
                "The specified PrivateIpAddress is not in the VPC of the endpoint.",
            )

    play(story)


def test_a_tunnel_leads_to_an_address_of_ipv6_of_the_vpc(endpoint: Plane) -> None:
    admin, instance = endpoint.credentials("Admin", "root@corp.example"), Instance()

    async def story() -> None:
        asked = {**ASKED, "privateIpAddress": "fd00:10:0:1::a"}
        async with asking(endpoint, presigned(endpoint, admin, asked)) as tunnel:
            assert (await tunnel.next())["type"] == "websocket.accept"
        assert instance.asked == ("fd00:10:0:1::a", 22)

    with patch(CONNECT, instance.connect):
        play(story)


def test_an_open_tunnel_is_recorded_and_no_signature_is_in_the_trail(endpoint: Plane) -> None:
    url = presigned(endpoint, endpoint.ann)
    signature, token = (
        url.partition(f"X-Amz-{name}=")[2].partition("&")[0] for name in ("Signature", "Security-Token")
    )

    async def story() -> None:
        async with asking(endpoint, url) as tunnel:
            assert (await tunnel.next())["type"] == "websocket.accept"

    with patch(CONNECT, Instance().connect):
        play(story)
    event = endpoint.events[-1]
    assert event["requestParameters"] == {**ASKED, "maxTunnelDuration": "3600"}
    assert "errorCode" not in event
    trail = (endpoint.records / "cloudtrail.jsonl").read_text()
    assert signature
    assert signature not in trail
    assert token[:40] not in trail


def test_only_tunnels_are_served_where_tunnels_are(endpoint: Plane) -> None:
    async def story() -> None:
        assert (await endpoint.post("ssm", "/", b"", {})).status == 404

    play(story)
