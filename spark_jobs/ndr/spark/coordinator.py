"""The protocol between the instances of a cluster: a line with the master's URL, later a line with the outcome.

A Spark worker cannot tell a driver that has finished from one that died. The instances of a job must, because SageMaker
reads the exit code of each.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

from ndr.contract.errors import NdrError

PORT: Final = 7079
PORT_VARIABLE: Final = "NDR_COORDINATOR_PORT"
"""Names another port. Jobs that follow each other on the same instances have one each, because the coordinator of a job
answers until its process ends, when the next job of a quicker instance may already look for its own."""
DONE: Final = "done"
_POLL_SECONDS: Final = 0.5
_LINE_BYTES: Final = 4096
_SHUTDOWN_GRACE_SECONDS: Final = 30.0


def port() -> int:
    """Return the port at which the instances of the job meet."""
    return int(os.environ.get(PORT_VARIABLE, PORT))


class ClusterError(NdrError):
    """The instances of a job could not connect, or the one that runs the job failed or disappeared."""


class Coordinator:
    """The server on the instance that runs the job: sends the master's URL to each client, and later the outcome."""

    def __init__(self, address: str, master_url: str) -> None:
        self._master_url = master_url
        self._outcome: str | None = None
        self._clients: list[socket.socket] = []
        self._changing = threading.Lock()
        self._listener = socket.create_server((address, port()), backlog=1024)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._changing, contextlib.suppress(OSError):
                client.sendall(f"{self._master_url}\n".encode())
                if self._outcome is not None:
                    client.sendall(f"{self._outcome}\n".encode())
                self._clients.append(client)

    def announce(self, outcome: str) -> None:
        """Send the outcome of the job to all clients: `DONE`, or why it failed."""
        line = " ".join(outcome.split())[: _LINE_BYTES // 2]
        with self._changing:
            self._outcome = line
            for client in self._clients:
                with contextlib.suppress(OSError):  # the client has disconnected
                    client.sendall(f"{line}\n".encode())
        _announced.append(self)


# Connections stay open until the process ends: then the clients know that the failure message has been written.
_announced: list[Coordinator] = []


class CoordinatorClient:
    """The connection of another instance to the coordinator.

    Raises
    ------
    ClusterError
        The first instance cannot be reached within `seconds`, or disappears at once.
    """

    def __init__(self, first: str, seconds: float) -> None:
        self._first = first
        self._socket = _connected(first, seconds)
        self.master_url = _line(self._socket)
        if not self.master_url:
            raise self._disappeared()

    def wait(self, meanwhile: Callable[[], None]) -> None:
        """Return when the job is done; `meanwhile` is called about twice a second.

        Raises
        ------
        ClusterError
            The job failed, or its instance disappeared.
        """
        while not select.select([self._socket], [], [], _POLL_SECONDS)[0]:
            meanwhile()
        outcome = _line(self._socket)
        if outcome == DONE:
            return
        if not outcome:
            raise self._disappeared()
        # SageMaker stops all instances when one fails: the first writes its failure message before this one exits.
        self._socket.settimeout(_SHUTDOWN_GRACE_SECONDS)
        _line(self._socket)
        raise ClusterError(f"The job failed on {self._first}: {outcome}")

    def _disappeared(self) -> ClusterError:
        return ClusterError(f"{self._first}, which ran the job, disappeared; run the step again.")


def _line(connection: socket.socket) -> str:
    """Read up to the end of a line or of the stream; byte by byte, because `select` does not see a buffer of ours."""
    line = bytearray()
    with contextlib.suppress(OSError):
        while (byte := connection.recv(1)) not in (b"", b"\n"):
            line += byte
    return line.decode(errors="replace").strip()


def _connected(first: str, seconds: float) -> socket.socket:
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = socket.create_connection((first, port()), timeout=10)
        except OSError as error:
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"{first} could not be reached at port {port()} within {seconds:.0f} s ({error}); the job's "
                    "security group must allow its instances to connect to each other on all ports."
                ) from None
            time.sleep(_POLL_SECONDS)
            continue
        found.settimeout(None)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # detects an instance that lost its power
        for option, value in ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 6)):
            found.setsockopt(socket.IPPROTO_TCP, option, value)
        return found
