"""The published tables that the ranking reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from ndr.contract.datasets import FG_A, PAIR_COUNTS
from ndr.contract.errors import InsufficientHistoryError
from ndr.contract.horizons import HORIZONS
from ndr.contract.jobspecs import FG_B_BUILDER, NETWORKS, JobSpecs
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.time import DAY, Interval, interval_of
from ndr.net.networks import segment_ids
from ndr.store.catalog import Partition, newest_baseline
from ndr.store.manifest import read_manifests
from ndr.store.publish import table_files
from ndr.store.scan import Scan
from ndr.store.storage import filesystem, join, list_names


@dataclass(frozen=True)
class Published:
    """The newest published day, and the newest baseline of the longest published horizon.

    Attributes
    ----------
    fg_a, pair_counts : str
        Prefixes of the datasets.
    day : Interval
        The last 24 hours of published FG-A.
    baseline : Partition
        FG-B partition whose end is not after the day's.
    horizon : str
        The baseline's, `30d` or `7d`.
    networks : Networks
        The segments of hosts.
    """

    fg_a: str
    pair_counts: str
    day: Interval
    baseline: Partition
    horizon: str
    networks: Networks

    @classmethod
    def of(cls, jobspecs: JobSpecs) -> Published:
        """Look up the day and the baseline below the prefixes of the JobSpecs.

        Raises
        ------
        InsufficientHistoryError
            No FG-A or no baseline is published yet.
        """
        inputs, fg_b = jobspecs[FG_B_BUILDER].spec.inputs, jobspecs[FG_B_BUILDER].spec.outputs.fg_b
        end = newest_end(inputs.fg_a)
        if end is None:
            raise InsufficientHistoryError(
                f"Nothing is published below {inputs.fg_a}; run `ndr run mini-batch` over some traffic first."
            )
        for horizon in sorted(HORIZONS, key=lambda label: HORIZONS[label], reverse=True):
            baseline = newest_baseline(fg_b, horizon, end)
            if baseline:
                networks = jobspecs[NETWORKS].spec if NETWORKS in jobspecs else Networks()
                return cls(inputs.fg_a, inputs.pair_counts, Interval(end - DAY, end), baseline, horizon, networks)
        raise InsufficientHistoryError(
            f"No baseline is published below {fg_b}, so nothing can be compared with one. Build one with "
            "`ndr run monthly`."
        )

    def fg_a_rows(self, columns: list[str]) -> pa.Table:
        """Read the day's windows."""
        return Scan.of(self.fg_a, FG_A, self.day, columns).read()

    def pair_rows(self) -> pa.Table:
        """Read the pair counts of the baseline's horizon and the day."""
        return Scan.of(self.pair_counts, PAIR_COUNTS, Interval(self.baseline.manifest.start, self.day.end)).read()

    def baseline_rows(self, table: str, columns: list[str] | None = None) -> pa.Table:
        """Read a table of the baseline's partition: host, segment, pair_host, pair_segment or ip_metadata."""
        files = table_files(self.baseline.uri, self.baseline.manifest, table)
        return pa.concat_tables([_read(uri, columns) for uri in files])

    def segments(self, addresses: list[str]) -> pa.Table:
        """Return the segment of each address: columns host_ip, segment_id."""
        named = segment_ids(addresses, self.networks).cast(pa.string())
        return pa.table({"host_ip": pa.array(addresses, pa.string()), "segment_id": named})


def newest_end(prefix: str) -> datetime | None:
    """Return the end of the newest partition of a time-partitioned dataset, or None if nothing is published."""
    folders = [name for name in list_names(prefix, kind=fs.FileType.Directory) if name.startswith("dt=")]
    for folder in reversed(folders):
        names = list_names(join(prefix, folder), kind=fs.FileType.Directory)
        uris = [join(prefix, folder, name) for name in names if interval_of(name)]
        ends = [manifest.end for manifest in read_manifests(uris) if manifest]
        if ends:
            return max(ends)
    return None


def _read(uri: str, columns: list[str] | None) -> pa.Table:
    system, path = filesystem(uri)
    return pq.read_table(path, filesystem=system, columns=columns)
