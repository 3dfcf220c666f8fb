"""Lines by slice, on disk until they are put: memory is bounded by the lines of one slice."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ndr.contract.time import Interval, mini_batch_id

_HELD_BYTES: Final = 8 << 20


class LineSpool:
    """A folder with a file of lines for each slice."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[Interval, list[bytes]] = {}
        self._held_bytes = 0
        self._spooled: set[Interval] = set()
        folder.mkdir()

    def add(self, place: Interval, line: str) -> None:
        """Add a line, without its end, to those of a slice."""
        encoded = line.encode()
        self._held.setdefault(place, []).append(encoded)
        self._held_bytes += len(encoded)
        if self._held_bytes > _HELD_BYTES:
            self._spool()

    def places(self) -> set[Interval]:
        """Return the slices that have lines."""
        return {*self._spooled, *self._held}

    def sorted_lines(self, place: Interval) -> bytes:
        """Return the lines of a slice, each with its end; nothing where it has none."""
        self._spool()
        if place not in self._spooled:
            return b""
        lines = self._path(place).read_bytes().splitlines(keepends=True)
        lines.sort()
        return b"".join(lines)

    def _path(self, place: Interval) -> Path:
        return self._folder / mini_batch_id(place)

    def _spool(self) -> None:
        for place, lines in self._held.items():
            with self._path(place).open("ab") as file:
                file.writelines(line + b"\n" for line in lines)
            self._spooled.add(place)
        self._held, self._held_bytes = {}, 0
