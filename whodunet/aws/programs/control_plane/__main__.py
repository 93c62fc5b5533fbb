"""`python -P -m whodunet.aws.programs.control_plane CONFIG.json`: serves until SIGTERM."""

from __future__ import annotations

import sys

from whodunet.aws.programs.control_plane.app import ControlPlane
from whodunet.aws.programs.control_plane.settings import ControlPlaneSettings
from whodunet.aws.programs.serving import Certificate, serve
from whodunet.aws.programs.settings import read_settings, refuse


def main() -> None:
    """Reads the configuration and serves it."""
    settings = read_settings(ControlPlaneSettings, sys.argv[1:])
    try:
        control_plane = ControlPlane(settings)
    except OSError as error:
        refuse(f"{settings.records}: {error.strerror}")
    serve(
        control_plane.application(),
        settings.listen,
        Certificate(settings.certificate, settings.private_key),
        ping_s=settings.client_ping_s,
        request_s=settings.request_within_s,
        before_shutdown=control_plane.stop,
    )


if __name__ == "__main__":
    main()
