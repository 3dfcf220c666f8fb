"""Which version of a partition of scores has a row, and which baselines were valid for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from ndr.contract.compacted import inputs_within, versions_within
from ndr.contract.horizons import HORIZONS
from ndr.contract.time import SLICE, Interval
from ndr.findings.finding import Baseline, Source
from ndr.store.catalog import Piece
from ndr.store.partition import baseline_end_of


@dataclass(frozen=True)
class Lineage:
    """The partitions of scores that rows were read from."""

    pieces: tuple[Piece, ...]
    _of_end: dict[datetime, tuple[Source, tuple[Baseline, ...]]] = field(default_factory=dict)

    def of(self, window_end: datetime) -> tuple[Source, tuple[Baseline, ...]]:
        """Return the version that answers for the last slice of a window, and the baselines that were valid for it.

        Of a compacted partition it is the version that is in it, so that compaction changes no finding.
        """
        if window_end not in self._of_end:
            self._of_end[window_end] = self._found(Interval(window_end - SLICE, window_end))
        return self._of_end[window_end]

    def _found(self, last: Interval) -> tuple[Source, tuple[Baseline, ...]]:
        piece = next(each for each in self.pieces if last.start in each.interval)
        uri, manifest = piece.partition.uri, piece.partition.manifest
        version, answer = versions_within(uri, manifest, last)[0]
        inputs = (entry for entry in inputs_within(manifest, last) if entry.run_id)
        baselines = _valid_at(last.start, [(entry.uri, str(entry.run_id)) for entry in inputs])
        return Source(answer.uri, answer.run_id, version.published_at), baselines


def _valid_at(instant: datetime, inputs: Iterable[tuple[str, str]]) -> tuple[Baseline, ...]:
    """Return of each horizon the newest baseline that had ended by an instant, by the order of the horizons."""
    valid: dict[str, Baseline] = {}
    for uri, run_id in inputs:
        *_, horizon, folder = uri.rstrip("/").split("/")
        end, label = baseline_end_of(folder), horizon.removeprefix("horizon=")
        if end is None or label not in HORIZONS or end > instant:
            continue
        if label not in valid or valid[label].as_of < end:
            valid[label] = Baseline(label, end, uri, run_id)
    return tuple(valid[label] for label in HORIZONS if label in valid)
