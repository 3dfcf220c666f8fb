"""FG-A rows as the kernel takes them: in the order of their key, with numbers for hosts and groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.jobs.deltas.grouping import packed
from ndr.jobs.fg_c.baseline_hosts import BASELINE_HOST
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
    judged_hosts : tuple of str
        The distinct hosts of the baselines that judge the rows, sorted: BASELINE_HOST, or without it the hosts.
    judged_of : int64[rows]
        The place of each row's among them; -1 where no host's baseline judges it.
    """

    table: pa.Table
    hosts: tuple[str, ...]
    host_of: Ints
    ends: Ints
    judged_hosts: tuple[str, ...]
    judged_of: Ints

    @classmethod
    def of(cls, table: pa.Table) -> FeatureRows:
        """Sort rows, of which text may be codes, by their key."""
        hosts, host_of = _ranked(table["host_ip"])
        has_others = BASELINE_HOST in table.column_names
        judged_hosts, judged_of = _ranked(table[BASELINE_HOST]) if has_others else (hosts, host_of)
        others = [_ranked(table[name]) for name in ("role", "window_label")]
        instants = table["window_end"].cast(pa.int64()).to_numpy()
        ends, end_of = np.unique(instants, return_inverse=True)
        columns = [host_of, *(ranks for _, ranks in others), end_of]
        sizes = [max(1, size) for size in (len(hosts), *(len(words) for words, _ in others), len(ends))]
        key = packed(columns, sizes)
        if np.any(key[1:] < key[:-1]):
            order = np.argsort(key, kind="stable")
            table, host_of, instants = table.take(pa.array(order)), host_of[order], instants[order]
            judged_of = judged_of[order]
        return cls(table, tuple(hosts), host_of, instants, tuple(judged_hosts), judged_of)

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
        return replace(
            self,
            table=self.table.filter(is_wanted),
            host_of=self.host_of[chosen],
            ends=self.ends[chosen],
            judged_of=self.judged_of[chosen],
        )

    def take(self, places: Ints) -> FeatureRows:
        """Return some of the rows, whose places ascend."""
        return replace(
            self,
            table=self.table.take(pa.array(places)),
            host_of=self.host_of[places],
            ends=self.ends[places],
            judged_of=self.judged_of[places],
        )

    def _slice(self, start: int, stop: int) -> FeatureRows:
        return replace(
            self,
            table=self.table.slice(start, stop - start),
            host_of=self.host_of[start:stop],
            ends=self.ends[start:stop],
            judged_of=self.judged_of[start:stop],
        )

    @property
    def judged_windows(self) -> pa.Table:
        """The KEY of each row under the host of the baseline that judges it, which may be null."""
        windows = self.table.select(KEY)
        if BASELINE_HOST not in self.table.column_names:
            return windows
        return windows.set_column(0, "host_ip", self.table[BASELINE_HOST])

    def values(self, metrics: Sequence[str]) -> Floats:
        """Return float64[rows, metrics]; NaN is null."""
        found = np.empty((len(self), len(metrics)))
        for place, metric in enumerate(metrics):
            found[:, place] = floats(self.table[metric])
        return found


def _ranked(column: pa.ChunkedArray) -> tuple[list[str], Ints]:
    """Return the sorted distinct texts, and the place of each row's among them; -1 of a null."""
    coded = coded_column(column)
    texts = coded.dictionary.to_pylist()
    words = sorted(set(texts))
    place = {word: number for number, word in enumerate(words)}
    ranks = np.array([place[text] for text in texts], np.int64)
    if not len(coded):
        return words, np.zeros(0, np.int64)
    # The last rank is that of a null.
    return words, np.append(ranks, -1)[coded.indices.fill_null(-1).to_numpy()]
