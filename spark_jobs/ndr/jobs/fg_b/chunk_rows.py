"""What is published of the features over the time that several baselines span, looked up once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ndr.contract.datasets import FG_A, PAIR_COUNTS
from ndr.contract.time import Interval, merged, unfilled
from ndr.jobs.fg_b.row_columns import TEXT_COLUMNS, TIME_COLUMN
from ndr.jobs.fg_b.specs import BaselineSpecs
from ndr.jobs.fg_b.targets import Target
from ndr.store.catalog import pieces_coverage, published_pieces
from ndr.store.scan import Scan

PAIR_COLUMNS = ("src_ip", "dst_ip", "dst_port", "slice_start", "sessions_cnt")


@dataclass(frozen=True)
class ChunkRows:
    """What is published of FG-A and of pair counts over the time that a chunk's baselines span."""

    fg_a: Scan
    pair_counts: Scan

    @classmethod
    def of(cls, specs: BaselineSpecs, chunk: Sequence[Target]) -> ChunkRows:
        """Look both up, once."""
        span = Interval(min(target.interval.start for target in chunk), max(target.end for target in chunk))
        columns = (*TEXT_COLUMNS, TIME_COLUMN, *specs.fg_b.metrics)
        return cls(
            Scan.of(specs.fg_b.inputs.fg_a, FG_A, span, columns),
            Scan.of(specs.fg_b.inputs.pair_counts, PAIR_COUNTS, span, PAIR_COLUMNS),
        )

    def coverage(self, interval: Interval) -> float:
        """Return the share of an interval that FG-A and pair counts both have, by the one that has less."""
        return min(pieces_coverage(scan.within(interval).pieces, interval) for scan in (self.fg_a, self.pair_counts))

    def missing(self, specs: BaselineSpecs, interval: Interval) -> tuple[Interval, ...]:
        """Return the parts of an interval for which deltas, FG-A or pair counts are not published, or of nothing."""
        read = [self.fg_a.within(interval).pieces, self.pair_counts.within(interval).pieces]
        read.append(tuple(published_pieces(specs.fg_a.inputs.deltas, interval)))
        delivered = ([piece.interval for piece in pieces if piece.partition.manifest.coverage > 0] for pieces in read)
        return tuple(merged(gap for covered in delivered for gap in unfilled(interval, covered)))
