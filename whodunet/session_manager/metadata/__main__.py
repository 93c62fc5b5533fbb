"""`python -P -m whodunet.session_manager.metadata CONFIG.json`: serves until SIGTERM."""

from __future__ import annotations

import sys

from whodunet.session_manager.metadata.service import application
from whodunet.session_manager.metadata.settings import MetadataSettings
from whodunet.session_manager.serving import serve
from whodunet.session_manager.settings import read_settings


def main() -> None:
    """Reads the configuration and serves it."""
    settings = read_settings(MetadataSettings, sys.argv[1:])
    serve(application(settings), settings.listen, request_s=settings.request_within_s)


if __name__ == "__main__":
    main()
