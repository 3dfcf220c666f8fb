"""Files of one delivery that hold the same content, such as a log beside its own gzip: one of them is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from pyarrow import fs

from ndr.jobs.deltas.files import COMPRESSED_SUFFIXES
from ndr.jobs.deltas.mini_batches import MiniBatch
from ndr.sources.content import content_digest
from ndr.store.manifest import READERS
from ndr.store.storage import filesystem

_GZIP = b"\x1f\x8b"


def without_copies(deliveries: Sequence[MiniBatch]) -> list[MiniBatch]:
    """Return deliveries without the paths whose decompressed content another path of the same delivery has.

    All that a stream delivered is one delivery. `files` stays as it was, so that its manifest names all that was
    delivered. Only files that can be equal, by name or by size, are read for it.
    """
    stream = _distinct([path for each in deliveries if each.stream_name for path in each.paths], deliveries)
    return [
        replace(each, paths=tuple(path for path in each.paths if path in kept))
        for each in deliveries
        for kept in [stream if each.stream_name else _distinct(each.paths, [each])]
    ]


def _distinct(paths: Sequence[str], deliveries: Sequence[MiniBatch]) -> set[str]:
    """Return the first path of each content."""
    if len(paths) < 2:
        return set(paths)
    system = filesystem(deliveries[0].uri)[0]
    with ThreadPoolExecutor(READERS) as pool:
        sizes = dict(zip(paths, pool.map(partial(_content_size, system), paths), strict=True))
        same_size = Counter(sizes.values())
        same_name = Counter(_plain_name(path) for path in paths)

        def content(path: str) -> str:
            alone = same_size[sizes[path]] == 1 and same_name[_plain_name(path)] == 1
            return path if alone else _content_name(system, path)

        first: dict[str, str] = {}
        for path, name in zip(paths, pool.map(content, paths), strict=True):
            first.setdefault(name, path)
    return set(first.values())


def _plain_name(path: str) -> str:
    name = path.rpartition("/")[2].lower()
    return next((name.removesuffix(suffix) for suffix in COMPRESSED_SUFFIXES if name.endswith(suffix)), name)


def _content_size(system: fs.FileSystem, path: str) -> int:
    """Return the size of a file's content, which a gzip file tells at its end (of its last member, modulo 2**32)."""
    try:
        with system.open_input_file(path) as file:
            size = int(file.size())
            if size < 18 or file.read_at(2, 0) != _GZIP:
                return size % 2**32
            return int.from_bytes(file.read_at(4, size - 4), "little")
    except FileNotFoundError:
        return -1  # reading it says so


def _content_name(system: fs.FileSystem, path: str) -> str:
    """Return the digest of a file's content, or its path where it is gone or damaged: reading it says so."""
    try:
        return content_digest(system, path) or path
    except FileNotFoundError:
        return path
