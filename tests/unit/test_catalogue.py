"""What the catalogue finds, and what is said of it there."""

from __future__ import annotations

from pathlib import Path

from whodunet.catalogue import Catalogue

_QUIET = """\
class Quiet:
    accepts_connections = False


SERVICE = Quiet
"""


def test_whether_a_service_accepts_connections_is_what_its_own_file_says(tmp_path: Path) -> None:
    (tmp_path / "services").mkdir()
    (tmp_path / "services/quiet_one.py").write_text(_QUIET, encoding="utf-8")
    places = Catalogue((tmp_path,))
    said = {name: places.accepts_connections(name) for name in ("sshd", "ssm-agent", "control-plane", "quiet-one")}
    assert said == {"sshd": True, "ssm-agent": False, "control-plane": True, "quiet-one": False}


def test_a_service_that_is_nowhere_to_be_found_may_accept_connections() -> None:
    assert Catalogue().accepts_connections("elsewhere")
