"""How the hosts of a cluster hear of each other: a line with the master's URL, later a line with the outcome.

Spark's own workers can't tell a driver that is done from one that died; the job's hosts must, since SageMaker asks each
of them for an exit code.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

from ndr.contract.errors import NdrError

PORT: Final = 7079
DONE: Final = "done"
_POLL_SECONDS: Final = 0.5
_LINE_BYTES: Final = 4096
_FAREWELL_SECONDS: Final = 30.0


class ClusterError(NdrError):
    """The hosts of a job did not come together, or the one that runs the job failed or vanished."""


class Gate:
    """Kept by the host that runs the job: tells every host that asks where the master is, and later how it ended."""

    def __init__(self, address: str, master_url: str) -> None:
        self._master_url = master_url
        self._outcome: str | None = None
        self._guests: list[socket.socket] = []
        self._changing = threading.Lock()
        self._listener = socket.create_server((address, PORT), backlog=1024)
        threading.Thread(target=self._admit, daemon=True).start()

    def _admit(self) -> None:
        while True:
            try:
                guest, _ = self._listener.accept()
            except OSError:
                return
            with self._changing, contextlib.suppress(OSError):
                guest.sendall(f"{self._master_url}\n".encode())
                if self._outcome is not None:
                    guest.sendall(f"{self._outcome}\n".encode())
                self._guests.append(guest)

    def announce(self, outcome: str) -> None:
        """Tell all hosts how the job ended: `DONE`, or why it failed."""
        line = " ".join(outcome.split())[: _LINE_BYTES // 2]
        with self._changing:
            self._outcome = line
            for guest in self._guests:
                with contextlib.suppress(OSError):  # a host that is gone needs no word
                    guest.sendall(f"{line}\n".encode())
        _announced.append(self)


# Connections stay open until the process ends: their end tells the others that the first host has said its last words.
_announced: list[Gate] = []


class Guest:
    """A host's end of the gate.

    Raises
    ------
    ClusterError
        The first host can't be reached before `seconds` have passed, or vanishes at once.
    """

    def __init__(self, first: str, seconds: float) -> None:
        self._first = first
        self._socket = _connected(first, seconds)
        self.master_url = _line(self._socket)
        if not self.master_url:
            raise self._vanished()

    def wait(self, meanwhile: Callable[[], None]) -> None:
        """Return when the job is done; `meanwhile` is called about twice a second.

        Raises
        ------
        ClusterError
            The job failed, or its host vanished.
        """
        while not select.select([self._socket], [], [], _POLL_SECONDS)[0]:
            meanwhile()
        outcome = _line(self._socket)
        if outcome == DONE:
            return
        if not outcome:
            raise self._vanished()
        # SageMaker ends all hosts when one fails: let the one that knows why write it down first.
        self._socket.settimeout(_FAREWELL_SECONDS)
        _line(self._socket)
        raise ClusterError(f"The job failed on {self._first}: {outcome}")

    def _vanished(self) -> ClusterError:
        return ClusterError(f"{self._first}, which ran the job, vanished; run the step again.")


def _line(connection: socket.socket) -> str:
    """Read to the end of a line, or to the end of what is sent; byte by byte, since `select` sees no buffer of ours."""
    line = bytearray()
    with contextlib.suppress(OSError):
        while (byte := connection.recv(1)) not in (b"", b"\n"):
            line += byte
    return line.decode(errors="replace").strip()


def _connected(first: str, seconds: float) -> socket.socket:
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = socket.create_connection((first, PORT), timeout=10)
        except OSError as error:
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"{first} could not be reached at port {PORT} within {seconds:.0f} s ({error}); the job's security "
                    "group must let its hosts talk to each other on all ports."
                ) from None
            time.sleep(_POLL_SECONDS)
            continue
        found.settimeout(None)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # notices a host that lost its power
        for option, value in ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 6)):
            found.setsockopt(socket.IPPROTO_TCP, option, value)
        return found
