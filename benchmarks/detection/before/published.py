"""The published tables that the ranking of the release before reads, of one day."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from tests.jobs.job_chain import Project

from ndr.contract.datasets import FG_A, PAIR_COUNTS
from ndr.contract.horizons import HORIZONS
from ndr.contract.time import Interval
from ndr.net.networks import segment_ids
from ndr.store.catalog import Partition, newest_baseline
from ndr.store.publish import table_files
from ndr.store.scan import Scan
from ndr.store.storage import filesystem


@dataclass(frozen=True)
class Published:
    """A day, and the newest baseline before it, of the longest published horizon."""

    project: Project
    day: Interval
    baseline: Partition
    horizon: str

    @classmethod
    def of(cls, project: Project, day: Interval) -> Published:
        """Look up the baseline.

        Raises
        ------
        ValueError
            None is published before the day.
        """
        for horizon in sorted(HORIZONS, key=lambda label: HORIZONS[label], reverse=True):
            if baseline := newest_baseline(project.uri("fg_b"), horizon, day.start):
                return cls(project, day, baseline, horizon)
        raise ValueError(f"No baseline is published before {day}.")

    def fg_a_rows(self, columns: list[str]) -> pa.Table:
        """Read the day's windows."""
        return Scan.of(self.project.uri("fg_a"), FG_A, self.day, columns).read()

    def pair_rows(self) -> pa.Table:
        """Read the pair counts from the baseline's start to the end of the day; `bytes` are those both ways."""
        since = Interval(self.baseline.manifest.start, self.day.end)
        rows = Scan.of(self.project.uri("pair_counts"), PAIR_COUNTS, since).read()
        both = pc.add(rows["src_bytes_sum"], rows["dst_bytes_sum"])
        return rows.select(["src_ip", "dst_ip", "dst_port", "slice_start", "sessions_cnt"]).append_column("bytes", both)

    def baseline_rows(self, table: str, columns: list[str] | None = None) -> pa.Table:
        """Read a table of the baseline's partition."""
        files = table_files(self.baseline.uri, self.baseline.manifest, table)
        systems = [filesystem(uri) for uri in files]
        return pa.concat_tables([pq.read_table(path, filesystem=system, columns=columns) for system, path in systems])

    def segments(self, addresses: list[str]) -> pa.Table:
        """Return the segment of each address: columns host_ip, segment_id."""
        named = segment_ids(addresses, self.project.spec("networks")).cast(pa.string())
        return pa.table({"host_ip": pa.array(addresses, pa.string()), "segment_id": named})
