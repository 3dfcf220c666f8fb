"""What is known of each host: its machine, and whether its own history is long enough to be judged by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ndr.contract.datasets import FG_B_IP_METADATA
from ndr.contract.time import DAY, EPOCH, SLICE, Interval, floor_to
from ndr.jobs.fg_b.request import BaselineWindow
from ndr.jobs.fg_b.row_columns import read_keys
from ndr.jobs.fg_b.row_source import RowSource, TableRows
from ndr.jobs.schema import arrow_schema

_TIMESTAMP = pa.timestamp("us", "UTC")


def host_activity(
    rows: pa.Table | Iterable[pa.RecordBatch] | RowSource, interval: Interval, threads: int = 1
) -> pa.Table:
    """Return the first and the last slice of the interval in which each host was active, in any role.

    Parameters
    ----------
    rows : Arrow table, record batches, or RowSource
        FG-A rows, of which those over one slice count: a longer window outlives the activity it holds.

    Returns
    -------
    pa.Table
        host_ip, first_seen and last_seen (starts of slices), ordered by host_ip.
    """
    source = rows if isinstance(rows, RowSource) else TableRows(rows)
    with ThreadPoolExecutor(threads) as pool:
        keys, _ = read_keys(source, interval, pool)
    one_slice = np.array([label == "15m" for label in keys.texts["window_label"]], bool)
    active = one_slice[keys.codes["window_label"]] if len(keys) else np.zeros(0, bool)
    hosts = keys.codes["host_ip"][active]
    starts = keys.ends[keys.end_codes[active]] - SLICE // timedelta(microseconds=1)
    first = np.full(len(keys.texts["host_ip"]), np.iinfo(np.int64).max)
    last = np.full(len(first), np.iinfo(np.int64).min)
    np.minimum.at(first, hosts, starts)
    np.maximum.at(last, hosts, starts)
    seen = np.flatnonzero(first <= last)
    return pa.table(
        {
            "host_ip": pa.array([keys.texts["host_ip"][host] for host in seen], pa.string()),
            "first_seen": pa.array(first[seen].astype("datetime64[us]"), pa.timestamp("us")).cast(_TIMESTAMP),
            "last_seen": pa.array(last[seen].astype("datetime64[us]"), pa.timestamp("us")).cast(_TIMESTAMP),
        }
    ).sort_by("host_ip")


def ip_metadata(
    rows: pa.Table | Iterable[pa.RecordBatch] | RowSource,
    window: BaselineWindow,
    inventory: pa.Table,
    non_persistent_prefixes: Sequence[str],
    threads: int = 1,
) -> pa.Table:
    """Describe every host that was active in the horizon or that the inventory knows.

    Parameters
    ----------
    rows : Arrow table, record batches, or RowSource
        FG-A rows; see `host_activity`.
    window : BaselineWindow
    inventory : pa.Table
        ip_address and machine_name of the newest snapshot. Of two names for one address, the first in text order holds.
    non_persistent_prefixes : sequence of str
        A machine whose name starts with one of them is rebuilt under a host's feet (VDI): its past is another's.

    Returns
    -------
    pa.Table
        The ip_metadata dataset, ordered by host_ip. is_full_history: active on the first and on the last UTC day of
        the horizon. is_cold_start: without full history, or non-persistent.
    """
    activity = host_activity(rows, window.interval, threads)
    known = pa.table({name: inventory[name].cast(pa.string()) for name in ("ip_address", "machine_name")})
    names = known.group_by("ip_address").aggregate([("machine_name", "min")])
    hosts = pc.unique(pa.chunked_array([*activity["host_ip"].chunks, *names["ip_address"].chunks], pa.string()))
    hosts = hosts.take(pc.sort_indices(hosts))
    machine = _looked_up(names["machine_name_min"], names["ip_address"], hosts)
    second_day = floor_to(window.interval.start, DAY) + DAY
    last_day = floor_to(window.end - EPOCH.resolution, DAY)
    full = pc.and_(
        pc.less(_looked_up(activity["first_seen"], activity["host_ip"], hosts), pa.scalar(second_day, _TIMESTAMP)),
        pc.greater_equal(
            _looked_up(activity["last_seen"], activity["host_ip"], hosts), pa.scalar(last_day, _TIMESTAMP)
        ),
    ).fill_null(False)
    starts = [pc.starts_with(machine, pattern=prefix).fill_null(False) for prefix in non_persistent_prefixes]
    non_persistent = pa.array(np.any(starts, axis=0) if starts else np.zeros(len(hosts), bool))
    columns = {
        "host_ip": hosts,
        "baseline_horizon": pa.array([window.label] * len(hosts), pa.string()),
        "baseline_end": pa.array([window.end] * len(hosts), _TIMESTAMP),
        "machine_name": machine,
        "is_full_history": full,
        "is_non_persistent_machine": non_persistent,
        "is_cold_start": pc.or_(pc.invert(full), non_persistent),
    }
    return pa.table(columns).cast(arrow_schema(FG_B_IP_METADATA))


def _looked_up(values: pa.ChunkedArray, keys: pa.ChunkedArray, wanted: pa.Array) -> pa.Array:
    """Return the value of each wanted key, null where there is none."""
    return pc.take(values, pc.index_in(wanted, keys.combine_chunks())).combine_chunks()
