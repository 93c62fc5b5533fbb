"""SendSSHPublicKey: a key is kept for who may send it, for the user that the policy names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.aws.programs.control_plane.endpoint import plane_with_endpoint
from tests.unit.aws.programs.control_plane.plane import INSTANCE, NOW_S, Answer, Plane, play
from whodunet.aws.programs.managed_keys import ManagedKeys

PUBLIC_KEY = f"ssh-ed25519 {'A' * 68} ann@laptop"


@pytest.fixture
def plane(tmp_path: Path) -> Plane:
    return plane_with_endpoint(tmp_path)


async def send(plane: Plane, **changed: Any) -> Answer:
    parameters = {"InstanceId": INSTANCE, "InstanceOSUser": "ec2-user", "SSHPublicKey": PUBLIC_KEY, **changed}
    target = "AWSEC2InstanceConnectService.SendSSHPublicKey"
    return await plane.json_call("ec2-instance-connect", target, plane.ann, parameters)


def test_a_key_is_there_for_a_minute(plane: Plane, tmp_path: Path) -> None:
    async def story() -> None:
        answer = await send(plane)
        assert answer.status == 200
        assert answer.json["Success"] is True
        (key,) = ManagedKeys(tmp_path / "keys").of(INSTANCE)
        assert (key.user, key.public_key, key.expires_at_s) == ("ec2-user", PUBLIC_KEY, NOW_S + 60)
        assert key.caller.endswith("assumed-role/Developer/ann@corp.example")
        event = plane.events[-1]
        assert (event["eventName"], event["eventSource"]) == ("SendSSHPublicKey", "ec2-instance-connect.amazonaws.com")
        assert event["requestParameters"]["instanceOSUser"] == "ec2-user"

    play(story)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"InstanceOSUser": "root"}, "AccessDeniedException"),
        ({"InstanceId": "i-0ffff000000000000"}, "AccessDeniedException"),
        ({"InstanceOSUser": "../x"}, "ValidationException"),
        ({"InstanceOSUser": "a\nb"}, "ValidationException"),
        ({"SSHPublicKey": "x"}, "ValidationException"),
        ({"SSHPublicKey": f"ssh-dss {'A' * 80}"}, "InvalidArgsException"),
        ({"SSHPublicKey": f"{PUBLIC_KEY}\n{PUBLIC_KEY}"}, "InvalidArgsException"),
        ({"SSHPublicKey": f'command="sh" {PUBLIC_KEY}'}, "InvalidArgsException"),
    ],
)
def test_what_is_refused_is_kept_nowhere(plane: Plane, tmp_path: Path, changed: Any, error: str) -> None:
    async def story() -> None:
        answer = await send(plane, **changed)
        assert answer.error[0] == error
        assert not (tmp_path / "keys").exists()
        assert plane.events[-1]["errorCode"] == error

    play(story)


def test_an_account_without_a_place_for_keys_knows_no_such_call(tmp_path: Path) -> None:
    async def story() -> None:
        assert (await send(Plane(tmp_path))).error[0] == "UnknownOperationException"

    play(story)
