"""A router that keeps TTLs raises each by the one by which Linux lowers it."""

from __future__ import annotations

import re

from whodunet.lab.kept_ttls import ruleset


def test_each_ttl_below_the_highest_is_raised_by_one() -> None:
    steps = {int(one): int(other) for one, other in re.findall(r"ip ttl (\d+) ip ttl set (\d+) accept", ruleset())}
    assert steps == {ttl: ttl + 1 for ttl in range(1, 255)}


def test_each_hop_limit_below_the_highest_is_raised_by_one() -> None:
    rules = re.findall(r"ip6 hoplimit & (\S+) == (\S+) @nh,48,16 set @nh,48,16 \^ (\S+) accept", ruleset())
    numbers = [[int(number, 16) for number in rule] for rule in rules]

    def raised(hop_limit: int) -> list[int]:
        return [hop_limit ^ turned for mask, value, turned in numbers if hop_limit & mask == value]

    assert [raised(hop_limit) for hop_limit in range(1, 255)] == [[hop_limit + 1] for hop_limit in range(1, 255)]


def test_the_highest_is_marked_as_it_comes_and_restored_as_it_goes() -> None:
    arriving, leaving = ruleset().split("chain leaving")
    for field in ("ip ttl", "ip6 hoplimit"):
        (mark,) = re.findall(rf"{field} 255 meta mark set (\d+) accept", arriving)
        assert f"meta mark {mark} {field} set 255" in leaving
