"""The control plane's configuration, and what is wrong with others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.aws.programs.control_plane.plane import INSTANCE, SETTINGS
from whodunet.aws.account.managed_policies import MANAGED_POLICIES
from whodunet.aws.programs.control_plane.settings import ControlPlaneSettings


def settings(**changes: Any) -> ControlPlaneSettings:
    """The configuration with changes."""
    return ControlPlaneSettings.model_validate({**SETTINGS, "records": Path("records"), **changes})


def test_an_account_has_roles_with_managed_policies_and_its_own() -> None:
    account = settings().account()
    assert account.roles["InstanceRole"].policies == (MANAGED_POLICIES["AmazonSSMManagedInstanceCore"],)
    assert len(account.roles["Developer"].policies) == 1
    assert account.roles["Developer"].trust is None
    assert account.roles["Admin"].trust is not None
    assert account.instances[INSTANCE].role == "InstanceRole"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"more": 1}, "Extra inputs are not permitted"),
        ({"roles": {"InstanceRole": {"policies": ["Nothing"]}}}, "there is no managed policy Nothing"),
        ({"roles": {"Any": {"policies": [{"Statement": [{"Effect": "Allow"}]}]}}}, "either Action or NotAction"),
        ({"roles": {}}, f"instances.{INSTANCE}.role: there is no role InstanceRole"),
        ({"account_id": "12345"}, "account_id"),
        ({"seal_key": "xyz"}, "seal_key"),
        ({"listen": [["10.0.1.20", 70000]]}, "listen"),
        ({"resume_within_s": 0}, "resume_within_s"),
        ({"lose_acknowledgements_pct": 101}, "lose_acknowledgements_pct"),
    ],
)
def test_a_configuration_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        settings(**changes)
