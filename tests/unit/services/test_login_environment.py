"""A login shell has the variables, whatever they hold, and what an interactive one reads besides."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.unit.services.hosts_in_memory import place
from whodunet.services.login_environment import PROFILE, LoginEnvironment


def test_a_login_shell_has_the_variables_and_reads_bashrc(tmp_path: Path) -> None:
    host, _ = place("client", LoginEnvironment({"PAGE": "http://[fd00::1]/a b'c"}))
    (tmp_path / ".bash_profile").write_text(host.files[PROFILE])
    (tmp_path / ".bashrc").write_text("MORE=read\n")
    command = ["bash", "-lc", 'echo "$MORE $(printenv PAGE)"']
    done = subprocess.run(command, env={"HOME": str(tmp_path)}, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("read http://[fd00::1]/a b'c")
