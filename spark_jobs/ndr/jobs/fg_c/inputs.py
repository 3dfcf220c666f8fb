"""What scores are built from: FG-A, pair counts of the last 24 hours, and the baselines that were valid then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import (
    FG_A,
    FG_B_IP_METADATA,
    FG_B_PAIR_HOST,
    FG_B_PROFILE,
    MISSED,
    PAIR_COUNTS,
    SILENCE_WINDOW,
    fg_b_host,
    fg_b_segment,
)
from ndr.contract.horizons import HORIZONS
from ndr.contract.jobspecs.fg_c_builder import FgCBuilderSpec
from ndr.contract.lineage import Answers
from ndr.contract.manifest import InputEntry, InputRange, Owner
from ndr.contract.time import DAY, SLICE, SLICES_PER_DAY, Interval
from ndr.jobs.fg_c.baseline_hosts import BaselineRows, as_they_are
from ndr.jobs.fg_c.formulas import STATISTICS
from ndr.jobs.fg_c.judges import GROUP, HorizonBaseline
from ndr.jobs.fg_c.pair_sources import PairSources
from ndr.jobs.fg_c.pairs import COUNTED, KNOWN, PairBaseline
from ndr.store.catalog import Partition, Piece, pieces_answers, pieces_coverage, published_pieces
from ndr.store.publish import read_table
from ndr.store.scan import Scan
from ndr.store.valid_baselines import PublishedBaselines

KEY: Final = ("host_ip", "role", "window_label", "window_end", "time_band")
SESSIONS: Final = "sessions_cnt"
METADATA_COLUMNS: Final = ("host_ip", "is_cold_start")


def cold_hosts(metadata: pa.Table) -> frozenset[str]:
    """Return the hosts that their segment judges."""
    return frozenset(metadata.filter(pc.fill_null(metadata["is_cold_start"], True))["host_ip"].to_pylist())


def reach_of(interval: Interval) -> Interval:
    """Return all the time whose features an interval's scores follow from."""
    return Interval(interval.start + SLICE - DAY, interval.end)


@dataclass(frozen=True)
class Inputs:
    """The features and baselines of an interval, looked up once."""

    spec: FgCBuilderSpec
    owner: Owner
    metrics: tuple[str, ...]
    """Of the baselines: those that are scored, and sessions for silence."""
    fg_a: tuple[Piece, ...]
    pair_counts: tuple[Piece, ...]
    baselines: PublishedBaselines

    @classmethod
    def of(cls, spec: FgCBuilderSpec, fg_b_metrics: Sequence[str], owner: Owner, interval: Interval) -> Inputs:
        """Look up what scores of an interval are built from.

        Raises
        ------
        SchemaMismatchError
            A manifest that would answer can't be read, or is of another dataset, project or version.
        """
        return cls(
            spec,
            owner,
            tuple(fg_b_metrics),
            tuple(published_pieces(spec.inputs.fg_a, interval, FG_A.name, owner, without_reads=True)),
            tuple(
                published_pieces(
                    spec.inputs.pair_counts, reach_of(interval), PAIR_COUNTS.name, owner, without_reads=True
                )
            ),
            PublishedBaselines.of(spec.inputs.fg_b, interval),
        )

    @cached_property
    def _fg_a_answers(self) -> Answers:
        return pieces_answers(self.fg_a)

    @cached_property
    def _pair_answers(self) -> Answers:
        return pieces_answers(self.pair_counts)

    def answers(self, interval: Interval) -> dict[str, Answers]:
        """Return what answers now, by the names that a manifest records."""
        return {
            FG_A.name: self._fg_a_answers,
            PAIR_COUNTS.name: self._pair_answers,
            **self.baselines.answers(interval),
        }

    def reads(self, interval: Interval) -> tuple[InputRange, ...]:
        """Return a manifest's record of what an interval was built from."""
        return (
            self._fg_a_answers.named(FG_A.name, interval),
            self._pair_answers.named(PAIR_COUNTS.name, reach_of(interval)),
            *self.baselines.reads(interval),
        )

    def entries(self, interval: Interval) -> tuple[InputEntry, ...]:
        """Return the baselines that an interval was scored with, by name."""
        used = (partition for _, valid in self.baselines.runs(interval) for partition in valid.values())
        return tuple({partition.uri: partition.as_input for partition in used}.values())

    def coverage(self, interval: Interval) -> float:
        """Return the share of an interval that FG-A covers."""
        return pieces_coverage(self._scan(self.fg_a, interval).pieces, interval)

    def feature_scan(self, interval: Interval) -> Scan:
        """Return the FG-A rows of an interval with the columns that are scored."""
        return self._scan(self.fg_a, interval)

    def _scan(self, pieces: tuple[Piece, ...], interval: Interval) -> Scan:
        return Scan(FG_A, pieces, (*KEY, *sorted({*self.spec.metrics, *MISSED}))).within(interval)

    def pair_scan(self, interval: Interval) -> Scan:
        """Return the pair counts that the scores of an interval's pairs look at."""
        return Scan(PAIR_COUNTS, self.pair_counts, COUNTED).within(reach_of(interval))

    def wanted(self, rows: pa.Table) -> pa.Table:
        """Return the rows of the windows that are scored, or that tell of silence."""
        windows = pa.array({*self.spec.windows, SILENCE_WINDOW}, pa.string())
        return rows.filter(pc.is_in(rows["window_label"].cast(pa.string()), windows))

    def _statistics_columns(self) -> list[str]:
        wanted = sorted({*self.spec.metrics, SESSIONS, *(name for name in MISSED if name in self.metrics)})
        return [f"{metric}_{name}" for metric in wanted for name in (*STATISTICS, "cold_start")]

    def read_baselines(
        self, valid: dict[str, Partition], hosts_of: Callable[[Partition], BaselineRows] = lambda partition: as_they_are
    ) -> list[HorizonBaseline]:
        """Read the tables that judge values; `hosts_of` a baseline gives its rows the hosts that they judge.

        Raises
        ------
        SchemaMismatchError
            One has not the metrics that are scored: it was built with another JobSpec.
        """
        return [self._baseline(horizon, partition, hosts_of(partition)) for horizon, partition in valid.items()]

    def _baseline(self, horizon: str, partition: Partition, with_hosts: BaselineRows) -> HorizonBaseline:
        uri, manifest = partition.uri, partition.manifest
        host = with_hosts(read_table(uri, manifest, fg_b_host(self.metrics), self.host_columns()))
        cold = cold_hosts(with_hosts(read_table(uri, manifest, FG_B_IP_METADATA, METADATA_COLUMNS)))
        profile = with_hosts(read_table(uri, manifest, FG_B_PROFILE))
        return HorizonBaseline(horizon, manifest.end, host, self.read_segments(partition), cold, profile)

    def read_machines(self, partition: Partition) -> pa.Table:
        """Read which machine the hosts of a baseline are, host_ip and machine_name."""
        return read_table(partition.uri, partition.manifest, FG_B_IP_METADATA, ("host_ip", "machine_name"))

    def host_columns(self) -> tuple[str, ...]:
        """Return what is read of host baselines."""
        return ("host_ip", *GROUP, "active_ratio", "rows_cnt", *self._statistics_columns())

    def read_segments(self, partition: Partition) -> pa.Table:
        """Read the baselines of the segments."""
        columns = ["segment_id", *GROUP, *self._statistics_columns()]
        return read_table(partition.uri, partition.manifest, fg_b_segment(self.metrics), columns)

    def read_pair_baselines(
        self, valid: dict[str, Partition], sources: PairSources | None = None
    ) -> list[PairBaseline]:
        """Read the pairs that the baselines know, of the shortest horizon first; `sources` where hosts are machines."""

        def read(partition: Partition) -> pa.Table:
            pairs = read_table(partition.uri, partition.manifest, FG_B_PAIR_HOST, KNOWN)
            return sources.baseline(pairs, self.read_machines(partition)) if sources else pairs

        ordered = sorted(valid.items(), key=lambda each: HORIZONS[each[0]])
        return [
            PairBaseline(
                HORIZONS[horizon],
                read(each),
                round(each.manifest.coverage * 7 * SLICES_PER_DAY),
            )
            for horizon, each in ordered
        ]
