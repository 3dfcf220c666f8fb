"""FG-A: deltas and peer deltas of complete hosts in, one row per (host, role, window, window end) out."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ndr.contract.datasets import FG_A
from ndr.contract.errors import InvalidRequestError
from ndr.contract.jobspecs.fg_a_builder import FgABuilderSpec
from ndr.contract.jobspecs.networks import Networks
from ndr.contract.time import SLICE, SLICE_MICROSECONDS, SLICES_PER_DAY, Interval
from ndr.jobs.fg_a.activity import activity_columns
from ndr.jobs.fg_a.business_time import calendar_columns
from ndr.jobs.fg_a.codes import integers, slice_numbers
from ndr.jobs.fg_a.history import MASK_BITS, masks
from ndr.jobs.fg_a.host_roles import HostRoles, SortOrder
from ndr.jobs.fg_a.novel_rows import ByKind, Later, NovelRows
from ndr.jobs.fg_a.novelty import last_day, novelty_counts
from ndr.jobs.fg_a.peer_dimensions import spread
from ndr.jobs.fg_a.peers import PeerRows
from ndr.jobs.fg_a.published_time import PublishedTime
from ndr.jobs.fg_a.window_totals import distinct_in_windows, sum_in_windows
from ndr.jobs.fg_a.windows import Frame, WindowRows
from ndr.store.schema import arrow_schema

Columns = dict[str, pa.Array]


def build_fg_a(
    batch: Interval,
    spec: FgABuilderSpec,
    networks: Networks,
    deltas: pa.Table,
    peer_deltas: pa.Table,
    peer_history: pa.Table | None = None,
    pair_baseline: pa.Table | None = None,
    threads: int = 1,
    *,
    published: PublishedTime,
    elsewhere: pa.Table | None = None,
) -> pa.Table:
    """Build the FG-A rows of every window that ends in (batch.start, batch.end], sorted by key.

    The rows of a window are the same, bit for bit, whichever batch or partition of hosts it is built in.

    Parameters
    ----------
    batch : Interval
        Whole slices; at most about a month, so that a mask of days holds the lookback too.
    spec : FgABuilderSpec
        Windows, calendar and novelty of the JobSpec.
    networks : Networks
        The segments of peers.
    deltas, peer_deltas : Table
        Rows of the contract's datasets, of complete hosts, over [batch.start + 15 min - longest window,
        batch.end) at least; each row has a session. Text columns may be dictionary-encoded. Where hosts are machines,
        peer_deltas have the column HOST, and so have the other rows that are given.
    peer_history : Table or None
        Earlier peer deltas (host_ip, role, peer_ip, peer_port, slice_start), from what `history_needed` says up
        to where `peer_deltas` starts; what is in both counts once.
    pair_baseline : Table or None
        Rows of `pair_host` (src_ip, dst_ip, dst_port, active_days_mask, baseline_end) with one of these hosts at
        either end; where hosts are machines, rows of `peer_history`.
    threads : int
        Threads that the sliding kernels run on.
    published : PublishedTime
        Of the windows and of the lookback of the earliest one.
    elsewhere : Table or None
        Where hosts are machines: the rows of `peer_deltas`, also those of other addresses, of the machines that had
        several addresses in that time.

    Raises
    ------
    InvalidRequestError
        The batch is not of whole slices, or longer than a mask of days can hold.
    SchemaMismatchError
        A null, a port outside 0 to 65535, or a peer that is not an address.
    """
    frame = Frame.of(batch, spec.windows)
    _check(batch, frame, spec.novelty.lookback_days)
    host_roles = HostRoles.of(deltas)
    order = SortOrder.of(
        host_roles.groups(deltas), slice_numbers(deltas), len(host_roles), frame.first_slice, frame.last_end
    )
    windows = WindowRows.of(frame, order, integers(deltas, "sessions_cnt")[order.rows])
    peers = PeerRows.of(peer_deltas, host_roles, frame, networks)
    novel = NovelRows.of(peers, peer_deltas, host_roles)
    slices = [each for each in (peer_history, peer_deltas, elsewhere) if each is not None]
    days, later = masks(frame, novel, slices, pair_baseline), novel.later(elsewhere, frame)
    columns = {
        **_key_columns(frame, host_roles, windows),
        **activity_columns(deltas, order, windows),
        **_peer_columns(frame, windows, Peers(peers, novel, days, later), spec, threads),
        **calendar_columns(windows.ends, spec.calendar),
        **_seen_columns(frame, windows, published, spec.novelty.lookback_days),
    }
    schema = arrow_schema(FG_A)
    return pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)


def _check(batch: Interval, frame: Frame, lookback_days: int) -> None:
    if not batch.is_whole(SLICE):
        raise InvalidRequestError(
            f"The batch {batch} is not of whole 15-minute slices: write times on the quarter hour."
        )
    days = last_day(frame) - frame.first_slice // SLICES_PER_DAY + lookback_days + 1
    if days > MASK_BITS:
        raise InvalidRequestError(
            f"The batch {batch} reaches over {days} days with its windows and lookback; {MASK_BITS} is the most: "
            "build it in pieces, a day each for example."
        )


def _key_columns(frame: Frame, host_roles: HostRoles, windows: WindowRows) -> Columns:
    groups, labels = np.divmod(windows.block_of_row(), frame.widths.size)
    hosts, roles = host_roles.columns(groups)
    instants = pa.array(windows.ends * SLICE_MICROSECONDS).cast(pa.timestamp("us", tz="UTC"))
    return {
        "host_ip": hosts,
        "role": roles,
        "window_label": pa.array(frame.labels, pa.string()).take(pa.array(labels)),
        "window_end": instants,
    }


def _seen_columns(frame: Frame, windows: WindowRows, published: PublishedTime, lookback_days: int) -> Columns:
    widths = frame.widths[windows.block_of_row() % frame.widths.size]
    return {
        "window_coverage": pa.array(published.window_coverage(windows.ends, widths)),
        "lookback_days": pa.array(published.lookback_days(windows.ends, widths, lookback_days)),
    }


class Peers(NamedTuple):
    """The peer rows of the windows, and what of their values was before."""

    rows: PeerRows
    novel: NovelRows
    days: ByKind
    later: dict[str, Later]


def _peer_columns(frame: Frame, windows: WindowRows, peers: Peers, spec: FgABuilderSpec, threads: int) -> Columns:
    rows, novel_rows = peers.rows, peers.novel

    def dimension(name: str) -> Columns:
        values = {"peer_ip": rows.peers, "peer_port": rows.ports, "peer_segment": rows.segments}[name]
        return spread(frame, windows, rows, values).columns(name)

    def counted(kind: str) -> tuple[pa.Array, pa.Array]:
        values, history = getattr(novel_rows, kind), getattr(peers.days, kind)
        found = novelty_counts(frame, windows, novel_rows.order, values, history, peers.later[kind], spec.novelty)
        return pa.array(found[0]), pa.array(found[1])

    def novel(name: str) -> Columns:
        new, rare = counted(f"{name}s")
        return {f"new_{name}_cnt": new, f"rare_{name}_cnt": rare}

    def new(name: str) -> Columns:
        return {f"new_{name}_cnt": counted("segments")[0]}

    def distinct(name: str) -> Columns:
        values, chosen = {
            "admin_peer": (rows.peers, rows.on_admin_port),
            "high_risk_peer": (rows.peers, rows.on_high_risk_port),
            "high_risk_port": (rows.ports, rows.on_high_risk_port),
        }[name]
        return {f"{name}_cnt": pa.array(distinct_in_windows(frame, windows, rows.order, values.codes, chosen))}

    def high_risk(name: str) -> Columns:
        total = sum_in_windows(frame, windows, rows.order, rows.sessions, rows.in_high_risk_network)
        return {f"{name}_sessions_cnt": pa.array(total)}

    tasks: list[tuple[Callable[[str], Columns], str]] = [
        (dimension, "peer_ip"), (novel, "pair"), (dimension, "peer_segment"),
        (novel, "peer"), (dimension, "peer_port"), (novel, "port"), (new, "peer_segment"),
        (distinct, "admin_peer"), (distinct, "high_risk_peer"), (distinct, "high_risk_port"),
        (high_risk, "high_risk_segment"),
    ]  # fmt: skip
    if threads == 1:
        return {name: column for task, of in tasks for name, column in task(of).items()}
    with ThreadPoolExecutor(threads) as pool:
        parts = pool.map(lambda task: task[0](task[1]), tasks)
        return {name: column for part in parts for name, column in part.items()}
