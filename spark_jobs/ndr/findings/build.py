"""Findings from rows of scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from ndr.findings.finding import Baseline, HostFinding, PairFinding, Reason
from ndr.findings.lineage import Lineage
from ndr.findings.machines import NameOf
from ndr.findings.percentiles import ValueKey, p95_of
from ndr.findings.place import FindingsPlace
from ndr.findings.scored import DAY_NUMBER, IS_FINDING, ScoredRows
from ndr.net.networks import is_internal, segment_ids
from ndr.store.catalog import Piece

_PAIR_FIELDS: Final = (
    *("src_ip", "dst_ip", "dst_port", "sessions_cnt", "bytes", "is_new", "is_rare", "is_regular", "active_days"),
    *("dst_prevalence", "regularity", "spread", "novelty", "volume"),
)
Times = tuple[tuple[datetime, ...], datetime]
"""Window ends at which a finding was seen, and when the newest of its scores was published."""


@dataclass(frozen=True)
class Builder:
    """Makes findings of rows that were read from some pieces.

    Attributes
    ----------
    names : callable
        Returns the machine of an address at the end of a window.
    """

    place: FindingsPlace
    pieces: tuple[Piece, ...]
    names: NameOf
    lineage: Lineage = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lineage", Lineage(self.pieces))

    def hosts(self, rows: pa.Table, scored: ScoredRows) -> list[HostFinding]:
        """Return the finding of each row, with when it was seen among all scored rows."""
        known, times = rows.to_pylist(), self._times(rows, scored)
        p95 = p95_of(self.pieces, [(row["host_ip"], row["window_end"]) for row in known])
        segments = self._segments(rows["host_ip"])
        return [
            HostFinding(
                **self._shared(row, row["host_ip"], segment, seen),
                host_ip=row["host_ip"],
                p_value=row["p_value"],
                is_silent=row["is_silent"],
                judged_by=row["judged_by"],
                reasons=self._reasons(row, p95),
            )
            for row, segment, seen in zip(known, segments, times, strict=True)
        ]

    def pairs(self, rows: pa.Table, scored: ScoredRows) -> list[PairFinding]:
        """Return the finding of each row, with when it was seen among all scored rows."""
        known, times = rows.to_pylist(), self._times(rows, scored)
        segments = self._segments(rows["src_ip"])
        outside = ~is_internal(rows["dst_ip"].to_pylist(), self.place.networks)
        return [
            PairFinding(
                **self._shared(row, row["src_ip"], segment, seen),
                **{name: row[name] for name in _PAIR_FIELDS},
                is_outside=bool(is_outside),
            )
            for row, segment, seen, is_outside in zip(known, segments, times, outside, strict=True)
        ]

    def _shared(self, row: dict[str, Any], host: str, segment: str, seen: Times) -> dict[str, Any]:
        source, baselines = self.lineage.of(row["window_end"])
        seen_at, modified = seen
        return {
            "owner": self.place.owner,
            "machine_name": self.names(host, row["window_end"]),
            "segment": segment,
            "seen_at": seen_at,
            "is_finding": row[IS_FINDING],
            "source": source,
            "baselines": baselines,
            "modified": modified,
            **{name: row[name] for name in ("window_end", "score", "sentence")},
        }

    def _reasons(self, row: dict[str, Any], p95: Mapping[ValueKey, float]) -> tuple[Reason, ...]:
        baselines: dict[str, Baseline] = {each.horizon: each for each in self.lineage.of(row["window_end"])[1]}
        return tuple(
            Reason(
                **reason,
                p95=p95.get(_value_key(row, reason)),
                baseline=baselines.get(reason["baseline_horizon"]) if reason["judged_by"] != "none" else None,
            )
            for reason in row["reasons"]
        )

    def _segments(self, addresses: pa.ChunkedArray) -> list[str]:
        found: list[str] = segment_ids(addresses.to_pylist(), self.place.networks).to_pylist()
        return found

    def _times(self, rows: pa.Table, scored: ScoredRows) -> list[Times]:
        """Return when each row's entity was a finding on its day; the row's own window end where it never was."""
        key = [*scored.key, DAY_NUMBER]
        findings = scored.rows.filter(scored.rows[IS_FINDING]).select([*key, "window_end"])
        ends: dict[tuple[Any, ...], list[datetime]] = {}
        for *names, end in zip(*(findings[name].to_pylist() for name in findings.column_names), strict=True):
            ends.setdefault(tuple(names), []).append(end)
        own = zip(*(rows[name].to_pylist() for name in (*key, "window_end")), strict=True)
        return [self._seen(ends.get(tuple(names), [end])) for *names, end in own]

    def _seen(self, ends: Sequence[datetime]) -> Times:
        return tuple(sorted(ends)), max(self.lineage.of(end)[0].published_at for end in ends)


def _value_key(row: dict[str, Any], reason: dict[str, Any]) -> ValueKey:
    names = ("role", "window_label", "metric", "baseline_horizon")
    return (row["host_ip"], row["window_end"], *(reason[name] for name in names))
