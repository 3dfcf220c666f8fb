"""Where a batch's pair history starts: at a published pair baseline, or at the beginning of the lookback."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pyarrow import fs

from ndr.contract.datasets import FG_B_PAIR_HOST
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.time import DAY, Interval, floor_to
from ndr.jobs.fg_a.history import history_needed
from ndr.jobs.fg_a.pair_history import COLUMNS, SCHEMA, PairHistory
from ndr.store.catalog import Partition
from ndr.store.manifest import read_manifest
from ndr.store.partition import baseline_end_of, baseline_partition_uri
from ndr.store.publish import read_table
from ndr.store.storage import join, list_names

# More ends than the daily baselines of a lookback would only cost requests.
_BASELINES_LOOKED_AT = 12


@dataclass(frozen=True)
class HistoryStart:
    """The midnight up to which `baseline` tells of pairs; None where the slices must tell all."""

    end: datetime
    baseline: Partition | None

    def history(self) -> PairHistory:
        """Read the pairs."""
        if self.baseline is None:
            return PairHistory.empty(self.end)
        rows = read_table(self.baseline.uri, self.baseline.manifest, FG_B_PAIR_HOST, COLUMNS).cast(SCHEMA)
        return PairHistory(self.end, rows)


def history_start(spec: FgABuilderSpec, batch: Interval) -> HistoryStart:
    """Find the newest published pair baseline that serves the batch."""
    folders = list_names(join(spec.inputs.fg_b, "horizon=30d"), kind=fs.FileType.Directory)
    ends = [end for name in folders if (end := baseline_end_of(name)) and end == floor_to(end, DAY)]
    published = {
        end: found for end in sorted(ends)[-_BASELINES_LOOKED_AT:] if (found := _baseline(spec.inputs.fg_b, end))
    }
    needed = history_needed(batch, spec.windows, spec.novelty.lookback_days, published)
    if needed.baseline_end is None:
        return HistoryStart(needed.slices_from, None)
    return HistoryStart(needed.baseline_end, published[needed.baseline_end])


def _baseline(prefix: str, end: datetime) -> Partition | None:
    uri = baseline_partition_uri(prefix, "30d", end)
    manifest = read_manifest(uri)
    return Partition(uri, manifest) if manifest else None
