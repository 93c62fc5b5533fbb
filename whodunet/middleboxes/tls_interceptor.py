"""A transparent proxy that intercepts TLS: `python -m whodunet.middleboxes.tls_interceptor PORT`.

Connections are redirected to it (nft: redirect). It shows the client a certificate for the name that the client asked
for, signed by its own authority, and speaks TLS with the true destination itself.
"""

from __future__ import annotations

import asyncio
import ssl
import sys

import trustme

from whodunet.middleboxes.redirected import copy, original_destination


class Front:
    """What one client is shown: a certificate for the name that it asks for, or for the address where it names none."""

    def __init__(self, authority: trustme.CA, address: str) -> None:
        self._authority = authority
        self.name = address
        self.context = self._certified()
        self.context.sni_callback = self._asked

    def _certified(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(self.name).configure_cert(context)
        return context

    def _asked(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        if name is not None:
            self.name = name
            connection.context = self._certified()


async def carry(authority: trustme.CA, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carries one connection until both sides have closed it."""
    address, port = original_destination(writer.get_extra_info("socket"))
    front = Front(authority, address)
    try:
        await writer.start_tls(front.context)
        trusting = ssl.create_default_context()
        far_reader, far_writer = await asyncio.open_connection(address, port, ssl=trusting, server_hostname=front.name)
    except OSError as error:  # ssl.SSLError is one: the client that does not trust this proxy says so and leaves
        print(f"{front.name} ({address}:{port}): {error}", file=sys.stderr, flush=True)
        writer.close()
        return
    await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))


async def serve(port: int) -> None:
    """Accepts connections until the process ends."""
    authority = trustme.CA(organization_name="Corporate Web Security")

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await carry(authority, reader, writer)

    server = await asyncio.start_server(accept, None, port)  # a socket for each family
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
