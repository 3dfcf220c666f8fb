"""Advance an account's stepped clock from another process."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from ministack_sagemaker import directories
from ministack_sagemaker.clock import SteppedClock, stepped

_PORT_FILE = "clock.port"


class ClockControl:
    """The clock of the account of a directory, which must have been started with STEPPED_CLOCK."""

    def __init__(self, directory: Path) -> None:
        port = int((directory / "state" / _PORT_FILE).read_text())
        self._connection = socket.create_connection(("127.0.0.1", port))
        self._lines: IO[str] = self._connection.makefile("rw")

    def close(self) -> None:
        self._lines.close()
        self._connection.close()

    def settle(self) -> datetime | None:
        """Wait until the account only waits for its clock; return when the first wait ends, None without one."""
        due = self._asked("settle", None)
        return datetime.fromisoformat(due) if due else None

    def advance(self, now: datetime) -> None:
        """Set the clock forward."""
        self._asked("advance", now.isoformat())

    def _asked(self, operation: str, argument: str | None) -> Any:
        self._lines.write(json.dumps([operation, argument]) + "\n")
        self._lines.flush()
        return json.loads(self._lines.readline())


def serve_control() -> None:
    """Let other processes advance this account's clock, if it is one to be advanced."""
    clock = stepped()
    if clock is None:
        return
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _handler(clock))
    server.daemon_threads = True
    (directories.state() / _PORT_FILE).write_text(str(server.server_address[1]))
    threading.Thread(target=server.serve_forever, name="clock control", daemon=True).start()


def _handler(clock: SteppedClock) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                operation, argument = json.loads(line)
                answer = None
                if operation == "advance":
                    clock.advance(datetime.fromisoformat(argument))
                else:
                    due = clock.settle()
                    answer = due.isoformat() if due else None
                self.wfile.write(json.dumps(answer).encode() + b"\n")

    return Handler
