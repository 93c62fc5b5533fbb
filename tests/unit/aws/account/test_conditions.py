"""Conditions of policies: each operator, and what an absent key or an unknown operator means."""

from __future__ import annotations

import pytest

from whodunet.aws.account.conditions import holds

CONTEXT = {
    "aws:username": "ann",
    "aws:sourceip": "10.8.0.10",
    "aws:securetransport": "true",
    "aws:currenttime": "2026-11-22T12:00:00Z",
    "aws:principalarn": "arn:aws:iam::123456789012:role/Developer",
    "n": "7",
}


def hold(operator: str, key: str, *wanted: str, unknown: bool = False) -> bool:
    """Whether the condition holds."""
    return holds(operator, key, wanted, CONTEXT, unknown=unknown)


@pytest.mark.parametrize(
    ("operator", "key", "wanted"),
    [
        ("StringEquals", "aws:username", "ann"),
        ("StringEquals", "AWS:UserName", "ann"),
        ("StringEquals", "aws:username", "${aws:username}"),
        ("StringNotEquals", "aws:username", "eve"),
        ("StringEqualsIgnoreCase", "aws:username", "ANN"),
        ("StringNotEqualsIgnoreCase", "aws:username", "EVE"),
        ("StringLike", "aws:username", "a*"),
        ("StringNotLike", "aws:username", "e*"),
        ("Bool", "aws:securetransport", "True"),
        ("IpAddress", "aws:sourceip", "10.8.0.0/24"),
        ("IpAddress", "aws:sourceip", "10.8.0.10"),
        ("NotIpAddress", "aws:sourceip", "10.9.0.0/24"),
        ("DateLessThan", "aws:currenttime", "2026-11-22T12:00:01Z"),
        ("DateGreaterThanEquals", "aws:currenttime", "2026-11-22T12:00:00Z"),
        ("DateGreaterThan", "aws:currenttime", "1700000000"),
        ("DateLessThan", "aws:currenttime", "2027-01-01"),
        ("NumericEquals", "n", "7.0"),
        ("NumericLessThanEquals", "n", "7"),
        ("NumericNotEquals", "n", "8"),
        ("ArnLike", "aws:principalarn", "arn:aws:iam::*:role/Dev*"),
        ("ArnNotEquals", "aws:principalarn", "arn:aws:iam::*:role/Ops"),
        ("Null", "aws:nobody", "true"),
        ("Null", "aws:username", "false"),
        ("ForAnyValue:StringEquals", "aws:username", "ann"),
        ("ForAllValues:StringLike", "aws:nobody", "x"),
        ("StringEqualsIfExists", "aws:nobody", "x"),
    ],
)
def test_it_holds(operator: str, key: str, wanted: str) -> None:
    assert hold(operator, key, wanted)


@pytest.mark.parametrize(
    ("operator", "key", "wanted"),
    [
        ("StringEquals", "aws:username", "Ann"),
        ("StringEquals", "aws:username", "a*"),
        ("StringNotEquals", "aws:username", "ann"),
        ("StringLike", "aws:username", "b*"),
        ("Bool", "aws:securetransport", "false"),
        ("IpAddress", "aws:sourceip", "10.9.0.0/24"),
        ("NotIpAddress", "aws:sourceip", "10.8.0.0/24"),
        ("DateLessThan", "aws:currenttime", "2026-11-22T12:00:00Z"),
        ("NumericGreaterThan", "n", "7"),
        ("Null", "aws:username", "true"),
        ("StringEqualsIfExists", "aws:username", "x"),
    ],
)
def test_it_does_not_hold(operator: str, key: str, wanted: str) -> None:
    assert not hold(operator, key, wanted)


def test_any_of_several_values_is_enough_and_a_negated_operator_wants_none() -> None:
    assert hold("StringEquals", "aws:username", "eve", "ann")
    assert not hold("StringNotEquals", "aws:username", "eve", "ann")


@pytest.mark.parametrize("operator", ["StringEquals", "StringLike", "Bool", "IpAddress", "NumericLessThan", "ArnLike"])
def test_without_the_key_an_operator_does_not_hold_and_a_negated_one_does(operator: str) -> None:
    assert not hold(operator, "aws:nobody", "x")


@pytest.mark.parametrize("operator", ["StringNotEquals", "StringNotLike", "NotIpAddress", "ArnNotLike"])
def test_without_the_key_a_negated_operator_holds(operator: str) -> None:
    assert hold(operator, "aws:nobody", "x")


@pytest.mark.parametrize("unknown", [True, False])
@pytest.mark.parametrize(
    ("operator", "key", "wanted"),
    [
        ("StringSounds", "aws:username", "ann"),
        ("IpAddress", "aws:username", "10.8.0.0/24"),
        ("IpAddress", "aws:sourceip", "home"),
        ("NumericEquals", "n", "seven"),
        ("DateEquals", "aws:currenttime", "noon"),
    ],
)
def test_what_cannot_be_understood_is_left_to_the_caller(operator: str, key: str, wanted: str, unknown: bool) -> None:
    assert hold(operator, key, wanted, unknown=unknown) is unknown
