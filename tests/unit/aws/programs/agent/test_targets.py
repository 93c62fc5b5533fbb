from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from ipaddress import IPv4Network
from typing import Any

import pytest

from whodunet.aws.programs.agent.outcome import SessionFailed
from whodunet.aws.programs.agent.targets import Target, TargetConnection
from whodunet.aws.ssm.properties import PortProperties

VPC = (IPv4Network("10.0.0.0/16"),)


def resolve(monkeypatch: pytest.MonkeyPatch, names: dict[str, Sequence[str]]) -> None:
    """Puts an answer in the place of name servers."""

    async def getaddrinfo(_loop: object, host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        if host not in names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in names[host]]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", getaddrinfo)


def target_of(host: str) -> Target:
    """The target of a forward to a host."""
    return asyncio.run(Target.of(PortProperties(port_number="80", host=host), VPC))


def test_without_a_host_it_is_the_instance_itself() -> None:
    assert target_of("") == Target(("127.0.0.1", "::1"), 80)


def test_a_name_is_resolved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, {"db": ["10.0.1.7", "10.0.1.8"]})
    assert target_of("db") == Target(("10.0.1.7", "10.0.1.8"), 80)


@pytest.mark.parametrize("address", ["169.254.169.254", "10.0.0.2"])
def test_a_name_for_what_is_forbidden_is_forbidden(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    resolve(monkeypatch, {"harmless.example": ["10.0.1.7", address]})
    with pytest.raises(SessionFailed, match=r"Forwarding to IP address harmless\.example is forbidden\."):
        target_of("harmless.example")


def test_a_name_that_nobody_knows_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, {})
    with pytest.raises(SessionFailed, match=r"^lookup nowhere: no such host$"):
        target_of("nowhere")


def test_the_first_address_that_answers_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    near, far = socket.socketpair()

    async def open_connection(address: str, _port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if address == "127.0.0.1":
            raise ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 80)")
        return await real(sock=near)

    async def story() -> None:
        connection = await Target(("127.0.0.1", "::1"), 80).dial()
        assert await connection.write(b"hello")
        assert far.recv(5) == b"hello"
        connection.close()

    real = asyncio.open_connection
    monkeypatch.setattr(asyncio, "open_connection", open_connection)
    asyncio.run(story())
    far.close()


@pytest.mark.parametrize(
    ("error", "words"),
    [(ConnectionRefusedError(111, "Connect call failed"), "Connection refused"), (TimeoutError(), "connect timed out")],
)
def test_the_first_addresss_reason_is_told(monkeypatch: pytest.MonkeyPatch, error: OSError, words: str) -> None:
    async def open_connection(address: str, _port: int) -> None:
        raise error if address == "a" else OSError(113, "")

    monkeypatch.setattr(asyncio, "open_connection", open_connection)
    with pytest.raises(SessionFailed, match=f"^Unable to connect to specified port: a:80: {words}$"):
        asyncio.run(Target(("a", "b"), 80).dial())


def test_a_connection_that_is_gone_reads_as_its_end_and_takes_no_more() -> None:
    async def story() -> None:
        near, far = socket.socketpair()
        connection = TargetConnection(*await asyncio.open_connection(sock=near))
        far.close()
        assert await connection.read(10) == b""
        assert connection.bytes_read == 0
        while await connection.write(b"x" * 1000):
            pass
        connection.finish()
        connection.close()

    asyncio.run(story())
