from __future__ import annotations

import gzip
import json
from importlib import resources
from typing import Any

import pytest

from whodunet.aws.account.grants import GrantError


@pytest.fixture(scope="module")
def shapes() -> dict[str, Any]:
    """The shapes of the service model that clients read the answers by."""
    packed = resources.files("botocore") / "data/sso-oidc/2019-06-10/service-2.json.gz"
    model: dict[str, Any] = json.loads(gzip.decompress(packed.read_bytes()))
    return dict(model["shapes"])


@pytest.mark.parametrize("error", list(GrantError))
def test_an_error_is_one_that_clients_know(error: GrantError, shapes: dict[str, Any]) -> None:
    exception = shapes[error.exception]
    assert exception["exception"]
    assert exception["error"]["httpStatusCode"] == error.status
    assert f"<code>{error}</code>" in exception["members"]["error"]["documentation"]
