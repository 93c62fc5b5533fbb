"""Where a port session leads, and how to get there."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

from whodunet.aws.programs.agent.outcome import SessionFailed
from whodunet.aws.ssm.forward_targets import AddressBlock, forbidden
from whodunet.aws.ssm.properties import PortProperties

_THE_INSTANCE: Final = ("127.0.0.1", "::1")
_CONNECT_TIMEOUT_S: Final = 10.0
_CLOSE_TIMEOUT_S: Final = 10.0
_LOOKUP_FAILURES: Final = {  # in the words of AWS's agent
    socket.EAI_NONAME: "no such host",
    socket.EAI_AGAIN: "server misbehaving",
}


@dataclass
class TargetConnection:
    """A TCP connection to the target."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    bytes_read: int = 0

    async def read(self, most_bytes: int) -> bytes:
        """The next bytes, none at the end, however it comes."""
        try:
            content = await self.reader.read(most_bytes)
        except OSError:
            return b""
        self.bytes_read += len(content)
        return content

    async def write(self, content: bytes) -> bool:
        """Writes all of it, as fast as it is read there; False once nobody reads it."""
        try:
            self.writer.write(content)
            await self.writer.drain()
        except OSError:
            return False
        return True

    def finish(self) -> None:
        """Says that no more comes."""
        with suppress(OSError):
            self.writer.write_eof()

    def close(self) -> None:
        """Closes it; what was written is sent all the same, if the target reads it soon."""
        self.writer.close()
        asyncio.get_running_loop().call_later(_CLOSE_TIMEOUT_S, self.writer.transport.abort)


@dataclass(frozen=True, slots=True)
class Target:
    """A port of the instance, or of a host whose name was resolved once: an answer that changes opens no other way."""

    addresses: tuple[str, ...]
    port: int

    @classmethod
    async def of(cls, properties: PortProperties, vpc_networks: Collection[AddressBlock]) -> Self:
        """Finds the target; raises SessionFailed for one that nobody may forward to, or that has no address."""
        host, port = properties.address
        if not properties.host:
            return cls(_THE_INSTANCE, port)
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            why = _LOOKUP_FAILURES.get(error.errno or 0, error.strerror)
            raise SessionFailed(f"lookup {host}: {why}") from error
        addresses = tuple(str(address[0]) for *_, address in found)
        if any(forbidden(address, vpc_networks) for address in addresses):
            raise SessionFailed(f"Forwarding to IP address {host} is forbidden.")
        return cls(addresses, port)

    async def dial(self) -> TargetConnection:
        """Connects to the first address that lets one; raises SessionFailed with the reason of the first."""
        reasons = []
        for address in self.addresses:
            try:
                async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                    return TargetConnection(*await asyncio.open_connection(address, self.port))
            except OSError as error:
                reasons.append(f"{address}:{self.port}: {_words(error)}")
        raise SessionFailed(f"Unable to connect to specified port: {reasons[0]}")


def _words(error: OSError) -> str:
    if error.errno is not None:
        return os.strerror(error.errno)  # its own text is asyncio's, which repeats the address
    return "connect timed out" if isinstance(error, TimeoutError) else str(error)
