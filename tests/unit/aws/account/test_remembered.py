from __future__ import annotations

from whodunet.aws.account.remembered import Remembered


def test_a_key_is_remembered() -> None:
    spent = Remembered()
    spent.add("code", 600, now_s=0)
    assert "code" in spent
    assert "other" not in spent


def test_what_is_over_makes_room() -> None:
    spent = Remembered()
    spent.add("old", 600, now_s=0)
    spent.add("new", 1200, now_s=600)
    assert "old" not in spent
    assert "new" in spent


def test_beyond_the_limit_what_ends_first_is_forgotten_first() -> None:
    spent = Remembered(limit=2)
    for key, end in (("long", 900), ("short", 300), ("middle", 600)):
        spent.add(key, end, now_s=0)
    assert [key for key in ("long", "short", "middle") if key in spent] == ["long", "middle"]
