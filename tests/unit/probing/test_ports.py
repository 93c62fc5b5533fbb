"""Ports that are held for a diagnosis."""

from __future__ import annotations

import errno
import socket

import pytest

from whodunet.probing.ports import FreePorts


def test_no_port_is_given_twice() -> None:
    ports = FreePorts()
    taken = [ports.take() for _ in range(20)]
    ports.close()
    assert len(set(taken)) == 20


def test_where_the_system_has_none_left_to_give_others_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    bind = socket.socket.bind

    def none_left(self: socket.socket, address: tuple[str, int]) -> None:
        if address[1] == 0:
            raise OSError(errno.EADDRINUSE, "none left")
        bind(self, address)

    monkeypatch.setattr(socket.socket, "bind", none_left)
    ports = FreePorts()
    taken = {ports.take(), ports.take()}
    ports.close()
    assert len(taken) == 2
