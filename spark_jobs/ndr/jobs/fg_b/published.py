"""What is published of the features that baselines are built from, and how old the newest baseline is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pyarrow import fs

from ndr.contract.datasets import DELTAS, FG_A, PAIR_COUNTS, PROFILE_METRICS
from ndr.contract.horizons import HORIZONS
from ndr.contract.lineage import Answers, answers_read
from ndr.contract.manifest import InputRange, Owner
from ndr.contract.time import WINDOWS, Interval, merged, unfilled
from ndr.jobs.fg_b.pair_rows import SUMS
from ndr.jobs.fg_b.profile import ProfileRules
from ndr.jobs.fg_b.row_source import COVERAGE_COLUMN, TEXT_COLUMNS, TIME_COLUMN
from ndr.jobs.fg_b.specs import BaselineSpecs
from ndr.jobs.fg_b.targets import Target
from ndr.jobs.published_slices import PublishedSlices
from ndr.store.catalog import delivered_intervals, newest_baseline, pieces_answers, pieces_coverage, published_pieces
from ndr.store.partition import day_of
from ndr.store.scan import Scan
from ndr.store.storage import list_names

PAIR_COLUMNS = ("src_ip", "dst_ip", "dst_port", "slice_start", *SUMS)


@dataclass(frozen=True)
class ChunkRows:
    """What is published of FG-A and of pair counts over the time that the baselines of a chunk span.

    `published` is the time for which FG-A is published and flows were delivered, from the longest window before that
    time on. Whether flows were delivered is told by the pair counts, whose coverage is that of their own slices.
    """

    fg_a: Scan
    pair_counts: Scan
    published: Sequence[Interval]

    @classmethod
    def of(cls, specs: BaselineSpecs, chunk: Sequence[Target], owner: Owner) -> ChunkRows:
        """Look both up, once.

        Raises
        ------
        SchemaMismatchError
            A manifest that would answer can't be read, or is of another dataset, project or version.
        """
        intervals = [specs.interval(target) for target in chunk]
        span = Interval(min(each.start for each in intervals), max(each.end for each in intervals))
        with_windows = Interval(span.start - max(WINDOWS.values()), span.end)
        columns = tuple(
            dict.fromkeys((*TEXT_COLUMNS, TIME_COLUMN, COVERAGE_COLUMN, *specs.fg_b.metrics, *PROFILE_METRICS))
        )
        fg_a = Scan.of(specs.fg_b.inputs.fg_a, FG_A, with_windows, columns, owner, without_reads=True)
        pair_counts = Scan.of(specs.fg_b.inputs.pair_counts, PAIR_COUNTS, with_windows, PAIR_COLUMNS, owner)
        features = merged(piece.interval for piece in fg_a.pieces)
        flows = merged(delivered_intervals(pair_counts.pieces))
        published = [both for each in features for other in flows if (both := each.intersection(other))]
        return cls(fg_a.within(span), pair_counts.within(span), published)

    def coverage(self, interval: Interval) -> float:
        """Return the share of an interval that FG-A and pair counts both have; the smaller of the two."""
        return min(pieces_coverage(scan.within(interval).pieces, interval) for scan in (self.fg_a, self.pair_counts))

    def pairs_published(self, interval: Interval) -> PublishedSlices:
        """Return the slices of an interval for which pair counts are published."""
        return PublishedSlices.of(delivered_intervals(self.pair_counts.within(interval).pieces), interval)

    def reads(self, interval: Interval) -> tuple[InputRange, ...]:
        """Return a manifest's record of what was read of an interval, by day.

        Of the deltas, it is what the pair counts were built from: a pair baseline serves FG-A's novelty while these
        deltas still answer. Where a manifest of pair counts does not tell, nothing of the deltas is recorded.
        """
        fg_a, pair_counts = self.fg_a.within(interval), self.pair_counts.within(interval)
        found = [pieces_answers(scan.pieces).digested(scan.dataset.name, interval) for scan in (fg_a, pair_counts)]
        told = [answers_read(piece.partition.manifest, DELTAS.name, piece.interval) for piece in pair_counts.pieces]
        if None not in told:
            deltas = Answers(tuple(answer for answers in told for answer in answers or ()))
            found.append(deltas.digested(DELTAS.name, interval))
        return tuple(found)

    def missing(self, specs: BaselineSpecs, interval: Interval) -> tuple[Interval, ...]:
        """Return the parts of an interval in which deltas, FG-A or pair counts are absent or have coverage 0."""
        read = [self.fg_a.within(interval).pieces, self.pair_counts.within(interval).pieces]
        read.append(tuple(published_pieces(specs.fg_a.inputs.deltas, interval)))
        delivered = (delivered_intervals(pieces) for pieces in read)
        return tuple(merged(gap for covered in delivered for gap in unfilled(interval, covered)))


def profile_rules(specs: BaselineSpecs, chunk: ChunkRows) -> ProfileRules:
    """Return the rules of the profiles of a chunk."""
    return ProfileRules(chunk.published, specs.fg_a.calendar.time_zone, specs.networks)


def baseline_age_days(fg_b: str, fg_a: str, horizon: str, end: datetime, safety_gap: timedelta) -> int:
    """Return the days from the end of the newest baseline of a horizon to `end`.

    Without a baseline, the days count from the end of the first one that could have been built, so that a schedule that
    never ran is seen too. They are 0 while the features are younger than the horizon and its gap.

    Parameters
    ----------
    fg_b, fg_a : str
        Prefixes of the baselines and of the features that they are built from.
    horizon : str
        `7d` or `30d`.
    end : datetime
        A midnight; later baselines are ignored.
    safety_gap : timedelta
        How long before its end a baseline of the horizon stops.
    """
    newest = newest_baseline(fg_b, horizon, end)
    if newest is not None:
        return (end - newest.manifest.end).days
    days = [day for name in list_names(fg_a, kind=fs.FileType.Directory) if (day := day_of(name))]
    return max((end - min(days) - safety_gap - HORIZONS[horizon]).days, 0) if days else 0
