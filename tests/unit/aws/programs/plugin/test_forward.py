from __future__ import annotations

import errno
import os
import socket

import pytest

from whodunet.aws.programs.plugin.forward import PortTaken, listening_on


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE)), "address already in use"),
        (OSError("no errno"), "no errno"),
    ],
)
def test_a_port_that_cannot_be_had_is_named_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    asked: list[tuple[str, int]] = []

    def refuse(address: tuple[str, int]) -> socket.socket:
        asked.append(address)
        raise error

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(PortTaken, match=f"listen tcp 127.0.0.1:8080: bind: {reason}"):
        listening_on(8080)
    assert asked == [("127.0.0.1", 8080)]
