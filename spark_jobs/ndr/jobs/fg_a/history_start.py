"""Where a batch's pair history starts: at a published pair baseline, or at the beginning of the lookback."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pyarrow import fs

from ndr.contract.datasets import DELTAS, FG_B_PAIR_HOST
from ndr.contract.horizons import LONGEST_SAFETY_GAP
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.lineage import Answers, is_stale
from ndr.contract.manifest import Manifest
from ndr.contract.time import DAY, Interval, floor_to
from ndr.jobs.fg_a.days import lookback_of
from ndr.jobs.fg_a.history import history_needed
from ndr.jobs.fg_a.pair_history import COLUMNS, SCHEMA, PairHistory
from ndr.store.catalog import Partition, readable_baseline
from ndr.store.partition import baseline_end_of
from ndr.store.publish import read_table
from ndr.store.storage import join, list_names


@dataclass(frozen=True)
class HistoryStart:
    """The midnight up to which `baseline` tells of pairs; None where the slices must tell all.

    A baseline tells of pairs up to where it stops: its safety gap before the end that names it.
    """

    end: datetime
    baseline: Partition | None

    def history(self) -> PairHistory:
        """Read the pairs."""
        if self.baseline is None:
            return PairHistory.empty(self.end)
        rows = read_table(self.baseline.uri, self.baseline.manifest, FG_B_PAIR_HOST, COLUMNS).cast(SCHEMA)
        return PairHistory.of_baseline(self.end, rows)


def history_start(spec: FgABuilderSpec, batch: Interval, deltas: Answers) -> HistoryStart:
    """Find the newest published pair baseline that serves the batch.

    Parameters
    ----------
    deltas : Answers
        What answers now over the batch's lookback. A baseline that was built from other deltas tells of other pairs,
        and is left out.
    """
    folders = list_names(join(spec.inputs.fg_b, "horizon=30d"), kind=fs.FileType.Directory)
    named = sorted((end for name in folders if (end := baseline_end_of(name))), reverse=True)
    lookback = lookback_of(batch, spec)
    for end in named:
        # Named by an end so late, it stops after the lookback.
        if end - LONGEST_SAFETY_GAP > lookback.end:
            continue
        # Named by an end before the lookback, it stops before it.
        if end <= lookback.start:
            break
        baseline = readable_baseline(spec.inputs.fg_b, "30d", end)
        if baseline is None:
            continue
        stop = baseline.manifest.summarized.end
        if stop != floor_to(stop, DAY):
            continue
        needed = history_needed(batch, spec.windows, spec.novelty.lookback_days, [stop])
        if needed.baseline_end and _is_built_from(baseline.manifest, deltas, Interval(lookback.start, stop)):
            return HistoryStart(stop, baseline)
    return HistoryStart(history_needed(batch, spec.windows, spec.novelty.lookback_days, ()).slices_from, None)


def _is_built_from(manifest: Manifest, deltas: Answers, days: Interval) -> bool:
    knows = any(asked.dataset == DELTAS.name for asked in manifest.reads)
    return knows and not is_stale(manifest, {DELTAS.name: deltas}, days)
