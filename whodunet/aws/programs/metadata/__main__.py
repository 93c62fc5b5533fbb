"""`python -P -m whodunet.aws.programs.metadata CONFIG.json`: serves until SIGTERM."""

from __future__ import annotations

import sys

from whodunet.aws.programs.metadata.imds import application
from whodunet.aws.programs.metadata.settings import MetadataSettings
from whodunet.aws.programs.serving import serve
from whodunet.aws.programs.settings import read_settings


def main() -> None:
    """Reads the configuration and serves it."""
    settings = read_settings(MetadataSettings, sys.argv[1:])
    serve(application(settings), settings.listen, request_s=settings.request_within_s)


if __name__ == "__main__":
    main()
