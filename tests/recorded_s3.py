"""A proxy before an S3 endpoint that records each request: what S3 would bill, whichever client asks."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Requests:
    """Requests in the order of their answers: what they do (LIST, GET, HEAD, PUT, ...), and the path of the object."""

    seen: list[tuple[str, str]] = field(default_factory=list)

    def counts(self) -> Counter[str]:
        """Return how many requests of each kind there were."""
        return Counter(kind for kind, _ in self.seen)

    def paths(self, kind: str) -> list[str]:
        """Return the paths of one kind: of a LIST, the prefix that it asks for."""
        return [path for each, path in self.seen if each == kind]


@contextmanager
def recorded(endpoint_url: str) -> Iterator[tuple[str, Requests]]:
    """Run a proxy before an endpoint; yield its URL and what it records."""
    requests = Requests()
    upstream = urlsplit(endpoint_url)
    loop = asyncio.new_event_loop()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection(upstream.hostname, upstream.port)
        try:
            while head := await _head(reader):
                method, target, _ = head[0].split(" ", 2)
                if _header(head, "expect"):
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                to_server.write(_lines([line for line in head if not line.lower().startswith("expect:")]))
                await _copy_body(head, reader, to_server)
                answer = await _head(server)
                if writer.is_closing() or reader.at_eof():
                    break  # the client gave up, and will ask again
                requests.seen.append(_request(method, target))
                writer.write(_lines(answer))
                if method != "HEAD":
                    await _copy_body(answer, server, writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client hung up, or the proxy ends
        finally:
            for each in (writer, to_server):
                each.close()

    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", requests
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(timeout=10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _request(method: str, target: str) -> tuple[str, str]:
    parts = urlsplit(target)
    query = parse_qs(parts.query)
    if method == "GET" and "list-type" in query:
        return "LIST", f"{unquote(parts.path)}/{query.get('prefix', [''])[0]}".replace("//", "/")
    return method, unquote(parts.path)


async def _head(reader: asyncio.StreamReader) -> list[str]:
    try:
        return (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    except asyncio.IncompleteReadError:
        return []


def _lines(head: list[str]) -> bytes:
    return ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")


def _header(head: list[str], name: str) -> str:
    found = [line.partition(":")[2].strip() for line in head[1:] if line.lower().startswith(f"{name}:")]
    return found[0] if found else ""


async def _copy_body(head: list[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if _header(head, "transfer-encoding").lower() == "chunked":
        size = -1
        while size:
            line = await reader.readline()
            size = int(line.split(b";")[0], 16)
            writer.write(line + await reader.readexactly(size + 2))
    else:
        writer.write(await reader.readexactly(int(_header(head, "content-length") or 0)))
    await writer.drain()
