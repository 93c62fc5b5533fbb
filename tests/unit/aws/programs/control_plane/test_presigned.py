"""A signature in the query is worth as much as one in a header, and for as long as it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.unit.aws.programs.control_plane.endpoint import ASKED, NAME, plane_with_endpoint, presigned
from tests.unit.aws.programs.control_plane.plane import KEY, REGION, Plane
from whodunet.aws.account.seal import Seal
from whodunet.aws.programs.control_plane.api_errors import ApiError
from whodunet.aws.programs.control_plane.authentication import Authenticator, SignedRequest
from whodunet.aws.programs.control_plane.presigned import in_headers, parameters_of


@pytest.fixture
def plane(tmp_path: Path) -> Plane:
    return plane_with_endpoint(tmp_path)


def request(plane: Plane, query: str | None = None) -> SignedRequest:
    path, _, signed = presigned(plane, plane.ann).partition("?")
    return SignedRequest("GET", path, signed if query is None else query, (("host", NAME),), b"", "10.8.0.10", 40000)


def authenticated(plane: Plane, asked: SignedRequest) -> str:
    authenticator = Authenticator(Seal(KEY), REGION, lambda: plane.clock().epoch_s)
    return authenticator.authenticate(in_headers(asked), "ec2-instance-connect").identity.session


def test_who_signed_the_query_is_known(plane: Plane) -> None:
    assert authenticated(plane, request(plane)) == "ann@corp.example"
    assert parameters_of(request(plane)).items() >= ASKED.items()


def test_the_order_of_the_parameters_and_how_they_are_encoded_are_no_matter(plane: Plane) -> None:
    pairs = request(plane).query.split("&")
    backwards = "&".join(reversed(pairs))
    assert authenticated(plane, request(plane, backwards)) == "ann@corp.example"
    loose = "&".join(pair if "Token" in pair else unquote(pair) for pair in pairs)
    assert loose != "&".join(pairs)
    assert authenticated(plane, request(plane, loose)) == "ann@corp.example"


@pytest.mark.parametrize("added", ["&remotePort=3389", "&x=1"])
def test_what_is_added_breaks_the_signature(plane: Plane, added: str) -> None:
    with pytest.raises(ApiError, match="does not match"):
        authenticated(plane, request(plane, request(plane).query + added))


def test_another_host_breaks_the_signature(plane: Plane) -> None:
    with pytest.raises(ApiError, match="does not match"):
        authenticated(plane, replace(request(plane), headers=(("host", "elsewhere.example"),)))


def test_it_is_good_as_long_as_it_says(plane: Plane) -> None:
    asked = request(plane)
    plane.clock.passed_s = 60
    assert authenticated(plane, asked) == "ann@corp.example"
    plane.clock.passed_s = 61
    with pytest.raises(ApiError, match="was good for 60 s"):
        authenticated(plane, asked)


@pytest.mark.parametrize(
    ("left_out", "message"),
    [("X-Amz-Signature", "Missing Authentication Token"), ("X-Amz-Date", "X-Amz-Date"), ("X-Amz-Expires", "Expires")],
)
def test_what_is_missing_is_named(plane: Plane, left_out: str, message: str) -> None:
    pairs = [pair for pair in request(plane).query.split("&") if not pair.startswith(left_out)]
    with pytest.raises(ApiError, match=message):
        authenticated(plane, request(plane, "&".join(pairs)))


@pytest.mark.parametrize("expires", ["0", "-1", "604801", "9" * 5000, "x"])
def test_an_impossible_life_is_refused(plane: Plane, expires: str) -> None:
    query = request(plane).query.replace("X-Amz-Expires=60", f"X-Amz-Expires={expires}")
    with pytest.raises(ApiError, match="X-Amz-Expires"):
        authenticated(plane, request(plane, query))


def test_a_header_that_is_not_signed_stands_for_nothing(plane: Plane) -> None:
    asked = request(plane)
    forged = replace(asked, headers=(*asked.headers, ("x-amz-security-token", "x"), ("authorization", "AWS4 x")))
    assert authenticated(plane, forged) == "ann@corp.example"
