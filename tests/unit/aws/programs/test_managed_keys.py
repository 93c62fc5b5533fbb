"""What one program keeps, another one reads."""

from __future__ import annotations

from pathlib import Path

from whodunet.aws.instance_connect.pushed_keys import PushedKey
from whodunet.aws.programs.managed_keys import ManagedKeys

KEY = PushedKey(user="ec2-user", public_key="ssh-ed25519 AAAA", caller="arn", request_id="r", expires_at_s=160)


def test_each_instance_has_its_own_keys_in_their_order(tmp_path: Path) -> None:
    keys = ManagedKeys(tmp_path / "keys")
    later = KEY.model_copy(update={"user": "ubuntu"})
    for instance, key in (("i-1", KEY), ("i-2", KEY), ("i-1", later)):
        keys.push(instance, key)
    assert ManagedKeys(tmp_path / "keys").of("i-1") == [KEY, later]
    assert keys.of("i-2") == [KEY]
    assert keys.of("i-3") == []


def test_a_line_that_is_not_whole_yet_is_no_key(tmp_path: Path) -> None:
    keys = ManagedKeys(tmp_path)
    keys.push("i-1", KEY)
    with (tmp_path / "i-1.jsonl").open("ab") as file:
        file.write(b'{"user": "ec2-')
    assert keys.of("i-1") == [KEY]
