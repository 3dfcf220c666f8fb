"""Lines by slice, on disk until they are put: memory is bounded by some megabytes of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from zlib import crc32

from ndr.contract.time import Interval, mini_batch_id

PART_BYTES: Final = 4 << 20
_HELD_BYTES: Final = 4 << 20


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

    def parts(self, place: Interval) -> int:
        """Return how many parts the lines of a slice have."""
        self._spool()
        return 1 + self._path(place).stat().st_size // PART_BYTES if place in self._spooled else 0

    def sorted_parts(self, place: Interval) -> Iterator[bytes]:
        """Yield the lines of a slice, each with its end, in sorted parts of some megabytes; none where it has none.

        Which lines a part has follows from the lines of the slice, whatever their order: equal lines are in one part.
        """
        parts, path = self.parts(place), self._path(place)
        for part in [path] * parts if parts < 2 else _dealt(path, parts):
            lines = part.read_bytes().splitlines(keepends=True)
            lines.sort()
            yield b"".join(lines)

    def _path(self, place: Interval) -> Path:
        return self._folder / mini_batch_id(place)

    def _spool(self) -> None:
        for place, lines in self._held.items():
            with self._path(place).open("ab") as file:
                file.writelines(line + b"\n" for line in lines)
            self._spooled.add(place)
        self._held, self._held_bytes = {}, 0


def _dealt(path: Path, parts: int) -> list[Path]:
    """Deal the lines of a file to several files by their checksums."""
    dealt = [path.with_name(f"{path.name}.{part}") for part in range(parts)]
    with ExitStack() as stack, path.open("rb") as lines:
        files = [stack.enter_context(part.open("wb")) for part in dealt]
        for line in lines:
            files[crc32(line) % parts].write(line)
    return dealt
