"""Metadata of each host: its machine, and whether its history is long enough for a baseline of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ndr.contract.datasets import FG_B_IP_METADATA
from ndr.contract.time import DAY, EPOCH, SLICE_MICROSECONDS, Interval, floor_to, microseconds
from ndr.jobs.deltas.grouping import group
from ndr.jobs.fg_b.active_slices import ONE_SLICE
from ndr.jobs.fg_b.baseline import Baseline
from ndr.jobs.fg_b.placement import RowKeys
from ndr.jobs.fg_b.row_columns import read_keys
from ndr.jobs.fg_b.row_source import RowSource, TableRows
from ndr.store.schema import arrow_schema

_TIMESTAMP = pa.timestamp("us", "UTC")


@dataclass(frozen=True, slots=True)
class HostActivity:
    """When hosts were active, in any role.

    Attributes
    ----------
    hosts : pa.Array
    ends : int64[m]
        Window ends, microseconds since the epoch, ascending.
    moments : int64[n]
        host * m + window end of each activity, ascending.
    """

    hosts: pa.Array
    ends: NDArray[np.int64]
    moments: NDArray[np.int64]

    @classmethod
    def of(
        cls, rows: pa.Table | Iterable[pa.RecordBatch] | RowSource, span: Interval, threads: int = 1
    ) -> HostActivity:
        """Select the FG-A rows of one slice: the end of a longer window can be hours after its last activity."""
        source = rows if isinstance(rows, RowSource) else TableRows(rows)
        with ThreadPoolExecutor(threads) as pool:
            return cls.of_keys(read_keys(source, span, pool)[0])

    @classmethod
    def of_keys(cls, keys: RowKeys) -> HostActivity:
        """Select the rows of one slice among those that were read."""
        one_slice = np.array([label == ONE_SLICE for label in keys.texts["window_label"]], bool)
        active = one_slice[keys.codes["window_label"]] if len(keys) else np.zeros(0, bool)
        moments = keys.codes["host_ip"][active].astype(np.int64) * len(keys.ends) + keys.end_codes[active]
        hosts = pa.array(keys.texts["host_ip"], pa.string())
        return cls(hosts, keys.ends, group(moments, len(hosts) * len(keys.ends)).keys)

    def within(self, interval: Interval) -> pa.Table:
        """Return the first and the last slice of the interval in which each host was active.

        Returns
        -------
        pa.Table
            host_ip, first_seen and last_seen (starts of slices).
        """
        bounds = [microseconds(instant) for instant in (interval.start, interval.end)]
        base = np.arange(len(self.hosts)) * len(self.ends)
        begin, stop = (
            np.searchsorted(self.moments, base + np.searchsorted(self.ends, bound, side="right")) for bound in bounds
        )
        seen = np.flatnonzero(stop > begin)
        slice_starts = self.ends - SLICE_MICROSECONDS
        first, last = (
            slice_starts[self.moments[places] % max(len(self.ends), 1)] for places in (begin[seen], stop[seen] - 1)
        )
        return pa.table(
            {
                "host_ip": self.hosts.take(pa.array(seen)),
                "first_seen": pa.array(first.astype("datetime64[us]"), pa.timestamp("us")).cast(_TIMESTAMP),
                "last_seen": pa.array(last.astype("datetime64[us]"), pa.timestamp("us")).cast(_TIMESTAMP),
            }
        )


def ip_metadata(
    activity: HostActivity, baseline: Baseline, inventory: pa.Table, non_persistent_prefixes: Sequence[str]
) -> pa.Table:
    """Describe every host that was active in the horizon or that the inventory knows.

    Parameters
    ----------
    activity : HostActivity
        Over an interval that contains the baseline.
    baseline : Baseline
    inventory : pa.Table
        ip_address and machine_name of the newest snapshot. Of two names for an address, the first in text order counts.
    non_persistent_prefixes : sequence of str
        A machine whose name starts with one of them (VDI) is recreated from an image, so its history belongs to another
        machine.

    Returns
    -------
    pa.Table
        The ip_metadata dataset, ordered by host_ip. is_full_history: active on the first and on the last UTC day of
        the horizon. is_cold_start: without full history, or non-persistent.
    """
    active = activity.within(baseline.interval)
    known = pa.table({name: inventory[name].cast(pa.string()) for name in ("ip_address", "machine_name")})
    names = known.group_by("ip_address").aggregate([("machine_name", "min")])
    hosts = pc.unique(pa.chunked_array([*active["host_ip"].chunks, *names["ip_address"].chunks], pa.string()))
    hosts = hosts.take(pc.sort_indices(hosts))
    machine = _looked_up(names["machine_name_min"], names["ip_address"], hosts)
    second_day = floor_to(baseline.interval.start, DAY) + DAY
    last_day = floor_to(baseline.interval.end - EPOCH.resolution, DAY)
    full = pc.and_(
        pc.less(_looked_up(active["first_seen"], active["host_ip"], hosts), pa.scalar(second_day, _TIMESTAMP)),
        pc.greater_equal(_looked_up(active["last_seen"], active["host_ip"], hosts), pa.scalar(last_day, _TIMESTAMP)),
    ).fill_null(False)
    starts = [pc.starts_with(machine, pattern=prefix).fill_null(False) for prefix in non_persistent_prefixes]
    non_persistent = pa.array(np.any(starts, axis=0) if starts else np.zeros(len(hosts), bool))
    columns = {
        "host_ip": hosts,
        "baseline_horizon": pa.repeat(baseline.label, len(hosts)),
        "baseline_end": pa.repeat(pa.scalar(baseline.end, _TIMESTAMP), len(hosts)),
        "machine_name": machine,
        "is_full_history": full,
        "is_non_persistent_machine": non_persistent,
        "is_cold_start": pc.or_(pc.invert(full), non_persistent),
    }
    return pa.table(columns).cast(arrow_schema(FG_B_IP_METADATA))


def _looked_up(values: pa.ChunkedArray, keys: pa.ChunkedArray, wanted: pa.Array) -> pa.Array:
    """Return the value of each wanted key, null where there is none."""
    return pc.take(values, pc.index_in(wanted, keys.combine_chunks())).combine_chunks()
