"""A network that breaks: connections to an account through here are cut in the middle of some PUTs."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from urllib.parse import urlsplit


class CuttingProxy:
    """Forwards connections to an endpoint; the next `cuts` PUTs of a key with `part` in it are cut half way."""

    def __init__(self, endpoint_url: str) -> None:
        parts = urlsplit(endpoint_url)
        self.target = (str(parts.hostname), int(parts.port or 80))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint_url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.part, self.cuts, self.made = b"", 0, 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, part: str, times: int) -> None:
        """Cut the next `times` PUTs of keys with `part`."""
        self.part, self.cuts, self.made = part.encode(), times, 0

    def _accept(self) -> None:
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(self.target)
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._forward, args=(source, sink), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if self.made < self.cuts and (body := self._half_of_put(data)) is not None:
                    self.made += 1
                    sink.sendall(body)
                    break
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _half_of_put(self, data: bytes) -> bytes | None:
        head, _, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if not data.startswith(b"PUT ") or self.part not in head.split(b"\r\n")[0] or not length:
            return None
        return head + b"\r\n\r\n" + body[: int(length[1]) // 2]
