"""Patterns of policies: wildcards, variables, and where a wildcard ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whodunet.aws.account.patterns import filled_in, matches, matches_action

INSTANCE = "arn:aws:ec2:eu-central-1:123456789012:instance/i-0abc"
CONTEXT = {"aws:username": "ann", "aws:userid": "AROA:ann", "odd": "a*b"}


@pytest.mark.parametrize(
    ("pattern", "action", "fits"),
    [
        ("ssm:StartSession", "ssm:StartSession", True),
        ("SSM:startsession", "ssm:StartSession", True),
        ("ssm:Start*", "ssm:StartSession", True),
        ("ssm:*", "ssmmessages:OpenDataChannel", False),
        ("ssm:?tartSession", "ssm:StartSession", True),
        ("*", "ssm:StartSession", True),
        ("ssm:StartSession", "ssm:StartSessions", False),
        ("ssm.StartSession", "ssm:StartSession", False),
    ],
)
def test_actions_fit_in_any_case_and_with_wildcards(pattern: str, action: str, fits: bool) -> None:
    assert matches_action(pattern, action) is fits


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        (INSTANCE, True),
        ("*", True),
        ("arn:aws:ec2:*:*:instance/*", True),
        ("arn:aws:ec2:*:*:instance/i-0ab?", True),
        ("arn:aws:ec2:*:instance/*", False),
        ("arn:*", False),
        ("arn:aws:ec2:eu-central-1:123456789012:*", True),
        (INSTANCE.upper(), False),
        ("arn:aws:ec2:*:*:instance/i-0abcd", False),
    ],
)
def test_a_resource_fits_part_by_part(pattern: str, fits: bool) -> None:
    assert matches(pattern, INSTANCE, {}) is fits


def test_a_wildcard_in_the_last_part_goes_over_colons() -> None:
    assert matches("arn:aws:logs:*:*:log-group:*", "arn:aws:logs:r:1:log-group:a:log-stream:b", {})


def test_a_variable_is_the_requests_value() -> None:
    pattern = "arn:aws:ssm:*:*:session/${aws:username}-*"
    assert matches(pattern, "arn:aws:ssm:r:1:session/ann-0123", CONTEXT)
    assert not matches(pattern, "arn:aws:ssm:r:1:session/eve-0123", CONTEXT)
    assert not matches(pattern, "arn:aws:ssm:r:1:session/${aws:username}-0123", CONTEXT)


def test_a_variable_without_a_value_fits_nothing_unless_it_has_a_default() -> None:
    assert not matches("${aws:nobody}*", "anything", CONTEXT)
    assert matches("${aws:nobody, 'any'}*", "anything", CONTEXT)


def test_a_variables_value_is_text_not_a_pattern() -> None:
    assert matches("${odd}", "a*b", CONTEXT)
    assert not matches("${odd}", "axb", CONTEXT)


def test_wildcards_can_be_written_as_themselves() -> None:
    assert matches("a${*}", "a*", {})
    assert not matches("a${*}", "ab", {})
    assert filled_in("${$}{x}", {}) == "${x}"


def test_text_without_wildcards_is_filled_in_as_it_is() -> None:
    assert filled_in("to ${aws:UserName}, *", CONTEXT) == "to ann, *"
    assert filled_in("${aws:nobody}", CONTEXT) is None


@given(st.text(), st.text())
def test_no_pattern_breaks(pattern: str, value: str) -> None:
    assert isinstance(matches(pattern, value, CONTEXT), bool)


@given(st.text(alphabet=st.characters(exclude_characters="*?$")))
def test_text_without_pattern_characters_fits_itself(text: str) -> None:
    assert matches(text, text, {})
