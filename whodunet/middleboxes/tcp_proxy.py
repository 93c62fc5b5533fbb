"""A transparent proxy of TCP: `python -m whodunet.middleboxes.tcp_proxy PORT`.

Connections are redirected to it (nft: redirect). It accepts each at once, as such proxies do, and only then connects to
the true destination; where that fails, it closes.
"""

from __future__ import annotations

import asyncio
import sys

from whodunet.middleboxes.redirected import copy, original_destination


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carries one connection until both sides have closed it."""
    address, port = original_destination(writer.get_extra_info("socket"))
    own_address, *_ = writer.get_extra_info("sockname")  # on the clients' side, to which answers find a way
    try:
        far_reader, far_writer = await asyncio.open_connection(address, port, local_addr=(own_address, 0))
    except OSError as error:
        print(f"{address}:{port}: {error}", file=sys.stderr, flush=True)
        await reader.read(1)  # closing with unread bytes would send RST instead of FIN (RFC 2525, 2.17)
        writer.close()
        return
    await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))


async def serve(port: int) -> None:
    """Accepts connections until the process ends."""
    server = await asyncio.start_server(carry, None, port)  # a socket for each family
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
