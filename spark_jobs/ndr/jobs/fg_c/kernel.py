"""FG-C: FG-A rows of complete hosts and the valid baselines in, scores of values and of hosts out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ndr.contract.datasets import FG_C_SCORES, JUDGES
from ndr.contract.horizons import HORIZONS
from ndr.contract.jobspecs.fg_c_builder import FgCBuilderSpec, MinimumScale
from ndr.contract.time import microseconds
from ndr.jobs.fg_c.formulas import RESULTS, Floats, Ints, fill_scores
from ndr.jobs.fg_c.in_order import in_order
from ndr.jobs.fg_c.judges import Groups, HorizonBaseline, Judges
from ndr.jobs.fg_c.rows import FeatureRows
from ndr.store.schema import CODED, coded_schema

PART_ROWS: Final = 20_000
"""FG-A rows scored at a time: of 14 metrics and two horizons they make half a million rows of scores."""

ExpectedShares = Callable[[FeatureRows, Sequence[str]], Floats]
"""Returns float64[rows, metrics]: the share of days on which so large a value came at this hour; NaN is unknown."""


SecondHighest = Callable[[HorizonBaseline, FeatureRows, Sequence[str]], Floats]
"""Returns float64[rows, metrics]: what a baseline's profile has as second_highest at this hour; NaN is unknown."""

ReachedBands = Callable[[FeatureRows], Mapping[str, NDArray[np.bool_]]]
"""Returns, by time band, which windows reach into it; see `ndr.jobs.fg_c.reach`."""


def nothing_reached(rows: FeatureRows) -> Mapping[str, NDArray[np.bool_]]:
    """Return that each window is in its own band only."""
    return {}


def nothing_expected(rows: FeatureRows, metrics: Sequence[str]) -> Floats:
    """Return that nothing is known of what is expected."""
    return np.full((len(rows), len(metrics)), np.nan)


def nothing_highest(baseline: HorizonBaseline, rows: FeatureRows, metrics: Sequence[str]) -> Floats:
    """Return that nothing is known of how high values are at their hours."""
    return np.full((len(rows), len(metrics)), np.nan)


@dataclass(frozen=True)
class Discounted:
    """What many hosts do at once takes from contributions; arrays of [rows, metrics].

    Attributes
    ----------
    discount : float64
        What is left, in (0, 1].
    share : float64
        Of the judged hosts, those that are unusual in the metric in the same window; NaN where nothing is taken.
    by : int8
        Places in DISCOUNTED_BY.
    """

    discount: Floats
    share: Floats
    by: NDArray[np.int8]

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> Discounted:
        """Return that nothing is taken."""
        return cls(np.ones(shape), np.full(shape, np.nan), np.zeros(shape, np.int8))


@dataclass(frozen=True)
class ScoredRows:
    """A part of the FG-A rows with what was found of each value.

    Attributes
    ----------
    rows : FeatureRows
    metrics, horizons : tuple of str
        Sorted.
    values : float64[rows, metrics]
    tiers : int8[rows, metrics, horizons]
        Places in JUDGES.
    results : float64[results, rows, metrics, horizons]
        By RESULTS.
    expected : float64[rows, metrics]
    highest : float64[rows, metrics, horizons]
        `second_highest`.
    drift : float64[2, rows, metrics]
        Ratio and MADs.
    ends : int64[horizons]
        Ends of the baselines, microseconds since the epoch.
    discounted : Discounted
        Of the contributions; those among the results are without it.
    """

    rows: FeatureRows
    metrics: tuple[str, ...]
    horizons: tuple[str, ...]
    values: Floats
    tiers: NDArray[np.int8]
    results: Floats
    expected: Floats
    highest: Floats
    drift: Floats
    ends: Ints
    discounted: Discounted

    def with_discounts(self, discounted: Discounted) -> ScoredRows:
        """Return the same rows with other discounts."""
        return replace(self, discounted=discounted)

    def contributions(self) -> Floats:
        """Return the contributions with their discounts, float64[rows, metrics, horizons]."""
        found: Floats = self.of("contribution") * self.discounted.discount[..., np.newaxis]
        return found

    def of(self, name: str) -> Floats:
        """Return a result, float64[rows, metrics, horizons]."""
        return self.results[RESULTS.index(name)]  # type: ignore[no-any-return]

    def table(self) -> pa.Table:
        """Return the rows of FG_C_SCORES, sorted by its key, text as codes. A null value has no row."""
        count, metrics, horizons = self.tiers.shape
        repeated = metrics * horizons
        columns = {
            **{name: _codes(self.rows.table[name], repeated) for name in ("host_ip", "role", "window_label")},
            "window_end": _instants(np.repeat(self.rows.ends, repeated)),
            "metric": _words(np.tile(np.repeat(np.arange(metrics), horizons), count), self.metrics),
            "baseline_horizon": _words(np.tile(np.arange(horizons), count * metrics), self.horizons),
            "baseline_end": _instants(np.tile(self.ends, count * metrics), (self.tiers == len(JUDGES) - 1).ravel()),
            "value": _numbers(np.repeat(self.values.ravel(), horizons)),
            "judged_by": _words(self.tiers.ravel(), JUDGES),
            "support_count": pa.array(self.of("support_count").ravel().astype(np.int64)),
            **{name: _numbers(self.of(name).ravel()) for name in RESULTS[1:-1]},
            "contribution": _numbers(self.contributions().ravel()),
            "discount": _numbers(np.repeat(self.discounted.discount.ravel(), horizons)),
            "expected": _numbers(np.repeat(self.expected.ravel(), horizons)),
            "second_highest": _numbers(self.highest.ravel()),
        }
        for place, name in enumerate(("median_7d_to_30d_ratio", "median_7d_30d_mads")):
            columns[name] = _numbers(np.repeat(self.drift[place].ravel(), horizons))
        schema = coded_schema(FG_C_SCORES)
        table = pa.table([columns[name] for name in schema.names], schema=schema)
        is_null = np.isnan(self.values)
        return table.filter(pa.array(np.repeat(~is_null.ravel(), horizons))) if is_null.any() else table


@dataclass(frozen=True)
class Scoring:
    """What FG-A rows are scored with, a part of the hosts at a time."""

    rows: FeatureRows
    spec: FgCBuilderSpec
    metrics: tuple[str, ...]
    valid: list[HorizonBaseline]
    groups: Groups
    segment_of: Ints
    judges: list[Judges]
    scale: Floats
    expected_shares: ExpectedShares
    second_highest: SecondHighest
    reached_bands: ReachedBands

    @classmethod
    def of(
        cls,
        rows: FeatureRows,
        baselines: Sequence[HorizonBaseline],
        segments: Sequence[str],
        spec: FgCBuilderSpec,
        support_min: Mapping[str, int],
        expected_shares: ExpectedShares = nothing_expected,
        second_highest: SecondHighest = nothing_highest,
        reached_bands: ReachedBands = nothing_reached,
    ) -> Scoring:
        """Lay out baselines for FG-A rows.

        Parameters
        ----------
        rows : FeatureRows
        baselines : sequence of HorizonBaseline
            At most one a horizon; each with the statistics of the spec's metrics.
        segments : sequence of str
            The segment of each of the rows' hosts.
        support_min : mapping of str to int
            What a network's baseline of a window must rest on; that of hosts and segments follows from their
            `cold_start`.
        expected_shares, second_highest, reached_bands : callable
            A window is judged by the baseline of its own time band, and by those of the other bands that it reaches
            into where these have as near a judge: of them that counts by which a value is the least unusual.
        """
        metrics = tuple(sorted(spec.metrics))
        valid = sorted(baselines, key=lambda each: each.horizon)
        groups = Groups.of([rows.table, *(table for each in valid for table in (each.host, each.segment))])
        names = sorted(set(segments))
        segment_of = np.array([names.index(name) for name in segments], np.int64) if names else np.zeros(0, np.int64)
        judges = [Judges.of(each, groups, rows.judged_hosts, names, metrics, support_min) for each in valid]
        scale = np.array([minimum_scale(metric, spec.minimum_scale) for metric in metrics])
        return cls(
            rows, spec, metrics, valid, groups, segment_of, judges, scale, expected_shares, second_highest,
            reached_bands,
        )  # fmt: skip

    def parts(self) -> Iterator[ScoredRows]:
        """Score the rows, a part at a time."""
        yield from in_order(self.scored, self.rows.parts(PART_ROWS))

    def asked(self, part: FeatureRows) -> Iterator[tuple[int, Ints, Ints, bool]]:
        """Yield who judges which rows: of each horizon those of the rows' own time band, then of the others reached.

        Yields
        ------
        (int, int64[n], int64[n, 3], bool)
            Place of the horizon, rows, the judges of their host, segment and network, and whether these count only
            where by them a value is less unusual.
        """
        group = self.groups.numbers(part.table)
        reached = {band: of for band, of in self.reached_bands(part).items() if band in self.groups.words[1]}
        for place, judge in enumerate(self.judges):

            def of(rows: Ints, groups: Ints, judge: Judges = judge) -> Ints:
                return judge.asked(part.judged_of[rows], self.segment_of[part.host_of[rows]], groups)

            every = np.arange(len(part))
            yield place, every, of(every, group), False
            for band, is_reached in reached.items():
                other = self.groups.in_band(group, band)
                rows = np.flatnonzero(is_reached & (other != group))
                yield place, rows, of(rows, other[rows]), True

    def scored(self, part: FeatureRows) -> ScoredRows:
        """Score the rows of some hosts."""
        values = part.values(self.metrics)
        expected = self.expected_shares(part, self.metrics)
        tiers = np.empty((*values.shape, len(self.valid)), np.int8)
        highest, results = np.empty(tiers.shape), np.empty((len(RESULTS), *tiers.shape))
        relative, weights = self.spec.minimum_scale.relative, self.spec.weights
        of_tiers = np.array([weights.host, weights.segment, weights.network, 0.0])

        for place, known in enumerate(self.valid):
            highest[..., place] = self.second_highest(known, part, self.metrics)
        for place, rows, judges, only_less in self.asked(part):
            judge = self.judges[place]
            fill_scores(
                rows, values, judges, judge.known, judge.usable, self.scale, relative, of_tiers, expected,
                highest[..., place], tiers[..., place], results[..., place], only_less,
            )  # fmt: skip
        ends = np.array([microseconds(each.end) for each in self.valid], np.int64)
        horizons = tuple(each.horizon for each in self.valid)
        drift = _drift(tiers, results, horizons)
        discounted = Discounted.none(values.shape)
        return ScoredRows(
            part, self.metrics, horizons, values, tiers, results, expected, highest, drift, ends, discounted
        )


def _drift(tiers: NDArray[np.int8], results: Floats, horizons: Sequence[str]) -> Floats:
    """Return how far the host's median over the shortest horizon is from that over the longest one."""
    found = np.full((2, *tiers.shape[:2]), np.nan)
    lengths = sorted(HORIZONS, key=lambda name: HORIZONS[name])
    if lengths[0] not in horizons or lengths[-1] not in horizons:
        return found
    short, long = horizons.index(lengths[0]), horizons.index(lengths[-1])
    median, scale = (results[RESULTS.index(name)] for name in ("median", "scale"))
    both = (tiers[..., short] == 0) & (tiers[..., long] == 0)
    is_ratio = both & (median[..., long] != 0)
    found[0][is_ratio] = median[..., short][is_ratio] / median[..., long][is_ratio]
    found[1][both] = (median[..., short][both] - median[..., long][both]) / scale[..., long][both]
    return found


def minimum_scale(metric: str, minimum: MinimumScale) -> float:
    """Return the least scale of a metric, in its own unit."""
    if "bytes" in metric and not metric.endswith(("_ratio", "_share")):
        return minimum.bytes
    if metric.startswith("duration"):
        return minimum.seconds
    if metric.endswith(("_ratio", "_share", "_entropy")):
        return minimum.shares
    return minimum.counts


def _codes(column: pa.ChunkedArray, times: int) -> pa.DictionaryArray:
    coded = column.cast(CODED).unify_dictionaries().combine_chunks() if column.type == CODED else None
    coded = coded if coded is not None else pc.dictionary_encode(column.combine_chunks())
    return pa.DictionaryArray.from_arrays(pa.array(np.repeat(coded.indices.to_numpy(), times)), coded.dictionary)


def _words(places: NDArray[np.integer], words: Sequence[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32)), pa.array(list(words), pa.string()))


def _instants(values: Ints, is_null: NDArray[np.bool_] | None = None) -> pa.Array:
    return pa.array(values, pa.int64(), mask=is_null).cast(pa.timestamp("us", tz="UTC"))


def _numbers(values: Floats) -> pa.Array:
    """Return values as they lie in memory, with null for NaN."""
    is_null = np.isnan(values)
    return pa.array(values, mask=is_null) if is_null.any() else pa.array(values)
