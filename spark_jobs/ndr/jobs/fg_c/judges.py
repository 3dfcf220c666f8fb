"""Who judges a value: the baseline of its host, else of its segment, else of the whole network.

The network's baseline is not published. For each role, band and window it is the weighted median of each statistic over
the segments, weighted by their support, and its support is their sum: what a segment of average traffic would have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ndr.jobs.fg_c.formulas import STATISTICS, Floats, Ints

GROUP = ("role", "time_band", "window_label")


@dataclass(frozen=True)
class HorizonBaseline:
    """The tables of a baseline that judge values.

    Attributes
    ----------
    horizon : str
    end : datetime
    host, segment : pa.Table
        With their keys, and the statistics of the metrics that are scored.
    cold_hosts : frozenset of str
        Hosts without full history or of short-lived machines, which their segment judges.
    profile : pa.Table, optional
        Of the hosts; None where it does not matter.
    """

    horizon: str
    end: datetime
    host: pa.Table
    segment: pa.Table
    cold_hosts: frozenset[str] = frozenset()
    profile: pa.Table | None = None


@dataclass(frozen=True)
class Groups:
    """Numbers for texts: the distinct words of each grouping column among the rows and the baselines."""

    words: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, tables: Sequence[pa.Table]) -> Groups:
        found = [sorted({word for table in tables for word in _words(table[name])}) for name in GROUP]
        return cls(tuple(map(tuple, found)))

    def __len__(self) -> int:
        return int(np.prod([len(words) for words in self.words]))

    def least(self, support_min: Mapping[str, int]) -> Ints:
        """Return the least support of each group, by its window."""
        of_window = [support_min.get(word, 1) for word in self.words[-1]]
        return np.tile(np.array(of_window, np.int64), len(self) // max(1, len(of_window)))

    def in_band(self, numbers: Ints, band: str) -> Ints:
        """Return the numbers of the same groups in another time band."""
        windows = len(self.words[2])
        others = numbers // (len(self.words[1]) * windows) * len(self.words[1]) + self.words[1].index(band)
        return others * windows + numbers % windows

    def numbers(self, table: pa.Table) -> Ints:
        """Return the number of each row's group."""
        number = np.zeros(table.num_rows, np.int64)
        for name, words in zip(GROUP, self.words, strict=True):
            number = number * len(words) + _places(table[name], words)
        return number


@dataclass(frozen=True)
class Judges:
    """The statistics of all that can judge, and which of them judge a host and a group.

    Attributes
    ----------
    known : float64[metrics, judges, statistics]
    usable : bool[metrics, judges]
    of_host, of_segment, of_network : int64[hosts, groups], int64[segments, groups], int64[groups]
        Places among the judges; -1 without one.
    """

    known: Floats
    usable: NDArray[np.bool_]
    of_host: Ints
    of_segment: Ints
    of_network: Ints

    @classmethod
    def of(
        cls,
        baseline: HorizonBaseline,
        groups: Groups,
        hosts: Sequence[str],
        segments: Sequence[str],
        metrics: Sequence[str],
        support_min: Mapping[str, int],
    ) -> Judges:
        """Lay out a baseline for the given hosts and segments; others are left out, but count in the network's."""
        of_hosts = baseline.host.filter(pc.is_in(baseline.host["host_ip"], pa.array(hosts, pa.string())))
        of_segments = baseline.segment
        group = groups.numbers(of_segments)
        by_segment, by_host = (_statistics(table, metrics) for table in (of_segments, of_hosts))
        network, network_usable = _network(by_segment, group, groups.least(support_min))
        warm = ~np.array([name in baseline.cold_hosts for name in of_hosts["host_ip"].to_pylist()], bool)
        usable = np.concatenate(
            [_usable(of_hosts, by_host, metrics) & warm, _usable(of_segments, by_segment, metrics), network_usable],
            axis=1,
        )
        first_segment, first_network = of_hosts.num_rows, of_hosts.num_rows + of_segments.num_rows
        return cls(
            np.concatenate([by_host, by_segment, network], axis=1),
            usable,
            _table(_places(of_hosts["host_ip"], hosts), groups.numbers(of_hosts), (len(hosts), len(groups)), 0),
            _table(_places(of_segments["segment_id"], segments), group, (len(segments), len(groups)), first_segment),
            np.arange(len(groups)) + first_network,
        )

    def asked(self, hosts: Ints, segments: Ints, groups: Ints) -> Ints:
        """Return int64[rows, 3]: the judges of each host, segment and network, in this order; a host may be -1."""
        of_host = self.of_host[hosts, groups] if len(self.of_host) else np.full(len(hosts), -1)
        of_host = np.where(hosts >= 0, of_host, -1)
        judges = (of_host, self.of_segment[segments, groups], self.of_network[groups])
        return np.stack(judges, axis=1)


def _table(rows: Ints, groups: Ints, shape: tuple[int, int], first: int) -> Ints:
    found = np.full(shape, -1, np.int64)
    is_asked = rows >= 0
    found[rows[is_asked], groups[is_asked]] = np.flatnonzero(is_asked) + first
    return found


def _statistics(table: pa.Table, metrics: Sequence[str]) -> Floats:
    """Return float64[metrics, rows, statistics]; NaN is null."""
    found = np.empty((len(metrics), table.num_rows, len(STATISTICS)))
    for place, metric in enumerate(metrics):
        for number, statistic in enumerate(STATISTICS):
            found[place, :, number] = floats(table[f"{metric}_{statistic}"])
    return found


def _usable(table: pa.Table, known: Floats, metrics: Sequence[str]) -> NDArray[np.bool_]:
    cold = [pc.fill_null(table[f"{metric}_cold_start"], True).to_numpy().astype(bool) for metric in metrics]
    return ~np.array(cold, bool).reshape(known.shape[:2]) & ~np.isnan(known).any(axis=2)


def _network(known: Floats, group: Ints, least: Ints) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the statistics of the network, float64[metrics, groups, statistics], and whether they can judge."""
    found = np.full((known.shape[0], len(least), known.shape[2]), np.nan)
    for number in np.unique(group):
        members = known[:, group == number, :]
        for metric in range(members.shape[0]):
            rows = members[metric][~np.isnan(members[metric]).any(axis=1)]
            support = rows[:, -1]
            if support.sum() <= 0:
                continue
            found[metric, number, :-1] = [
                weighted_median(rows[:, place], support) for place in range(rows.shape[1] - 1)
            ]
            found[metric, number, -1] = support.sum()
    return found, np.nan_to_num(found[:, :, -1]) >= least


def weighted_median(values: Floats, weights: Floats) -> float:
    """Return the least value up to which at least half of the weight lies."""
    order = np.argsort(values, kind="stable")
    running = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(running, running[-1] / 2)])


def floats(column: pa.ChunkedArray) -> Floats:
    """Return a column of numbers as float64; NaN is null."""
    return column.cast(pa.float64()).to_numpy()  # type: ignore[no-any-return]


def _words(column: pa.ChunkedArray) -> list[str]:
    return column.unique().to_pylist()  # type: ignore[no-any-return]


def _places(column: pa.ChunkedArray, words: Sequence[str]) -> Ints:
    """Return the place of each text among words; -1 where it is not among them."""
    coded = coded_column(column)
    of_word: Mapping[str, int] = {word: place for place, word in enumerate(words)}
    places = np.array([of_word.get(word, -1) for word in coded.dictionary.to_pylist()], np.int64)
    return places[coded.indices.to_numpy()] if len(coded) else np.zeros(0, np.int64)


def coded_column(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """Return a text column as codes of one dictionary."""
    if pa.types.is_dictionary(column.type):
        return column.unify_dictionaries().combine_chunks()
    return column.combine_chunks().dictionary_encode()
