"""Answers what needs no session at once, and reads the rest of the program only for one."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from whodunet.aws.programs.plugin import CLIENT_VERSION

_INTERRUPTED = 130
_INSTALLED = """
The Session Manager plugin was installed successfully. Use the AWS CLI to start a session:

  aws ssm start-session --target INSTANCE-ID

"""


def main(arguments: Sequence[str]) -> int:
    """Runs the plugin with the arguments after its name; returns its exit status."""
    if not arguments:
        print(_INSTALLED, end="")
        return 0
    if list(arguments) == ["--version"]:
        print(CLIENT_VERSION)
        return 0
    try:
        from whodunet.aws.programs.plugin.session_run import run

        return run(arguments)
    except KeyboardInterrupt:  # before there is anything to interrupt
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
