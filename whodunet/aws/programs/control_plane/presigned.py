"""Requests that carry their signature in the query, as those for a tunnel do.

Source: IAM User Guide, "Create a signed AWS API request", authentication parameters in the query string.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from whodunet.aws.programs.control_plane.api_errors import INCOMPLETE_SIGNATURE, MISSING_TOKEN, ApiError
from whodunet.aws.programs.control_plane.authentication import SignedRequest

_SIGNATURE: Final = "X-Amz-Signature"
_NEEDED: Final = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders")
_MOST_EXPIRES_S: Final = 604800


def parameters_of(request: SignedRequest) -> dict[str, str]:
    """The query's parameters, those of the signature included; of one that is there twice the last."""
    return dict(parse_qsl(request.query, keep_blank_values=True))


def in_headers(request: SignedRequest) -> SignedRequest:
    """The same request with its signature where others have it; its query is what the signature covers.

    Raises:
        ApiError: when it is not signed in its query, or not all of that is there.
    """
    given = parse_qsl(request.query, keep_blank_values=True)
    parameters = dict(given)
    if _SIGNATURE not in parameters:
        raise ApiError(MISSING_TOKEN, "Missing Authentication Token")
    absent = [name for name in _NEEDED if not parameters.get(name)]
    if absent:
        missing = " ".join(f"AWS query-string parameters must include '{name}'." for name in absent)
        raise ApiError(INCOMPLETE_SIGNATURE, missing)
    expires = parameters["X-Amz-Expires"]
    if not (expires.isascii() and expires.isdigit() and len(expires) < 8 and 0 < int(expires) <= _MOST_EXPIRES_S):
        raise ApiError(INCOMPLETE_SIGNATURE, f"X-Amz-Expires has to be from 1 to {_MOST_EXPIRES_S}.")
    covered = [(name, value) for name, value in given if name != _SIGNATURE]
    signature = (
        f"{parameters['X-Amz-Algorithm']} Credential={parameters['X-Amz-Credential']}, "
        f"SignedHeaders={parameters['X-Amz-SignedHeaders']}, Signature={parameters[_SIGNATURE]}"
    )
    own = {
        "authorization": signature,
        "x-amz-date": parameters["X-Amz-Date"],
        "x-amz-security-token": parameters.get("X-Amz-Security-Token", ""),
    }
    # What a header says that is not signed, nobody reads.
    others = [(name, value) for name, value in request.headers if name != "authorization"]
    others = [(name, value) for name, value in others if not name.startswith("x-amz-")]
    return replace(
        request,
        query=urlencode(covered, quote_via=quote, safe="-_.~"),
        headers=(*others, *own.items()),
        expires_s=int(expires),
    )
