"""Pushed keys are there for their user until they expire."""

from __future__ import annotations

from whodunet.aws.instance_connect.pushed_keys import PushedKey, active_keys

KEY = PushedKey(user="ec2-user", public_key="ssh-ed25519 AAAA me\n", caller="arn", request_id="r", expires_at_s=160)


def test_a_key_is_told_with_who_sent_it_and_when_it_expires() -> None:
    assert active_keys([KEY], "i-1", 100) == {
        "ec2-user": "#Timestamp=160\n#Instance=i-1\n#Caller=arn\n#Request=r\nssh-ed25519 AAAA me\n"
    }


def test_a_key_is_worth_nothing_from_its_expiry_on() -> None:
    assert active_keys([KEY], "i-1", 159.9)
    assert active_keys([KEY], "i-1", 160) == {}


def test_each_user_has_their_own_and_several_are_told_in_their_order() -> None:
    other = KEY.model_copy(update={"user": "ubuntu"})
    later = KEY.model_copy(update={"public_key": "ssh-ed25519 BBBB"})
    told = active_keys([KEY, other, later], "i-1", 100)
    assert list(told) == ["ec2-user", "ubuntu"]
    assert told["ec2-user"].index("AAAA") < told["ec2-user"].index("BBBB")
    assert "BBBB" not in told["ubuntu"]
