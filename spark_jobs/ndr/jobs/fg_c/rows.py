"""FG-A rows as the kernel takes them: in the order of their key, with numbers for texts and instants."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa

from ndr.jobs.deltas.grouping import packed
from ndr.jobs.fg_c.baseline_hosts import BASELINE_HOST
from ndr.jobs.fg_c.formulas import Floats, Ints
from ndr.jobs.fg_c.judges import coded_column, floats

_NUMBERS: Final = ("host_of", "role_of", "window_of", "end_of", "band_of", "judged_of")


@dataclass(frozen=True)
class FeatureRows:
    """FG-A rows in the order of their key. The places below are int64[rows].

    Attributes
    ----------
    table : pa.Table
        Key, time band and metrics.
    hosts : tuple of str
        The distinct hosts, sorted.
    host_of : int64[rows]
        The place of each row's host.
    roles, windows, bands : tuple of str
        The distinct roles, window labels and time bands, sorted.
    role_of, window_of, band_of : int64[rows]
        The places of each row's.
    instants : int64[instants]
        The distinct window ends, ascending, microseconds since the epoch.
    end_of : int64[rows]
        The place of each row's.
    judged_hosts : tuple of str
        The distinct hosts of the baselines that judge the rows, sorted: BASELINE_HOST, or without it the hosts.
    judged_of : int64[rows]
        The place of each row's among them; -1 where no host's baseline judges it.
    """

    table: pa.Table
    hosts: tuple[str, ...]
    host_of: Ints
    roles: tuple[str, ...]
    role_of: Ints
    windows: tuple[str, ...]
    window_of: Ints
    bands: tuple[str, ...]
    band_of: Ints
    instants: Ints
    end_of: Ints
    judged_hosts: tuple[str, ...]
    judged_of: Ints

    @classmethod
    def of(cls, table: pa.Table) -> FeatureRows:
        """Sort rows, of which text may be codes, by their key."""
        (hosts, host_of), (roles, role_of), (windows, window_of), (bands, band_of) = (
            _ranked(table[name]) for name in ("host_ip", "role", "window_label", "time_band")
        )
        has_others = BASELINE_HOST in table.column_names
        judged_hosts, judged_of = _ranked(table[BASELINE_HOST]) if has_others else (hosts, host_of)
        instants, end_of = np.unique(table["window_end"].cast(pa.int64()).to_numpy(), return_inverse=True)
        rows = cls(
            table, hosts, host_of, roles, role_of, windows, window_of, bands, band_of, instants, end_of, judged_hosts,
            judged_of,
        )  # fmt: skip
        sizes = [max(1, len(words)) for words in (hosts, roles, windows, instants)]
        key = packed([host_of, role_of, window_of, end_of], sizes)
        return rows.take(np.argsort(key, kind="stable")) if np.any(key[1:] < key[:-1]) else rows

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def ends(self) -> Ints:
        """The end of each row's window, int64[rows], microseconds since the epoch."""
        found: Ints = self.instants[self.end_of]
        return found

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
        is_wanted = np.array([label in labels for label in self.windows], bool)[self.window_of]
        if is_wanted.all():
            return self
        return self._with(self.table.filter(pa.array(is_wanted)), lambda numbers: numbers[is_wanted])

    def take(self, places: Ints) -> FeatureRows:
        """Return some of the rows, whose places are in the order of the key."""
        return self._with(self.table.take(pa.array(places)), lambda numbers: numbers[places])

    def _slice(self, start: int, stop: int) -> FeatureRows:
        return self._with(self.table.slice(start, stop - start), lambda numbers: numbers[start:stop])

    def _with(self, table: pa.Table, chosen: Callable[[Ints], Ints]) -> FeatureRows:
        numbers: dict[str, Any] = {name: chosen(getattr(self, name)) for name in _NUMBERS}
        return replace(self, table=table, **numbers)

    def values(self, metrics: Sequence[str]) -> Floats:
        """Return float64[rows, metrics]; NaN is null."""
        found = np.empty((len(self), len(metrics)))
        for place, metric in enumerate(metrics):
            column = self.table[metric]
            found[:, place] = floats(column) if column.null_count else column.to_numpy()
        return found


def _ranked(column: pa.ChunkedArray) -> tuple[tuple[str, ...], Ints]:
    """Return the sorted distinct texts, and the place of each row's among them; -1 of a null."""
    coded = coded_column(column)
    texts = coded.dictionary.to_pylist()
    words = tuple(sorted(set(texts)))
    place = {word: number for number, word in enumerate(words)}
    ranks = np.array([place[text] for text in texts], np.int64)
    if not len(coded):
        return words, np.zeros(0, np.int64)
    # The last rank is that of a null.
    return words, np.append(ranks, -1)[coded.indices.fill_null(-1).to_numpy()]
