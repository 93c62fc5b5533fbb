"""`python -P -m whodunet.aws.programs.sign_on CONFIG.json`: serves until SIGTERM."""

from __future__ import annotations

import sys

from whodunet.aws.programs.audit_trail import AuditTrail
from whodunet.aws.programs.serving import Certificate, serve
from whodunet.aws.programs.settings import read_settings, refuse
from whodunet.aws.programs.sign_on.office import Office
from whodunet.aws.programs.sign_on.settings import SignOnSettings
from whodunet.aws.programs.sign_on.virtual_hosts import application


def main() -> None:
    """Reads the configuration and serves it."""
    settings = read_settings(SignOnSettings, sys.argv[1:])
    try:
        trail = AuditTrail(settings.records, settings.region, settings.account_id)
    except OSError as error:
        refuse(f"{settings.records}: {error.strerror}")
    certificate = Certificate(settings.certificate, settings.private_key)
    office = Office.open(settings, trail)
    serve(application(office), settings.listen, certificate, request_s=settings.request_within_s)


if __name__ == "__main__":
    main()
