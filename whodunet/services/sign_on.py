"""The company's single sign-on."""

from __future__ import annotations

from typing import ClassVar

from whodunet.services.cloud.programs import CertifiedProgram


class SignOn(CertifiedProgram):
    """It issues what the AWS CLI gets credentials for; `aws-profile` is a user who has signed in."""

    name: ClassVar[str] = "sign_on"


SERVICE = SignOn
