"""The sign-on's configuration: names derived from it, mistakes in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.aws.programs.sign_on.company import CONFIGURATION
from whodunet.aws.programs.settings import read_settings
from whodunet.aws.programs.sign_on.settings import SignOnSettings


def written(folder: Path, **changes: Any) -> list[str]:
    """A command line with such a configuration file."""
    path = folder / "sign_on.json"
    path.write_text(json.dumps({**CONFIGURATION, **changes}))
    return [str(path)]


def test_the_hosts_have_the_regions_names(tmp_path: Path) -> None:
    settings = read_settings(SignOnSettings, written(tmp_path))
    assert settings.oidc_host == "oidc.eu-central-1.amazonaws.com"
    assert settings.portal_host == "portal.sso.eu-central-1.amazonaws.com"
    assert settings.device_host == "device.sso.eu-central-1.amazonaws.com"
    assert (settings.start_host, settings.start_path) == ("corp.awsapps.com", "/start")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"start_url": "http://corp.awsapps.com/start"}, "start_url"),
        ({"seal_key": "not hex"}, "seal_key"),
        ({"account_id": "12"}, "account_id"),
        ({"people": {"ann": {"role": "Developer"}}}, "people.ann.role"),
        ({"colour": "blue"}, "colour"),
        ({"token_lifetime_s": 0}, "token_lifetime_s"),
    ],
)
def test_a_mistake_ends_the_program_with_its_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], key: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        read_settings(SignOnSettings, written(tmp_path, **changes))
    assert ended.value.code == 2
    assert key in capsys.readouterr().err
