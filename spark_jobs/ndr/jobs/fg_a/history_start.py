"""Where a batch's pair history starts: at a published pair baseline, or at the beginning of the lookback."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pyarrow import fs

from ndr.contract.datasets import DELTAS, FG_B_PAIR_HOST, FG_B_PEER_HISTORY, Dataset
from ndr.contract.horizons import LONGEST_SAFETY_GAP
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.lineage import Answers, is_stale
from ndr.contract.manifest import Manifest
from ndr.contract.time import DAY, Interval, floor_to
from ndr.jobs.fg_a.days import lookback_of
from ndr.jobs.fg_a.history import history_needed
from ndr.jobs.fg_a.pair_history import PairHistory, PeerHistory
from ndr.store.catalog import Partition, readable_baseline
from ndr.store.partition import baseline_end_of
from ndr.store.publish import read_table
from ndr.store.storage import join, list_names


@dataclass(frozen=True)
class HistoryStart:
    """The midnight up to which `baseline` tells of pairs; None where the slices must tell all.

    A baseline tells of pairs up to where it stops: its safety gap before the end that names it. Where hosts are
    machines it tells of the peers of each.
    """

    end: datetime
    baseline: Partition | None
    of_machines: bool = False

    @property
    def kind(self) -> type[PairHistory]:
        """The kind of history that starts here."""
        return PeerHistory if self.of_machines else PairHistory

    @property
    def dataset(self) -> Dataset:
        """The table of the baseline that tells."""
        return FG_B_PEER_HISTORY if self.of_machines else FG_B_PAIR_HOST

    def history(self) -> PairHistory:
        """Read the pairs."""
        kind = self.kind
        if self.baseline is None:
            return kind.empty(self.end)
        rows = read_table(self.baseline.uri, self.baseline.manifest, self.dataset, kind.schema.names)
        return kind.of_baseline(self.end, rows.cast(kind.schema))


def history_start(spec: FgABuilderSpec, batch: Interval, deltas: Answers, of_machines: bool = False) -> HistoryStart:
    """Find the newest published pair baseline that serves the batch.

    Parameters
    ----------
    deltas : Answers
        What answers now over the batch's lookback. A baseline that was built from other deltas tells of other pairs,
        and is left out.
    of_machines : bool
        Whether hosts are machines. A baseline of addresses does not tell of them.
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
        if baseline is None or (of_machines and FG_B_PEER_HISTORY.name not in baseline.manifest.tables):
            continue
        stop = baseline.manifest.summarized.end
        if stop != floor_to(stop, DAY):
            continue
        needed = history_needed(batch, spec.windows, spec.novelty.lookback_days, [stop])
        if needed.baseline_end and _is_built_from(baseline.manifest, deltas, Interval(lookback.start, stop)):
            return HistoryStart(stop, baseline, of_machines)
    oldest = history_needed(batch, spec.windows, spec.novelty.lookback_days, ()).slices_from
    return HistoryStart(oldest, None, of_machines)


def _is_built_from(manifest: Manifest, deltas: Answers, days: Interval) -> bool:
    knows = any(asked.dataset == DELTAS.name for asked in manifest.reads)
    return knows and not is_stale(manifest, {DELTAS.name: deltas}, days)
