"""A folder of this machine as a bucket for reading, which counts requests and can delay each answer.

python s3_directory.py FOLDER DELAY_SECONDS prints the port and serves until its standard input ends. A GET of
/_requests answers with the counts since the last one. It knows ListObjectsV2 below a prefix with the
delimiter / and without, GetObject with and without a range, and HeadObject, which is all that a reader asks for.
"""

from __future__ import annotations

import asyncio
import json
import sys
from bisect import bisect_right
from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

_PAGE = 1000
_NOT_FOUND = b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"


class Directory:
    """The folder, and what was asked of it."""

    def __init__(self, folder: Path, delay_seconds: float) -> None:
        self.folder = folder
        self.delay_seconds = delay_seconds
        self.counts: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, target, _ = head[0].split(" ")
                headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
                status, extra, body = self.answer(method, urlsplit(target), headers.get("range"))
                if self.delay_seconds and not target.startswith("/_requests"):
                    await asyncio.sleep(self.delay_seconds)
                writer.write(
                    f'HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nETag: "0"\r\n'
                    f"Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n{extra}\r\n".encode()
                    + (b"" if method == "HEAD" else body)
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def answer(self, method: str, target, wanted: str | None) -> tuple[str, str, bytes]:  # type: ignore[no-untyped-def]
        """Return the status, further headers and the body."""
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        if target.path == "/_requests":
            body = json.dumps(self.counts).encode()
            self.counts.clear()
            return "200 OK", "", body
        if "list-type" in query:
            self.counts["LIST"] += 1
            return "200 OK", "Content-Type: application/xml\r\n", self.page(unquote(target.path), query).encode()
        self.counts[method] += 1
        path = self.folder / unquote(target.path).strip("/").partition("/")[2]
        if not path.is_file():
            return "404 Not Found", "", _NOT_FOUND
        content = path.read_bytes()
        if not wanted:
            return "200 OK", "", content
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        begin, end = int(first), min(int(last) if last else len(content), len(content) - 1)
        return "206 Partial Content", f"Content-Range: bytes {begin}-{end}/{len(content)}\r\n", content[begin : end + 1]

    def page(self, bucket: str, query: dict[str, str]) -> str:
        """Return a page of the keys below a prefix, or of the names right below it."""
        prefix, after = query.get("prefix", ""), query.get("continuation-token", query.get("start-after", ""))
        names = self.names(prefix, is_flat="delimiter" not in query)
        left = names[bisect_right(names, after) :]
        found = left[:_PAGE]
        keys = [
            f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
            if name.endswith("/")
            else f"<Contents><Key>{escape(name)}</Key><Size>{(self.folder / name).stat().st_size}</Size>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>0</ETag></Contents>"
            for name in found
        ]
        more = len(left) > _PAGE
        token = f"<NextContinuationToken>{escape(found[-1])}</NextContinuationToken>" if more else ""
        return (
            f"<ListBucketResult><Name>{escape(bucket.strip('/'))}</Name><Prefix>{escape(prefix)}</Prefix>"
            f"<KeyCount>{len(found)}</KeyCount><IsTruncated>{str(more).lower()}</IsTruncated>{token}{''.join(keys)}"
            "</ListBucketResult>"
        )

    @cache  # noqa: B019 - the only directory lives as long as the process, and nothing in it changes
    def names(self, prefix: str, is_flat: bool) -> list[str]:
        """Return all keys below a prefix, or the names right below it; folders end with a slash."""
        folder = self.folder / prefix
        if not prefix.endswith("/") or not folder.is_dir():
            return []
        if is_flat:
            return sorted(str(each.relative_to(self.folder)) for each in folder.rglob("*") if each.is_file())
        return sorted(f"{prefix}{each.name}{'/' if each.is_dir() else ''}" for each in folder.iterdir())


async def main(folder: str, delay_seconds: str) -> None:
    """Serve until the standard input ends."""
    directory = Directory(Path(folder), float(delay_seconds))
    server = await asyncio.start_server(directory.serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
