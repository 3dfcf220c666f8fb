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
    """Numbers for groups: the distinct words of each column of GROUP among the rows and the baselines."""

    words: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, of_rows: Sequence[Sequence[str]], tables: Sequence[pa.Table]) -> Groups:
        """Take the words of the rows, in the order of GROUP, and those of the tables of baselines."""
        found = [
            sorted({*words, *(word for table in tables for word in table[name].unique().to_pylist())})
            for name, words in zip(GROUP, of_rows, strict=True)
        ]
        return cls(tuple(map(tuple, found)))

    def __len__(self) -> int:
        return int(np.prod([len(words) for words in self.words]))

    @property
    def bands(self) -> int:
        return len(self.words[1])

    @property
    def windows(self) -> int:
        return len(self.words[2])

    def least(self, support_min: Mapping[str, int]) -> Ints:
        """Return the least support of each group, by its window."""
        of_window = [support_min.get(word, 1) for word in self.words[-1]]
        return np.tile(np.array(of_window, np.int64), len(self) // max(1, len(of_window)))

    def numbers(self, table: pa.Table) -> Ints:
        """Return the number of each row's group."""
        columns = [coded_column(table[name]) for name in GROUP]
        return self.numbered([(each.dictionary.to_pylist(), each.indices.to_numpy()) for each in columns])

    def numbered(self, columns: Sequence[tuple[Sequence[str], NDArray[np.integer]]]) -> Ints:
        """Return the number of each row's group, by words and each row's place among them, in the order of GROUP."""
        number = np.zeros(len(columns[0][1]), np.int64)
        for known, (words, places) in zip(self.words, columns, strict=True):
            place = {word: place for place, word in enumerate(known)}
            number = number * len(known) + np.array([place.get(word, -1) for word in words], np.int64)[places]
        return number


@dataclass(frozen=True)
class Judges:
    """The statistics of all that can judge by any horizon, and which of them judge a host and a group.

    Attributes
    ----------
    known : float64[judges, metrics, statistics]
    usable : bool[judges, metrics]
    of_host, of_segment, of_network : int64[horizons, hosts or segments or 1, groups]
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
        baselines: Sequence[HorizonBaseline],
        groups: Groups,
        hosts: Sequence[str],
        segments: Sequence[str],
        metrics: Sequence[str],
        support_min: Mapping[str, int],
    ) -> Judges:
        """Lay out baselines for the given hosts and segments; others are left out, but count in the network's."""
        shape = (len(baselines), len(groups))
        of_host = np.full((shape[0], len(hosts), shape[1]), -1, np.int64)
        of_segment = np.full((shape[0], len(segments), shape[1]), -1, np.int64)
        of_network = np.full((shape[0], 1, shape[1]), -1, np.int64)
        least, first = groups.least(support_min), 0
        known, usable = [np.empty((0, len(metrics), len(STATISTICS)))], [np.empty((0, len(metrics)), bool)]
        for place, baseline in enumerate(baselines):
            rows = baseline.host.filter(pc.is_in(baseline.host["host_ip"], pa.array(hosts, pa.string())))
            warm = ~np.array([name in baseline.cold_hosts for name in rows["host_ip"].to_pylist()], bool)
            for table, name, names, numbers in (
                (rows, "host_ip", hosts, of_host[place]),
                (baseline.segment, "segment_id", segments, of_segment[place]),
            ):
                statistics, group = _statistics(table, metrics), groups.numbers(table)
                _number(places_among(table[name], names), group, numbers, first)
                first += len(statistics)
                can_judge = _usable(table, statistics, metrics)
                known.append(statistics)
                usable.append(can_judge & warm[:, np.newaxis] if name == "host_ip" else can_judge)
            network, can_judge = _network(statistics, group, least)
            of_network[place, 0] = np.arange(len(groups)) + first
            first += len(network)
            known.append(network)
            usable.append(can_judge)
        return cls(np.concatenate(known), np.concatenate(usable), of_host, of_segment, of_network)


def _number(rows: Ints, groups: Ints, numbers: Ints, first: int) -> None:
    """Fill in the numbers of judges: those of a table's rows, from `first` on, by host or segment and group."""
    is_asked = rows >= 0
    numbers[rows[is_asked], groups[is_asked]] = np.flatnonzero(is_asked) + first


def _statistics(table: pa.Table, metrics: Sequence[str]) -> Floats:
    """Return float64[rows, metrics, statistics]; NaN is null."""
    found = np.empty((table.num_rows, len(metrics), len(STATISTICS)))
    for place, metric in enumerate(metrics):
        for number, statistic in enumerate(STATISTICS):
            found[:, place, number] = floats(table[f"{metric}_{statistic}"])
    return found


def _usable(table: pa.Table, known: Floats, metrics: Sequence[str]) -> NDArray[np.bool_]:
    """Return bool[rows, metrics]."""
    found: NDArray[np.bool_] = ~np.asarray(np.isnan(known).any(axis=2))
    for place, metric in enumerate(metrics):
        found[:, place] &= ~pc.fill_null(table[f"{metric}_cold_start"], True).to_numpy().astype(bool)
    return found


def _network(known: Floats, group: Ints, least: Ints) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the statistics of the network, float64[groups, metrics, statistics], and whether they can judge."""
    found = np.full((len(least), *known.shape[1:]), np.nan)
    for number in np.unique(group):
        members = known[group == number]
        for metric in range(members.shape[1]):
            rows = members[:, metric]
            rows = rows[~np.isnan(rows).any(axis=1)]
            support = rows[:, -1]
            if support.sum() > 0:
                found[number, metric, :-1] = weighted_medians(rows[:, :-1], support)
                found[number, metric, -1] = support.sum()
    return found, np.nan_to_num(found[:, :, -1]) >= least[:, np.newaxis]


def weighted_medians(values: Floats, weights: Floats) -> Floats:
    """Return of each column the least value up to which at least half of the weight lies."""
    order = np.argsort(values, axis=0, kind="stable")
    running = np.cumsum(weights[order], axis=0)
    middle = np.argmax(running >= running[-1] / 2, axis=0)
    columns = np.arange(values.shape[1])
    found: Floats = values[order[middle, columns], columns]
    return found


def floats(column: pa.ChunkedArray) -> Floats:
    """Return a column of numbers as float64; NaN is null."""
    return column.cast(pa.float64()).to_numpy()  # type: ignore[no-any-return]


def places_among(column: pa.ChunkedArray, words: Sequence[str]) -> Ints:
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
