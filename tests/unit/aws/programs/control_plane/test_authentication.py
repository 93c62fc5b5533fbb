"""Signatures: who is believed, and the words for who is not."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.unit.aws.programs.control_plane.plane import ACCOUNT, KEY, NOW_S, REGION, sign
from whodunet.aws.account.seal import Credentials, Identity, Seal
from whodunet.aws.programs.control_plane.api_errors import (
    BAD_SIGNATURE,
    EXPIRED_TOKEN,
    INCOMPLETE_SIGNATURE,
    INVALID_TOKEN,
    MISSING_TOKEN,
    ApiError,
)
from whodunet.aws.programs.control_plane.authentication import (
    Authenticator,
    Authorization,
    SignedRequest,
    expected_signature,
)

ANN = Identity(ACCOUNT, "Developer", "ann@corp.example")
KEYS = Seal(KEY).issue(ANN, NOW_S, 3600, b"n" * 16)
BODY = b'{"Target":"i-0abc"}'


class Desk:
    """An authenticator whose clock is put forward."""

    def __init__(self) -> None:
        self.now_s: float = NOW_S
        self._authenticator = Authenticator(Seal(KEY), REGION, lambda: self.now_s)

    def who(self, request: SignedRequest, service: str = "ssm") -> Identity:
        """Who sent it."""
        return self._authenticator.authenticate(request, service).identity

    def refusal(self, request: SignedRequest, service: str = "ssm") -> ApiError:
        """Why it is refused."""
        with pytest.raises(ApiError) as refused:
            self._authenticator.authenticate(request, service)
        return refused.value


def request(
    *,
    keys: Credentials = KEYS,
    service: str = "ssm",
    method: str = "POST",
    url: str = "/",
    body: bytes = BODY,
    headers: Mapping[str, str] | None = None,
    at_s: float = NOW_S,
    region: str = REGION,
) -> SignedRequest:
    """A request as an SDK signs it."""
    signed = sign(keys, service, method, url, body, headers or {"x-amz-target": "AmazonSSM.StartSession"}, at_s, region)
    path, _, query = url.partition("?")
    return SignedRequest(method, path, query, tuple(signed.items()), body, "10.8.0.10")


def changed(signed: SignedRequest, **headers: str) -> SignedRequest:
    """With other values of headers, `-` in their names written as `_`; an empty value takes one away."""
    others = {**dict(signed.headers), **{name.replace("_", "-"): value for name, value in headers.items()}}
    return replace(signed, headers=tuple((name, value) for name, value in others.items() if value))


def test_a_signed_request_is_its_senders() -> None:
    assert Desk().who(request()) == ANN


def test_the_computation_is_that_of_the_published_example() -> None:
    """Source: AWS Signature Version 4 test suite, get-vanilla."""
    authorization = Authorization(
        "AKIDEXAMPLE", "20150830", "us-east-1", "service", frozenset({"host", "x-amz-date"}), ""
    )
    headers = (("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z"), ("user-agent", "unsigned"))
    example = SignedRequest("GET", "/", "", headers, b"", "")
    assert expected_signature(authorization, example, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY") == (
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    )


@pytest.mark.parametrize(
    "url",
    ["/v1/data-channel/ann@corp.example-0123?stream=input&role=x", "/v1/data-channel/a%40b?role=publish_subscribe"],
)
def test_path_and_query_are_part_of_the_signature(url: str) -> None:
    signed = request(service="ssmmessages", method="GET", url=url, body=b"")
    assert Desk().who(signed, "ssmmessages") == ANN
    assert Desk().refusal(replace(signed, path=signed.path + "4"), "ssmmessages").kind is BAD_SIGNATURE
    assert Desk().refusal(replace(signed, query="role=control"), "ssmmessages").kind is BAD_SIGNATURE


@pytest.mark.parametrize(
    "forged",
    [
        replace(request(), body=BODY + b" "),
        replace(request(), method="PUT"),
        changed(request(), x_amz_target="AmazonSSM.TerminateSession"),
        changed(request(), host="ssm.us-east-1.amazonaws.com"),
        changed(request(), authorization=dict(request().headers)["authorization"][:-1] + "é"),
        request(keys=replace(KEYS, secret_access_key="wrong")),
        replace(request(headers={"x-amz-content-sha256": "0" * 64}), body=b""),
    ],
    ids=["body", "method", "target", "host", "signature", "secret", "hash"],
)
def test_a_request_that_was_changed_or_signed_with_another_secret_is_refused(forged: SignedRequest) -> None:
    refused = Desk().refusal(forged)
    assert refused.kind is BAD_SIGNATURE
    assert refused.message == (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access"
        " Key and signing method. Consult the service documentation for details."
    )


def test_a_body_other_than_the_one_whose_hash_was_signed_is_refused() -> None:
    signed = request(headers={"x-amz-content-sha256": hashlib.sha256(BODY).hexdigest()})
    assert Desk().who(signed) == ANN
    assert Desk().refusal(replace(signed, body=b"{}")).kind is BAD_SIGNATURE


def test_a_payload_that_was_not_signed_is_refused() -> None:
    assert Desk().refusal(request(headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})).kind is BAD_SIGNATURE


@pytest.mark.parametrize(("authorization", "kind"), [("", MISSING_TOKEN), ("Bearer token", MISSING_TOKEN)])
def test_without_a_signature_a_token_is_missing(authorization: str, kind: object) -> None:
    refused = Desk().refusal(changed(request(), authorization=authorization))
    assert (refused.kind, refused.message) == (kind, "Missing Authentication Token")


@pytest.mark.parametrize(
    ("authorization", "message"),
    [
        ("AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request", "requires 'Signature' parameter"),
        ("AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=0", "5 slash-delimited elements"),
    ],
)
def test_half_a_signature_is_called_incomplete(authorization: str, message: str) -> None:
    refused = Desk().refusal(changed(request(), authorization=authorization))
    assert refused.kind is INCOMPLETE_SIGNATURE
    assert message in refused.message


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_without_a_date_a_signature_is_incomplete(date: str) -> None:
    assert Desk().refusal(changed(request(), x_amz_date=date)).kind is INCOMPLETE_SIGNATURE


def test_expired_credentials_are_told_as_expired() -> None:
    desk = Desk()
    desk.now_s = NOW_S + 3600
    refused = desk.refusal(request(at_s=desk.now_s))
    assert (refused.kind, refused.message) == (
        EXPIRED_TOKEN,
        "The security token included in the request is expired",
    )


@pytest.mark.parametrize(
    "keys",
    [
        replace(KEYS, session_token="nonsense"),
        replace(KEYS, access_key_id="ASIASOMEBODYELSES"),
        Seal(b"another lab").issue(ANN, NOW_S, 3600, b"n" * 16),
    ],
    ids=["token", "key id", "lab"],
)
def test_credentials_of_nobody_are_told_as_invalid(keys: Credentials) -> None:
    refused = Desk().refusal(request(keys=keys))
    assert (refused.kind, refused.message) == (
        INVALID_TOKEN,
        "The security token included in the request is invalid.",
    )


@pytest.mark.parametrize("skew_s", [-300, 0, 300])
def test_a_clock_may_be_off_by_five_minutes(skew_s: int) -> None:
    assert Desk().who(request(at_s=NOW_S + skew_s)) == ANN


def test_a_signature_that_is_too_old_is_told_both_times() -> None:
    refused = Desk().refusal(request(at_s=NOW_S - 301))
    assert refused.kind is BAD_SIGNATURE
    assert refused.message == (
        "Signature expired: 20270115T075459Z is now earlier than 20270115T075500Z (20270115T080000Z - 5 min.)"
    )


def test_a_signature_of_the_future_is_told_both_times() -> None:
    refused = Desk().refusal(request(at_s=NOW_S + 301))
    assert refused.kind is BAD_SIGNATURE
    assert refused.message == (
        "Signature not yet current: 20270115T080501Z is still later than 20270115T080500Z (20270115T080000Z + 5 min.)"
    )


def test_a_signature_is_for_one_service_and_one_region() -> None:
    assert "correct service: 'sts'" in Desk().refusal(request(), "sts").message
    elsewhere = dict(request().headers)["authorization"].replace(REGION, "us-east-1")
    assert "valid region" in Desk().refusal(changed(request(), authorization=elsewhere)).message


def test_the_scopes_date_has_to_be_that_of_the_request() -> None:
    other = dict(request().headers)["authorization"].replace("20270115", "20270116")
    assert "Date in Credential scope" in Desk().refusal(changed(request(), authorization=other)).message


@pytest.mark.parametrize("name", ["host", "x-amz-date", "x-amz-target", "x-amz-security-token"])
def test_what_decides_about_a_request_has_to_be_signed(name: str) -> None:
    signed = dict(request().headers)["authorization"].replace(f"{name};", "").replace(f";{name},", ",")
    refused = Desk().refusal(changed(request(), authorization=signed))
    assert refused.kind is BAD_SIGNATURE
    assert "must be a 'SignedHeader'" in refused.message


def test_a_header_that_was_added_on_the_way_is_refused_if_a_service_could_read_it() -> None:
    assert "x-amz-more" in Desk().refusal(changed(request(), x_amz_more="1")).message
    assert Desk().who(changed(request(), x_forwarded_for="10.0.0.1")) == ANN


def test_the_same_request_again_is_refused() -> None:
    desk = Desk()
    desk.who(request())
    assert "received before" in desk.refusal(request()).message


def test_another_attempt_of_an_sdk_in_the_same_second_is_not() -> None:
    desk, unsigned = Desk(), {"amz_sdk_request": "attempt=1"}
    desk.who(changed(request(), amz_sdk_invocation_id="1", **unsigned))
    assert desk.who(changed(request(), amz_sdk_invocation_id="2", **unsigned)) == ANN
    assert "received before" in desk.refusal(changed(request(), amz_sdk_invocation_id="2", **unsigned)).message


def test_the_same_command_of_an_aws_cli_twice_in_a_second_is_two_requests() -> None:
    desk, cli = Desk(), changed(request(), user_agent="aws-cli/2.9.19 Python/3.11.2")
    desk.who(replace(cli, source_port=40001))
    assert desk.who(replace(cli, source_port=40002)) == ANN
    assert "received before" in desk.refusal(replace(cli, source_port=40002)).message


def test_a_forged_request_does_not_use_up_the_genuine_ones_signature() -> None:
    desk = Desk()
    desk.refusal(replace(request(), body=b"{}"))
    assert desk.who(request()) == ANN


@pytest.mark.parametrize(("service", "believed"), [("sts", True), ("ssm", False)])
def test_only_sts_has_a_name_without_a_region_which_is_signed_for_another_one(service: str, believed: bool) -> None:
    signed = request(service=service, region="us-east-1")
    if believed:
        assert Desk().who(signed, service) == ANN
    else:
        assert "valid region" in Desk().refusal(signed, service).message
