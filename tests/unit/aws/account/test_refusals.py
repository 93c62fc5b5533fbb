from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whodunet.aws.account.refusals import Refusal, read_refusal


@pytest.mark.parametrize(
    ("body", "header", "read"),
    [
        (b'{"__type":"AccessDeniedException","message":"no"}', "", Refusal("AccessDeniedException", "no")),
        (b'{"__type":"com.amazon.coral#Throttling","Message":"slow"}', "", Refusal("Throttling", "slow")),
        (b'{"message":"no"}', "AccessDeniedException:http://internal/", Refusal("AccessDeniedException", "no")),
        (
            b"<ErrorResponse><Error><Code>ExpiredToken</Code><Message>a &lt; b</Message></Error></ErrorResponse>",
            "",
            Refusal("ExpiredToken", "a < b"),
        ),
        (
            b"<AccessDeniedException><Message>no</Message></AccessDeniedException>",
            "",
            Refusal("AccessDeniedException", "no"),
        ),
        (b"<AccessDeniedException/>", "", Refusal("AccessDeniedException", "")),
        (b"<BadRequest><Message>over</Message></BadRequest>", "", Refusal("BadRequest", "over")),
        (b"<html> <h1>Proxy\nerror</h1>", "", Refusal("HTTP 502", "<html> <h1>Proxy error</h1>")),
        (b"", "", Refusal("HTTP 502", "")),
        (b"[1]", "", Refusal("HTTP 502", "[1]")),
    ],
)
def test_code_and_message_are_found_in_every_protocol(body: bytes, header: str, read: Refusal) -> None:
    assert read_refusal(502, body, header) == read


@given(st.binary(max_size=200), st.text(max_size=20))
def test_whatever_the_body_is_there_is_a_code(body: bytes, header: str) -> None:
    assert read_refusal(500, body, header).code


def test_a_long_page_is_cut() -> None:
    assert len(read_refusal(502, b"x" * 10_000).message) == 500
