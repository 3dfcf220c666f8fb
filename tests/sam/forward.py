"""Forward TCP connections, so that containers reach a server which listens on this machine's loopback address only.

    python tests/sam/forward.py 172.17.0.1:4566 127.0.0.1:4566

listens on the first address, which is the machine's end of Docker's bridge and which only containers route to.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import StreamReader, StreamWriter
from contextlib import suppress


async def forward(listen: tuple[str, int], target: tuple[str, int]) -> None:
    """Serve until cancelled."""

    async def connect(reader: StreamReader, writer: StreamWriter) -> None:
        answers, requests = await asyncio.open_connection(*target)
        await asyncio.gather(_copy(reader, requests), _copy(answers, writer))

    server = await asyncio.start_server(connect, *listen)
    print("forwarding", flush=True)
    async with server:
        await server.serve_forever()


async def _copy(reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(ConnectionError):
        while block := await reader.read(65536):
            writer.write(block)
            await writer.drain()
    writer.close()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(forward(*map(_address, sys.argv[1:3])))
