"""A proxy connects to the ports that it is told, and wants a login only where one is given."""

from __future__ import annotations

import pytest

from tests.unit.services.hosts_in_memory import place
from whodunet.services.tinyproxy import Tinyproxy


@pytest.mark.parametrize(("login", "wanted"), [(None, []), ("office secret", ["BasicAuth office secret"])])
def test_its_configuration_says_what_it_is_told(login: str | None, wanted: list[str]) -> None:
    host, _ = place("proxy", Tinyproxy(port=3128, connect_ports=(443, 22), login=login))
    lines = host.files["/etc/tinyproxy.conf"].splitlines()
    assert [line for line in lines if line.startswith("ConnectPort")] == ["ConnectPort 443", "ConnectPort 22"]
    assert "Port 3128" in lines
    assert [line for line in lines if line.startswith("BasicAuth")] == wanted
