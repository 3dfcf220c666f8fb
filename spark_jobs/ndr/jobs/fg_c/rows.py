"""FG-A rows as the kernel takes them: in the order of their key, with numbers for hosts and groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.jobs.deltas.grouping import packed
from ndr.jobs.fg_c.formulas import Floats, Ints
from ndr.jobs.fg_c.judges import coded_column, floats

KEY = ("host_ip", "role", "window_label", "window_end")


@dataclass(frozen=True)
class FeatureRows:
    """FG-A rows in the order of their key.

    Attributes
    ----------
    table : pa.Table
        Key, time band and metrics.
    hosts : tuple of str
        The distinct hosts, sorted.
    host_of : int64[rows]
        The place of each row's host.
    ends : int64[rows]
        Microseconds since the epoch.
    """

    table: pa.Table
    hosts: tuple[str, ...]
    host_of: Ints
    ends: Ints

    @classmethod
    def of(cls, table: pa.Table) -> FeatureRows:
        """Sort rows, of which text may be codes, by their key."""
        hosts, host_of = _ranked(table["host_ip"])
        others = [_ranked(table[name]) for name in ("role", "window_label")]
        instants = table["window_end"].cast(pa.int64()).to_numpy()
        ends, end_of = np.unique(instants, return_inverse=True)
        columns = [host_of, *(ranks for _, ranks in others), end_of]
        sizes = [max(1, size) for size in (len(hosts), *(len(words) for words, _ in others), len(ends))]
        key = packed(columns, sizes)
        if np.any(key[1:] < key[:-1]):
            order = np.argsort(key, kind="stable")
            table, host_of, instants = table.take(pa.array(order)), host_of[order], instants[order]
        return cls(table, tuple(hosts), host_of, instants)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def parts(self, rows: int) -> Iterator[FeatureRows]:
        """Cut between hosts, into parts of at least so many rows."""
        bounds = np.flatnonzero(np.diff(self.host_of, prepend=-1))
        start = 0
        for bound in [*bounds[1:].tolist(), len(self)]:
            if bound - start >= rows or (bound == len(self) and bound > start):
                yield self._slice(start, bound)
                start = bound

    def of_windows(self, labels: Sequence[str]) -> FeatureRows:
        """Return the rows of some windows."""
        is_wanted = pc.is_in(self.table["window_label"].cast(pa.string()), pa.array(labels, pa.string()))
        chosen = is_wanted.to_numpy()
        return FeatureRows(self.table.filter(is_wanted), self.hosts, self.host_of[chosen], self.ends[chosen])

    def take(self, places: Ints) -> FeatureRows:
        """Return some of the rows, whose places ascend."""
        return FeatureRows(self.table.take(pa.array(places)), self.hosts, self.host_of[places], self.ends[places])

    def _slice(self, start: int, stop: int) -> FeatureRows:
        return FeatureRows(
            self.table.slice(start, stop - start), self.hosts, self.host_of[start:stop], self.ends[start:stop]
        )

    def values(self, metrics: Sequence[str]) -> Floats:
        """Return float64[rows, metrics]; NaN is null."""
        found = np.empty((len(self), len(metrics)))
        for place, metric in enumerate(metrics):
            found[:, place] = floats(self.table[metric])
        return found


def _ranked(column: pa.ChunkedArray) -> tuple[list[str], Ints]:
    """Return the sorted distinct texts, and the place of each row's among them."""
    coded = coded_column(column)
    texts = coded.dictionary.to_pylist()
    words = sorted(set(texts))
    place = {word: number for number, word in enumerate(words)}
    ranks = np.array([place[text] for text in texts], np.int64)
    return words, ranks[coded.indices.to_numpy()] if len(coded) else np.zeros(0, np.int64)
