"""What is placed for the AWS CLI: botocore's own reader finds the token, its parser the profile."""

from __future__ import annotations

import configparser
import json

import pytest
from botocore.utils import SSOTokenLoader

from whodunet.aws.account.sign_on_cache import SignOnAddress, profile, sign_on_cache

START_URL = "https://corp.awsapps.com/start"
CORP = SignOnAddress(START_URL, "eu-central-1")
WITHOUT_SESSION = SignOnAddress(START_URL, "eu-central-1", session_name=None)
EXPIRES_AT_S = 1_800_000_000.0
CA = "/etc/ssl/certs/ca-certificates.crt"


def sections(address: SignOnAddress) -> dict[str, dict[str, str]]:
    """The sections of ~/.aws/config."""
    parser = configparser.RawConfigParser()
    parser.read_string(profile(address, "123456789012", "Developer", CA))
    return {name: dict(parser[name]) for name in parser.sections()}


@pytest.mark.parametrize(("address", "session"), [(CORP, "corp"), (WITHOUT_SESSION, None)])
def test_the_cli_finds_the_token_by_session_or_start_url(address: SignOnAddress, session: str | None) -> None:
    name, text = sign_on_cache(address, "token", EXPIRES_AT_S)
    loader = SSOTokenLoader(cache={name.removesuffix(".json"): json.loads(text)})
    assert loader(START_URL, session_name=session)["accessToken"] == "token"


def test_the_file_is_named_as_the_cli_names_it() -> None:
    # seen: AWS CLI 2.9.19 and 2.23.6 after `aws sso login`
    assert sign_on_cache(CORP, "token", EXPIRES_AT_S)[0] == "ee0bfd2552fbd840c02cc48b6e823320543c450f.json"
    assert sign_on_cache(WITHOUT_SESSION, "token", EXPIRES_AT_S)[0] == "a51746d4aa793ae07b25e90c3a5db96fc7832bd7.json"


def test_the_token_says_where_it_is_from_and_how_long_it_is_good() -> None:
    assert json.loads(sign_on_cache(CORP, "token", EXPIRES_AT_S)[1]) == {
        "startUrl": START_URL,
        "region": "eu-central-1",
        "accessToken": "token",
        "expiresAt": "2027-01-15T08:00:00Z",
    }


def test_the_profile_points_to_its_session() -> None:
    assert sections(CORP) == {
        "default": {
            "sso_session": "corp",
            "sso_account_id": "123456789012",
            "sso_role_name": "Developer",
            "region": "eu-central-1",
            "output": "json",
            "ca_bundle": CA,
        },
        "sso-session corp": {
            "sso_start_url": START_URL,
            "sso_region": "eu-central-1",
            "sso_registration_scopes": "sso:account:access",
        },
    }


def test_the_older_form_has_all_in_the_profile() -> None:
    assert sections(WITHOUT_SESSION) == {
        "default": {
            "sso_start_url": START_URL,
            "sso_region": "eu-central-1",
            "sso_account_id": "123456789012",
            "sso_role_name": "Developer",
            "region": "eu-central-1",
            "output": "json",
            "ca_bundle": CA,
        }
    }
