"""FG-C: FG-A rows of complete hosts and the valid baselines in, scores of values out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from ndr.contract.horizons import HORIZONS
from ndr.contract.jobspecs.fg_c_builder import FgCBuilderSpec, MinimumScale
from ndr.contract.time import microseconds
from ndr.jobs.fg_c.discounts import Discounted
from ndr.jobs.fg_c.formulas import RESULTS, Floats, Ints
from ndr.jobs.fg_c.in_order import in_order
from ndr.jobs.fg_c.judges import Groups, HorizonBaseline, Judges
from ndr.jobs.fg_c.rows import FeatureRows
from ndr.jobs.fg_c.scored_rows import Hour, ScoredRows
from ndr.jobs.fg_c.scored_values import fill_scores

PART_ROWS: Final = 5_000
"""FG-A rows scored at a time: of 14 metrics and two horizons they make 140,000 rows of scores.

Arrays of a megabyte are reused by the allocator; those of larger parts are cleared by the system each time."""

ExpectedShares = Callable[[FeatureRows, Sequence[str]], Floats | None]
"""Returns float64[rows, metrics]: the share of days on which so large a value came at this hour; NaN is unknown.

None says that nothing is known."""

SecondHighest = Callable[[HorizonBaseline, FeatureRows, Sequence[str]], Floats | None]
"""Returns float64[rows, metrics]: what a baseline's profile has as second_highest at this hour; NaN is unknown.

None says that nothing is known."""

ReachedBands = Callable[[Sequence[str], Ints], Mapping[str, NDArray[np.bool_]]]
"""Returns, by time band, bool[windows, ends]: which windows reach into it; see `ndr.jobs.fg_c.reach`."""

Result = TypeVar("Result")


def nothing_reached(windows: Sequence[str], ends: Ints) -> Mapping[str, NDArray[np.bool_]]:
    """Return that each window is in its own band only."""
    return {}


def nothing_expected(rows: FeatureRows, metrics: Sequence[str]) -> None:
    """Return that nothing is known of what is expected."""


def nothing_highest(baseline: HorizonBaseline, rows: FeatureRows, metrics: Sequence[str]) -> None:
    """Return that nothing is known of how high values are at their hours."""


@dataclass(frozen=True)
class Scoring:
    """What FG-A rows are scored with, a part of the hosts at a time.

    Attributes
    ----------
    segment_of : int64[hosts]
        The place of each host's segment among those of `judges`.
    reach : bool[windows, instants, bands]
        Which time bands of `groups` windows reach into.
    scale : float64[metrics]
        The least scale of each metric, in its unit.
    """

    rows: FeatureRows
    spec: FgCBuilderSpec
    metrics: tuple[str, ...]
    valid: list[HorizonBaseline]
    groups: Groups
    segment_of: Ints
    judges: Judges
    reach: NDArray[np.bool_]
    scale: Floats
    expected_shares: ExpectedShares
    second_highest: SecondHighest

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
        tables = [table for each in valid for table in (each.host, each.segment)]
        groups = Groups.of((rows.roles, rows.bands, rows.windows), tables)
        names = sorted(set(segments))
        place = {name: number for number, name in enumerate(names)}
        segment_of = np.array([place[name] for name in segments], np.int64)
        judges = Judges.of(valid, groups, rows.judged_hosts, names, metrics, support_min)
        reached = reached_bands(rows.windows, rows.instants)
        scale = np.array([minimum_scale(metric, spec.minimum_scale) for metric in metrics])
        return cls(
            rows, spec, metrics, valid, groups, segment_of, judges, _reach(rows, groups, reached), scale,
            expected_shares, second_highest,
        )  # fmt: skip

    def each(self, function: Callable[[ScoredRows], Result]) -> Iterator[Result]:
        """Score the rows, a part at a time on a few threads, and yield what the function makes of each."""
        yield from in_order(lambda part: function(self.scored(part)), self.rows.parts(PART_ROWS))

    def judged(self, part: FeatureRows) -> tuple[Any, ...]:
        """Return what the rows of a part have in `ndr.jobs.fg_c.scored_values.JUDGED`."""
        columns = ((part.roles, part.role_of), (part.bands, part.band_of), (part.windows, part.window_of))
        group, reached = self.groups.numbered(columns), self.reach[part.window_of, part.end_of]
        it = self.judges
        return (
            np.ascontiguousarray(part.judged_of), self.segment_of[part.host_of], group, reached,
            self.groups.windows, it.of_host, it.of_segment, it.of_network, it.known, it.usable,
        )  # fmt: skip

    def hour(self, part: FeatureRows) -> Hour:
        """Look up what the profiles know of the hours of some rows."""
        found = [self.second_highest(known, part, self.metrics) for known in self.valid]
        highest = None
        if any(each is not None for each in found):
            highest = np.full((len(part), len(self.metrics), len(found)), np.nan)
            for place, each in enumerate(found):
                if each is not None:
                    highest[..., place] = each
        return Hour(self.expected_shares(part, self.metrics), highest)

    def scored(self, part: FeatureRows) -> ScoredRows:
        """Score the rows of some hosts."""
        values, hour = part.values(self.metrics), self.hour(part)
        shape = (*values.shape, len(self.valid))
        tiers, support = np.empty(shape, np.int32), np.empty(shape, np.int64)
        results = np.empty((len(RESULTS), *shape))
        horizons = tuple(each.horizon for each in self.valid)
        weights = self.spec.weights
        fill_scores(  # type: ignore[call-arg]
            values, *self.judged(part), self.scale, self.spec.minimum_scale.relative,
            np.array([weights.host, weights.segment, weights.network, 0.0]), *hour.arrays(values.shape, len(horizons)),
            *_compared(horizons), tiers.reshape(-1), support.reshape(-1), results.reshape(len(RESULTS), -1),
        )  # fmt: skip
        ends = np.array([microseconds(each.end) for each in self.valid], np.int64)
        return ScoredRows(
            part, self.metrics, horizons, values, tiers, support, results, hour, ends, Discounted.none(values.shape)
        )


def _reach(rows: FeatureRows, groups: Groups, reached: Mapping[str, NDArray[np.bool_]]) -> NDArray[np.bool_]:
    found = np.zeros((len(rows.windows), len(rows.instants), groups.bands), bool)
    for place, band in enumerate(groups.words[1]):
        if band in reached:
            found[..., place] = reached[band]
    return found


def _compared(horizons: Sequence[str]) -> tuple[int, int]:
    """Return the places of the shortest and the longest of all horizons, whose medians tell of drift; -1 if absent."""
    lengths = sorted(HORIZONS, key=lambda name: HORIZONS[name])
    short, long = (horizons.index(name) if name in horizons else -1 for name in (lengths[0], lengths[-1]))
    return short, long


def minimum_scale(metric: str, minimum: MinimumScale) -> float:
    """Return the least scale of a metric, in its own unit."""
    if "bytes" in metric and not metric.endswith(("_ratio", "_share")):
        return minimum.bytes
    if metric.startswith("duration"):
        return minimum.seconds
    if metric.endswith(("_ratio", "_share", "_entropy")):
        return minimum.shares
    return minimum.counts
